"""Fits that are cut short after some checkpoints, and called again."""

from __future__ import annotations

import math
import os
import signal
import warnings

import pytest
import torch

from sklearn_aae.archive import _archive
from sklearn_aae.training import _checkpoint
from tests.persistence.answers import answers, assert_same


class CutShort(Exception):  # noqa: N818
    """What ends a fit, in place of a killed process."""


#: When a process that writes a file may be killed, and whether the file is the new one by then.
MOMENTS = {"half written": False, "fsync": False, "replace": False, "replaced": True}


def killed(write, moment):
    """Call what writes a file in a forked process, which is killed at a moment of it."""
    with warnings.catch_warnings():
        # Of processes with threads, as torch has some: none of them writes.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        try:
            _kill_at(moment)
            write()
        finally:
            os._exit(1)
    ended = os.waitpid(pid, 0)[1]
    assert os.WIFSIGNALED(ended)
    assert os.WTERMSIG(ended) == signal.SIGKILL


def _kill_at(moment):
    def die(*args):
        os.kill(os.getpid(), signal.SIGKILL)

    def opened(path, mode):
        file = open(path, mode, buffering=0)  # noqa: SIM115

        class Half:
            def __enter__(self):
                return self

            def __exit__(self, *error):
                file.close()

            def write(self, data):
                file.write(data[: len(data) // 2])
                die()

        return Half()

    if moment == "half written":
        _archive.open = opened
    else:
        setattr(os, {"replaced": "open"}.get(moment, moment), die)


def write_always(monkeypatch):
    """Let checkpoints be written as often as there is something to write."""
    monkeypatch.setattr(_checkpoint, "INTERVAL", 0)
    monkeypatch.setattr(_checkpoint, "SHARE", math.inf)


def cut_short(monkeypatch, fit, n_writes):
    """Call a fit, which must not get beyond so many checkpoints."""
    write, written = _checkpoint.Checkpoint._write, []

    def write_and_count(self, parts):
        write(self, parts)
        written.append(self.path)
        if len(written) == n_writes:
            raise CutShort

    with monkeypatch.context() as patched:
        write_always(patched)
        patched.setattr(_checkpoint.Checkpoint, "_write", write_and_count)
        with pytest.raises(CutShort):
            fit()
    (path,) = set(written)
    assert path.exists()
    return path


def weights_of(estimator):
    """Return the weights and the optimizers' states of a fitted estimator."""
    net = estimator.net_
    state = {"module": net.module_.state_dict()}
    state |= {name: each.state_dict() for name, each in net.optimizers_.items()}
    return torch.utils._pytree.tree_map(
        lambda part: part.numpy() if isinstance(part, torch.Tensor) else part, dict(state)
    )


def check_resumed(monkeypatch, make, data, folder, n_writes=2):
    """Raise unless a fit that was cut short ends where an uninterrupted one ends, bit for bit.

    ``make`` returns an unfitted estimator, given its parameters ``checkpoint``.
    """
    whole = make(checkpoint=None).fit(*data)
    path = cut_short(monkeypatch, lambda: make(checkpoint=folder).fit(*data), n_writes)
    resumed = make(checkpoint=folder).fit(*data)
    assert not path.exists()
    assert not list(folder.iterdir())
    if hasattr(whole, "net_"):
        assert_same(weights_of(resumed), weights_of(whole))
    assert_same(answers(resumed, *data), answers(whole, *data))
    return resumed
