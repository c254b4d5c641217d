"""How the tests run: workers and their threads, and what is left out by default."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.conftest import MOST_WORKERS, THREADS, n_cores, n_workers, threads_of_workers

HERE = Path(__file__).parent

TESTS = """
import os, sys
import pytest

@pytest.fixture
def torch_settings_unchanged():  # which would import torch
    pass

def test_quick():
    assert not {"numpy", "torch"} & set(sys.modules)
    print("threads", os.environ["OMP_NUM_THREADS"], os.environ["MKL_NUM_THREADS"])

@pytest.mark.slow
def test_long():
    pass

@pytest.mark.cuda
@pytest.mark.skip(reason="needs a CUDA device")
def test_device():
    pass

@pytest.mark.skip(reason="of another one")
def test_other():
    pass
"""


def options(**changed):
    defaults = {"keyword": "", "usepdb": False, "trace": False, "capture": "fd"}
    return SimpleNamespace(**{**defaults, **changed})


def test_whole_runs_have_a_worker_for_each_core():
    assert n_workers(options(), [str(HERE)], 2) == 2
    assert n_workers(options(), [str(HERE / "encoding"), str(HERE / "metrics")], 4) == 4
    assert n_workers(options(), [str(HERE)], 64) == MOST_WORKERS == 8
    assert n_workers(options(), [str(HERE)], 1) == 0


def test_one_test_runs_without_workers():
    file = str(HERE / "test_docs.py")
    assert n_workers(options(), [file], 8) == 0
    assert n_workers(options(), [f"{file}::test_the_readme_example_runs"], 8) == 0
    for looking in ({"keyword": "readme"}, {"usepdb": True}, {"trace": True}, {"capture": "no"}):
        assert n_workers(options(**looking), [str(HERE)], 8) == 0


@pytest.mark.parametrize("workers, cores, threads", [(2, 2, 1), (2, 8, 4), (8, 12, 1), (4, 1, 1)])
def test_cores_are_divided_among_workers(workers, cores, threads):
    assert set(threads_of_workers(workers, cores).values()) == {str(threads)}


@pytest.fixture
def run_pytest(tmp_path):
    """Return a function that runs pytest on four tests beside a copy of conftest.py."""
    (tmp_path / "conftest.py").write_text((HERE / "conftest.py").read_text())
    (tmp_path / "test_four.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    slow\n    cuda\n")

    def run(*args, **settings):
        environment = {
            name: value
            for name, value in os.environ.items()
            if name not in THREADS and not name.startswith(("PYTEST_", "COV_"))
        }
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-rA", "-p", "no:cacheprovider", *args],
            cwd=tmp_path,
            env={**environment, **settings},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.splitlines()

    return run


def test_workers_divide_the_cores_and_the_last_line_says_what_is_left_out(run_pytest):
    lines = run_pytest("-n", "2", MKL_NUM_THREADS="3")  # what the user has set, stays
    assert f"threads {max(1, n_cores() // 2)} 3" in lines
    assert "1 passed, 2 skipped in " in lines[-2]
    assert lines[-1] == (
        "tests left out: 1 marked slow (pytest -m slow runs them), "
        "1 for want of a CUDA device, 1 for reasons listed above"
    )


def test_slow_tests_run_where_they_are_asked_for(run_pytest):
    assert "1 passed, 3 deselected in " in run_pytest("-n", "0", "-m", "slow")[-1]
    assert "1 passed in " in run_pytest("test_four.py::test_long")[-1]
