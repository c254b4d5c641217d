"""Trainings that may have two threads: one while other processes use the cores."""

import time

import numpy as np
import pytest
import torch

from sklearn_aae._utils import _threads
from sklearn_aae._utils._threads import STEPS_ON_AS_MANY, Pace, use_quicker_threads
from tests.instances import fast


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def idle(monkeypatch):
    """The trial's outcome where a core is idle."""
    monkeypatch.setattr(_threads, "use_quicker_threads", lambda: torch.set_num_threads(2))


def take(pace, seconds=0.0):
    """Take a step that waits; return how many threads it had."""
    with pace.step():
        time.sleep(seconds)
        return torch.get_num_threads()


def test_a_step_that_waits_ends_two_threads_until_the_next_trial(two_threads, idle):
    pace = Pace()
    assert take(pace) == 2
    assert take(pace, seconds=0.1) == 2
    rest = [take(pace) for _ in range(STEPS_ON_AS_MANY)]
    assert rest == [1] * (STEPS_ON_AS_MANY - 2) + [2, 2]


@pytest.mark.parametrize("n_threads", [1, 3])
def test_other_numbers_of_threads_stay(two_threads, idle, n_threads):
    torch.set_num_threads(n_threads)
    pace = Pace()
    assert [take(pace, seconds=0.1), take(pace)] == [n_threads, n_threads]


@pytest.mark.parametrize("quicker", [1, 2])
def test_the_trial_takes_the_quicker(two_threads, monkeypatch, quicker):
    seconds = {quicker: 0.0, 3 - quicker: 0.05}
    monkeypatch.setattr(torch, "mm", lambda *_: time.sleep(seconds[torch.get_num_threads()]))
    use_quicker_threads()
    assert torch.get_num_threads() == quicker


def test_a_change_of_threads_between_steps_does_not_show(two_threads, cancer, monkeypatch):
    X = cancer[0]
    model = fast(hidden_layer_sizes=(256, 256), batch_size=96, max_epochs=3)
    torch.set_num_threads(1)
    expected = model.fit(X).transform(X)
    torch.set_num_threads(2)
    seen = []

    def change():
        torch.set_num_threads(1 + len(seen) % 2)
        seen.append(torch.get_num_threads())

    monkeypatch.setattr(_threads, "STEPS_ON_AS_MANY", 1)
    monkeypatch.setattr(_threads, "use_quicker_threads", change)
    np.testing.assert_array_equal(model.fit(X).transform(X), expected)
    assert set(seen) == {1, 2}
    assert torch.get_num_threads() == 2
