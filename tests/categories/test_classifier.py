"""The classifier: labels of any kind, few of them, and scikit-learn's workflows around it."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits, load_iris, load_wine, make_blobs, make_circles
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier

from sklearn_aae import AAEClassifier, AdversarialAutoencoder
from sklearn_aae.autoencoder._labels import read_labels
from sklearn_aae.categories._classifier import class_weights
from tests.beginning import Beginning
from tests.instances import fast_classifier
from tests.mixed_tables import animals


@pytest.fixture(scope="module")
def blobs():
    return make_blobs(150, centers=3, n_features=4, random_state=2)


def with_few_labels(y, n_labels, seed):
    """Return labels of which all but some are None, and which those are."""
    chosen = np.random.default_rng(seed).permutation(len(y))[:n_labels]
    few = np.full(len(y), None, dtype=object)
    few[chosen] = y[chosen]
    return few, chosen


# ------------------------------------------------------------------------------- labels


@pytest.mark.parametrize(
    "names",
    [np.array([3, 7, 11]), np.array(["a", "b", "c"]), np.array([0.0, 1.0, 2.0])],
    ids=["int", "str", "float"],
)
def test_classes_keep_their_type(blobs, names):
    X, y = blobs
    model = fast_classifier().fit(X, names[y])
    assert model.classes_.dtype == names.dtype
    np.testing.assert_array_equal(model.classes_, names)
    assert model.predict(X).dtype == names.dtype
    assert model.score(X, names[y]) > 0.95


@pytest.mark.parametrize("unlabelled", [None, np.nan, -1])
def test_what_has_no_label_is_no_class(blobs, unlabelled):
    X, y = blobs
    few = y.astype(object)
    few[np.arange(len(y)) % 10 > 0] = unlabelled
    model = fast_classifier().fit(X, few)
    assert model.classes_.tolist() == [0, 1, 2]
    assert model.score(X, y) > 0.95


def test_minus_one_of_two_classes_is_a_class(blobs):
    X, y = blobs
    y = np.where(y == 0, -1, 1)
    model = fast_classifier().fit(X, y)
    assert model.classes_.tolist() == [-1, 1]
    assert model.score(X, y) > 0.95


@pytest.mark.parametrize(
    "y, classes",
    [
        (pd.Series([True, None, False] * 50, dtype="boolean"), [False, True]),
        (pd.Series([0, None, 7] * 50, dtype="Int64"), [0, 7]),
        (np.ma.array([-1, 99, 1] * 50, mask=[0, 1, 0] * 50), [-1, 1]),
        ([-1, 0, 1, None, None] * 30, [-1, 0, 1]),
        ([np.str_("b"), "a", None] * 50, ["a", "b"]),
        (pd.Series([2**53, 2**53 + 1, None] * 50, dtype="Int64"), [2**53, 2**53 + 1]),
    ],
    ids=["boolean", "Int64", "masked", "-1 beside None", "numpy.str_", "large"],
)
def test_labels_are_read_as_they_came(blobs, y, classes):
    X, _ = blobs
    model = fast_classifier(max_epochs=1).fit(X, y)
    assert model.classes_.tolist() == classes
    assert {type(label) for label in model.classes_.tolist()} == {type(classes[0])}
    assert set(model.predict(X).tolist()) <= set(classes)
    first = fast_classifier().partial_fit(X, y, classes=classes)
    assert first.classes_.tolist() == classes


def test_a_list_of_several_types_is_refused(blobs):
    X, _ = blobs
    for other in (-1, True):
        with pytest.raises(ValueError, match=r"y mixes labels of types .*, str"):
            fast_classifier().fit(X, ["a", other, "b"] * 50)
        with pytest.raises(ValueError, match=r"classes mixes labels of types .*, str"):
            fast_classifier().partial_fit(X, ["a", "b", "b"] * 50, classes=["a", "b", other])


def test_one_class_is_always_predicted(blobs):
    X, _ = blobs
    model = fast_classifier().fit(X, np.full(len(X), "only"))
    assert set(model.predict(X)) == {"only"}
    np.testing.assert_array_equal(model.predict_proba(X), np.ones((len(X), 1)))


def test_sizes_of_classes_are_shrunk_towards_equal_ones():
    few = class_weights(read_labels([0, 0, 1]))
    many = class_weights(read_labels([0, 0, 1] * 1000))
    np.testing.assert_allclose(few, [0.5, 0.5])
    np.testing.assert_allclose(many, [2 / 3, 1 / 3], atol=0.01)
    np.testing.assert_allclose(class_weights(read_labels([2, 5, 9])), np.full(3, 1 / 3))


# ---------------------------------------------------------------------------- refusals


def test_without_labels_there_is_nothing_to_learn(blobs):
    X, y = blobs
    with pytest.raises(ValueError, match="requires y to be passed"):
        fast_classifier().fit(X, None)
    with pytest.raises(ValueError, match="y has no label"):
        fast_classifier().fit(X, np.full(len(X), np.nan))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        fast_classifier().fit(X, y[1:])


def test_models_that_do_not_suit(blobs):
    with pytest.raises(TypeError, match="estimator must be an AdversarialAutoencoder"):
        AAEClassifier(estimator=LogisticRegression()).fit(*blobs)
    with pytest.raises(ValueError, match="which is learned with the model"):
        AAEClassifier(estimator=AdversarialAutoencoder(prior="learned")).fit(*blobs)


def test_a_failed_fit_leaves_no_trace(blobs):
    model = fast_classifier().fit(*blobs)
    before = dict(vars(model))
    with pytest.raises(ValueError, match="continuous"):
        model.fit(blobs[0], blobs[1] + 0.5)
    assert vars(model) == before


# ---------------------------------------------------------------------------- training


def test_phases_and_their_optimizers(blobs):
    model = fast_classifier(head_distance=3.0).fit(*blobs)
    assert [phase.name for phase in model.net_.phases] == [
        "reconstruction",
        "discriminator",
        "generator",
        "category",
        "repulsion",
    ]
    assert model.net_.optimizer_names == [
        "optimizer",
        "optimizer_disc",
        "optimizer_gen",
        "optimizer_class",
        "optimizer_heads",
    ]
    assert set(model.history_) == {f"{phase.name}_loss" for phase in model.net_.phases}
    discriminator = model.net_.module_.discriminator
    assert discriminator.categories[0].in_features == 3
    assert discriminator.style[0].in_features == 2


def test_repeats_bit_by_bit(blobs):
    X, y = blobs
    first, second = (fast_classifier(random_state=3).fit(X, y) for _ in range(2))
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))


@pytest.mark.parametrize(
    "consistency",
    ["both", *(pytest.param(one, marks=pytest.mark.slow) for one in ("neighbors", "adversarial"))],
)
def test_consistency_uses_rows_without_labels(consistency):
    X, y = load_digits(n_class=6, return_X_y=True)
    X, y = X[:500] / 16, y[:500]
    few = np.full(500, None, dtype=object)
    for digit in range(6):
        few[np.flatnonzero(y == digit)[:2]] = digit
    settings = {"hidden_layer_sizes": (64, 64), "max_epochs": 40, "consistency": consistency}

    def accuracy(weight):
        models = [
            fast_classifier(consistency_weight=weight, random_state=seed, **settings)
            for seed in range(2)
        ]
        return np.mean([model.fit(X, few).score(X, y) for model in models])

    consistent = accuracy(1.0)
    assert consistent > accuracy(0.0) + 0.03
    assert consistent > 0.93


@pytest.mark.parametrize("consistency_weight", [1.0, 0.0])
def test_spread_labels_are_taught_first(blobs, consistency_weight):
    X, y = blobs
    few, chosen = with_few_labels(y, 12, seed=1)
    model = fast_classifier(consistency_weight=consistency_weight, max_epochs=10)
    model.set_params(init="label_spreading", callbacks=[Beginning()]).fit(X, few)
    pseudo_labels = Beginning.pseudo_labels.numpy()
    assert (pseudo_labels == y).mean() > 0.95
    np.testing.assert_array_equal(pseudo_labels[chosen], y[chosen])
    assert (Beginning.labels >= 0).sum() == 12  # the others are not taught for ever
    assert Beginning.n_epochs == 4
    assert (Beginning.neighbors is None) == (consistency_weight == 0)
    model.partial_fit(X, few)
    assert Beginning.pseudo_labels is None
    model.set_params(init="random").fit(X, few)
    assert Beginning.pseudo_labels is None


@pytest.mark.slow
def test_spread_labels_are_learned():
    # Two rings with two labels each, which say little by themselves.
    X, y = make_circles(300, factor=0.4, noise=0.03, random_state=0)
    few = np.full(len(y), np.nan)
    for label in (0, 1):
        few[np.flatnonzero(y == label)[:2]] = label
    settings = {"consistency": "adversarial", "hidden_layer_sizes": (64,), "max_epochs": 60}
    model = fast_classifier(**settings).fit(X, few)
    assert model.score(X, y) < 0.7
    assert model.set_params(init="label_spreading").fit(X, few).score(X, y) > 0.95


def test_beginning_is_checked(blobs):
    with pytest.raises(ValueError, match=r"'init' parameter .* 'spectral' instead"):
        fast_classifier(init="spectral").fit(*blobs)


def test_partial_fit_learns_over_calls(blobs):
    X, y = blobs
    names = np.array(["a", "b", "c"])[y]
    model = fast_classifier()
    model.partial_fit(X[:40], np.full(40, None), classes=["c", "b", "a"])
    assert model.classes_.tolist() == ["a", "b", "c"]
    for _ in range(25):
        model.partial_fit(X, names)
    assert model.n_iter_ == 26
    assert model.score(X, names) > 0.95
    with pytest.raises(ValueError, match="not those of the first call"):
        model.partial_fit(X, names, classes=["a", "b"])
    with pytest.raises(ValueError, match="holds 'z', not among"):
        model.partial_fit(X, np.full(len(X), "z"))
    with pytest.raises(ValueError, match="hidden_layer_sizes changed"):
        model.set_params(hidden_layer_sizes=(8,)).partial_fit(X, names)


# ------------------------------------------------------------------------------ tables


def test_tables_of_mixed_types():
    frame = animals(300)
    y = frame.pop("animal").to_numpy()
    few, chosen = with_few_labels(y, 40, seed=0)
    model = fast_classifier(max_epochs=30, lr="auto", hidden_layer_sizes=(64,)).fit(frame, few)
    rest = np.setdiff1d(np.arange(len(y)), chosen)
    assert model.score(frame.iloc[rest], y[rest]) > 0.85
    assert model.feature_names_in_.tolist() == list(frame)
    reconstructed = model.estimator_.reconstruct(frame.iloc[:3])
    assert reconstructed.dtypes.equals(frame.dtypes)


def test_the_code_is_probabilities_and_style(blobs):
    X, y = blobs
    model = fast_classifier().fit(X, y)
    codes = model.estimator_.transform(X)
    np.testing.assert_allclose(codes[:, :3], model.predict_proba(X), atol=1e-5)
    np.testing.assert_allclose(model.transform(X), codes, atol=1e-5)
    assert list(model.get_feature_names_out()) == [f"aaeclassifier{i}" for i in range(5)]
    placed = fast_classifier(head_distance=3.0).fit(X, y)
    assert placed.transform(X).shape == (150, 2)


# --------------------------------------------------------------------------- workflows


def test_workflows(blobs):
    X, y = blobs
    pipeline = make_pipeline(StandardScaler(), fast_classifier())
    grid = {"aaeclassifier__n_components": [1, 2]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, y)
    assert search.best_score_ > 0.9
    calibrated = CalibratedClassifierCV(fast_classifier(), cv=2).fit(X, y)
    assert calibrated.score(X, y) > 0.9
    assert (cross_val_predict(fast_classifier(), X, y, cv=2) == y).mean() > 0.9
    few = np.where(np.arange(len(y)) % 5 == 0, y, -1)
    assert SelfTrainingClassifier(fast_classifier()).fit(X, few).score(X, y) > 0.9


def test_survives_pickling_and_cloning(blobs):
    X, y = blobs
    model = fast_classifier().fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(clone(model).fit(X, y).predict_proba(X), model.predict_proba(X))


def test_labels_of_a_series_do_not_depend_on_its_index(blobs):
    X, y = blobs
    series = pd.Series(y, index=np.arange(len(y))[::-1])
    expected = fast_classifier().fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(fast_classifier().fit(X, series).predict_proba(X), expected)


# ----------------------------------------------------------------------------- quality


def digits_accuracies(digits_with_all_pixels, seeds):
    """Return accuracies on the rows without labels: ours, spreading's, regression's."""
    X, y = digits_with_all_pixels
    rows = []
    for seed in seeds:
        few, chosen = with_few_labels(y, 50, seed)
        rest = np.setdiff1d(np.arange(len(y)), chosen)
        numbers = np.array([-1 if label is None else label for label in few])
        spread = LabelSpreading(kernel="knn", n_neighbors=7).fit(X, numbers)
        regression = LogisticRegression(max_iter=2000).fit(X[chosen], y[chosen])
        ours = AAEClassifier(random_state=seed).fit(X, few)
        rows.append(
            (
                ours.score(X[rest], y[rest]),
                (spread.transduction_[rest] == y[rest]).mean(),
                regression.score(X[rest], y[rest]),
            )
        )
    return np.mean(rows, axis=0)


@pytest.mark.slow
def test_fifty_labels_of_digits(all_digits):
    ours, spreading, regression = digits_accuracies(all_digits, [0])
    assert ours > spreading + 0.02
    assert ours > regression + 0.05


@pytest.mark.slow
def test_fifty_labels_of_digits_over_seeds(all_digits):
    ours, spreading, regression = digits_accuracies(all_digits, range(5))
    assert ours > 0.93
    assert ours > spreading + 0.015
    assert ours > regression + 0.1


@pytest.mark.slow
@pytest.mark.parametrize("load", [load_iris, load_wine])
@pytest.mark.parametrize("n_labels", [20, None])
def test_never_far_below_logistic_regression(load, n_labels):
    X, y = load(return_X_y=True)
    scores = []
    for seed in range(3):
        train, test = np.split(np.random.default_rng(seed).permutation(len(y)), [100])
        few, chosen = with_few_labels(y[train], n_labels or len(train), seed)
        scaler = StandardScaler().fit(X[train])
        regression = LogisticRegression(max_iter=2000)
        regression.fit(scaler.transform(X[train][chosen]), y[train][chosen])
        ours = AAEClassifier(random_state=seed).fit(X[train], few)
        scores.append(
            (ours.score(X[test], y[test]), regression.score(scaler.transform(X[test]), y[test]))
        )
    ours, regression = np.mean(scores, axis=0)
    assert ours > regression - 0.02


def test_log_probabilities_and_decisions(blobs):
    X, y = blobs
    for k in (2, 3):
        model = fast_classifier().fit(X[y < k], y[y < k])
        proba = model.predict_proba(X)
        np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), proba)
        decisions = model.decision_function(X)
        assert np.isfinite(decisions).all()
        if k == 2:
            assert decisions.shape == (len(X),)
            np.testing.assert_array_equal(
                model.classes_[(decisions > 0).astype(int)], model.predict(X)
            )
            np.testing.assert_allclose(1 / (1 + np.exp(-decisions)), proba[:, 1], atol=1e-12)
        else:
            np.testing.assert_array_equal(decisions.argmax(axis=1), proba.argmax(axis=1))


@pytest.mark.parametrize(
    "change",
    [
        {"n_components": 3},
        {"consistency": "neighbors"},
        {"consistency_weight": 0.5},
        {"init": "label_spreading"},
        {"head_distance": 2.0},
        {"estimator": AdversarialAutoencoder(activation="tanh")},
        {"hidden_layer_sizes": (8,)},
    ],
)
def test_what_is_built_in_cannot_change_later(blobs, change):
    X, y = blobs
    model = fast_classifier().partial_fit(X, y)
    (name,) = change
    model.set_params(**change)
    before = model.predict_proba(X)
    with pytest.raises(ValueError, match=f"{name} changed from .*; call fit") as caught:
        model.partial_fit(X, y)
    assert "warm_start" not in str(caught.value)
    np.testing.assert_array_equal(model.predict_proba(X), before)


def test_what_is_not_built_in_is_obeyed_by_partial_fit(blobs):
    X, y = blobs
    ends = []
    for change in ({}, {"n_neighbors": 2}, {"lr": 1e-4}, {"batch_size": 10}):
        model = fast_classifier().partial_fit(X, y).set_params(**change).partial_fit(X, y)
        ends.append(model.predict_proba(X))
    assert not any(np.array_equal(ends[0], end) for end in ends[1:])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_numbers_that_overflow_are_not_called_missing(blobs):
    X, y = blobs
    with pytest.raises(
        ValueError, match=r"AAEClassifier cannot scale.*column 1.*quantile"
    ) as error:
        fast_classifier().fit(X * [1, 1e200, 1, 1], y)
    assert "NaN" not in str(error.value)
