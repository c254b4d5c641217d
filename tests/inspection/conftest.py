"""Figures off screen, a fitted model, and a machine without matplotlib."""

from __future__ import annotations

import builtins
import importlib
import sys

import numpy as np
import pytest
from sklearn.datasets import load_iris

from tests.instances import fast


@pytest.fixture
def pyplot():
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    pyplot.close("all")
    yield pyplot
    pyplot.close("all")


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True, as_frame=True)


@pytest.fixture(scope="module")
def model(iris):
    return fast(n_components=3).fit(iris[0])


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def no_matplotlib(monkeypatch):
    """Make every import of matplotlib fail, as if it were not installed."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    real = importlib.import_module, builtins.__import__

    def refuse(name, number):
        def guarded(module, *args, **kwargs):
            if module.partition(".")[0] == "matplotlib":
                raise ModuleNotFoundError(f"No module named {module!r}")
            return real[number](module, *args, **kwargs)

        return guarded

    monkeypatch.setattr(importlib, "import_module", refuse("import_module", 0))
    monkeypatch.setattr(builtins, "__import__", refuse("__import__", 1))
