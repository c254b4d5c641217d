"""Recorded steps: what of them needs no GPU, with a recording that Python plays back."""

from __future__ import annotations

import functools
import warnings

import numpy as np
import pytest
import torch
from sklearn.base import clone, is_classifier
from torch.utils._python_dispatch import TorchDispatchMode

import sklearn_aae.training._batches as batches_module
import sklearn_aae.training._stepping as stepping
from sklearn_aae.priors import Mixture
from sklearn_aae.training._graph import WARM_UP, GraphedStep, StepResult
from tests.instances import fast, fast_classifier, fast_clusterer
from tests.mixed_tables import animals


class Recorder:
    """Stands in for CUDA graphs: fixed places for what goes in and what comes out."""

    def __init__(self, n_phases=3):
        self.n_phases = n_phases
        self.warm_ups = self.recordings = self.replays = 0

    def warm_up(self, walk):
        self.warm_ups += 1
        return walk()

    def record(self, walk):
        """Return empty places; as a real recording, this takes no step."""
        self.recordings += 1
        places = StepResult(torch.empty(self.n_phases), None)

        def replay():
            self.replays += 1
            places.losses.copy_(walk().losses)

        return places, replay


class Unrecordable(Recorder):
    def record(self, walk):
        self.recordings += 1
        raise RuntimeError("operation not permitted when stream is capturing")


@pytest.fixture
def recorder(monkeypatch):
    def use(recorder):
        graphed = functools.partial(GraphedStep, record=recorder.record, warm_up=recorder.warm_up)
        monkeypatch.setattr(stepping, "GraphedStep", graphed)
        monkeypatch.setattr(stepping, "runs_on_gpu", lambda storage: True)
        return recorder

    return use


# A recording reads a copy of the batch, and narrow products with a linear path end in other
# last bits where rows begin elsewhere in memory.
@pytest.mark.parametrize("init, rtol", [("random", 0), ("pca", 1e-4)])
def test_replayed_steps_train_as_taken_ones(cancer, recorder, init, rtol):
    X = cancer[0]
    settings = {"init": init, "batch_size": 64, "max_epochs": 6, "posterior": "gaussian"}
    expected = fast(**settings).fit(X)
    used = recorder(Recorder())
    model = fast(**settings).fit(X)
    # 569 rows in 9 batches: two of them have 64 rows, the others 63.
    assert used.recordings == 2
    assert used.warm_ups == 2 * WARM_UP
    assert used.replays == 6 * 9 - 2 * WARM_UP
    np.testing.assert_allclose(model.transform(X), expected.transform(X), rtol=rtol, atol=rtol)
    for name, curve in expected.history_.items():
        np.testing.assert_allclose(model.history_[name], curve, rtol=rtol)


@pytest.mark.parametrize("init", ["random", "label_spreading"])
def test_a_recording_for_every_number_of_labelled_rows(cancer, recorder, init):
    X, y = cancer
    few = np.where(np.arange(len(y)) < 40, y, -1)
    settings = {"init": init, "batch_size": 569, "max_epochs": 24}
    expected = fast_classifier(**settings).fit(X, few)
    used = recorder(Recorder(n_phases=4))
    model = fast_classifier(**settings).fit(X, few)
    # At first all rows have a label, if these are spread: a third of the epochs.
    assert used.recordings == (1 if init == "random" else 2)
    assert used.replays == 24 - used.recordings * WARM_UP
    np.testing.assert_array_equal(model.transform(X), expected.transform(X))


class Inspector(TorchDispatchMode):
    """Notes what a step asks of the device that a CUDA graph cannot record."""

    #: Numbers that Python hands over, and answers that Python waits for.
    FORBIDDEN = ("aten::lift_fresh", "aten::_local_scalar_dense", "aten::nonzero", "aten::unique")

    def __init__(self):
        super().__init__()
        self.found = []
        self.steps = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name, kwargs = func._schema.name, kwargs or {}
        moves = name == "aten::_to_copy" and kwargs.get("device") is not None
        masks = name in ("aten::index", "aten::index_put", "aten::index_put_") and any(
            isinstance(i, torch.Tensor) and i.dtype == torch.bool for i in args[1]
        )
        if name.startswith(self.FORBIDDEN) or moves or masks:
            self.found.append(name)
        return func(*args, **kwargs)

    def warm_up(self, walk):
        self.steps += 1
        with self:
            return walk()

    def record(self, walk):
        raise RuntimeError("nothing is recorded")


#: One of each kind of step: posteriors, priors, supervision, heads and what they learn from.
ON_NUMBERS = [
    fast(),
    fast(posterior="universal"),
    fast(posterior="gaussian", prior="mixture", early_stopping=True),
    fast(prior="learned"),
    fast(supervision="decoder", scaling="quantile"),
    fast_clusterer(init="spectral", consistency="both"),
]
ON_LEVELS = [
    fast(),
    fast(posterior="gaussian", n_components=3),
    fast(prior=Mixture(3), supervision="prior"),
    fast_classifier(consistency="both", init="label_spreading"),
    fast_classifier(consistency="adversarial", head_distance=3.0),
]


@pytest.mark.filterwarnings("ignore:the training step cannot be recorded")
@pytest.mark.parametrize(
    "model, mixed",
    [(model, False) for model in ON_NUMBERS] + [(model, True) for model in ON_LEVELS],
)
def test_a_step_asks_for_nothing_that_a_graph_cannot_record(model, mixed, recorder):
    frame = animals(240)
    y = frame.pop("animal").astype("category").cat.codes.where(np.arange(240) % 3 > 0, -1)
    X = frame if mixed else frame[["weight", "legs"]]
    used = recorder(Inspector())
    labelled = is_classifier(model) or model.get_params().get("supervision")
    clone(model).fit(X, y if labelled else None)
    assert used.steps > 0
    assert not used.found


def test_the_inspector_sees_what_cannot_be_recorded(cancer, recorder):
    class Hasty(torch.nn.Linear):
        def forward(self, x):
            assert bool((x.abs() < 1e9).all())  # Python waits for the device
            return super().forward(x) * torch.tensor(1.0)  # and hands a number over

    used = recorder(Inspector())
    with pytest.warns(UserWarning, match="cannot be recorded"):
        fast(encoder=Hasty).fit(cancer[0])
    assert {"aten::_local_scalar_dense", "aten::lift_fresh"} <= set(used.found)


def test_a_step_that_cannot_be_recorded_is_taken_with_one_warning(cancer, recorder):
    X = cancer[0]
    expected = fast(batch_size=64).fit_transform(X)
    used = recorder(Unrecordable())
    with pytest.warns(UserWarning, match=r"cannot be recorded as a CUDA graph") as caught:
        codes = fast(batch_size=64).fit_transform(X)
    assert len(caught) == 1
    assert used.recordings == 1
    np.testing.assert_array_equal(codes, expected)


def test_no_recording_where_a_callback_must_be_asked(cancer, recorder):
    from skorch.callbacks import GradientNormClipping, LRScheduler

    used = recorder(Recorder())
    for callback in (GradientNormClipping(1.0), LRScheduler("StepLR", step_size=1)):
        fast(batch_size=64, callbacks=[callback]).fit(cancer[0])
    assert used.warm_ups == used.recordings == 0


def test_nothing_is_recorded_on_a_cpu(cancer, monkeypatch):
    monkeypatch.setattr(stepping, "GraphedStep", None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fast().fit(cancer[0])


def test_a_table_that_lives_on_the_device_gives_the_same_batches(cancer, monkeypatch):
    X = cancer[0]
    for settings in ({}, {"early_stopping": True}):
        expected = fast(**settings).fit_transform(X)
        with monkeypatch.context() as patch:
            patch.setattr(batches_module, "has_own_memory", lambda device: True)
            np.testing.assert_array_equal(fast(**settings).fit_transform(X), expected)
            # In several blocks; in blocks of one batch; too large to be kept there.
            patch.setattr(batches_module, "DEVICE_BLOCK_BYTES", 1)
            codes = fast(posterior="deterministic", **settings).fit_transform(X)
            assert codes.shape == expected.shape
            patch.setattr(batches_module, "RESIDENT_BYTES", 0)
            np.testing.assert_array_equal(fast(**settings).fit_transform(X), expected)


def test_the_table_is_brought_to_the_device_once(cancer, monkeypatch):
    monkeypatch.setattr(batches_module, "has_own_memory", lambda device: True)
    net = fast().fit(cancer[0]).net_
    dataset = net.get_dataset(cancer[0])
    table = dataset.resident(torch.device("cpu"))
    assert table is dataset.resident(torch.device("cpu"))
    torch.testing.assert_close(table, dataset.gather(np.arange(569)))
    assert table.dtype == torch.float32
