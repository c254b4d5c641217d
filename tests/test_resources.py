"""What a process keeps of fits that are over, and what other processes make of a fitted model."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from joblib import Parallel, delayed
from sklearn.datasets import load_iris

from tests.instances import everyday, fast, fast_detector
from tests.persistence.answers import round_trip

X, Y = (rows[::3] for rows in load_iris(return_X_y=True))
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

MANY_FITS = """
import gc, sys
import numpy as np
from sklearn.datasets import load_iris
from tests.instances import everyday
from tests.persistence.answers import round_trip

X, y = load_iris(return_X_y=True)

def resident():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20

estimators = everyday()
for i in range(200):
    estimator = estimators[i % len(estimators)]
    if hasattr(estimator, "max_epochs"):
        estimator.set_params(max_epochs=2, random_state=i)
    estimator.fit(X, y)
    for name in ("transform", "score_samples", "sample"):
        if hasattr(estimator, name):
            getattr(estimator, name)(*([] if name == "sample" else [X]))
    if i % 10 == 0:
        round_trip(estimator)
    if i == 19:
        start = resident()
print(resident() - start)
"""


@ON_LINUX
@pytest.mark.slow
def test_two_hundred_fits_keep_less_than_five_megabytes():
    done = subprocess.run(
        [sys.executable, "-c", MANY_FITS], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 5.0


def held():
    """Return what this process holds: threads of Python, open files, shared memory."""
    shared = Path("/dev/shm")
    return (
        {thread.name for thread in threading.enumerate()},
        sorted(os.readlink(f"/proc/self/fd/{n}") for n in held_files()),
        {path.name for path in shared.iterdir()} if shared.is_dir() else set(),
    )


def held_files():
    """Return the numbers of open files, without that of the listing itself."""
    return [n for n in os.listdir("/proc/self/fd") if os.path.lexists(f"/proc/self/fd/{n}")]


def use(estimator):
    if hasattr(estimator, "max_epochs"):
        estimator.set_params(max_epochs=1)
    estimator.fit(X, Y)
    round_trip(estimator)
    (estimator.transform if hasattr(estimator, "transform") else estimator.score_samples)(X)


@ON_LINUX
def test_no_thread_file_or_shared_memory_stays():
    use(fast())
    before = held()
    for estimator in everyday():
        use(estimator)
    assert held() == before


def scores_of(estimators):
    """Return what fitted estimators say of rows: what a worker process does."""
    return [estimator.score_samples(X) for estimator in estimators]


@pytest.mark.parametrize(
    "method",
    [
        pytest.param("fork", marks=ON_LINUX),
        pytest.param("spawn", marks=pytest.mark.slow),
        pytest.param("forkserver", marks=[ON_LINUX, pytest.mark.slow]),
        pytest.param("loky", marks=pytest.mark.slow),
    ],
)
def test_worker_processes_score_alike(method):
    estimators = [fast().fit(X), fast_detector().fit(X)]
    here = scores_of(estimators)
    if method == "loky":
        (there,) = Parallel(n_jobs=2, backend="loky")([delayed(scores_of)(estimators)])
    else:
        with multiprocessing.get_context(method).Pool(1) as pool:
            # A worker that hangs, on a lock that a thread held when it was forked, never answers.
            there = pool.apply_async(scores_of, (estimators,)).get(timeout=120)
    for one, other in zip(there, here, strict=True):
        np.testing.assert_array_equal(one, other)
