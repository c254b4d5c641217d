"""On a GPU: the same model, repeatable, and of use on a machine without one."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score

import sklearn_aae.training._stepping as stepping
from sklearn_aae import AAEClassifier, AAEClusterer, load, save
from sklearn_aae.metrics import c2st
from sklearn_aae.training._batches import Batch
from sklearn_aae.training._graph import WARM_UP, GraphedStep, StepResult
from tests.instances import fast
from tests.mixed_tables import WEIGHTS, animals, learned

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


@pytest.fixture
def graphs(monkeypatch):
    """Return a list that every recorder of steps is added to."""
    made = []

    class Listed(GraphedStep):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            made.append(self)

    monkeypatch.setattr(stepping, "GraphedStep", Listed)
    return made


def were_replayed(graphs):
    """Return whether steps came from recordings; one that fails warns, which is an error here."""
    return len(graphs) > 0 and all(graph.recordings and not graph.gave_up for graph in graphs)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"posterior": "gaussian", "prior": "mixture"},
        {"posterior": "universal"},
        {"prior": "learned"},
        {"scaling": "quantile", "early_stopping": True},
    ],
)
def test_steps_are_replayed(cancer, graphs, parameters):
    model = fast(max_epochs=6, **parameters).fit(cancer[0])
    assert were_replayed(graphs)
    assert model.loss_curve_[-1] < model.loss_curve_[0]


@pytest.mark.parametrize("consistency", ["adversarial", "neighbors", "both"])
def test_a_classifier_learns_from_few_labels(digits, graphs, consistency):
    X, y = digits
    few = np.where(np.arange(len(y)) < 50, y, -1)
    model = AAEClassifier(consistency=consistency, max_epochs=30, random_state=0).fit(X, few)
    assert model.device_.type == "cuda"
    assert were_replayed(graphs)
    assert model.score(X[50:], y[50:]) > 0.85


def test_a_clusterer_finds_digits(digits, graphs):
    X, y = digits
    model = AAEClusterer(10, init="spectral", max_epochs=30, random_state=0).fit(X)
    assert were_replayed(graphs)
    assert adjusted_rand_score(y, model.labels_) > 0.6
    np.testing.assert_array_equal(model.predict(X), model.labels_)


def test_a_mixed_table_keeps_what_depends_on_what(graphs):
    frame = animals(600)
    model = learned(device="cuda").fit(frame)
    assert were_replayed(graphs)
    drawn = model.sample(600, random_state=0)
    for animal, weight in WEIGHTS.items():
        assert drawn.weight[drawn.animal == animal].median() == pytest.approx(weight, rel=0.25)


def test_a_classifier_reads_a_mixed_table(graphs):
    frame = animals(600)
    y = frame.pop("animal").to_numpy(dtype=object)
    few = np.where(np.arange(600) % 10 == 0, y, None)
    model = AAEClassifier(max_epochs=60, random_state=0).fit(frame, few)
    assert were_replayed(graphs)
    assert model.score(frame, y) > 0.9


def test_a_replayed_step_draws_anew():
    """One mask of dropout for all steps would train a part of a network only."""
    dropout = torch.nn.Dropout(0.5)
    graphed = GraphedStep(lambda batch: StepResult(dropout(batch.x), None))
    ones = torch.ones(64, 8, device="cuda")
    batch = Batch(x=ones, corrupted=ones, prior=ones, noise=None)
    masks = {graphed(batch).losses.cpu().numpy().tobytes() for _ in range(WARM_UP + 4)}
    assert graphed.recordings
    assert len(masks) == WARM_UP + 4


@pytest.mark.parametrize("supervision", [None, "decoder"])
def test_a_file_of_a_model_on_the_gpu_comes_back_there(cancer, tmp_path, supervision):
    X, y = cancer
    labels = () if supervision is None else (y,)
    model = fast(supervision=supervision).fit(X, *labels)
    save(model, tmp_path / "model.aae")
    loaded = load(tmp_path / "model.aae")
    assert loaded.device_ == model.device_
    np.testing.assert_array_equal(loaded.transform(X), model.transform(X))
    further = [each.partial_fit(X, *labels).transform(X) for each in (loaded, model)]
    np.testing.assert_allclose(*further, atol=1e-5)
