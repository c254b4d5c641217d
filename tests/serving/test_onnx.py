"""Graphs of ONNX say of every row what Python says."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import onnx
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.decomposition import PCA
from torch import nn

from sklearn_aae import (
    AAEClassifier,
    AAEClusterer,
    AAEOutlierDetector,
    AdversarialAutoencoder,
    TableEncoder,
    export_onnx,
)
from sklearn_aae.exceptions import IdentifierWarning, NotFittedError
from tests.serving.graphs import (
    DETECTOR,
    HEADS,
    MODEL,
    assert_agree,
    columns_in,
    feed_of,
    fit_quickly,
    numbers,
    odd_numbers,
    session_of,
)


def with_holes(X):
    X = X.copy()
    X[np.random.default_rng(4).random(len(X)) < 0.2, 1] = np.nan
    return X


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"posterior": "gaussian", "activation": "gelu", "scaling": "minmax"},
        {"posterior": "universal", "prior": "categorical", "activation": "elu"},
        {"posterior": "channel", "activation": "silu", "init": "random", "scaling": None},
        {"activation": "tanh", "prior": "uniform"},
        {"scaling": "quantile"},
        {"activation": "leaky_relu", "supervision": "decoder"},
    ],
    ids=str,
)
def test_models_of_numbers(parameters, holes, tmp_path):
    X = with_holes(numbers()) if holes else numbers()
    y = np.arange(len(X)) % 3 if "supervision" in parameters else None
    model = fit_quickly(AdversarialAutoencoder(n_components=2, **parameters), X, y)
    session = session_of(model, tmp_path, MODEL)
    assert [given.shape for given in session.get_inputs()] == [["n", 4]]
    assert_agree(model, session, numbers(5, seed=5))
    assert_agree(model, session, odd_numbers())
    assert_agree(model, session, odd_numbers()[:1])


def test_normal_scores_of_numbers_that_repeat(tmp_path):
    X = with_holes(np.column_stack([np.exp(numbers()[:, 0]), numbers().round(), np.ones(150)]))
    model = fit_quickly(AdversarialAutoencoder(scaling="quantile", output="gaussian"), X)
    session = session_of(model, tmp_path, MODEL)
    later = np.column_stack([odd_numbers(), np.arange(60.0) % 2, np.ones(60)])
    assert_agree(model, session, X[:40])
    assert_agree(model, session, later)


def test_probabilities_of_pixels(tmp_path):
    X = (numbers() > 0).astype(np.float32)
    model = fit_quickly(AdversarialAutoencoder(output="bernoulli"), X)
    session = session_of(model, tmp_path, MODEL, dtype="float32")
    assert {given.type for given in session.get_inputs()} == {"tensor(float)"}
    assert session.get_outputs()[0].type == "tensor(float)"
    assert_agree(model, session, X[:7])


def test_learned_variances(tmp_path):
    from sklearn_aae.outputs import Gaussian

    model = fit_quickly(AdversarialAutoencoder(output=Gaussian("learned")), with_holes(numbers()))
    assert_agree(model, session_of(model, tmp_path, MODEL), odd_numbers())


def table(n=250, seed=0, later=False):
    """Return a table of all kinds of columns with missing cells; later ones have new levels."""
    rng = np.random.default_rng(seed)
    first = -900 if later else 0
    labels = [*"abcde", *(["new", "Z\u00fcrich"] if later else [])]
    frame = pd.DataFrame(
        {
            "real": rng.normal(size=n) * (1e5 if later else 1),
            "whole": rng.integers(0, 40, n).astype(float),
            "large": rng.integers(0, 2**61, n).astype(float),
            "tenths": np.round(rng.normal(size=n), 1),
            "label": rng.choice(labels, n),
            "name": rng.choice([f"name {i}" for i in range(90)], n),
            "truth": pd.array(rng.random(n) < 0.3, dtype="boolean"),
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(first, 800, n), "D"),
            "second": pd.Timestamp("1969-06-01 10:00")
            + pd.to_timedelta(rng.integers(0, 10**8, n), "s"),
            "span": pd.to_timedelta(rng.integers(0, 10**6, n), "s"),
            "code": pd.Categorical(rng.integers(0, 5 + 3 * later, n)),
            "nothing": np.full(n, np.nan),
        }
    )
    for name in frame.columns:
        if later or name not in ("tenths", "label", "span"):
            frame.loc[rng.random(n) < 0.1, name] = pd.NA if name == "truth" else None
    return frame


@pytest.fixture(scope="module")
def mixed_model():
    return fit_quickly(AdversarialAutoencoder(rules=None), table())


@pytest.fixture(scope="module")
def mixed_detector():
    return fit_quickly(AAEOutlierDetector(rules=None), table())


def test_models_of_mixed_tables(mixed_model, tmp_path):
    session = session_of(mixed_model, tmp_path, MODEL)
    assert [(given.name, given.shape) for given in session.get_inputs()] == [
        (name, ["n", 1]) for name in table().columns
    ]
    assert {given.name: given.type for given in session.get_inputs()}["day"] == "tensor(int64)"
    assert columns_in(session)["day"] == {"name": "day", "kind": "datetime", "unit": "us"}
    assert_agree(mixed_model, session, table(100, seed=1, later=True))
    assert_agree(mixed_model, session, table(1, seed=2))


@pytest.mark.parametrize(
    "parameters",
    [
        {"output": "independent", "posterior": "gaussian"},
        {"posterior": "deterministic", "prior": "categorical", "supervision": "decoder"},
    ],
    ids=str,
)
def test_outputs_and_posteriors_of_mixed_tables(parameters, tmp_path):
    X, y = table(150), np.arange(150) % 2
    model = fit_quickly(AdversarialAutoencoder(rules=None, **parameters), X, y)
    assert_agree(model, session_of(model, tmp_path, MODEL), table(50, seed=1, later=True))


@pytest.mark.parametrize("n_columns", [1, 40])
def test_tables_of_few_and_of_many_digits(n_columns, tmp_path):
    rng = np.random.default_rng(0)
    cells = rng.choice(["a", "b", "c"], (80, n_columns))
    frame = pd.DataFrame(cells, columns=[f"c{j}" for j in range(n_columns)])
    model = fit_quickly(AdversarialAutoencoder(rules=None, n_components=2), frame)
    later = frame[:20].mask(rng.random((20, n_columns)) < 0.2, "new")
    assert_agree(model, session_of(model, tmp_path, MODEL), later)


def test_encoders(tmp_path):
    for encoder in (
        TableEncoder(),
        TableEncoder(max_categories=4, min_frequency=3, handle_unknown="infrequent_if_exist"),
    ):
        encoder.fit(table())
        session = session_of(encoder, tmp_path, None)
        later = table(100, seed=1, later=True)
        found = session.run(None, feed_of(session, later))[0]
        np.testing.assert_array_equal(found, encoder.transform(later))


def test_levels_are_those_of_python_on_either_side_of_every_edge(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "real": rng.normal(size=400),
            "whole": rng.integers(0, 2**62, 400),
            "text": rng.choice(list("ab"), 400),
        }
    )
    model = fit_quickly(AdversarialAutoencoder(rules=None, n_components=1), frame)
    session = session_of(model, tmp_path, ("score_contributions",))
    cells = {}
    for codec in model._reader.encoder._codecs[:2]:
        low = codec.axis.low.astype(float)
        middle = low[1:] / 2 + codec.axis.high[:-1].astype(float) / 2
        ends = [np.nextafter(middle, -np.inf), middle, np.nextafter(middle, np.inf), low[1:]]
        cells[codec.span.name] = np.concatenate(ends)
    n = min(map(len, cells.values()))
    later = pd.DataFrame({name: own[:n] for name, own in cells.items()})
    later["text"] = "a"
    assert_agree(model, session, later)


def test_columns_of_objects(tmp_path):
    rng = np.random.default_rng(0)
    X = np.empty((80, 2), dtype=object)
    X[:, 0] = rng.choice(["", "low", "high"], 80)
    X[:, 1] = rng.normal(size=80)
    encoder = TableEncoder().fit(X)
    session = session_of(encoder, tmp_path, None)
    assert [given.name for given in session.get_inputs()] == ["x0", "x1"]
    text, real = np.array([["low"], [""], ["other"]], dtype=object), np.ones((3, 1))
    # A category that is empty text is that category.
    later = np.hstack([text, real.astype(object)])
    found = session.run(None, {"x0": text, "x1": real})[0]
    np.testing.assert_array_equal(found, encoder.transform(later))


def test_text_that_holds_numbers_goes_in_as_numbers(tmp_path):
    price = np.round(np.random.default_rng(0).normal(size=100), 2)
    frame = pd.DataFrame({"price": [f"{own:.2f}" for own in price], "kind": ["a", "b"] * 50})
    encoder = TableEncoder().fit(frame)
    session = session_of(encoder, tmp_path, None)
    later = pd.DataFrame({"price": price, "kind": frame["kind"]})
    found = session.run(None, feed_of(session, later))[0]
    np.testing.assert_array_equal(found, encoder.transform(frame))


@pytest.mark.parametrize("kind", ["numbers", "mixed"])
def test_classifiers_and_clusterers(kind, tmp_path):
    X = numbers() if kind == "numbers" else table(150)
    later = odd_numbers() if kind == "numbers" else table(50, seed=1, later=True)
    y = np.array(["low", "high", "none"])[np.arange(len(X)) % 3]
    for estimator in (
        AAEClassifier(),
        AAEClassifier(head_distance=2.0),
        AAEClusterer(n_clusters=3),
    ):
        fit_quickly(estimator, X, y)
        assert_agree(estimator, session_of(estimator, tmp_path, HEADS), later)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"contamination": 0},
        {"kind": "model"},
        {"kind": "reference"},
        {"kind": "likelihood"},
        {"kind": "marginal"},
        {"kind": "reconstruction"},
        {"calibration": "cross"},
    ],
    ids=str,
)
def test_detectors_of_numbers(parameters, tmp_path):
    X = np.hstack([numbers(), np.ones((150, 1))])
    detector = fit_quickly(AAEOutlierDetector(n_estimators=3, **parameters), X)
    session = session_of(detector, tmp_path, DETECTOR)
    later = np.hstack([odd_numbers(), np.ones((60, 1))])
    later[::9, 4] = 3
    assert_agree(detector, session, later)
    assert_agree(detector, session, X[:30])  # some of which are stored
    facts = session.get_modelmeta().custom_metadata_map
    assert float(facts["threshold"]) == detector.offset_
    assert facts["alpha"] == "0.05"


@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_rows_that_calibrated_tie_with_themselves(alpha, tmp_path):
    X = numbers(400)
    detector = fit_quickly(AAEOutlierDetector(n_estimators=2, alpha=alpha), X)
    rows = X[detector.held_out_indices_]
    known = np.sort(detector._calibration.scores["default"])
    scores = detector.score_samples(rows)
    alone = (np.abs(scores[:, None] - known) < 1e-4).sum(axis=1) == 1
    assert alone.sum() > 30
    session = session_of(detector, tmp_path, ("p_values", "predict"))
    p_values, flags = session.run(None, {"X": rows})
    np.testing.assert_array_equal(p_values[alone], detector.p_values(rows)[alone])
    np.testing.assert_array_equal(flags[alone], detector.predict(rows)[alone])
    assert (p_values >= detector.p_values(rows)).all()


@pytest.mark.parametrize(
    "parameters, kind",
    [
        ({}, "default"),
        ({"posterior": "channel", "scaling": "minmax"}, "likelihood"),
        ({"posterior": "universal", "prior": "categorical"}, "marginal"),
        ({"posterior": "gaussian", "scaling": None}, "reconstruction"),
        ({"output": "bernoulli"}, "likelihood"),
    ],
    ids=str,
)
def test_detectors_around_a_model(parameters, kind, tmp_path):
    X = numbers() if "output" not in parameters else (numbers() > 0).astype(float)
    model = AdversarialAutoencoder(n_components=2, max_epochs=1, random_state=0, **parameters)
    detector = AAEOutlierDetector(estimator=model, kind=kind, random_state=0).fit(X)
    session = session_of(detector, tmp_path, DETECTOR)
    assert_agree(detector, session, X[:40])
    if "output" not in parameters:
        later = numbers(50, seed=3)
        later[::7] *= 1e4
        assert_agree(detector, session, later)


def test_members_that_see_parts_of_a_wide_table(tmp_path):
    X = np.random.default_rng(0).normal(size=(60, 420))
    detector = fit_quickly(AAEOutlierDetector(n_estimators=2, calibration="cross"), X)
    assert_agree(detector, session_of(detector, tmp_path, DETECTOR), X[:5] + 0.5)


def test_detectors_of_mixed_tables(mixed_detector, tmp_path):
    session = session_of(mixed_detector, tmp_path, DETECTOR)
    assert_agree(mixed_detector, session, table(100, seed=1, later=True))
    assert_agree(mixed_detector, session, table()[:30])


@pytest.mark.parametrize("kind", ["likelihood", "marginal"])
def test_costs_of_levels(kind, tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"real": rng.normal(size=200), "rare": rng.choice(list("xxxxxxxxyz"), 200)}
    )
    frame.loc[::20, "rare"], frame.loc[::30, "real"] = "w", np.nan
    detector = fit_quickly(AAEOutlierDetector(kind=kind, rules=None), frame)
    session = session_of(detector, tmp_path, DETECTOR)
    assert_agree(detector, session, frame[:40])
    assert_agree(detector, session, frame[:9].assign(rare=["w", "new", None] * 3))


def test_columns_of_many_levels_in_detectors(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "code": rng.choice([f"code {i}" for i in range(30)], 200),
            "note": [f"note {i % 150}" for i in range(200)],
            "real": rng.normal(size=200),
        }
    )
    detector = fit_quickly(AAEOutlierDetector(rules=None), frame)
    assert detector._reader.blocks
    session = session_of(detector, tmp_path, DETECTOR)
    assert_agree(detector, session, frame[:40].assign(note="other"))
    assert_agree(detector, session, frame[:9].assign(code=["code 3", "new", None] * 3))


def test_rows_that_all_repeat_are_near_to_themselves(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"size": rng.choice(list("sml"), 200), "made": rng.choice(["x", "y"], 200)}
    )
    frame["price"] = frame["size"].map({"s": 1.0, "m": 2.5, "l": 4.0})
    detector = fit_quickly(AAEOutlierDetector(rules=None), frame)
    session = session_of(detector, tmp_path, DETECTOR[:1])
    found = session.run(None, feed_of(session, frame[:50]))[0]
    # Their spread is next to none, and scores are in units of it: rounding shows.
    np.testing.assert_allclose(found, detector.score_samples(frame[:50]), atol=1e-3)


REALS = st.floats(allow_nan=True, allow_infinity=False)
DAYS = st.one_of(st.none(), st.dates(pd.Timestamp.min.date(), pd.Timestamp.max.date()))
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "real": REALS,
            "whole": st.one_of(st.none(), st.integers(-(2**53), 2**53)),
            "large": REALS,
            "tenths": REALS,
            "label": st.one_of(st.none(), st.text(min_size=1, max_size=3), st.sampled_from("abc")),
            "name": st.one_of(st.none(), st.sampled_from(["name 1", "name 12", "name"])),
            "truth": st.one_of(st.none(), st.booleans()),
            "day": DAYS,
            "second": DAYS,
            "span": st.one_of(st.none(), st.integers(-(10**9), 10**9)),
            "code": st.one_of(st.none(), st.integers(-3, 9)),
            "nothing": st.none(),
        }
    ),
    min_size=1,
    max_size=6,
)


def as_frame(rows):
    """Return rows in the types of :func:`table`."""
    frame = pd.DataFrame(rows)
    for name in ("real", "whole", "large", "tenths", "nothing"):
        frame[name] = frame[name].astype(float)
    frame["truth"] = pd.array(frame["truth"].to_list(), dtype="boolean")
    for name in ("day", "second"):
        frame[name] = pd.to_datetime(frame[name]).astype("M8[us]")
    frame["span"] = pd.to_timedelta(frame["span"], unit="s")
    frame["code"] = pd.Categorical(frame["code"].astype("Int64"))
    for name in ("label", "name"):
        frame[name] = frame[name].astype("str")
    return frame[list(table(2).columns)]


@pytest.fixture(scope="module")
def sessions(mixed_model, mixed_detector, tmp_path_factory):
    folder = tmp_path_factory.mktemp("onnx")
    pairs = ((mixed_model, MODEL), (mixed_detector, DETECTOR))
    return [(own, session_of(own, folder, outputs)) for own, outputs in pairs]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=ROWS)
def test_any_rows(rows, sessions):
    X = as_frame(rows)
    for estimator, session in sessions:
        assert_agree(estimator, session, X)


# --------------------------------------------------------------------------- errors


def test_outputs_are_checked(tmp_path):
    model = AdversarialAutoencoder(max_epochs=1)
    with pytest.raises(NotFittedError):
        export_onnx(model, tmp_path / "m.onnx")
    model.fit(numbers())
    with pytest.raises(ValueError, match="'predict_proba' is none of them"):
        export_onnx(model, tmp_path / "m.onnx", ("predict_proba",))
    with pytest.raises(ValueError, match="each once"):
        export_onnx(model, tmp_path / "m.onnx", ("transform", "transform"))
    with pytest.raises(TypeError, match="sequence of names"):
        export_onnx(model, tmp_path / "m.onnx", "transform")
    with pytest.raises(ValueError, match="dtype must be"):
        export_onnx(model, tmp_path / "m.onnx", dtype="float16")
    with pytest.raises(TypeError, match="PCA cannot be exported"):
        export_onnx(PCA().fit(numbers()), tmp_path / "m.onnx")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        export_onnx(model, tmp_path / "nowhere" / "m.onnx")
    assert not list(tmp_path.iterdir())


def test_what_has_no_counterpart_is_named(tmp_path):
    path, X = tmp_path / "m.onnx", numbers()
    names = pd.DataFrame(X, columns=["a", "b", "c", "score_samples"])
    for estimator, data, words in [
        (AdversarialAutoencoder(handle_missing="error"), X, "handle_missing='error'"),
        (AAEOutlierDetector(kind="latent"), X, "kind='latent'"),
        (AdversarialAutoencoder(rules=None), names, "'score_samples' is called like an output"),
    ]:
        fit_quickly(clone(estimator), data)
        with pytest.raises(ValueError, match=words):
            export_onnx(fit_quickly(estimator, data), path)
    assert not path.exists()


def test_categories_that_are_no_tensors_are_named(tmp_path):
    frame = pd.DataFrame({"mixed": pd.Categorical([1, "one"] * 20), "real": np.arange(40.0)})
    with pytest.raises(ValueError, match="'mixed' has categories of type int, str"):
        export_onnx(TableEncoder().fit(frame), tmp_path / "m.onnx")
    exact = pd.DataFrame({"paid": [Decimal(i) / 7 for i in range(40)], "kind": ["a", "b"] * 20})
    with pytest.raises(ValueError, match="'paid' has numbers that float64 does not hold"):
        export_onnx(TableEncoder().fit(exact), tmp_path / "m.onnx")


def test_identifiers_say_nothing(tmp_path):
    X = numbers(60)
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame.insert(1, "row", np.arange(60))
    text = frame.assign(label=["u", "v"] * 30, row=[f"row {i * i}" for i in range(60)])
    for data, new in ((frame, 9000), (text, "row x")):
        later = data.iloc[:9].assign(row=[new] * 9)
        for estimator, outputs in (
            (AdversarialAutoencoder(rules=None), MODEL),
            (AAEOutlierDetector(rules=None, calibration="cross"), DETECTOR),
        ):
            with pytest.warns(IdentifierWarning):
                fit_quickly(estimator, data)
            session = session_of(estimator, tmp_path, outputs)
            assert_agree(estimator, session, data.iloc[:9])
            assert_agree(estimator, session, later)


class Normed(nn.Module):
    """A network of the user's own."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(n_in, 8), nn.LayerNorm(8), nn.Linear(8, n_out))

    def forward(self, x):
        return self.layers(x) + x.mean(dim=1, keepdim=True)


class Looking(Normed):
    """A network that decides by the numbers of a row, which torch's exporter cannot follow."""

    def forward(self, x):
        return super().forward(x if x.sum() > 0 else -x)


def test_networks_of_ones_own(tmp_path):
    def chain(n_in, n_out):
        return nn.Sequential(nn.Linear(n_in, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, n_out))

    model = fit_quickly(AdversarialAutoencoder(encoder=Normed, decoder=chain), numbers())
    assert_agree(model, session_of(model, tmp_path, MODEL), numbers(20, seed=5))


def test_networks_that_cannot_be_exported_are_named(tmp_path):
    model = fit_quickly(AdversarialAutoencoder(encoder=Looking), numbers())
    with pytest.raises(ValueError, match="Looking cannot be exported to ONNX: torch's exporter"):
        export_onnx(model, tmp_path / "m.onnx")


def test_graphs_need_no_operators_of_ours(mixed_model, tmp_path):
    session_of(mixed_model, tmp_path, MODEL)
    graph = onnx.load(tmp_path / "model.onnx")
    assert {own.domain for own in graph.opset_import} == {"", "ai.onnx.ml"}
    assert graph.producer_name == "sklearn_aae"
