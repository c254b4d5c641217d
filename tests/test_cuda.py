"""On a GPU: the same model, repeatable, and of use on a machine without one."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

from sklearn_aae.metrics import c2st
from tests.instances import fast

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


def test_auto_takes_the_gpu_and_all_methods_work(cancer):
    X = cancer[0]
    model = fast().fit(X)
    assert model.device_.type == "cuda"
    assert model.transform(X).shape == (569, 2)
    assert model.reconstruct(X).shape == model.sample(569).shape == X.shape
    assert np.isfinite(model.score_samples(X)).all()


@pytest.mark.parametrize("parameters", [{}, {"posterior": "gaussian"}, {"early_stopping": True}])
def test_repeatable_and_silent_to_the_global_generators(cancer, parameters):
    X = cancer[0]
    before = torch.get_rng_state(), torch.cuda.get_rng_state()
    codes = [fast(**parameters).fit_transform(X) for _ in range(2)]
    np.testing.assert_allclose(*codes, atol=1e-5)
    assert torch.equal(before[0], torch.get_rng_state())
    assert torch.equal(before[1], torch.cuda.get_rng_state())


def test_it_learns_what_it_learns_on_the_cpu(digits):
    X = digits[0]
    draws = np.random.default_rng(0).normal(size=(len(X), 2))
    models = [fast(device=device, max_epochs=40).fit(X) for device in ("cpu", "cuda")]
    losses = [model.loss_curve_[-1] for model in models]
    assert losses[1] == pytest.approx(losses[0], rel=0.1)
    areas = [c2st(model.transform(X), draws, random_state=0) for model in models]
    assert areas[1] == pytest.approx(areas[0], abs=0.1)


def test_the_same_weights_say_the_same_on_both_devices(cancer, monkeypatch):
    X = cancer[0]
    model = fast(device="cuda").fit(X)
    stored = pickle.dumps(model)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    on_cpu = pickle.loads(stored)
    assert on_cpu.device_.type == "cpu"
    np.testing.assert_allclose(on_cpu.transform(X), model.transform(X), rtol=1e-6)
    np.testing.assert_allclose(on_cpu.score_samples(X), model.score_samples(X), rtol=1e-6)
