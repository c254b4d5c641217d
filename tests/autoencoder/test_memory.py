"""A large table is not copied: a loose bound; benchmarks/memory.py has the figures."""

from __future__ import annotations

import subprocess
import sys

import pytest

CHILD = """
import pathlib, sys
import numpy as np
import torch
from sklearn_aae import AdversarialAutoencoder

torch.set_num_threads(1)


def resident(field):
    text = pathlib.Path("/proc/self/status").read_text()
    return int(text.split(field + ":")[1].split()[0]) * 1024


X = np.random.default_rng(0).normal(size=(800_000, 30)).astype(sys.argv[1])
model = AdversarialAutoencoder(
    max_epochs=1, batch_size=8192, hidden_layer_sizes=(32,), discriminator_layer_sizes=(32,)
)
model.fit(X[:5000])
before = resident("VmRSS")
pathlib.Path("/proc/self/clear_refs").write_text("5")
model.fit(X)
print((resident("VmHWM") - before) / X.nbytes)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize(
    "dtype, bound",
    [pytest.param("float32", 0.8, marks=pytest.mark.slow), ("float64", 1.2)],
)
def test_fit_makes_no_second_copy(dtype, bound):
    done = subprocess.run(
        [sys.executable, "-c", CHILD, dtype], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < bound
