"""Tables, labels, parameters and calls that nobody should make, and what may come of them."""

from __future__ import annotations

import copy
import datetime
import hashlib
import inspect
import re
import types
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import torch
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sklearn_aae import AAEImputer, TableEncoder
from sklearn_aae.outputs import Autoregressive
from tests.instances import fast, fast_classifier, fast_clusterer, fast_detector
from tests.mixed_tables import animals

TINY = {"max_epochs": 1, "hidden_layer_sizes": (4,)}

ESTIMATORS = {
    "model": lambda: fast(discriminator_layer_sizes=(4,), **TINY),
    "levels": lambda: fast(output=Autoregressive(hidden_size=4), **TINY),
    "detector": lambda: fast_detector(max_epochs=1),
    "classifier": lambda: fast_classifier(**TINY),
    "clusterer": lambda: fast_clusterer(2, **TINY),
    "imputer": lambda: AAEImputer(fast(**TINY), random_state=0),
    "encoder": TableEncoder,
}

# -------------------------------------------------------------------------------- tables

CELLS = {
    "numbers": [0.5, -1.25, 3.0, 2.0, 0.0, 7.5],
    "whole": [1, 2, 3, 4, 5, 60],
    "gaps": [1.0, float("nan"), 3.0, float("nan"), 2.0, 4.0],
    "infinite": [1.0, float("inf"), 3.0, float("-inf"), 2.0, 0.0],
    "extreme": [1e308, -1e308, 1e-308, 3.0, 1e300, 0.0],
    "huge": [2**70, -(2**70), 3, 2**64, 1, 0],
    "same": [7, 7, 7, 7, 7, 7],
    "empty": [None] * 6,
    "texts": ["a", "b", "a", "c", "", "d"],
    "numbers in texts": ["1", "2", "x", "4", "5", "6"],
    "holes": ["a", None, "b", None, "a", "b"],
    "truths": [True, False, True, True, False, False],
    "dates": [datetime.datetime(2020, 1, day) for day in (1, 2, 3, 4, 5, 6)],
    "durations": [datetime.timedelta(days=day) for day in (1, 2, 3, 4, 5, 6)],
    "complex": [1 + 2j, 0j, 3j, 1, 2, 3],
    "bytes": [b"a", b"b", b"a", b"c", b"", b"d"],
    "lists": [[1], [2, 3], [], [4], [5], [6]],
    "dicts": [{}, {"a": 1}, {}, {}, {}, {}],
    "all kinds": [1, "a", None, 2.5, True, datetime.date(2020, 1, 1)],
    "objects": [object(), object(), 1, 2, 3, 4],
}

#: Cells that tables may hold, more often than others.
GOOD = ("numbers", "whole", "texts", "gaps", "truths", "dates")


def as_arrays(columns):
    return np.array(columns, dtype=object).T if columns else np.empty((3, 0))


def in_pandas(columns, names=None):
    frame = pd.DataFrame({i: pd.Series(cells) for i, cells in enumerate(columns)})
    frame.columns = [f"c{i}" for i in range(len(columns))] if names is None else names
    return frame


def of_objects(columns):
    n = len(columns[0]) if columns else 3
    made = np.empty((n, len(columns)), dtype=object)
    for j, cells in enumerate(columns):
        for i, cell in enumerate(cells):
            made[i, j] = cell
    return made


def of_floats(columns):
    return np.array(
        [[float(cell) if isinstance(cell, (int, float)) else 0.0 for cell in c] for c in columns]
    ).T


CONTAINERS = {
    "array": of_floats,
    "fortran": lambda columns: np.asfortranarray(of_floats(columns)),
    "short": lambda columns: of_floats(columns).clip(-1e38, 1e38).astype(np.float32),
    "objects": of_objects,
    "lists": lambda columns: [list(row) for row in zip(*columns, strict=True)],
    "pandas": in_pandas,
    "nullable": lambda columns: in_pandas(columns).convert_dtypes(),
    "polars": lambda columns: pl.DataFrame(
        {f"c{i}": pl.Series(cells, strict=False) for i, cells in enumerate(columns)}
    ),
    "named alike": lambda columns: in_pandas(columns, ["twice"] * len(columns)),
    "named by numbers": lambda columns: in_pandas(columns, list(range(len(columns)))),
    "named by anything": lambda columns: in_pandas(columns, [None, "b", 3, (1, 2)][: len(columns)]),
    "ragged": lambda columns: [[1.0, 2.0], [3.0], [4.0, 5.0]],
    "flat": lambda columns: np.arange(4.0),
    "deep": lambda columns: np.zeros((2, 3, 4)),
    "sparse": lambda columns: sparse.csr_array(np.eye(4)),
    "dict": lambda columns: {"a": [1, 2, 3]},
    "text": lambda columns: "a table",
    "nothing": lambda columns: None,
    "number": lambda columns: 3.5,
    "series": lambda columns: pd.Series([1.0, 2.0, 3.0]),
    "lazy": lambda columns: pl.LazyFrame({"c0": [1.0, 2.0]}),
    "dataset": lambda columns: ds.dataset(pa.table({"c0": [1.0, 2.0]})),
}


def build(container, kinds, n_rows):
    """Return a table of columns of some kinds in a container."""
    columns = [(CELLS[kind] * 3)[:n_rows] for kind in kinds]
    return CONTAINERS[container](columns)


def tables():
    usual = st.sampled_from(["array", "pandas", "polars", "objects"])
    kind = st.one_of(st.sampled_from(GOOD), st.sampled_from(list(CELLS)))
    return st.tuples(
        st.one_of(usual, st.sampled_from(list(CONTAINERS))),
        st.lists(kind, min_size=0, max_size=4).map(tuple),
        st.sampled_from([0, 1, 2, 6, 12, 12, 18]),
    )


# -------------------------------------------------------------------- parameters, calls

#: What is given for any parameter.  Sizes that are whole and huge would be built.
VALUES = (
    *(-1, 0, 1, 2, 0.5, -0.5, 1.5, float("nan"), float("inf"), None, True, "", "auto", "petals"),
    *((), [], (0,), ("a",), {}, {"a": 1}, object(), [None], np.zeros(2), 1j, b"x", lambda: 3),
)

LABELS = {
    "none": lambda n: None,
    "classes": lambda n: np.arange(n) % 2,
    "texts": lambda n: np.array(["a", "b"])[np.arange(n) % 2],
    "one class": lambda n: np.zeros(n, dtype=int),
    "some": lambda n: np.where(np.arange(n) % 3, -1, 1),
    "gaps": lambda n: np.where(np.arange(n) % 3, np.nan, 1.0),
    "too few": lambda n: np.arange(max(n - 1, 0)) % 2,
    "wide": lambda n: np.zeros((n, 2)),
    "numbers": lambda n: np.linspace(0, 1, n),
    "objects": lambda n: np.array([object() for _ in range(n)], dtype=object),
    "text": lambda n: "labels",
}

#: Methods that take a table, those that take codes, and the others' arguments.
OF_TABLES = (
    *("transform", "score_samples", "score_contributions", "predict", "predict_proba"),
    *("decision_function", "p_values", "explain", "reconstruct", "impute", "score"),
    *("inverse_transform", "fit_predict", "fit_transform", "fit", "partial_fit"),
    *("predict_log_proba", "false_discovery_bound", "select"),
)
OTHERS = ("sample", "set_threshold", "drift_monitor")


def calls():
    on_tables = st.tuples(st.sampled_from(OF_TABLES), tables(), st.sampled_from(list(LABELS)))
    value = st.sampled_from(range(len(VALUES)))
    return st.one_of(on_tables, st.tuples(st.sampled_from(OTHERS), value, value))


def cases():
    """Draw an estimator, whether it is fitted and to what, parameters to change, and calls."""
    parameter = st.tuples(st.integers(0, 99), st.sampled_from(range(len(VALUES))))
    return st.tuples(
        st.sampled_from(list(ESTIMATORS)),
        st.sampled_from(["", "numbers", "mixed"]),
        st.lists(parameter, max_size=1),
        st.lists(calls(), min_size=1, max_size=3),
    )


FITTED = {}


def begin(name, fitted):
    """Return a copy of an estimator, fitted to numbers, to a mixed table, or not at all."""
    if (name, fitted) not in FITTED:
        estimator = ESTIMATORS[name]()
        if fitted:
            table = animals(24)
            table = table[["weight", "legs"]] if fitted == "numbers" else table
            if name == "classifier":
                estimator.fit(table, np.arange(24) % 2)
            else:
                estimator.fit(table)
        FITTED[name, fitted] = estimator
    estimator = FITTED[name, fitted]
    return copy.deepcopy(estimator) if fitted else clone(estimator)


def n_rows_of(table):
    shape = getattr(table, "shape", None)
    if shape is None:
        return len(table) if isinstance(table, list) else 3
    return shape[0] if isinstance(shape, tuple) and shape else 3


def called(estimator, call):
    """Return a function of no arguments that makes a call, and what it hands over by name."""
    method = getattr(estimator, call[0])
    takes = inspect.signature(method).parameters
    if call[0] in OTHERS:
        given = dict(
            zip([n for n in takes if n != "kwargs"], (VALUES[i] for i in call[1:]), strict=False)
        )
        return (lambda: method(**given)), given
    given = {next(iter(takes)): build(*call[1])}
    if "y" in takes and call[2] != "none":
        given["y"] = LABELS[call[2]](n_rows_of(next(iter(given.values()))))
    return (lambda: method(**given)), given


def fingerprint(value):
    """Return a hash of everything that an object holds, weights and inner objects too."""
    digest, seen = hashlib.blake2b(), {}
    todo = [value]
    while todo:
        one = todo.pop()
        own = None
        if isinstance(one, (bool, int, float, complex, str, bytes, type(None), np.generic)):
            own = repr(one)
        elif id(one) in seen:
            own = f"again {seen[id(one)]}"
        if own is not None:
            digest.update(own.encode())
            continue
        seen[id(one)] = len(seen)
        digest.update(f"{type(one).__name__} ".encode())
        parts = parts_of(one)
        if isinstance(parts, bytes):
            digest.update(parts)
        else:
            digest.update(str(len(parts)).encode())
            todo += parts
    return digest.hexdigest()


def parts_of(value):
    """Return the bytes or the parts of what is no plain value."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, torch.Generator):
        return value.get_state().numpy().tobytes()
    if isinstance(value, np.ndarray):
        return value.ravel().tolist() if value.dtype == object else value.tobytes()
    if isinstance(value, dict):
        return [part for pair in value.items() for part in pair]
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=repr)
    if hasattr(value, "__dict__") and not isinstance(value, (type, types.FunctionType)):
        return parts_of(vars(value))
    return str(id(value)).encode()


WORDS = re.compile(
    r"\b([Cc]olumns?|feature|sample|row|label|class|dtype|dimension|cell|[Tt]able|frame|X|y|Z)"
)


def names_the_culprit(error, estimator, given, method):
    """Return whether a message names a parameter, an argument, a column, or a method."""
    text = str(error)
    known = {*estimator.get_params(), *given, method, type(estimator).__name__}
    return any(word in text for word in known) or bool(WORDS.search(text))


def raised_by(error):
    """Return the file of the function that an error comes from."""
    last = error.__traceback__
    while last.tb_next is not None:
        last = last.tb_next
    return last.tb_frame.f_code.co_filename


def run(case):
    """Make the calls of a case; yield what is wrong with each, as text."""
    name, fitted, parameters, several = case
    estimator = begin(name, fitted)
    for position, value in parameters:
        names = list(estimator.get_params(deep=False))
        estimator.set_params(**{names[position % len(names)]: VALUES[value]})
    for call in several:
        if not hasattr(estimator, call[0]):
            continue
        try:
            make, given = called(estimator, call)
        except (ValueError, TypeError, pl.exceptions.PolarsError, OverflowError):
            continue  # no such table can be made
        before = fingerprint(estimator)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                make()
        except (ValueError, TypeError, NotFittedError) as error:
            if not names_the_culprit(error, estimator, given, call[0]):
                yield f"{call[0]} names no culprit: {type(error).__name__}: {error}"
            if fingerprint(estimator) != before:
                yield f"{call[0]} failed and left another state: {error}"
        except Exception as error:
            yield f"{call[0]} raises {type(error).__name__}: {error} ({raised_by(error)})"
