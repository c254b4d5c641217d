"""How the tests run, fixtures that they share, and the guard of torch's global settings.

Nothing here imports numpy or torch before a test needs them: workers have to be told first how
many threads they may start.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

MOST_WORKERS = 8

#: What numpy, torch, boosted trees and polars read when they are imported.
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "POLARS_MAX_THREADS",
)


# ------------------------------------------------------------------------------ workers


def n_cores():
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def is_worker(config):
    return hasattr(config, "workerinput")


def n_workers(option, args, cores):
    """Return how many workers run the tests: none where one file or one test is looked at."""
    one_file = len(args) == 1 and not Path(args[0]).is_dir()
    if one_file or option.keyword or option.usepdb or option.trace or option.capture == "no":
        return 0
    return min(cores, MOST_WORKERS) if cores > 1 else 0


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads what -n says
def pytest_cmdline_main(config):
    option = config.option
    without_n = getattr(option, "numprocesses", 0) is None and option.dist == "no"
    if without_n and not is_worker(config):
        option.numprocesses = n_workers(option, config.args, n_cores())


def threads_of_workers(workers, cores):
    """Return what the environment of each worker says of threads."""
    return dict.fromkeys(THREADS, str(max(1, cores // workers)))


def pytest_configure(config):
    """Divide the cores among the workers: they are started later and inherit this."""
    workers = getattr(config.option, "numprocesses", None)
    if workers and not is_worker(config):
        for name, threads in threads_of_workers(workers, n_cores()).items():
            os.environ.setdefault(name, threads)


# ----------------------------------------------------------------------- what is left out

N_SLOW = pytest.StashKey[int]()


@pytest.hookimpl(trylast=True)  # after -k and -m
def pytest_collection_modifyitems(config, items):
    """Leave out the slow tests, unless -m says what runs or a test is named with its file."""
    if config.option.markexpr:
        return
    parts = [arg.partition("::") for arg in config.args]
    named = {Path(file).resolve() for file, _, test in parts if test}
    slow = [i for i in items if i.get_closest_marker("slow") and i.path not in named]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in set(slow)]
    config.stash[N_SLOW] = len(slow)
    if is_worker(config):
        config.workeroutput["n_slow"] = len(slow)


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_testnodedown(node):
    """Take over what the worker left out; each collects all tests."""
    node.config.stash[N_SLOW] = getattr(node, "workeroutput", {}).get("n_slow", 0)


def left_out(n_slow, skipped):
    """Return what did not run and why, in one line; nothing where everything ran."""
    n_cuda = sum("cuda" in getattr(report, "keywords", ()) for report in skipped)
    parts = [
        (n_slow, "marked slow (pytest -m slow runs them)"),
        (n_cuda, "for want of a CUDA device"),
        (len(skipped) - n_cuda, "for reasons listed above"),
    ]
    return ", ".join(f"{n} {which}" for n, which in parts if n)


@pytest.hookimpl(wrapper=True, tryfirst=True)  # around pytest's own, which ends with its summary
def pytest_sessionfinish(session):
    result = yield
    config = session.config
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal and not is_worker(config) and not config.option.collectonly:
        line = left_out(config.stash.get(N_SLOW, 0), terminal.stats.get("skipped", []))
        if line:
            terminal.write_line(f"tests left out: {line}")
    return result


# ----------------------------------------------------------------------------- fixtures


@pytest.fixture(autouse=True)
def torch_settings_unchanged():
    """Fail a test that leaves another default dtype, thread count or grad mode behind."""
    import torch

    before = torch.get_default_dtype(), torch.get_num_threads(), torch.is_grad_enabled()
    yield
    assert (torch.get_default_dtype(), torch.get_num_threads(), torch.is_grad_enabled()) == before


@pytest.fixture(scope="session")
def cancer():
    """Breast cancer: 569 rows of 30 columns on very different scales."""
    from sklearn.datasets import load_breast_cancer

    return load_breast_cancer(return_X_y=True)


@pytest.fixture(scope="session")
def digits():
    """Digits: the pixels that vary, on a scale of 0 to 1."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return X[:, X.std(axis=0) > 0.3] / 16, y


@pytest.fixture(scope="session")
def all_digits():
    """Digits: all 64 pixels, on a scale of 0 to 1."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return X / 16, y
