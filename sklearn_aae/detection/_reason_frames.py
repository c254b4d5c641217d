"""Explanations as a frame: one line for each reason."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_aae.detection._explain import Reason
from sklearn_aae.encoding._result_frames import frame_of_columns, row_labels


def frame_of_reasons(
    reasons: list[list[Reason]], contributions: np.ndarray, labels: list[Any], X: Any
) -> Any:
    """Return a line for each reason, with what its column contributes to the row's score."""
    place = {label: j for j, label in enumerate(labels)}
    rows = list(row_labels(X))
    listed = [(i, reason) for i, found in enumerate(reasons) for reason in found]
    columns: dict[str, list[Any]] = {"row": [rows[i] for i, _ in listed]}
    for name in ("column", "value", "expected", "low", "high", "share", "probability"):
        columns[name] = [getattr(reason, name) for _, reason in listed]
    columns["contribution"] = [
        float(contributions[i, place[reason.column]]) for i, reason in listed
    ]
    columns["rule"] = [reason.rule for _, reason in listed]
    return frame_of_columns(columns, X)
