from __future__ import annotations

import torch

from benchmarks.threads import measure


def test_steps_are_taken_on_as_many_threads_as_are_measured(monkeypatch):
    asked = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    row = measure(16, 3, (8,), 2, 1)
    assert {1, 2} <= set(asked)
    assert float(row["gain"]) > 0
