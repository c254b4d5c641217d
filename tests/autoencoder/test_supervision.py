"""Labels in the model: what they do to training, draws, decoding and scores."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.callback import ScoringMonitor
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from sklearn_aae import AAEOutlierDetector, AdversarialAutoencoder
from sklearn_aae.networks import Conditioning
from sklearn_aae.priors import Mixture, Product
from tests.instances import fast

PRIOR = {"supervision": "prior", "prior": "mixture"}
DECODER = {"supervision": "decoder"}
BOTH = pytest.mark.parametrize("settings", [PRIOR, DECODER], ids=["prior", "decoder"])


@pytest.fixture(scope="module")
def people():
    """A table of mixed types whose columns depend on a class; the class is not among them."""
    rng = np.random.default_rng(0)
    y = np.array(["cat", "dog", "eel"])[rng.integers(3, size=400)]
    weight = rng.normal(size=400) + 5 * (y == "dog")
    legs = np.where(y == "eel", "none", "four")
    frame = pd.DataFrame({"weight": weight, "legs": legs, "tame": rng.random(400) < 0.5})
    return frame, y


# ------------------------------------------------------------------ without labels


def test_without_supervision_labels_change_nothing(cancer):
    X, y = cancer
    for settings in ({}, {"prior": "mixture"}, {"output": "independent"}):
        with_y, without = fast(**settings).fit(X, y), fast(**settings).fit(X)
        for name, value in without.net_.module_.state_dict().items():
            assert torch.equal(value, with_y.net_.module_.state_dict()[name])
        assert not hasattr(with_y, "classes_")
        np.testing.assert_array_equal(with_y.sample(5), without.sample(5))


def test_without_supervision_any_y_will_do(cancer):
    X = cancer[0]
    without = fast().fit(X).transform(X)
    for y in (np.linspace(0, 1, 569), "whatever"):
        np.testing.assert_array_equal(fast().fit(X, y).transform(X), without)


# -------------------------------------------------------------------------- fitting


@BOTH
@pytest.mark.parametrize("kind", ["int", "str", "bool", "some missing", "minus one"])
def test_labels_of_any_kind(cancer, settings, kind):
    X, y = cancer
    labels = {
        "int": y * 7,
        "str": np.array(["bad", "good"])[y],
        "bool": y == 1,
        "some missing": np.where(np.arange(569) % 2, y, np.nan),
        "minus one": np.where(np.arange(569) % 2, y, -1),
    }[kind]
    model = fast(**settings).fit(X, labels)
    expected = {"int": [0, 7], "str": ["bad", "good"], "bool": [False, True]}
    assert model.classes_.tolist() == expected.get(kind, [0, 1])
    one = model.classes_[1]
    assert model.sample(3, y=one).shape == (3, 30)
    assert model.sample(y=[one, model.classes_[0]]).shape == (2, 30)


@BOTH
@pytest.mark.parametrize(
    "y, message",
    [
        (None, "requires y to be passed, but the target y is None"),
        (np.linspace(0, 1, 569), "continuous"),
        (np.zeros((569, 2)), "1d array"),
        ([0, 1], "inconsistent numbers of samples"),
        (np.full(569, np.nan), "no label"),
    ],
)
def test_unusable_labels_leave_no_trace(cancer, settings, y, message):
    model = fast(**settings)
    before = model.__dict__.copy()
    with pytest.raises(ValueError, match=message):
        model.fit(cancer[0], y)
    assert model.__dict__ == before


@pytest.mark.parametrize(
    "prior, message",
    [
        ("gaussian", 'has none: use "mixture", "swiss_roll", "categorical"'),
        ("learned", "moves them to where codes are"),
        (Mixture(2), r"a mode for each of the 3 classes.*priors.Mixture\(n_modes=3\)"),
    ],
)
def test_priors_that_classes_cannot_be_assigned_to(cancer, prior, message):
    with pytest.raises(ValueError, match=message):
        fast(supervision="prior", prior=prior).fit(cancer[0], np.arange(569) % 3)


@BOTH
def test_same_seed_same_model(cancer, settings):
    one, other = fast(**settings).fit(*cancer), fast(**settings).fit(*cancer)
    np.testing.assert_array_equal(one.transform(cancer[0]), other.transform(cancer[0]))
    np.testing.assert_array_equal(one.sample(y=[0, 1, 1]), other.sample(y=[0, 1, 1]))


@BOTH
def test_labels_do_change_the_codes(cancer, settings):
    X, y = cancer
    one, other = fast(**settings).fit(X, y), fast(**settings).fit(X, y[::-1])
    assert not np.allclose(one.transform(X), other.transform(X))


@BOTH
def test_classes_of_an_earlier_fit_are_forgotten(cancer, settings):
    X, y = cancer
    model = fast(**settings).fit(X, y).fit(X, np.where(y, "b", "a"))
    assert model.classes_.tolist() == ["a", "b"]
    model.set_params(supervision=None).fit(X, y)
    assert not hasattr(model, "classes_")


@BOTH
def test_early_stopping_pickle_clone_and_search(cancer, settings):
    X, y = cancer
    model = fast(**settings, early_stopping=True, max_epochs=4).fit(X, y)
    assert len(model.history_["valid_loss"]) == model.n_iter_
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.sample(y=[0, 1]), model.sample(y=[0, 1]))
    assert clone(model).get_params()["supervision"] == settings["supervision"]
    search = GridSearchCV(model, {"n_components": [2, 3]}, cv=2, error_score="raise").fit(X, y)
    assert np.isfinite(search.best_score_)


@BOTH
def test_callbacks_that_score_see_the_labels(cancer, settings):
    X, y = cancer
    monitor = ScoringMonitor(scoring={"score": AdversarialAutoencoder.score})
    model = fast(**settings).set_callbacks(monitor).fit(X, y)
    scores = [row["score"] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert scores[-1] == pytest.approx(model.score(X, y))


@BOTH
def test_a_pipeline_hands_labels_through(cancer, settings):
    X, y = cancer
    pipeline = make_pipeline(StandardScaler(), fast(**settings), LogisticRegression())
    pipeline.set_output(transform="pandas").fit(X, y)
    assert pipeline.predict(X).shape == y.shape
    assert pipeline[1].classes_.tolist() == [0, 1]
    assert np.isfinite(make_pipeline(StandardScaler(), fast(**settings)).fit(X, y).score(X, y))


@BOTH
def test_training_that_goes_on_keeps_the_classes(cancer, settings):
    X, y = cancer
    names = np.where(y, "b", "a")
    model = fast(**settings, warm_start=True).fit(X, names)
    before = model.transform(X)
    model.fit(X, np.where(y, "b", None))
    assert model.n_iter_ == 6
    assert model.classes_.tolist() == ["a", "b"]
    assert not np.allclose(before, model.transform(X))
    with pytest.raises(ValueError, match=r"y holds 'c', not among .*'a', 'b'"):
        model.fit(X, np.where(y, "b", "c"))
    model.set_params(supervision=None)
    with pytest.raises(ValueError, match="supervision changed"):
        model.fit(X)


@BOTH
def test_partial_fit(cancer, settings):
    X, y = cancer
    model = fast(**settings).partial_fit(X[y == 0], y[y == 0], classes=[0, 1])
    model.partial_fit(X, y)
    assert model.classes_.tolist() == [0, 1]
    assert model._class_counts.tolist() == [2 * (y == 0).sum(), (y == 1).sum()]
    assert model.sample(y=[1, 0]).shape == (2, 30)
    with pytest.raises(ValueError, match="y holds 2"):
        model.partial_fit(X, y + 1)
    with pytest.raises(ValueError, match="y holds 1, not among"):
        fast(**settings).partial_fit(X[y == 0], y[y == 0]).partial_fit(X, y)


@BOTH
def test_a_model_on_levels(people, settings):
    frame, y = people
    model = fast(**settings, max_epochs=2).fit(frame, y)
    drawn = model.sample(y=["eel"] * 4)
    assert list(drawn.columns) == list(frame.columns)
    assert drawn.dtypes.equals(frame.dtypes)
    assert np.isfinite(model.score_samples(frame)).all()
    within = model.sample(6, y="dog", conditions={"legs": "four"}, random_state=0)
    assert (within["legs"] == "four").all()
    within = model.sample(y=["dog", "cat", "dog"], conditions={"legs": "none"}, random_state=0)
    assert (within["legs"] == "none").all()


# ---------------------------------------------------------------------------- modes


def test_modes_are_shared_out_in_contiguous_groups():
    conditioning = Conditioning(3, of_decoder=False, n_modes=8)
    prior = Mixture(means=np.arange(8.0)[:, None], covariances=1e-8)
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(3).repeat(300)
    draws = conditioning.draw(prior, 900, 1, labels, generator).round()[:, 0]
    for label, modes in enumerate([[0, 1, 2], [3, 4, 5], [6, 7]]):
        found, counts = draws[labels == label].unique(return_counts=True)
        assert found.tolist() == modes
        assert counts.min() > 300 / len(modes) / 2


def test_unlabelled_rows_meet_the_whole_prior():
    conditioning = Conditioning(2, of_decoder=False, n_modes=4)
    prior = Mixture(means=np.arange(4.0)[:, None], covariances=1e-8)
    labels = torch.tensor([0, -1]).repeat(200)
    draws = conditioning.draw(prior, 400, 1, labels, torch.Generator().manual_seed(0)).round()
    assert draws[labels == 0].unique().tolist() == [0, 1]
    assert draws[labels == -1].unique().tolist() == [0, 1, 2, 3]


def test_labels_choose_the_modes_that_are_drawn_from(cancer):
    X, y = cancer
    prior = Product([(Mixture(means=[[-9.0], [9.0]], covariances=0.01), 1), ("gaussian", 1)])
    model = fast(supervision="prior", prior=prior, output="gaussian").fit(X, y)
    drawn = {}
    model.net_.module_.decoder.register_forward_hook(
        lambda module, inputs, output: drawn.update(codes=inputs[0])
    )
    model.sample(y=[0, 1, 0])
    assert torch.sign(drawn["codes"][:, 0]).tolist() == [-1, 1, -1]
    model.sample(200)
    assert 50 < (drawn["codes"][:, 0] > 0).sum() < 150


def test_the_decoder_of_modes_reads_no_labels(cancer):
    X, y = cancer
    model = fast(**PRIOR).fit(X, y)
    for call in (
        lambda: model.reconstruct(X, y),
        lambda: model.inverse_transform(model.transform(X), 1),
    ):
        with pytest.raises(ValueError, match=r"supervision='prior'.*supervision=.decoder"):
            call()
    assert model.score(X, y) == model.score(X)
    np.testing.assert_array_equal(model.score_samples(X, y), model.score_samples(X))
    with pytest.raises(ValueError, match="y goes not with density"):
        model.sample(2, y=1, density=object())


# ------------------------------------------------------------------ decoder's labels


@pytest.fixture(scope="module")
def decoding(cancer):
    X, y = cancer
    return fast(**DECODER, max_epochs=20).fit(X, y), X, y


def test_the_class_of_highest_likelihood_stands_in(decoding):
    model, X, _ = decoding
    each = np.stack([model.score_samples(X, c) for c in (0, 1)], axis=1)
    assert (each[:, 0] != each[:, 1]).all()
    np.testing.assert_allclose(model.score_samples(X), each.max(axis=1), rtol=1e-12)
    best = each.argmax(axis=1)
    np.testing.assert_array_equal(model.reconstruct(X), model.reconstruct(X, best))
    np.testing.assert_allclose(
        model.score_contributions(X), model.score_contributions(X, best), rtol=1e-12
    )
    some = np.where(np.arange(len(X)) % 2, 1.0, np.nan)
    expected = np.where(np.isnan(some), best, 1)
    np.testing.assert_array_equal(model.reconstruct(X, some), model.reconstruct(X, expected))
    np.testing.assert_array_equal(model.score_samples(X, some), model.score_samples(X, expected))
    assert model.score(X, 1) == pytest.approx(each[:, 1].mean())


def test_contributions_add_up_with_labels(decoding):
    model, X, y = decoding
    for labels in (None, 1, y):
        np.testing.assert_allclose(
            model.score_contributions(X, labels).sum(axis=1), -model.score_samples(X, labels)
        )


def test_one_label_for_all_or_one_for_each(decoding):
    model, X, y = decoding
    Z = model.transform(X)
    np.testing.assert_array_equal(model.inverse_transform(Z, 1), model.reconstruct(X, 1))
    np.testing.assert_array_equal(model.inverse_transform(Z, y), model.reconstruct(X, y))
    np.testing.assert_array_equal(
        model.reconstruct(X, np.ones(len(X), dtype=int)), model.reconstruct(X, np.int64(1))
    )
    assert not np.allclose(model.reconstruct(X, 0), model.reconstruct(X, 1))


def test_what_decoding_refuses(decoding):
    model, X, y = decoding
    Z = model.transform(X)
    for labels in (None, np.where(y, 1.0, np.nan)):
        with pytest.raises(ValueError, match="inverse_transform needs y"):
            model.inverse_transform(Z, labels)
    for call in (model.reconstruct, model.score_samples, model.score_contributions):
        with pytest.raises(ValueError, match="y holds 5, not among"):
            call(X, 5)
        with pytest.raises(ValueError, match="y holds 3 labels for 569 rows"):
            call(X, [0, 1, 1])


@BOTH
def test_how_many_rows_are_drawn(cancer, settings):
    model = fast(**settings).fit(*cancer)
    assert model.sample(y=1).shape == (1, 30)
    assert model.sample(4, y=1).shape == (4, 30)
    assert model.sample(y=[1, 0, 1]).shape == (3, 30)
    assert model.sample(3, y=[1, np.nan, 1]).shape == (3, 30)
    with pytest.raises(ValueError, match="y holds 3 labels, and n_samples=4"):
        model.sample(4, y=[1, 0, 1])
    with pytest.raises(ValueError, match="y holds 'x'"):
        model.sample(y="x")
    for nothing in ([], np.array([]), pd.Series([], dtype="Int64")):
        with pytest.raises(ValueError, match="y holds no labels"):
            model.sample(y=nothing)


def test_labels_of_draws_are_read_as_those_of_rows(cancer):
    X, y = cancer
    names = pd.Series(y).astype("boolean")
    model = fast(**DECODER).fit(X, names)
    assert model.classes_.tolist() == [False, True]
    inputs = []
    model.net_.module_.decoder.register_forward_pre_hook(lambda m, args: inputs.append(args[0]))
    for want in (
        pd.Series([True, False], dtype="boolean"),
        [np.True_, np.array(False)],
        np.ma.array([True, False]),
    ):
        inputs.clear()
        model.sample(y=want)
        assert inputs[0][:, 2:].tolist() == [[0, 1, 0], [1, 0, 0]]
    inputs.clear()
    model.sample(y=np.ma.array([True, False], mask=[False, True]), random_state=0)
    assert inputs[0][0, 2:].tolist() == [0, 1, 0]
    for missing in (np.ma.masked, pd.NA):
        model.sample(2, y=missing)
    with pytest.raises(ValueError, match="y mixes labels of types bool, str"):
        model.sample(y=[True, "x"])


def test_classes_are_drawn_alike_where_no_row_had_one(cancer):
    X, _ = cancer
    model = fast(**DECODER).partial_fit(X, np.full(len(X), None), classes=["a", "b"])
    inputs = []
    model.net_.module_.decoder.register_forward_pre_hook(lambda m, args: inputs.append(args[0]))
    model.sample(4000, random_state=0)
    shares = torch.cat(inputs)[:, 2:].mean(dim=0).numpy()
    np.testing.assert_allclose(shares, [0.5, 0.5, 0], atol=0.03)


def test_classes_are_drawn_by_their_frequency(cancer):
    X, y = cancer
    model = fast(**DECODER).fit(X, y)
    inputs = []
    model.net_.module_.decoder.register_forward_pre_hook(lambda m, args: inputs.append(args[0]))
    model.sample(4000, random_state=0)
    shares = torch.cat(inputs)[:, 2:].mean(dim=0).numpy()
    np.testing.assert_allclose(shares[:2], np.bincount(y) / len(y), atol=0.03)
    assert shares[2] == 0
    inputs.clear()
    model.sample(y=[0, 1, np.nan])
    assert inputs[0][:2, 2:].tolist() == [[1, 0, 0], [0, 1, 0]]


def test_rows_without_a_label_train_a_level_of_their_own(cancer):
    X, y = cancer
    inputs = []

    class Spy(nn.Module):
        def __init__(self, n_in, n_out):
            super().__init__()
            self.linear = nn.Linear(n_in, n_out)

        def forward(self, z):
            inputs.append(z.detach())
            return self.linear(z)

    half = np.where(np.arange(569) % 2, y, np.nan)
    fast(**DECODER, decoder=Spy, max_epochs=1, batch_size=600).fit(X, half)
    # The first pass over all rows comes after trial passes of a few.
    marks = next(z for z in inputs if len(z) == 569)[:, 2:]
    assert marks.shape == (569, 3)
    assert marks.sum(dim=0).tolist() == [
        (half == 0).sum(),
        (half == 1).sum(),
        np.isnan(half).sum(),
    ]


@pytest.mark.parametrize("output", ["independent", "autoregressive"])
def test_mixed_tables_by_class(people, output):
    frame, y = people
    model = fast(**DECODER, output=output, n_components=2, max_epochs=60, lr=0.01).fit(frame, y)
    want = np.repeat(["cat", "dog", "eel"], 200)
    drawn = model.sample(y=want)
    eels = (drawn["legs"] == "none").to_numpy()
    assert (eels == (want == "eel")).mean() > 0.9
    weights = drawn["weight"].to_numpy()
    assert weights[want == "dog"].mean() - weights[want == "cat"].mean() > 3
    holes = frame.assign(weight=np.nan, legs=None).astype(frame.dtypes)
    assert (model.impute(holes.iloc[:20], y="eel")["legs"] == "none").all()
    assert (model.impute(holes.iloc[:20], y="dog")["legs"] == "four").all()
    # What is known of a row says of which class it may be.
    heavy = frame.assign(weight=6.0, legs=None).astype(frame.dtypes)
    assert (model.impute(heavy.iloc[:20])["legs"] == "four").mean() > 0.8
    given = model.sample(300, conditions={"legs": "none"})
    assert given["weight"].mean() < 1.5


def test_impute_takes_labels_only_where_they_are_read(people):
    frame, y = people
    model = fast(**PRIOR, max_epochs=1).fit(frame, y)
    with pytest.raises(ValueError, match="impute got y"):
        model.impute(frame, y=y)


def test_detectors_take_no_model_that_reads_labels(cancer):
    X, y = cancer
    model = fast(**DECODER).fit(X, y)
    for estimator in (FrozenEstimator(model), clone(model)):
        with pytest.raises(ValueError, match="supervision='decoder'"):
            AAEOutlierDetector(estimator=estimator).fit(X)


def test_a_discriminator_of_ones_own_reads_the_labels(cancer):
    widths = []

    def build(n_in, n_out):
        widths.append(n_in)
        return nn.Sequential(nn.Linear(n_in, 8), nn.ReLU(), nn.Linear(8, n_out))

    fast(**PRIOR, discriminator=build).fit(*cancer)
    assert widths == [2 + 3]
