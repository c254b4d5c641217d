"""Training over two processes: that of one with the whole batch, and how it ends."""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from sklearn_aae._utils._ranks import batch_moments, batch_rows
from sklearn_aae.training import distributed
from tests.training import jobs

ROOT = Path(__file__).parents[2]


def environment():
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths)}


def run_processes(name, folder):
    """Run a job in two processes, without the seconds that torchrun takes to start."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    command = [sys.executable, "-m", "tests.training.jobs", name, str(folder)]
    processes = [
        subprocess.Popen(
            command,
            env={**environment(), **shared, "RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        said = [process.communicate(timeout=240)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [process.returncode for process in processes], said


def answers_of(name, folder):
    return [pickle.loads((folder / f"{name}{rank}.pickle").read_bytes()) for rank in range(2)]


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """What two processes found, each."""
    folder = tmp_path_factory.mktemp("compare")
    (folder / "files").mkdir()
    jobs.write_files(folder / "files")
    codes, said = run_processes("compare", folder)
    assert codes == [0, 0], said
    return answers_of("compare", folder)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    jobs.write_files(folder)
    return folder


def assert_same(one, other):
    np.testing.assert_array_equal(one["losses"], other["losses"])
    np.testing.assert_array_equal(one["draws"], other["draws"])
    assert one["history"] == other["history"]
    for weights, others in zip(one["weights"], other["weights"], strict=True):
        np.testing.assert_array_equal(weights, others)


@pytest.mark.parametrize("name", jobs.TABLES)
def test_two_processes_train_as_one(together, name):
    first, second = together
    assert_same(first[name], second[name])
    alone = jobs.trained(name)
    assert alone["losses"].shape == (51, 3)
    np.testing.assert_allclose(first[name]["losses"], alone["losses"], rtol=1e-5)
    for figure, values in alone["history"].items():
        np.testing.assert_allclose(first[name]["history"][figure], values, rtol=1e-5)


def test_a_learned_prior_and_early_stopping_are_decided_together(together):
    first, second = (found["early"] for found in together)
    assert_same(first, second)
    alone = jobs.trained("numbers", early_stopping=True, max_epochs=3, prior="learned")
    for figure, values in alone["history"].items():
        np.testing.assert_allclose(first["history"][figure], values, rtol=1e-3)


def test_a_process_group_alone_changes_nothing(together):
    alone = jobs.trained("numbers", max_epochs=2)
    for found in together:
        assert_same(found["alone"], alone)


def test_row_groups_are_read_by_one_process_each(together, files):
    first, second = (found["files"] for found in together)
    assert_same(first, second)
    alone = jobs.streamed(files)
    # Once in all, but for the blocks that each buffer ends with.
    assert alone["read"] <= first["read"] + second["read"] <= alone["read"] + 2 * 64
    assert 0.4 < first["read"] / alone["read"] < 0.6
    np.testing.assert_allclose(first["losses"], alone["losses"], rtol=1e-5)
    np.testing.assert_array_equal(first["draws"], alone["draws"])


def test_what_each_process_evaluates_it_reads_alone(together, files):
    first, second = (found["filtered"] for found in together)
    assert_same(first, second)
    alone = jobs.streamed(files, filtered=True)
    assert first["read"] == second["read"] == alone["read"]
    np.testing.assert_allclose(first["losses"], alone["losses"], rtol=1e-5)


@pytest.mark.parametrize(
    "case, pattern",
    [
        ("seeds", "differ in their seeds: set random_state to an int"),
        ("rows", "differ in their rows: give each the same table"),
        ("files", "differ in their files: give each the same ones"),
        ("parameters", "differ in their parameters"),
        ("weights", "differ in their weights"),
        ("rows of a batch", "a batch has 1 rows, fewer than the 2 processes"),
        ("batch norm", "encoder.1 is a batch norm"),
        ("classifier", r"fit it outside of distributed\(\)"),
    ],
)
def test_what_cannot_be_shared_is_refused_in_all_processes(together, case, pattern):
    for found in together:
        assert case in found["said"]
        with pytest.raises(ValueError, match=pattern):
            raise ValueError(found["said"][case])


def test_without_torchrun_it_says_how_to_start(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(ValueError, match=r"RANK.*torchrun --nproc-per-node"), distributed():
        pass


def test_moments_of_one_process_are_those_of_its_rows():
    h = torch.tensor([[1.0, 2.0], [3.0, 2.0]])
    variance, mean = batch_moments(h)
    assert (variance.tolist(), mean.tolist(), batch_rows(h)) == ([1.0, 0.0], [2.0, 2.0], 2)


@pytest.mark.slow
def test_a_killed_process_ends_the_job_and_the_checkpoint_resumes(tmp_path):
    (tmp_path / "whole").mkdir()
    assert run_processes("resume", tmp_path / "whole")[0] == [0, 0]
    whole = answers_of("resume", tmp_path / "whole")
    codes, said = run_processes("die", tmp_path)
    assert codes == [1, -9]
    assert "LostProcessError: another process of this training has ended" in said[0]
    (path,) = (tmp_path / "jobs").iterdir()
    assert run_processes("resume", tmp_path)[0] == [0, 0]
    assert not path.exists()
    for found in answers_of("resume", tmp_path):
        for weights, expected in zip(found, whole[0], strict=True):
            np.testing.assert_array_equal(weights, expected)


@pytest.mark.slow
def test_torchrun_starts_it_and_names_the_one_that_died(tmp_path):
    start = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--module"]
    options = {"env": environment(), "capture_output": True, "text": True, "timeout": 240}
    start = [*start, "tests.training.jobs"]
    died = subprocess.run([*start, "die", str(tmp_path)], check=False, **options)
    assert died.returncode != 0
    assert "Signal 9 (SIGKILL)" in died.stderr
    subprocess.run([*start, "resume", str(tmp_path)], check=True, **options)
    first, second = answers_of("resume", tmp_path)
    for weights, others in zip(first, second, strict=True):
        np.testing.assert_array_equal(weights, others)


@pytest.mark.slow
def test_accelerate_starts_it_as_torchrun_does(tmp_path):
    pytest.importorskip("accelerate")
    start = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--module"]
    given = {"num_processes": 2, "num_machines": 1, "mixed_precision": "no", "dynamo_backend": "no"}
    start += [f"--{name}={value}" for name, value in given.items()]
    job = ["tests.training.jobs", "resume", str(tmp_path)]
    subprocess.run([*start, *job], env=environment(), check=True, timeout=240)
    first, second = answers_of("resume", tmp_path)
    alone = jobs.outcome(jobs.model().fit(jobs.numbers()))
    for weights, others, expected in zip(first, second, alone, strict=True):
        np.testing.assert_array_equal(weights, others)
        np.testing.assert_allclose(weights, expected, rtol=1e-3, atol=1e-4)
