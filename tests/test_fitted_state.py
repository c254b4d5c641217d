"""What fitted estimators hold: nothing of a library of frames, no closure, all of it storable."""

from __future__ import annotations

import datetime
import types
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

from sklearn_aae import (
    AAEClassifier,
    AAEClusterer,
    AAEImputer,
    AAEOutlierDetector,
    AdversarialAutoencoder,
    TableEncoder,
)
from sklearn_aae.priors import LearnedMixture

N = 40
RNG = np.random.default_rng(0)
NUMBERS = pd.DataFrame(RNG.normal(size=(N, 3)), columns=["a", "b", "c"])
DAYS = pd.date_range("2020-01-01", periods=N)
TINY = {"max_epochs": 1, "hidden_layer_sizes": (8,), "random_state": 0}
ESTIMATORS = {
    "model": AdversarialAutoencoder(**TINY),
    "classifier": AAEClassifier(**TINY),
    "clusterer": AAEClusterer(n_clusters=2, **TINY),
    "detector": AAEOutlierDetector(max_epochs=1, random_state=0),
    "imputer": AAEImputer(AdversarialAutoencoder(**TINY), add_indicator=True),
    "encoder": TableEncoder(),
}
#: What the page on saving tells to trust, beside the types of this package.
TRUSTED = {
    "functools.partial",
    "numpy.dtype",
    "skorch.callbacks.logging.EpochTimer",
    "skorch.setter.optimizer_setter",
    "torch.optim.adam.Adam",
    "torch.utils.data.dataloader.DataLoader",
}


#: Types of the cells that were fitted to.
CELLS = {
    "datetime.datetime",
    "datetime.time",
    "datetime.timedelta",
    "decimal.Decimal",
    "zoneinfo.ZoneInfo",
}


def mixed_pandas():
    strings = RNG.choice(["p", "q", "r"], N)
    return pd.DataFrame(
        {
            "float": RNG.normal(size=N),
            "text": strings,
            "arrow": pd.Series(strings, dtype="string[pyarrow]"),
            "category": pd.Categorical(strings, ordered=True),
            "bins": pd.cut(RNG.normal(size=N), 3),
            "months": pd.Categorical(DAYS.to_period("M")),
            "instants": pd.Categorical(DAYS.tz_localize("Europe/Berlin")[:4].repeat(N // 4)),
            "zoned": DAYS.tz_localize("Europe/Berlin"),
            "date32": pd.Series(DAYS.date, dtype="date32[pyarrow]"),
            "decimals": pd.Series([Decimal(n) / 4 for n in range(N)], dtype=object),
            "holes": pd.array([*range(N - 1), None], dtype="Int64"),
            "none": pd.Series([None, *DAYS[1:]], dtype=object),
            "na": pd.Series([pd.NA, *["x", "y", "z"] * 13], dtype=object),
            "spans": pd.Series([pd.Timedelta(n, "h") for n in range(N)], dtype=object),
            "written": DAYS.strftime("%d.%m.%Y"),
        },
        index=DAYS,
    )


def mixed_polars():
    strings = RNG.choice(["p", "q", "r"], N)
    return pl.DataFrame(
        {
            "float": RNG.normal(size=N),
            "text": strings,
            "enum": pl.Series(strings).cast(pl.Enum(["r", "q", "p"])),
            "category": pl.Series(strings).cast(pl.Categorical),
            "zoned": pl.Series(DAYS).dt.replace_time_zone("Europe/Berlin"),
            "decimals": pl.Series([Decimal(n) / 4 for n in range(N)], dtype=pl.Decimal(10, 2)),
            "times": [datetime.time(n % 5) for n in range(N)],
            "spans": pl.Series([datetime.timedelta(n) for n in range(N)]),
        }
    )


TABLES = {
    "numbers in pandas": NUMBERS,
    "numbers in polars": pl.from_pandas(NUMBERS),
    "numbers in an array": NUMBERS.to_numpy(),
    "pandas": mixed_pandas(),
    "polars": mixed_polars(),
    "objects": mixed_pandas()[["float", "text", "none", "spans"]].to_numpy(object),
}


def is_foreign(thing):
    """Return whether something is of a library of frames, or cannot be stored by name."""
    kind = thing if isinstance(thing, type) else type(thing)
    if (kind.__module__ or "").partition(".")[0] in ("pandas", "polars", "pyarrow", "narwhals"):
        return True
    return isinstance(thing, types.FunctionType) and (
        thing.__closure__ is not None or "<" in thing.__qualname__
    )


def parts_of(thing):
    if isinstance(thing, (type, types.ModuleType)):
        return []
    if isinstance(thing, dict):
        return [*thing.items(), *(("a key", key) for key in thing)]
    if isinstance(thing, (list, tuple, set, frozenset)):
        return list(enumerate(thing))
    if isinstance(thing, np.ndarray):
        return list(enumerate(thing.ravel())) if thing.dtype == object else []
    if isinstance(thing, types.MethodType):
        return [("self", thing.__self__)]
    slots = (name for name in getattr(type(thing), "__slots__", ()) if hasattr(thing, name))
    return [*getattr(thing, "__dict__", {}).items(), *((s, getattr(thing, s)) for s in slots)]


def foreign_parts(root):
    """Yield the paths of all that a fitted estimator should not hold."""
    seen, todo = {}, [("fitted", root)]
    while todo:
        path, thing = todo.pop()
        if id(thing) in seen:
            continue
        seen[id(thing)] = thing  # kept, so that no other thing gets its id
        if is_foreign(thing):
            yield path, thing
        else:
            todo += [(f"{path}.{name}", part) for name, part in parts_of(thing)]


@pytest.fixture(scope="module")
def fitted():
    """Return fitted estimators, each fitted when it is first asked for."""
    known = {}

    def fit(name, table):
        if (name, table) not in known:
            y = np.array(["a", "b"])[np.arange(N) % 2]
            known[name, table] = clone(ESTIMATORS[name]).fit(TABLES[table], y)
        return known[name, table]

    return fit


def apply(estimator, X):
    """Return what an estimator says of rows."""
    method = "score_samples" if isinstance(estimator, AAEOutlierDetector) else "transform"
    answer = getattr(estimator, method)(X)
    return answer if isinstance(estimator, AAEImputer) else np.asarray(answer)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_nothing_of_a_library_of_frames_and_no_closure_is_held(fitted, name, table):
    estimator = fitted(name, table)
    apply(estimator, TABLES[table])  # what is kept for later counts as well
    assert dict(foreign_parts(estimator)) == {}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_skops_stores_fitted_estimators(fitted, name, table):
    skops = pytest.importorskip("skops.io", reason="skops is in no extra: it is not needed")
    stored = skops.dumps(fitted(name, table))
    found = skops.get_untrusted_types(data=stored)
    others = {kind for kind in found if not kind.startswith("sklearn_aae.")}
    if not table.startswith("numbers"):  # cells themselves
        others -= CELLS
    assert others <= TRUSTED
    again = skops.loads(stored, trusted=found)
    X = TABLES[table]
    assert_same(apply(again, X), apply(fitted(name, table), X))
    if name == "encoder":
        assert_same(*(e.inverse_transform(e.transform(X)) for e in (again, fitted(name, table))))


def assert_same(back, expected):
    assert type(back) is type(expected)
    if isinstance(back, pd.DataFrame):
        pd.testing.assert_frame_equal(back, expected)
    elif isinstance(back, pl.DataFrame):
        assert back.equals(expected)
    elif back.dtype == object:  # where NaN is no number
        pd.testing.assert_frame_equal(pd.DataFrame(back), pd.DataFrame(expected))
    else:
        np.testing.assert_array_equal(back, expected)


def test_skops_stores_a_detector_around_a_model(fitted):
    skops = pytest.importorskip("skops.io", reason="skops is in no extra: it is not needed")
    model = fitted("model", "numbers in pandas")
    detector = AAEOutlierDetector(estimator=FrozenEstimator(model), random_state=0).fit(NUMBERS)
    assert dict(foreign_parts(detector)) == {}
    stored = skops.dumps(detector)
    found = skops.get_untrusted_types(data=stored)
    others = {kind for kind in found if not kind.startswith("sklearn_aae.")}
    assert others <= TRUSTED | {"sklearn.frozen._frozen.FrozenEstimator"}
    again = skops.loads(stored, trusted=found)
    np.testing.assert_array_equal(apply(again, NUMBERS), apply(detector, NUMBERS))


@pytest.mark.parametrize("prior", ["learned", LearnedMixture(3)], ids=["by name", "object"])
def test_skops_stores_a_prior_that_is_learned(prior):
    skops = pytest.importorskip("skops.io", reason="skops is in no extra: it is not needed")
    model = AdversarialAutoencoder(prior=prior, **TINY).fit(NUMBERS)
    stored = skops.dumps(model)
    again = skops.loads(stored, trusted=skops.get_untrusted_types(data=stored))
    assert again.prior_ is again.net_.module_.prior
    assert torch.equal(again.prior_.means, model.prior_.means)
    np.testing.assert_array_equal(again.sample(3, random_state=0), model.sample(3, random_state=0))


def test_the_guide_lists_what_skops_is_to_trust():
    page = Path(__file__).parents[1] / "docs" / "user_guide" / "saving.rst"
    text = page.read_text(encoding="utf-8")
    assert all(f'"{kind}"' in text for kind in TRUSTED)


@pytest.mark.parametrize(
    "labels",
    [
        pd.RangeIndex(2, 8, 2, name="n"),
        pd.Index([2.5, 3.5, 4.5]),
        pd.Index(["a", "b", "c"], name="names"),
        pd.Index(["a", "b", "c"], dtype=object),
        pd.date_range("2020-01-01", periods=3, tz="Europe/Berlin"),
        pd.period_range("2020-01", periods=3, freq="M"),
        pd.interval_range(0, 3),
        pd.CategoricalIndex(["x", "y", "z"]),
        pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["u", "v"]),
    ],
    ids=lambda labels: type(labels).__name__ + str(labels.dtype),
)
def test_labels_of_columns_come_back_as_they_were(labels):
    frame = pd.DataFrame(NUMBERS.to_numpy(), columns=labels)
    encoder = TableEncoder().fit(frame)
    back = encoder.inverse_transform(encoder.transform(frame))
    pd.testing.assert_index_equal(back.columns, labels, exact=True)
    assert dict(foreign_parts(encoder)) == {} or isinstance(labels[0], (pd.Period, pd.Interval))


def test_types_and_cells_come_back_as_they_were():
    table = mixed_pandas()
    encoder = TableEncoder(max_levels=N).fit(table)
    back = encoder._from_levels(encoder._to_levels(table), None, like=table)
    pd.testing.assert_frame_equal(back, table)
    for name in ("none", "spans", "na"):
        assert list(map(type, back[name])) == list(map(type, table[name]))
    wanted = table["bins"].iloc[0]
    shares = encoder._level_shares("bins", wanted)
    assert shares.sum() == shares[encoder._to_levels(table)[0, 4]] == 1
