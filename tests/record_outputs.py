"""Record what every public method of ``sklearn_aae`` gives at fixed seeds, and compare records.

    python tests/record_outputs.py OUT.json [--only PATTERN]          # in a checkout
    python tests/record_outputs.py --compare A.json B.json [--allow PATTERN]...

A record is a JSON dict of case names and what came out: a digest of every bit beside a few
readable values, or the message of an error, and the warnings.  Only public names are used.
Comparing prints what is missing, new and different, and exits with 1 if there is anything that
no ``--allow`` pattern (as for ``fnmatch``) covers.
"""

# ruff: noqa: B023, E402, E731, T201

from __future__ import annotations

import os
import sys

SETTINGS = {
    "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "MPLBACKEND": "Agg",
    "COLUMNS": "100",
    "NO_COLOR": "1",
    "TZ": "UTC",
}
if __name__ == "__main__" and any(os.environ.get(k) != v for k, v in SETTINGS.items()):
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **SETTINGS})
sys.path.insert(0, os.getcwd())

import argparse
import contextlib
import copy
import dataclasses
import fnmatch
import hashlib
import importlib
import inspect
import io
import json
import pickle
import random
import re
import subprocess
import tempfile
import time
import traceback
import warnings
from functools import partial
from pathlib import Path
from unittest import mock

HERE, TEMP = os.getcwd(), tempfile.gettempdir()


# ------------------------------------------------------------------------- comparing


def compare(first: str, second: str, allowed: list[str]) -> int:
    """Print how two records differ; return the exit status."""
    a, b = (json.loads(Path(name).read_text(encoding="utf-8")) for name in (first, second))
    found = [("missing", name) for name in a if name not in b]
    found += [("new", name) for name in b if name not in a]
    found += [("different", name) for name in a if name in b and a[name] != b[name]]
    counts = {"missing": 0, "new": 0, "different": 0, "allowed": 0}
    for what, name in found:
        fine = any(fnmatch.fnmatchcase(name, pattern) for pattern in allowed)
        counts["allowed" if fine else what] += 1
        print(f"{what}{' (allowed)' if fine else ''}: {name}")
        for sign, record in (("-", a), ("+", b)):
            if name in record:
                print(f"    {sign} {record[name]}")
    same = sum(name in b and a[name] == b[name] for name in a)
    print(f"{same} equal, " + ", ".join(f"{n} {what}" for what, n in counts.items()))
    return int(any(n for what, n in counts.items() if what != "allowed"))


def arguments() -> argparse.Namespace:
    """Return what was asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", nargs="?", help="where to write the record")
    parser.add_argument("--only", default="*", help="record only sections that match")
    parser.add_argument("--compare", nargs=2, metavar=("A", "B"))
    parser.add_argument("--allow", action="append", default=[], metavar="PATTERN")
    options = parser.parse_args()
    if bool(options.out) == bool(options.compare):
        parser.error("either OUT.json or --compare A.json B.json")
    return options


if __name__ == "__main__":
    OPTIONS = arguments()
    if OPTIONS.compare:
        sys.exit(compare(*OPTIONS.compare, OPTIONS.allow))

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import sklearn
import torch
from scipy import sparse, stats
from sklearn.base import clone
from sklearn.datasets import load_digits, make_blobs
from sklearn.ensemble import IsolationForest
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from skorch.callbacks import (
    Callback,
    EarlyStopping,
    EpochScoring,
    GradientNormClipping,
    LRScheduler,
)
from torch import nn

import sklearn_aae
from sklearn_aae import (
    AAEClassifier,
    AAEClusterer,
    AAEOutlierDetector,
    AdversarialAutoencoder,
    TableEncoder,
    exceptions,
    inspection,
    metrics,
    outputs,
    posteriors,
    priors,
    training,
)
from sklearn_aae.__main__ import main

# --------------------------------------------------------------------------- digests


def mask(text: str) -> str:
    """Return text without addresses, folders, durations, homes of names and orders of sets."""
    text = text.replace(HERE, "CWD").replace(TEMP, "TEMP")
    text = re.sub(r"record-[\w]+", "FOLDER", text)
    text = re.sub(r"\b0x[0-9a-fA-F]+", "0x0", text)
    text = re.sub(r"fitted in [\d.,]+ s", "fitted in T s", text)
    text = re.sub(r"\bsklearn_aae(?:\.\w+)+", _public_path, text)
    return re.sub(r"\{([^{}]*)\}", lambda m: f"{{{', '.join(sorted(m[1].split(', ')))}}}", text)


def _public_path(match: re.Match) -> str:
    parts = match[0].split(".")
    hidden = any(part.startswith("_") and part != "__main__" for part in parts)
    return f"sklearn_aae…{parts[-1]}" if hidden else match[0]


def cells(column: list) -> str:
    """Return cells as text in which types and kinds of missing cells are told apart."""
    return "|".join(f"{type(cell).__name__}:{cell!r}" for cell in column)


def tokens(value):
    """Yield bytes that stand for a value, all of its bits, and its types."""
    name = type(value).__name__
    if isinstance(value, (float, np.floating)) and not isinstance(value, np.longdouble):
        yield f"{name}:{float(value).hex()}".encode()
    elif isinstance(value, str):
        yield f"{name}:{mask(value)}".encode()
    elif value is None or isinstance(value, (bool, int, bytes, complex, np.generic)):
        yield f"{name}:{value!r}".encode()
    elif isinstance(value, np.ndarray):
        yield f"{name}:{value.dtype!r}:{value.shape}".encode()
        if value.dtype == object:
            for cell in value.ravel().tolist():
                yield from tokens(cell)
        else:
            yield np.ascontiguousarray(value).tobytes()
    elif isinstance(value, torch.Tensor):
        yield b"tensor"
        yield from tokens(value.detach().cpu().numpy())
    elif isinstance(value, pd.DataFrame):
        yield b"pandas"
        for labels in (value.columns, value.index):
            yield from tokens(labels)
        for j in range(value.shape[1]):
            yield from tokens(value.iloc[:, j])
    elif isinstance(value, (pd.Series, pd.Index)):
        yield f"{name}:{value.name!r}:{value.dtype!r}".encode()
        if isinstance(value.dtype, pd.CategoricalDtype):
            kinds = value.dtype
            yield f"{kinds.ordered}:{cells(kinds.categories.tolist())}".encode()
        if isinstance(value.dtype, np.dtype) and value.dtype.kind in "biufmM":
            yield from tokens(value.to_numpy())
        else:
            yield cells(list(value)).encode()
    elif isinstance(value, pl.DataFrame):
        yield b"polars"
        for column in value.get_columns():
            yield from tokens(column)
    elif isinstance(value, pl.Series):
        yield f"{value.name}:{value.dtype!r}".encode()
        if isinstance(value.dtype, pl.Enum):
            yield cells(value.dtype.categories.to_list()).encode()
        yield cells(value.to_list()).encode()
    elif isinstance(value, dict):
        yield f"{name}:{len(value)}".encode()
        for key, item in value.items():
            yield from tokens(key)
            yield from tokens(item)
    elif isinstance(value, (list, tuple)):
        yield f"{name}:{len(value)}".encode()
        for item in value:
            yield from tokens(item)
    elif isinstance(value, (set, frozenset)):
        yield f"{name}:{sorted(map(repr, value))}".encode()
    elif isinstance(value, BaseException):
        yield f"{name}:{mask(str(value))}".encode()
    elif isinstance(value, nn.Module):
        if hasattr(value, "get_params"):  # a prior that learns
            yield mask(repr(value)).encode()
        # Neither names nor order of the parts of a network are public.
        yield from tokens(sorted(sha(part) for part in (*value.parameters(), *value.buffers())))
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield name.encode()
        for field in dataclasses.fields(value):
            yield from tokens((field.name, getattr(value, field.name)))
    else:
        yield f"{name}:{mask(repr(value))}".encode()


def sha(value) -> str:
    """Return a digest of a value."""
    digest = hashlib.sha256()
    for token in tokens(value):
        digest.update(len(token).to_bytes(8, "little") + token)
    return digest.hexdigest()[:20]


def head(value, width: int = 110) -> str:
    """Return some of a value for people to read."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray):
        some = value.ravel()[:4].tolist()
        first = ", ".join(f"{x:.7g}" if isinstance(x, float) else repr(x) for x in some)
        text = f"{value.dtype} {value.shape} [{first}]"
    elif isinstance(value, (pd.DataFrame, pl.DataFrame)):
        row = value.head(1).to_dict("records") if isinstance(value, pd.DataFrame) else value.row(0)
        first = row[0] if isinstance(row, list) and row else row
        text = f"{type(value).__module__.split('.')[0]} {value.shape} {first}"
    elif isinstance(value, dict):
        text = " ".join(f"{key}={sha(item)[:8]}" for key, item in value.items())
        width = 600
    elif isinstance(value, str):
        text, width = value, 1500
    elif isinstance(value, BaseException):
        text, width = f"{type(value).__name__}: {value}", 1500
    else:
        text = repr(value)
    text = mask(" ".join(text.split()) if not isinstance(value, str) else text)
    return text if len(text) <= width else text[: width - 1] + "…"


# --------------------------------------------------------------------------- recording


class Recorder:
    """Runs cases and notes what comes out, each under a name of its own."""

    def __init__(self) -> None:
        self.results: dict[str, str] = {}

    def __call__(self, name: str, function, *args, **kwargs):
        """Return what a call returns, None if it fails; either is noted."""
        if name in self.results:
            raise KeyError(f"two cases are called {name!r}")
        before = seed_global_generators()
        value, failed = None, False
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                value = function(*args, **kwargs)
                result = f"sha:{sha(value)} head:[{head(value)}]"
            except (Exception, SystemExit) as error:
                failed, result = True, mask(f"{type(error).__name__}: {error}")
                columns = getattr(error, "columns", None)
                result += "" if columns is None else f" columns:{columns}"
        result += heard(caught)
        if global_state() != before:
            result += " (global generators moved)"
        self.results[name] = result
        return None if failed else value


def heard(caught: list) -> str:
    """Return warnings as text: category, message and whether they point at this file."""
    ignored = (DeprecationWarning, PendingDeprecationWarning, FutureWarning, ResourceWarning)
    said = dict.fromkeys(
        mask(f"{w.category.__name__}: {w.message}") + (" (here)" if w.filename == __file__ else "")
        for w in caught
        if not issubclass(w.category, ignored)
    )
    return f" warnings:{list(said)}" if said else ""


def seed_global_generators() -> str:
    """Seed them all; return their state."""
    random.seed(1)
    np.random.seed(2)
    torch.manual_seed(3)
    return global_state()


def global_state() -> str:
    """Return a digest of the state of every global generator."""
    numpy_state = np.random.get_state()
    return sha(
        [
            repr(random.getstate()),
            numpy_state[1],
            list(numpy_state[2:]),
            torch.get_rng_state(),
            [torch.get_num_threads(), str(torch.get_default_dtype()), torch.is_grad_enabled()],
        ]
    )


def fitted(model) -> dict:
    """Return the public fitted attributes of an estimator."""
    found = {}
    for name in sorted(set(dir(model))):
        if name.startswith("_") or not name.endswith("_"):
            continue
        try:
            value = getattr(model, name)
        except AttributeError:
            continue
        # The attribute's name changes, what it holds does not.
        found["cluster_embedding_" if name == "cluster_places_" else name] = plain(value)
    return dict(sorted(found.items()))


def plain(value):
    """Return what is recorded of a fitted attribute."""
    if hasattr(value, "history") and hasattr(value, "module_"):
        timed = ("dur", "batches")
        return [{k: v for k, v in row.items() if k not in timed} for row in value.history]
    if isinstance(value, (torch.device, np.dtype)):
        return str(value)
    if hasattr(value, "spans"):
        spans = [
            [s.name, s.kind, s.n_levels, s.missing, s.ordered, s.shares, s.ranks, list(s.digits)]
            for s in value.spans
        ]
        return [spans, value.n_levels, value.digit_sizes]
    if isinstance(value, AdversarialAutoencoder):
        return [mask(repr(value)), fitted(value) if hasattr(value, "net_") else None]
    return value


def use(record, name: str, model, X, *, y=None, decodes=False, levels=False):
    """Record every method of a fitted model."""
    if model is None:
        return
    record(f"{name}/attributes", fitted, model)
    Z = record(f"{name}/transform", model.transform, X)
    label = {} if not decodes else {"y": model.classes_[0]}
    record(f"{name}/inverse_transform", model.inverse_transform, Z, **label)
    record(f"{name}/reconstruct", model.reconstruct, X)
    record(f"{name}/score_samples", model.score_samples, X)
    record(f"{name}/score_contributions", model.score_contributions, X)
    record(f"{name}/score", model.score, X)
    record(f"{name}/sample", model.sample, 7)
    record(f"{name}/sample mean", model.sample, 7, noise=False)
    record(f"{name}/sample seed", model.sample, 3, random_state=5)
    if levels:
        record(f"{name}/impute", model.impute, X[:30], n_draws=6)
        record(f"{name}/impute draw", model.impute, X[:30], method="draw", n_draws=6)
    if y is not None:
        some = model.classes_[[0, -1, 0]]
        record(f"{name}/sample y", model.sample, 4, y=some[0])
        record(f"{name}/sample ys", model.sample, y=some)
        record(f"{name}/score_samples y", model.score_samples, X, y)
        record(f"{name}/score y", model.score, X, y)
        record(f"{name}/score_contributions y", model.score_contributions, X, y)
        record(f"{name}/reconstruct y", model.reconstruct, X, y)
        record(f"{name}/reconstruct one", model.reconstruct, X, some[1])
        record(f"{name}/inverse_transform ys", model.inverse_transform, Z, y)


def fit_and_use(record, name: str, model, X, y=None, **how):
    """Fit a model and record what it does; return it, None if it fails."""
    before = sha(X)
    model = record(f"{name}/fit", fit, model, X, y)
    if sha(X) != before:
        record(f"{name}/table", lambda: "the table was changed")
    use(record, name, model, X, y=y if how.pop("labelled", False) else None, **how)
    return model


def fit(model, X, y=None):
    """Fit and return a model."""
    return model.fit(X) if y is None else model.fit(X, y)


def capture(function, *args, **kwargs) -> dict:
    """Return what a call returns and what it prints, without timings."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            value = function(*args, **kwargs)
        except SystemExit as error:
            value = f"exit {error}"
    return {"value": value, "out": mask(out.getvalue()), "err": mask(err.getvalue())}


# ----------------------------------------------------------------------------- tables


def numbers(n=90, k=5, seed=0):
    """Return correlated numbers."""
    rng = np.random.default_rng([seed, n, k])
    mixing = np.random.default_rng(k).normal(size=(2, k))
    return rng.normal(size=(n, 2)) @ mixing + 0.3 * rng.normal(size=(n, k)) + np.arange(k)


def labels_of(X):
    """Return three classes that depend on the first column."""
    return np.digitize(X[:, 0], np.quantile(X[:, 0], [0.4, 0.7]))


def with_gaps(X, share=0.1):
    """Return an array with NaN in the later columns."""
    X = X.copy()
    gaps = np.random.default_rng(3).random(X.shape) < share
    gaps[:, 0] = False
    X[gaps] = np.nan
    return X


def mixed(n=120, seed=0):
    """Return a pandas frame with columns of every kind."""
    rng = np.random.default_rng([seed, n])
    kinds = np.array(["cat", "dog", "horse"])
    kind = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    weight = np.array([4.0, 20.0, 500.0])[kind] * rng.uniform(0.8, 1.2, n)
    day = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D")
    second = day + pd.to_timedelta(rng.integers(0, 86_400, n), "s")
    gone = rng.random((6, n)) < 0.15
    age = np.where(gone[0], np.nan, rng.gamma(3, 2, n))
    colours = np.array(["red", "green", "blue", "grey"])[rng.integers(4, size=n)]
    frame = pd.DataFrame(
        {
            "animal": kinds[kind],
            "weight": weight,
            "legs": rng.integers(3, 5, n),
            "tame": weight < 100,
            "size": pd.Categorical(
                np.array(["small", "middle", "large"])[kind],
                ["small", "middle", "large"],
                ordered=True,
            ),
            "colour": pd.Categorical(np.where(gone[1], None, colours.astype(object))),
            "born": day,
            "seen": pd.DatetimeIndex(second).tz_localize("UTC").tz_convert("Europe/Berlin").array,
            "stay": pd.to_timedelta(rng.integers(1, 40, n), "h"),
            "age": age,
            "rooms": pd.array(np.where(gone[2], None, rng.integers(0, 6, n)), dtype="Int64"),
            "sold": pd.array(np.where(gone[3], None, rng.random(n) < 0.4), dtype="boolean"),
            "height": pd.array(np.where(gone[4], None, rng.normal(size=n)), dtype="Float64"),
            "note": np.where(gone[5], None, np.where(weight > 10, "heavy", "light")),
            "same": np.full(n, 7, dtype=np.int32),
            "empty": np.full(n, None, dtype=object),
        },
        index=[f"row {i}" for i in range(n)],
    )
    frame["note"] = frame["note"].astype(object)
    frame.loc[frame.index[::9], "born"] = pd.NaT
    return frame


def small(n=120, seed=0):
    """Return a pandas frame of few columns of mixed types, without gaps but in one."""
    return mixed(n, seed)[["animal", "weight", "tame", "age", "size", "legs"]]


def mixed_polars(n=120, seed=0):
    """Return a polars frame with columns of every kind."""
    frame = mixed(n, seed)
    rng = np.random.default_rng([seed, n, 1])
    text = [
        None if gone else x for gone, x in zip(rng.random(n) < 0.1, frame["animal"], strict=True)
    ]
    return pl.DataFrame(
        {
            "animal": text,
            "weight": frame["weight"].tolist(),
            "size": pl.Series(
                frame["size"].tolist(), dtype=pl.Enum(["small", "middle", "large", "huge"])
            ),
            "colour": pl.Series(
                [None if x != x else x for x in frame["colour"]], dtype=pl.Categorical
            ),
            "day": pl.Series([None if x is pd.NaT else x.date() for x in frame["born"]]),
            "seen": pl.Series(frame["seen"].dt.tz_localize(None).tolist(), dtype=pl.Datetime("ms")),
            "zoned": pl.Series(
                frame["seen"].tolist(), dtype=pl.Datetime("us", time_zone="UTC")
            ).dt.convert_time_zone("Asia/Tokyo"),
            "stay": pl.Series(frame["stay"].dt.to_pytimedelta().tolist(), dtype=pl.Duration("us")),
            "tame": [
                None if gone else bool(x)
                for gone, x in zip(rng.random(n) < 0.2, frame["tame"], strict=True)
            ],
            "legs": pl.Series(frame["legs"].tolist(), dtype=pl.Int8),
            "age": [None if x != x else x for x in frame["age"]],
            "empty": pl.Series([None] * n, dtype=pl.Null),
        }
    )


def named(n=200, seed=0):
    """Return a pandas frame with columns of many levels."""
    rng = np.random.default_rng([seed, n])
    return pd.DataFrame(
        {
            "name": [f"{rng.choice(list('abc'))}{rng.integers(90)}" for _ in range(n)],
            "id": rng.integers(0, 10**6, n),
            "rare": np.where(rng.random(n) < 0.9, "x", rng.choice(list("pqrs"), n)),
            "real": rng.normal(size=n),
        }
    )


def holed(frame, share=0.3):
    """Return a pandas frame with missing cells in all columns but the last ones."""
    holes = np.random.default_rng(1).random(frame.shape) < share
    frame = frame.copy()
    for j, name in enumerate(frame.columns):
        if frame[name].dtype.kind in "iub" and isinstance(frame[name].dtype, np.dtype):
            frame[name] = frame[name].astype(object)
        frame.loc[holes[:, j], name] = None
    return frame


# -------------------------------------------------------------------------- estimators

FAST = {"hidden_layer_sizes": (16,), "discriminator_layer_sizes": (16,), "max_epochs": 3}
AUTOREGRESSIVE = outputs.Autoregressive(hidden_size=8)


def fast(**parameters):
    """Return a small model."""
    return AdversarialAutoencoder(**{"random_state": 0, **FAST, **parameters})


def quick(**parameters):
    """Return a small model for tables of mixed types."""
    return fast(**{"n_components": 3, "output": AUTOREGRESSIVE, "max_epochs": 2, **parameters})


def detector(**parameters):
    """Return a small detector."""
    return AAEOutlierDetector(
        **{"random_state": 0, "n_estimators": 2, "max_epochs": 2, **parameters}
    )


def headed(kind, *args, **parameters):
    """Return a small classifier or clusterer."""
    settings = {"hidden_layer_sizes": (16,), "n_components": 2, "max_epochs": 4, "lr": 1e-2}
    model = AdversarialAutoencoder(discriminator_layer_sizes=(16,))
    return kind(*args, **{"random_state": 0, **settings, "estimator": model, **parameters})


classifier, clusterer = partial(headed, AAEClassifier), partial(headed, AAEClusterer)


def draw_line(n_samples, generator):
    """A prior by a function."""
    return torch.rand((n_samples, 1), generator=generator).repeat(1, 2)


class Dropping(nn.Sequential):
    """A network of the user's own, which drops at random."""

    def __init__(self, n_in, n_out):
        super().__init__(nn.Linear(n_in, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, n_out))


def build_normed(n_in, n_out):
    """A builder of networks."""
    return nn.Sequential(nn.BatchNorm1d(n_in), nn.Linear(n_in, n_out))


def linear(n_in, n_out):
    """Return a layer with weights of its own."""
    layer = nn.Linear(n_in, n_out)
    with torch.no_grad():
        layer.weight.copy_(torch.linspace(-1, 1, n_in * n_out).view(n_out, n_in))
        layer.bias.fill_(0.1)
    return layer


# --------------------------------------------------------------------------- callbacks


class Listener(Callback):
    """A callback of skorch that notes every hook."""

    seen: list = []

    def note(self, hook, net, kwargs):
        losses = net.history[-1]["batches"][-1] if hook == "on_batch_end" else {}
        given = sorted(k for k, v in kwargs.items() if v is not None)
        self.seen.append([hook, given, kwargs.get("training"), dict(losses)])

    def on_train_begin(self, net, **kwargs):
        self.note("on_train_begin", net, kwargs)

    def on_train_end(self, net, **kwargs):
        self.note("on_train_end", net, kwargs)

    def on_epoch_begin(self, net, **kwargs):
        self.note("on_epoch_begin", net, kwargs)

    def on_epoch_end(self, net, **kwargs):
        self.note("on_epoch_end", net, kwargs)

    def on_batch_begin(self, net, **kwargs):
        self.note("on_batch_begin", net, kwargs)

    def on_batch_end(self, net, **kwargs):
        self.note("on_batch_end", net, kwargs)

    def on_grad_computed(self, net, named_parameters, **kwargs):
        given = list(named_parameters)
        parts = sorted({name.partition(".")[0] for name, _ in given})
        self.seen.append(["on_grad_computed", parts, [p.grad for _, p in given]])


class AtEpoch(Callback):
    """Does something when an epoch begins."""

    def __init__(self, epoch, action):
        self.epoch, self.action = epoch, action

    def on_batch_begin(self, net, **kwargs):
        if len(net.history) == self.epoch:
            self.action(net)


class Watcher:
    """A callback of scikit-learn that notes every hook, and stops after some tasks."""

    def __init__(self, stop_after=10**6):
        self.seen, self.n_ended, self.stop_after = [], 0, stop_after

    def note(self, hook, estimator, context, kwargs):
        given = sorted(k for k, v in kwargs.items() if v is not None)
        there = kwargs.get("fitted_estimator")
        self.seen.append(
            [
                hook,
                type(estimator).__name__,
                context.task_name,
                context.task_id,
                context.max_subtasks,
                given,
                None if there is None else fitted(there),
            ]
        )

    def setup(self, estimator, context):
        self.note("setup", estimator, context, {})

    def teardown(self, estimator, context):
        self.note("teardown", estimator, context, {})

    def on_fit_task_begin(
        self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None
    ):
        given = {"X": X, "y": y, "metadata": metadata, "fitted_estimator": fitted_estimator}
        self.note("begin", estimator, context, given)

    def on_fit_task_end(
        self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None
    ):
        given = {"X": X, "y": y, "metadata": metadata, "fitted_estimator": fitted_estimator}
        self.note("end", estimator, context, given)
        self.n_ended += 1
        return self.n_ended >= self.stop_after


def interrupt(net):
    raise KeyboardInterrupt


def fail(net):
    raise RuntimeError("the disk is full")


def poison(net):
    with torch.no_grad():
        next(net.module_.encoder.parameters()).fill_(float("nan"))


def survive(model, X, y=None):
    """Return what a fit that is interrupted leaves behind."""
    try:
        fit(model, X, y)
        ended = "done"
    except KeyboardInterrupt as error:
        ended = f"{type(error).__name__}: {error}"
    return {"ended": ended, **fitted(model)}


def heard_by_listener(model, X, y=None):
    """Return what a callback of skorch hears in a fit."""
    Listener.seen = []
    fit(model.set_params(callbacks=[Listener]), X, y)
    seen, Listener.seen = Listener.seen, []
    return seen


def heard_by_watcher(model, X, y=None, stop_after=10**6):
    """Return what a callback of scikit-learn hears in a fit."""
    watcher = Watcher(stop_after)
    fit(model.set_callbacks(watcher), X, y)
    return watcher.seen


# ---------------------------------------------------------------------------- sections

SECTIONS: dict = {}


def section(function):
    """Register a function that records cases."""
    SECTIONS[function.__name__.replace("_", " ")] = function
    return function


PUBLIC = (
    "",
    ".priors",
    ".posteriors",
    ".outputs",
    ".metrics",
    ".inspection",
    ".training",
    ".exceptions",
)


@section
def api(record):
    """Names and signatures."""
    for path in PUBLIC:
        module = importlib.import_module(f"sklearn_aae{path}")
        record(f"api{path}/all", lambda: sorted(module.__all__))
        for name in module.__all__:
            thing = getattr(module, name)
            if not callable(thing):
                continue
            record(f"api{path}/{name}", lambda: mask(str(inspect.signature(thing))))
            for method in sorted(vars(thing) if inspect.isclass(thing) else ()):
                if not method.startswith("_") and callable(getattr(thing, method)):
                    record(
                        f"api{path}/{name}.{method}",
                        lambda: mask(str(inspect.signature(getattr(thing, method)))),
                    )


@section
def parameters(record):
    """What estimators say of themselves without data."""
    estimators = {
        "model": AdversarialAutoencoder(),
        "detector": AAEOutlierDetector(),
        "classifier": AAEClassifier(),
        "clusterer": AAEClusterer(),
        "encoder": TableEncoder(),
        "model set": fast(
            prior=priors.Product([("categorical", 3), (priors.Gaussian(0.5), None)]),
            posterior=posteriors.Channel(0.4),
            output=outputs.Gaussian("learned"),
            categorical_features=[0],
        ),
        "detector set": detector(estimator=fast(), kind="latent", alpha=0.1),
        "classifier set": classifier(head_distance=2.0, init="label_spreading"),
        "clusterer set": clusterer(4, init="spectral"),
    }
    for name, model in estimators.items():
        record(f"parameters/{name}/get_params", lambda: mask(repr(model.get_params())))
        record(f"parameters/{name}/repr", lambda: mask(repr(model)))
        record(f"parameters/{name}/clone", lambda: mask(repr(clone(model))))
        record(f"parameters/{name}/tags", lambda: dataclasses.asdict(get_tags(model)))
    kinds = ("gaussian", "bernoulli", "independent", "autoregressive", outputs.Gaussian("learned"))
    for output in (*kinds, outputs.Independent(), outputs.Autoregressive, "none"):
        name = mask(repr(output))
        model = fast(output=output)
        tags = lambda model=model: dataclasses.asdict(get_tags(model))
        record(f"parameters/tags of output {name}", tags)
        headed_tags = partial(get_tags, classifier(estimator=model))
        record(f"parameters/classifier tags of {name}", lambda: dataclasses.asdict(headed_tags()))
    for supervision in ("prior", "decoder"):
        tags = partial(get_tags, fast(supervision=supervision))
        record(f"parameters/tags of {supervision}", lambda: dataclasses.asdict(tags()))
    for name, bad in {"params": {"depth": 3}, "nested": {"prior__scale": 2.0}}.items():
        record(f"parameters/set {name}", fast().set_params, **bad)


def prior_cases():
    """Return priors by name, with the width of their code."""
    means = [[-1.0, 0.0], [1.0, 0.5], [0.0, 2.0]]
    covariances = [np.eye(2) * s for s in (0.1, 0.2, 0.3)]
    cases = {f"name {name}": (name, 2) for name in priors.PRIORS}
    cases |= {f"class {name}": (kind, 2) for name, kind in priors.PRIORS.items()}
    return cases | {
        "Ball": (priors.Ball(), 3),
        "Ball radius": (priors.Ball(radius=1.0), 2),
        "Gaussian scale": (priors.Gaussian(scale=2.0), 2),
        "Uniform": (priors.Uniform(0.0, 3.0), 2),
        "Mixture petals": (priors.Mixture(5, layout="petals"), 2),
        "Mixture petals 3": (priors.Mixture(5, layout="petals"), 3),
        "Mixture simplex": (priors.Mixture(4), 3),
        "Mixture sphere": (priors.Mixture(9), 3),
        "Mixture grid": (priors.Mixture(9, layout="grid"), 2),
        "Mixture line": (priors.Mixture(3), 1),
        "Mixture radius": (priors.Mixture(4, radius=3.0, scale=(0.5, 0.1)), 2),
        "Mixture means": (priors.Mixture(means=means, covariances=0.1), 2),
        "Mixture variances": (priors.Mixture(means=means, covariances=[0.1, 0.2, 0.3]), 2),
        "Mixture full": (
            priors.Mixture(means=means, covariances=covariances, weights=[0.5, 0.3, 0.2]),
            2,
        ),
        "SwissRoll": (priors.SwissRoll(2.0, 1.5, 0.05, n_modes=4), 2),
        "Categorical": (priors.Categorical([0.5, 0.3, 0.2]), 3),
        "LearnedMixture": (priors.LearnedMixture(3, min_scale=0.2), 2),
        "Product": (priors.Product([("categorical", 3), (priors.Uniform(0, 1), None)]), 5),
        "Product modes": (priors.Product([("gaussian", 1), (priors.Mixture(3), 2)]), 3),
        "torch scalar": (torch.distributions.Laplace(0.0, 1.0), 2),
        "torch vector": (
            torch.distributions.MultivariateNormal(torch.zeros(2), torch.eye(2)),
            2,
        ),
        "torch uniform": (torch.distributions.Uniform(0.0, 1.0), 2),
        "scipy scalar": (stats.norm(), 2),
        "scipy vector": (stats.multivariate_normal([0, 1], [[1, 0.5], [0.5, 1]]), 2),
        "scipy discrete": (stats.poisson(3.0), 2),
        "callable": (draw_line, 2),
        "TorchPrior": (priors.TorchPrior(torch.distributions.Normal(0.0, 2.0)), 2),
        "ScipyPrior": (priors.ScipyPrior(stats.t(5)), 2),
        "CallablePrior": (priors.CallablePrior(draw_line), 2),
    }


def draws(prior, n, k, seed=0):
    """Return draws of a prior."""
    return prior.sample(n, k, torch.Generator().manual_seed(seed))


@section
def priors_alone(record):
    """Priors without a model."""
    for name, (given, k) in prior_cases().items():
        start = f"priors/{name}"
        prior = record(f"{start}/as_prior", priors.as_prior, given, k)
        if prior is None:
            continue
        record(f"{start}/repr", lambda: mask(repr(prior)))
        if hasattr(prior, "build"):
            prior = record(f"{start}/build", prior.build, k) or prior
        record(f"{start}/sample", draws, prior, 20, k)
        record(f"{start}/sample one", draws, prior, 1, k, 3)
        z = torch.linspace(-2, 2, 10 * k).view(10, k)
        record(f"{start}/log_prob", prior.log_prob, z)
        record(f"{start}/log_prob double", prior.log_prob, z.double())
        record(f"{start}/squash", prior.squash, z)
        n_modes = record(f"{start}/count_modes", prior.count_modes, k)
        record(
            f"{start}/sample_modes",
            lambda: prior.sample_modes(
                torch.arange(8) % max(n_modes, 1), k, torch.Generator().manual_seed(1)
            ),
        )
        facts = ("squashes", "suits_channel", "learns")
        record(f"{start}/facts", lambda: [getattr(prior, fact) for fact in facts])
        record(f"{start}/other width", priors.as_prior, given, k + 2)
        record(f"{start}/prior_draws", metrics.prior_draws, prior, 6, k, 11)


@section
def model_priors(record):
    """The model with every prior."""
    X = numbers()
    for name, (given, k) in prior_cases().items():
        if not name.startswith("class"):
            model = fast(prior=given, n_components=k)
            fit_and_use(record, f"model priors/{name}", model, X)


@section
def model_posteriors(record):
    """The model with every posterior, on numbers and on levels."""
    X, frame = numbers(), small(80)
    cases = {name: name for name in ("auto", *posteriors.POSTERIORS)}
    cases |= {f"class {name}": kind for name, kind in posteriors.POSTERIORS.items()}
    cases |= {
        "Channel low": posteriors.Channel(noise=0.2, input_noise=0.0),
        "Deterministic noise": posteriors.Deterministic(input_noise=0.1),
        "Gaussian noise": posteriors.Gaussian(input_noise=0.0),
        "Universal few": posteriors.Universal(0.1, n_noise_features=3, n_draws=5),
    }
    for name, given in cases.items():
        start = f"model posteriors/{name}"
        record(f"{start}/as_posterior", lambda: mask(repr(posteriors.as_posterior(given))))
        fit_and_use(record, f"{start}/numbers", fast(posterior=given), X)
        fit_and_use(record, f"{start}/levels", quick(posterior=given), frame, levels=True)
    for name in ("categorical", "learned", "uniform"):
        fit_and_use(
            record, f"model posteriors/auto with {name}", quick(prior=name), frame, levels=True
        )
    record("model posteriors/mixed", lambda: repr(posteriors.as_posterior("auto", mixed=True)))


@section
def model_outputs(record):
    """The model with every output."""
    X, frame = numbers(), small(80)
    unit = 1 / (1 + np.exp(-X))
    whole = np.round(X)
    auto, independent = outputs.Autoregressive, outputs.Independent
    over_numbers = {
        "gaussian": ("gaussian", X),
        "Gaussian class": (outputs.Gaussian, X),
        "Gaussian unit": (outputs.Gaussian(), X),
        "Gaussian learned": (outputs.Gaussian("learned"), X),
        "bernoulli": ("bernoulli", unit),
        "Bernoulli binary": (outputs.Bernoulli(), (unit > 0.5).astype(float)),
    }
    for name, (output, table) in over_numbers.items():
        fit_and_use(record, f"model outputs/{name}", fast(output=output), table)
    over_levels = {
        "independent": "independent",
        "autoregressive": "autoregressive",
        "Independent": independent(hidden_size=8, masking=0.0, dropout=0.0),
        "Independent drop": independent(hidden_size=8, masking=0.5, dropout=0.3),
        "Autoregressive": auto(hidden_size=8, masking=0.0, code_only=0.0, dropout=0.0),
        "Autoregressive drop": auto(8, 0.4, 0.5, parent_dropout=0.3, dropout=0.2),
    }
    for name, output in over_levels.items():
        start = f"model outputs/{name}"
        fit_and_use(record, f"{start}/numbers", fast(output=output), whole, levels=True)
        fit_and_use(record, f"{start}/frame", quick(output=output), frame, levels=True)
    record("model outputs/as_output", lambda: repr(outputs.as_output("auto")))
    record("model outputs/as_output mixed", lambda: repr(outputs.as_output("auto", mixed=True)))


@section
def model_supervision(record):
    """The model with labels."""
    X = numbers()
    y = labels_of(X)
    names = np.array(["a", "b", "c"])[y]
    frame = small(90)
    few = np.where(np.arange(90) % 3 > 0, None, names)
    ways = {
        "prior": {"supervision": "prior", "prior": priors.Mixture(7)},
        "prior roll": {"supervision": "prior", "prior": "swiss_roll", "n_components": 2},
        "prior categorical": {"supervision": "prior", "prior": "categorical", "n_components": 4},
        "decoder": {"supervision": "decoder"},
        "decoder uniform": {"supervision": "decoder", "prior": "uniform"},
    }
    labels = {
        "int": y,
        "text": names,
        "bool": y > 0,
        "nan": np.where(np.arange(90) % 2, y, np.nan),
        "minus one": np.where(np.arange(90) % 2, y, -1),
        "none": few,
        "series": pd.Series(names, index=np.arange(90)[::-1]),
    }
    for way, settings in ways.items():
        decodes = settings["supervision"] == "decoder"
        for kind, given in labels.items():
            if kind == "int" or way in ("prior", "decoder"):
                fit_and_use(
                    record,
                    f"model supervision/{way}/{kind}",
                    fast(**settings),
                    X,
                    given,
                    labelled=True,
                    decodes=decodes,
                )
        for output in (AUTOREGRESSIVE, outputs.Independent(hidden_size=8)):
            start = f"model supervision/{way}/frame {type(output).__name__}"
            model = quick(**{**settings, "output": output})
            fit_and_use(record, start, model, frame, few, labelled=True, decodes=decodes)
            if hasattr(model, "net_"):
                cat = {"animal": "cat"}
                record(f"{start}/conditions", model.sample, 4, y="a", conditions=cat)
                ys = ["a", "c"]
                record(f"{start}/conditions ys", model.sample, y=ys, conditions=cat)
                record(f"{start}/impute", model.impute, holed(frame)[:20], n_draws=5)
                record(f"{start}/impute y", model.impute, holed(frame)[:20], y="b", n_draws=5)
        start = f"model supervision/{way}/going on"
        model = fast(**settings)
        record(f"{start}/first", lambda: fitted(model.partial_fit(X, names, classes=list("cbaz"))))
        record(f"{start}/second", lambda: fitted(model.partial_fit(X, few)))
        record(f"{start}/third", lambda: fitted(model.partial_fit(X[:9], ["z"] * 9)))
        record(f"{start}/unknown", lambda: fitted(model.partial_fit(X, ["q"] * 90)))
        record(f"{start}/sample", model.sample, y=["z", None, "a"])
        model = fast(**settings, early_stopping=True, validation_fraction=0.3)
        record(f"{start}/early stopping", lambda: fitted(model.fit(X, few)))
        record(f"{start}/listener", heard_by_listener, fast(**settings), X, few)
    record("model supervision/y without", lambda: fitted(fast().fit(X, y)))


@section
def model_settings(record):
    """The model's other parameters."""
    X, frame = numbers(), small(80)
    heavy = np.random.default_rng(0).standard_cauchy((80, 3))
    constant = np.column_stack([X[:, :2], np.full(90, 3.7)])
    for scaling in ("standard", "quantile", "minmax", None):
        for name, table in {"X": X, "heavy": heavy, "constant": constant}.items():
            model = fast(scaling=scaling)
            fit_and_use(record, f"model settings/scaling {scaling}/{name}", model, table)
    for activation in ("relu", "leaky_relu", "elu", "gelu", "silu", "tanh"):
        model = fast(activation=activation)
        record(f"model settings/activation {activation}", lambda: fitted(model.fit(X)))
    cases = {
        "no adversary": {"adversarial_weight": 0},
        "adversary": {"adversarial_weight": 0.8},
        "one component": {"n_components": 1},
        "wide": {"n_components": 7},
        "sizes int": {"hidden_layer_sizes": 8, "discriminator_layer_sizes": 4},
        "sizes list": {"hidden_layer_sizes": [8, 4], "discriminator_layer_sizes": [4, 4, 4]},
        "sizes empty": {"hidden_layer_sizes": ()},
        "batch 7": {"batch_size": 7},
        "batch all": {"batch_size": 1000},
        "rate": {"lr": 0.02},
        "auto epochs": {"max_epochs": "auto"},
        "random state": {"random_state": np.random.RandomState(4)},
        "device": {"device": torch.device("cpu")},
        "categorical none": {"categorical_features": []},
        "categorical": {"categorical_features": [0, -1]},
        "mask": {"categorical_features": [True, False, False, False, False]},
        "own encoder": {"encoder": linear(5, 2)},
        "own class": {"encoder": Dropping, "decoder": Dropping, "discriminator": Dropping},
        "own builder": {"encoder": build_normed, "decoder": build_normed},
        "own critic": {"discriminator": linear(2, 1), "adversarial_weight": 1.0},
    }
    for name, settings in cases.items():
        fit_and_use(record, f"model settings/{name}", fast(**settings), X)
    cases = {
        "auto": {"output": "auto"},
        "no adversary": {"adversarial_weight": 0},
        "auto epochs": {"max_epochs": "auto", "batch_size": 64},
        "auto batch": {"batch_size": "auto", "lr": 0.01},
        "categorical": {"categorical_features": ["legs"]},
        "own class": {"encoder": nn.Linear, "decoder": nn.Linear, "discriminator": Dropping},
        "early stopping": {"early_stopping": True, "validation_fraction": 0.3},
    }
    for name, settings in cases.items():
        model = quick(**settings)
        fit_and_use(record, f"model settings/mixed {name}", model, frame, levels=True)


@section
def model_training(record):
    """Early stopping, warm starts, parts, callbacks, interruptions."""
    X = numbers(120)
    y = labels_of(X)
    frame = small(80)
    stopping = {"early_stopping": True, "validation_fraction": 0.3, "n_iter_no_change": 2}
    stopping |= {"max_epochs": 12, "lr": 0.02}
    fit_and_use(record, "model training/early stopping", fast(**stopping), X)
    record(
        "model training/validation fraction",
        lambda: fitted(fast(early_stopping=True, validation_fraction=0.5).fit(X)),
    )
    for name, model, table in (("numbers", fast(), X), ("mixed", quick(), frame)):
        start = f"model training/{name}"
        model.set_params(warm_start=True)
        for i in range(3):
            record(f"{start}/warm fit {i}", lambda: fitted(model.fit(table)))
        record(f"{start}/warm part", lambda: fitted(model.partial_fit(table[:40])))
        model.set_params(lr=1e-4, adversarial_weight=0.5)
        record(f"{start}/warm other rate", lambda: fitted(model.fit(table)))
        model.set_params(early_stopping=True, validation_fraction=0.3)
        record(f"{start}/warm stopping", lambda: fitted(model.fit(table)))
        record(f"{start}/warm codes", model.transform, table)
        model = clone(model).set_params(warm_start=False, early_stopping=False)
        for i in range(4):
            part = table[20 * i : 20 * (i + 1)]
            record(f"{start}/part {i}", lambda: fitted(model.partial_fit(part)))
        use(record, f"{start}/parts", model, table)
        again = pickle.loads(pickle.dumps(model))
        record(f"{start}/pickled codes", again.transform, table)
        record(f"{start}/pickled goes on", lambda: fitted(again.partial_fit(table)))
        other = copy.deepcopy(model)
        record(f"{start}/copied goes on", lambda: fitted(other.partial_fit(table)))
        record(f"{start}/refit", lambda: fitted(model.fit(table)))
        record(f"{start}/listener", heard_by_listener, clone(model), table)
        clipping = clone(model).set_params(callbacks=[GradientNormClipping(0.01)])
        record(f"{start}/clipping", lambda: fitted(clipping.fit(table)))
        record(f"{start}/watcher", heard_by_watcher, clone(model), table)
        record(f"{start}/watcher stops", heard_by_watcher, clone(model), table, stop_after=2)
        record(f"{start}/fit_transform", clone(model).fit_transform, table)
        loud = clone(model).set_params(verbose=1)
        record(f"{start}/verbose", lambda: printed_table(loud, table))
    scheduler = LRScheduler(policy="StepLR", step_size=1, gamma=0.1)
    stop = EarlyStopping(monitor="train_loss", patience=1, threshold=0.9)
    scoring = EpochScoring(lambda net, X, y=None: float(len(X)), name="rows", use_caching=False)
    cases = {
        "scheduler": [scheduler],
        "skorch stops": [("stop", stop)],
        "scoring": [scoring],
        "several": [scheduler, GradientNormClipping(0.1), Listener],
        "no callback": [3],
    }
    for name, callbacks in cases.items():
        stopping = {"early_stopping": name == "scoring", "validation_fraction": 0.2}
        model = fast(callbacks=callbacks, max_epochs=6, **stopping)
        record(f"model training/callbacks {name}", lambda: fitted(model.fit(X)))
    endings = {"interrupt": interrupt, "fail": fail, "poison": poison}
    for name, action in endings.items():
        for epoch in (1, 3):
            model = fast(callbacks=[AtEpoch(epoch, action)], max_epochs=4)
            record(f"model training/{name} in {epoch}", survive, model, X)
    record("model training/diverges", survive, fast(lr=1e30), X)
    record("model training/watcher supervised", heard_by_watcher, fast(), X, y)
    pipeline = make_pipeline(StandardScaler(), fast(), LogisticRegression())
    record("model training/pipeline", lambda: pipeline.fit(X, y).predict_proba(X))
    search = GridSearchCV(fast(), {"n_components": [1, 2]}, cv=2)
    record("model training/search", lambda: search.fit(X).cv_results_["mean_test_score"])


def printed_table(model, X):
    """Return what a model prints in training, without durations."""
    out = capture(model.fit, X)["out"]
    return re.sub(r"(?m)[\d.]+\s*$", "T", out)


def table_cases():
    """Return tables of every kind."""
    X, frame = numbers(), mixed()
    whole = np.random.default_rng(0).integers(0, 5, (80, 3))
    data = pd.DataFrame(X, columns=list("abcde"), index=[f"r{i}" for i in range(90)])
    text = frame[["animal", "weight", "tame", "note"]].to_numpy(dtype=object)
    return {
        "float64": X,
        "float32": X.astype(np.float32),
        "fortran": np.asfortranarray(X),
        "strided": np.repeat(X, 2, axis=0)[::2],
        "int64": whole,
        "uint8": whole.astype(np.uint8),
        "bool": X > 1,
        "list": X[:40].tolist(),
        "gaps": with_gaps(X),
        "gaps float32": with_gaps(X).astype(np.float32),
        "objects": text,
        "object numbers": whole.astype(object),
        "list of text": text[:60].tolist(),
        "text": np.array([["1", "2"], ["3", "2"]] * 20, dtype=object),
        "strings": np.array([["a", "b"], ["c", "b"]] * 20),
        "masked": np.ma.masked_greater(X, 5.0),
        "dates": np.array(["2020-01-01", "2020-02-03", "NaT"] * 20, dtype="M8[D]").reshape(-1, 1),
        "two rows": X[:2],
        "one column": X[:, :1],
        "constant": np.full((30, 2), 2.5),
        "pandas numbers": data,
        "pandas float32": data.astype(np.float32),
        "pandas numbers by int": data.set_axis(range(5), axis=1),
        "pandas nullable": data.convert_dtypes(),
        "pandas gaps": pd.DataFrame(with_gaps(X), columns=list("abcde")),
        "pandas mixed": frame,
        "pandas mixed by int": frame.set_axis(range(frame.shape[1]), axis=1),
        "pandas odd labels": frame[["animal", "weight", "note"]].set_axis([3, ("a", 1), 4], axis=1),
        "pandas repeated index": small(60).set_axis([7, 8] * 30),
        "pandas arrow": small(60).convert_dtypes(dtype_backend="pyarrow"),
        "pandas names": named(),
        "polars numbers": pl.DataFrame(X, schema=list("abcde")),
        "polars mixed": mixed_polars(),
        "arrow": mixed_polars(60).drop("empty").to_arrow(),
    }


@section
def model_tables(record):
    """The model on tables of every kind."""
    for name, table in table_cases().items():
        settings = {"output": AUTOREGRESSIVE, "max_epochs": 2} if "mixed" in name else {}
        levels = isinstance(table, (np.ndarray, pd.DataFrame, pl.DataFrame))
        fit_and_use(record, f"model tables/{name}", fast(**settings), table, levels=levels)
    model = quick().fit(mixed())
    record("model tables/names out", model.get_feature_names_out)
    for container in ("pandas", "polars", "default"):
        model.set_output(transform=container)
        record(f"model tables/set_output {container}", model.transform, mixed())
        record(
            f"model tables/set_output numbers {container}",
            fast().set_output(transform=container).fit_transform,
            numbers(),
        )
    with sklearn.config_context(transform_output="pandas"):
        record("model tables/config pandas", fast().fit(numbers()).transform, numbers())


@section
def model_draws(record):
    """Rows that meet conditions, missing cells, other densities."""
    frame, X = mixed(), numbers()
    model = quick(max_epochs=4).fit(frame)
    in_polars = quick(max_epochs=3).fit(mixed_polars())
    in_objects = quick().fit(frame[["animal", "weight", "note"]].to_numpy(dtype=object))
    conditions = {
        "value": {"animal": "dog"},
        "list": {"animal": ["cat", "horse"]},
        "number": {"legs": 4},
        "boolean": {"tame": False},
        "range": {"weight": (4.1, 19.5)},
        "range below": {"weight": (None, 4.5)},
        "range above": {"weight": (20.0, None)},
        "ordered": {"size": ("middle", "large")},
        "dates": {"born": (pd.Timestamp("2020-06-01"), pd.Timestamp("2021-12-31"))},
        "dates text": {"born": ("2020-06-01", None)},
        "zoned": {"seen": (pd.Timestamp("2020-06-01", tz="UTC"), None)},
        "duration": {"stay": (pd.Timedelta("5h"), pd.Timedelta("20h"))},
        "missing": {"age": None},
        "missing nan": {"age": np.nan},
        "missing or": {"note": [None, "heavy"]},
        "nullable": {"rooms": (2, 4), "sold": True},
        "two": {"animal": "cat", "age": (None, 5.0)},
        "none": {},
        "unknown column": {"shape": "round"},
        "unknown level": {"animal": "cow"},
        "no order": {"animal": ("cat", "dog")},
        "empty range": {"weight": (9.0, 5.0)},
        "no number": {"weight": "heavy"},
        "never missing": {"weight": None},
        "nothing": {"animal": []},
        "empty column": {"empty": "x"},
        "a list of pairs": [("animal", "cat")],
    }
    for name, given in conditions.items():
        record(f"model draws/conditions {name}", model.sample, 6, conditions=given)
    record("model draws/conditions seed", model.sample, 6, conditions={"legs": 4}, random_state=9)
    record("model draws/noise", model.sample, 2, conditions={"legs": 4}, noise=False)
    many = {"animal": "cat", "note": "heavy", "rooms": 0, "size": "large", "legs": 3}
    record("model draws/rare", model.sample, 50, conditions=many)
    record("model draws/polars", in_polars.sample, 5, conditions={"weight": (5.0, 21.0)})
    record("model draws/polars enum", in_polars.sample, 5, conditions={"size": "large"})
    record("model draws/polars huge", in_polars.sample, 5, conditions={"size": "huge"})
    record("model draws/polars missing", in_polars.sample, 5, conditions={"tame": None})
    record("model draws/objects", in_objects.sample, 5, conditions={0: "dog", 2: None})
    holes = holed(frame)[:40]
    for method in ("mode", "draw"):
        record(f"model draws/impute {method}", model.impute, holes, method=method, n_draws=7)
        record(
            f"model draws/impute {method} seed",
            model.impute,
            holes,
            method=method,
            n_draws=7,
            random_state=3,
        )
    record("model draws/impute default", model.impute, holes[:12])
    record("model draws/impute complete", model.impute, model.sample(5))
    all_missing = frame[:6].astype(object).mask(np.ones((6, frame.shape[1]), bool), None)
    record("model draws/impute all", model.impute, all_missing, method="draw", n_draws=9)
    record("model draws/impute polars", in_polars.impute, mixed_polars(30, 4), n_draws=5)
    record(
        "model draws/impute objects",
        in_objects.impute,
        np.array([["cat", None, None], [None, 20.0, "light"]], dtype=object),
        n_draws=5,
    )
    pieces = pd.DataFrame({"size": ["s", "l"] * 30, "pieces": [1, 9] * 30})
    gaps = pieces.astype({"pieces": float})
    gaps.loc[[0, 3], "pieces"] = np.nan
    gaps.loc[5, "size"] = None
    few = quick().fit(pieces)
    for name, table in {
        "pandas": gaps,
        "polars": pl.from_pandas(gaps),
        "array": gaps.to_numpy(dtype=object),
        "nullable": gaps.astype({"pieces": "Int64"}),
    }.items():
        record(f"model draws/impute from {name}", few.impute, table, n_draws=4)
    densities = {
        "mixture": GaussianMixture(2, random_state=0),
        "kernel": KernelDensity(bandwidth=0.3),
    }
    plain_model = fast().fit(X)
    for name, density in densities.items():
        for kind, fitted_model, table in (("mixed", model, frame), ("X", plain_model, X)):
            density.fit(fitted_model.transform(table).astype(float))
            record(f"model draws/{name} {kind}", fitted_model.sample, 5, density=density)
            record(
                f"model draws/{name} {kind} mean",
                fitted_model.sample,
                5,
                density=density,
                noise=False,
                random_state=1,
            )
    record("model draws/density none", model.sample, 3, density=object())
    record("model draws/density narrow", model.sample, 3, density=Fixed(np.zeros((3, 2))))
    record("model draws/density nan", model.sample, 3, density=Fixed(np.full((3, 3), np.nan)))
    record("model draws/density few", model.sample, 3, density=Fixed(np.zeros((2, 3))))
    record(
        "model draws/density and conditions",
        model.sample,
        3,
        density=densities["mixture"],
        conditions={"legs": 4},
    )


class Fixed:
    """A density with fixed draws."""

    def __init__(self, codes):
        self.codes = codes

    def sample(self, n):
        return self.codes


# --------------------------------------------------------------------------- detector

KINDS = (
    "default",
    "model",
    "likelihood",
    "autoregressive",
    "marginal",
    "reconstruction",
    "reference",
    "latent",
    "discriminator",
    "mode_divergence",
    "gpnd",
)


def detect(record, name: str, model, X, new=None, kinds=(), tables=True):
    """Fit a detector and record what it does."""
    model = record(f"{name}/fit", fit, model, X)
    if model is None:
        return None
    new = X if new is None else new
    record(f"{name}/attributes", fitted, model)
    record(f"{name}/score_samples", model.score_samples, new)
    record(f"{name}/decision_function", model.decision_function, new)
    record(f"{name}/predict", model.predict, new)
    record(f"{name}/p_values", model.p_values, new)
    record(f"{name}/select", model.select, new, 0.3)
    record(f"{name}/score_contributions", model.score_contributions, new)
    record(f"{name}/explain", model.explain, new[:5])
    for kind in kinds:
        record(f"{name}/{kind}/score_samples", model.score_samples, new, kind=kind)
        record(f"{name}/{kind}/p_values", model.p_values, new, kind=kind)
        record(f"{name}/{kind}/score_contributions", model.score_contributions, new, kind=kind)
        record(f"{name}/{kind}/explain", model.explain, new[:2], top=2, kind=kind)
    return model


@section
def detectors(record):
    """The detector."""
    X, new = numbers(150), np.concatenate([numbers(30, seed=1), 4 + numbers(5, seed=2)])
    frame, odd = mixed(), mixed(25, 5)
    for kind in KINDS:
        model = detector(kind=kind)
        detect(record, f"detectors/{kind}", model, X, new, KINDS if kind != "gpnd" else ())
        detect(record, f"detectors/{kind}/mixed", detector(kind=kind), small(), small(20, 3))
    model = detect(record, "detectors/mixed", detector(), frame, odd, KINDS)
    unseen = odd.assign(animal="cow")
    record("detectors/mixed unseen", model.score_samples, unseen)
    record("detectors/mixed unseen explained", model.explain, unseen[:3])
    record("detectors/mixed gaps", model.score_samples, odd.assign(age=np.nan))
    record("detectors/mixed new gaps", model.score_samples, odd.assign(weight=np.nan))
    model = detect(
        record, "detectors/mixed auto", detector(kind="autoregressive"), frame, odd, KINDS
    )
    strict = detector(handle_unknown="error").fit(frame)
    record("detectors/strict", strict.score_samples, odd)
    record("detectors/strict unseen", strict.score_samples, unseen)
    detect(record, "detectors/polars", detector(), mixed_polars(), mixed_polars(20, 5), KINDS[:3])
    by_int = frame.set_axis(range(frame.shape[1]), axis=1)
    detect(record, "detectors/labels int", detector(), by_int)
    tables = table_cases()
    for name in ("float32", "int64", "bool", "list", "objects", "list of text", "text", "dates"):
        detect(record, f"detectors/table {name}", detector(), tables[name])
    frames = ("pandas numbers", "pandas nullable", "pandas gaps", "polars numbers", "arrow")
    for name in (*frames, "pandas names"):
        detect(record, f"detectors/table {name}", detector(), tables[name])
    for name in ("gaps", "two rows", "one column", "constant", "masked", "object numbers"):
        detect(record, f"detectors/table {name}", detector(), tables[name])
    for value in ("auto", 0, 0.05, 0.3, 0.5):
        for alpha in (0.05, 0.2):
            model = detector(contamination=value, alpha=alpha)
            detect(record, f"detectors/contamination {value} alpha {alpha}", model, X, new)
    wide = np.random.default_rng(0).normal(size=(110, 3)) @ np.random.default_rng(1).normal(
        size=(3, 430)
    )
    detect(record, "detectors/wide", detector(n_estimators=3), wide, wide[:9], ("likelihood",))
    wide_auto = detector(kind="autoregressive")
    detect(record, "detectors/wide auto", wide_auto, wide[:, :410], wide[:9, :410])
    settings = {
        "no adversary": {"adversarial_weight": 0},
        "no adversary auto": {"adversarial_weight": 0, "kind": "autoregressive"},
        "adversary": {"adversarial_weight": 1.0},
        "members": {"n_estimators": 5, "n_components": 3},
        "one member": {"n_estimators": 1},
        "sizes": {"hidden_layer_sizes": [12], "n_components": 2},
        "size": {"hidden_layer_sizes": 12},
        "batches": {"batch_size": 20, "lr": 0.05},
        "auto epochs": {"max_epochs": "auto", "n_estimators": 1},
        "seed": {"random_state": np.random.RandomState(3)},
        "cpu": {"device": "cpu"},
    }
    for name, given in settings.items():
        detect(record, f"detectors/{name}", detector(**given), X, new, KINDS[:3])
    for n in (2, 3, 40, 99, 100):
        detect(record, f"detectors/rows {n}", detector(), X[:n], new)
        columns = ["animal", "weight", "tame", "size"]
        few, others = small()[columns][:n], small(9, 3)[columns]
        detect(record, f"detectors/mixed rows {n}", detector(), few, others)
    inner = {
        "model": fast(),
        "frozen": FrozenEstimator(fast().fit(X)),
        "frozen learned": FrozenEstimator(fast(output=outputs.Gaussian("learned")).fit(X)),
        "mixture": fast(prior=priors.Mixture(4)),
        "roll": fast(prior="swiss_roll"),
        "callable": fast(prior=draw_line),
        "categorical": fast(prior="categorical", n_components=3),
        "product": fast(
            prior=priors.Product([("categorical", 2), ("gaussian", 1)]), n_components=3
        ),
        "learned": fast(prior="learned"),
        "universal": fast(posterior="universal"),
        "channel": fast(posterior="channel"),
        "gaussian": fast(posterior="gaussian", scaling="quantile"),
        "no adversary": fast(adversarial_weight=0),
        "own": fast(encoder=Dropping),
        "levels": fast(output="independent"),
        "supervised": fast(supervision="decoder"),
        "forest": IsolationForest(),
        "unfitted": FrozenEstimator(fast()),
        "narrow": FrozenEstimator(fast().fit(X[:, :4])),
    }
    for name, given in inner.items():
        start = f"detectors/estimator {name}"
        detect(record, start, detector(estimator=given), X, new, KINDS)
    unit = 1 / (1 + np.exp(-X))
    bernoulli = detector(estimator=fast(output="bernoulli"))
    detect(record, "detectors/estimator bernoulli", bernoulli, unit, unit[:9], KINDS)
    detect(record, "detectors/estimator clean", detector(estimator=fast(), contamination=0), X)
    detect(record, "detectors/estimator mixed", detector(estimator=fast()), frame)
    model = detector().fit(X)
    for given in (
        {"contamination": 0.1},
        {"alpha": 0.1},
        {"alpha": 0.001},
        {"contamination": 0.5},
        {},
        {"contamination": 0.1, "alpha": 0.1},
        {"contamination": 0},
        {"contamination": 0.6},
        {"alpha": 1},
        {"alpha": "much"},
    ):
        record(f"detectors/set_threshold {given}", lambda: fitted(model.set_threshold(**given)))
    for fdr in (0.01, 0.1, 0.5, 0.0, 1.0, "much"):
        record(f"detectors/select {fdr}", model.select, new, fdr)
    for top in (1, 5, 99, 0, 1.5):
        record(f"detectors/explain {top}", model.explain, new[:3], top=top)
    again = pickle.loads(pickle.dumps(model))
    record("detectors/pickled", again.score_samples, new)
    record("detectors/fit_predict", detector().fit_predict, X)
    record("detectors/refit", lambda: fitted(model.fit(X[:120])))
    for kind in ("default", "autoregressive"):
        loud = detector(kind=kind, verbose=1, max_epochs=10)
        record(f"detectors/verbose {kind}", lambda: capture(loud.fit, X)["out"])
        record(f"detectors/watcher {kind}", heard_by_watcher, detector(kind=kind), X)
    stopped = detector(max_epochs=20)
    record("detectors/watcher stops", heard_by_watcher, stopped, X, stop_after=3)
    record("detectors/stopped", lambda: fitted(stopped))
    record("detectors/watcher model", heard_by_watcher, detector(estimator=fast()), X)


# ---------------------------------------------------------------- classifier, clusterer


def classify(record, name: str, model, X, y):
    """Fit a classifier and record what it does."""
    model = record(f"{name}/fit", model.fit, X, y)
    if model is not None:
        use_heads(record, name, model, X)
        predicted = model.predict(X)
        truth = [
            guess if label is None or label != label else label
            for label, guess in zip(np.ravel(y).tolist(), predicted.tolist(), strict=True)
        ]
        record(f"{name}/score", model.score, X, np.array(truth))
    return model


def use_heads(record, name: str, model, X):
    """Record every method of a fitted classifier or clusterer."""
    record(f"{name}/attributes", fitted, model)
    record(f"{name}/predict", model.predict, X)
    record(f"{name}/predict_proba", model.predict_proba, X)
    record(f"{name}/transform", model.transform, X)
    record(f"{name}/names out", model.get_feature_names_out)
    inner = model.estimator_
    Z = record(f"{name}/inner codes", inner.transform, X)
    record(f"{name}/inner rows", inner.inverse_transform, Z)
    record(f"{name}/inner sample", inner.sample, 4)
    record(f"{name}/inner scores", inner.score_samples, X)


def heads_settings():
    """Return settings that classifier and clusterer have in common."""
    cases = {f"consistency {c}": {"consistency": c} for c in ("both", "neighbors", "adversarial")}
    return cases | {
        "no consistency": {"consistency_weight": 0},
        "weight": {"consistency_weight": 0.3, "n_neighbors": 3},
        "distance": {"head_distance": 3.0},
        "distance no consistency": {"head_distance": 1.0, "consistency_weight": 0},
        "uniform style": {"estimator": fast(prior="uniform")},
        "default model": {"estimator": None, "hidden_layer_sizes": 16},
        "no adversary": {"estimator": fast(adversarial_weight=0, output="gaussian")},
        "stopping": {"estimator": fast(early_stopping=True, validation_fraction=0.3)},
        "channel": {"estimator": fast(posterior="channel")},
        "gaussian": {"estimator": fast(posterior="gaussian", scaling="quantile")},
        "levels": {"estimator": fast(output=outputs.Independent(hidden_size=8))},
        "universal": {"estimator": fast(posterior="universal")},
        "batches": {"batch_size": 16, "n_components": 3, "lr": "auto"},
        "clipping": {"callbacks": [GradientNormClipping(0.1)]},
        "learned": {"estimator": fast(prior="learned")},
        "product": {"estimator": fast(prior=priors.Product([("uniform", 1), ("gaussian", 1)]))},
        "supervised": {"estimator": fast(supervision="decoder")},
        "forest": {"estimator": IsolationForest()},
        "bad init": {"init": "k-means"},
        "bad distance": {"head_distance": 0.0},
        "bad weight": {"consistency_weight": -1},
        "bad neighbors": {"n_neighbors": 0},
    }


@section
def classifiers(record):
    """The classifier."""
    X, y = make_blobs(90, centers=3, n_features=4, random_state=2)
    names = np.array(["a", "b", "c"])[y]
    few = np.where(np.arange(90) % 5 > 0, None, names)
    for name, given in heads_settings().items():
        classify(record, f"classifiers/{name}", classifier(**given), X, few)
    for consistency in ("both", "neighbors", "adversarial"):
        spread = classifier(init="label_spreading", consistency=consistency)
        classify(record, f"classifiers/spreading {consistency}", spread, X, few)
    spread = classifier(init="label_spreading", consistency_weight=0, head_distance=2.0)
    classify(record, "classifiers/spreading alone", spread, X, few)
    some = np.arange(90) % 6 == 0
    labels = {
        "all": y,
        "nan": np.where(some, y, np.nan),
        "minus one": np.where(some, y, -1),
        "minus one of two": np.where(y > 0, 1, -1),
        "none": np.where(some, y.astype(object), None),
        "pandas": pd.Series(names).where(some),
        "bool": y > 0,
        "float": y.astype(float),
        "one class": np.full(90, "only"),
        "column": y.reshape(-1, 1),
        "uneven": (np.arange(90) < 10).astype(int),
        "two rows": y[:2],
        "list": names.tolist(),
        "missing": None,
        "no label": np.full(90, np.nan),
        "continuous": y + 0.5,
        "types": np.array([1, "a"] * 45, dtype=object),
        "matrix": np.zeros((90, 2)),
    }
    for name, given in labels.items():
        table = X[:2] if name == "two rows" else X
        classify(record, f"classifiers/labels {name}", classifier(), table, given)
    frame = mixed().drop(columns="animal")
    animal = mixed()["animal"].to_numpy()
    known = np.where(np.arange(120) % 4 > 0, None, animal)
    tables = {
        "pandas": frame,
        "polars": mixed_polars().drop("animal"),
        "by int": frame.set_axis(range(frame.shape[1]), axis=1),
        "gaps": with_gaps(numbers(120)),
        "float32": numbers(120).astype(np.float32),
    }
    for name, table in tables.items():
        model = classifier(max_epochs=2)
        classify(record, f"classifiers/table {name}", model, table, known)
    model = classifier(max_epochs=3, head_distance=2.0, init="label_spreading", lr="auto")
    classify(
        record, "classifiers/table spreading", model, small()[["weight", "age", "legs"]], known
    )
    for name, given in {"plain": {}, "distance": {"head_distance": 2.0}}.items():
        start = f"classifiers/parts {name}"
        model = classifier(**given)
        first = np.full(40, None)
        record(f"{start}/0", lambda: fitted(model.partial_fit(X[:40], first, classes=list("cba"))))
        for i in (1, 2):
            record(f"{start}/{i}", lambda: fitted(model.partial_fit(X, few)))
        use_heads(record, start, model, X)
        record(f"{start}/other classes", model.partial_fit, X, names, classes=["a", "b"])
        record(f"{start}/unknown", model.partial_fit, X, np.full(90, "z"))
        record(f"{start}/fitted on", lambda: fitted(model.fit(X, few).partial_fit(X, names)))
        record(f"{start}/pickled", pickle.loads(pickle.dumps(model)).predict_proba, X)
        model.set_params(hidden_layer_sizes=(8,))
        record(f"{start}/changed", model.partial_fit, X, names)
    mixed_parts = classifier()
    for i in range(2):
        record(
            f"classifiers/parts mixed/{i}", lambda: fitted(mixed_parts.partial_fit(frame, known))
        )
    record("classifiers/listener", heard_by_listener, classifier(head_distance=2.0), X, few)
    record("classifiers/watcher", heard_by_watcher, classifier(), X, few)
    loud = classifier(verbose=1)
    record("classifiers/verbose", lambda: re.sub(r"(?m)[\d.]+\s*$", "T", printed_of(loud, X, few)))
    for epoch in (1, 3):
        model = classifier(callbacks=[AtEpoch(epoch, interrupt)])
        record(f"classifiers/interrupted {epoch}", survive, model, X, few)
    record(
        "classifiers/set_output", classifier().fit(X, y).set_output(transform="pandas").transform, X
    )


def printed_of(model, X, y=None):
    """Return what a fit prints."""
    return capture(fit, model, X, y)["out"]


def cluster(record, name: str, model, X):
    """Fit a clusterer and record what it does."""
    model = record(f"{name}/fit", fit, model, X)
    if model is not None:
        use_heads(record, name, model, X)
    return model


@section
def clusterers(record):
    """The clusterer."""
    X, _ = make_blobs(90, centers=3, n_features=4, random_state=2)
    for name, given in heads_settings().items():
        cluster(record, f"clusterers/{name}", clusterer(3, **given), X)
    for consistency in ("both", "neighbors", "adversarial"):
        model = clusterer(3, init="spectral", consistency=consistency)
        cluster(record, f"clusterers/spectral {consistency}", model, X)
    model = clusterer(3, init="spectral", consistency_weight=0, head_distance=2.0)
    cluster(record, "clusterers/spectral alone", model, X)
    cluster(record, "clusterers/many", clusterer(12, consistency_weight=0, max_epochs=1), X)
    cluster(record, "clusterers/one", clusterer(1, head_distance=2.0), X)
    cluster(record, "clusterers/too many", clusterer(6), X[:5])
    cluster(record, "clusterers/none", clusterer(0), X)
    cluster(record, "clusterers/default number", headed(AAEClusterer), X)
    frame = mixed()
    tables = {
        "pandas": frame,
        "polars": mixed_polars(),
        "by int": frame.set_axis(range(frame.shape[1]), axis=1),
        "objects": frame[["animal", "weight", "note"]].to_numpy(dtype=object),
        "gaps": with_gaps(numbers(120)),
        "float32": numbers(120).astype(np.float32),
        "pandas numbers": pd.DataFrame(numbers(), columns=list("abcde")),
        "list": X[:30].tolist(),
    }
    for name, table in tables.items():
        cluster(record, f"clusterers/table {name}", clusterer(3, max_epochs=2), table)
    model = clusterer(3, max_epochs=3, init="spectral", head_distance=2.0)
    cluster(record, "clusterers/table spectral", model, small())
    record("clusterers/fit_predict", clusterer(3).fit_predict, X)
    record("clusterers/fit_transform", clusterer(3).fit_transform, X)
    record("clusterers/listener", heard_by_listener, clusterer(3, head_distance=2.0), X)
    record("clusterers/watcher", heard_by_watcher, clusterer(3), X)
    record("clusterers/pickled", pickle.loads(pickle.dumps(clusterer(3).fit(X))).predict, X)
    record("clusterers/verbose", lambda: printed_table(clusterer(3, verbose=1), X))
    for epoch in (1, 3):
        model = clusterer(3, callbacks=[AtEpoch(epoch, interrupt)])
        record(f"clusterers/interrupted {epoch}", survive, model, X)


# ----------------------------------------------------------------------------- encoder


@section
def encoders(record):
    """The encoder of tables."""
    rng = np.random.default_rng(0)
    frame = mixed()
    names = named()
    settings = {
        "defaults": {},
        "levels 4": {"max_levels": 4},
        "levels 200": {"max_levels": 200},
        "categories 2": {"max_categories": 2},
        "frequency": {"min_frequency": 20},
        "share": {"min_frequency": 0.2},
        "error": {"handle_unknown": "error"},
        "infrequent": {"handle_unknown": "infrequent_if_exist", "max_categories": 3},
        "infrequent share": {"handle_unknown": "infrequent_if_exist", "min_frequency": 0.1},
        "chosen": {"categorical_features": [1, 2]},
        "mask": {"categorical_features": np.arange(frame.shape[1]) < 4},
    }
    tables = {"mixed": frame, "names": names}
    for table_name, table in tables.items():
        for name, given in settings.items():
            start = f"encoders/{table_name}/{name}"
            encode(record, start, TableEncoder(**given), table)
    for name, table in table_cases().items():
        encode(record, f"encoders/table {name}", TableEncoder(), table)
    encoder = TableEncoder().fit(frame)
    for container in ("pandas", "polars", "default"):
        encoder.set_output(transform=container)
        record(f"encoders/set_output {container}", encoder.transform, frame)
    codes = pd.DataFrame(encoder.transform(frame), index=frame.index)
    record("encoders/inverse keeps index", encoder.inverse_transform, codes[10:20])
    noisy = encoder.transform(frame) + 0.1 * rng.normal(size=codes.shape).astype(np.float32)
    record("encoders/inverse noisy", encoder.inverse_transform, noisy)
    record("encoders/inverse width", encoder.inverse_transform, noisy[:, :3])
    record("encoders/inverse nan", encoder.inverse_transform, np.full_like(noisy, np.nan))
    record("encoders/names", encoder.get_feature_names_out, frame.columns)
    record("encoders/other names", encoder.get_feature_names_out, ["a"])
    record("encoders/pickled", pickle.loads(pickle.dumps(encoder)).transform, mixed(20, 4))
    pipeline = make_pipeline(TableEncoder(), LogisticRegression())
    numbers_only = frame.drop(columns=["animal", "size"])
    record(
        "encoders/pipeline",
        lambda: pipeline.fit(numbers_only, frame["animal"]).predict(numbers_only),
    )
    for name, given in {
        "levels": {"max_levels": 1},
        "categories": {"max_categories": 1},
        "frequency": {"min_frequency": 0},
        "unknown": {"handle_unknown": "ignore"},
        "column": {"categorical_features": ["colours"]},
        "position": {"categorical_features": [99]},
        "mask": {"categorical_features": [True, False]},
        "type": {"categorical_features": 3},
    }.items():
        record(f"encoders/bad {name}", TableEncoder(**given).fit, frame)


def encode(record, name: str, encoder, table):
    """Fit an encoder and record what it does."""
    encoder = record(f"{name}/fit", fit, encoder, table)
    if encoder is None:
        return
    record(f"{name}/attributes", fitted, encoder)
    codes = record(f"{name}/transform", encoder.transform, table)
    record(f"{name}/inverse_transform", encoder.inverse_transform, codes)
    record(f"{name}/names out", encoder.get_feature_names_out)
    if isinstance(table, pd.DataFrame) and "rare" in table:
        new = pd.DataFrame(
            {
                "name": ["a1", "zz", "b77"],
                "id": [3, -9, 10**7],
                "rare": ["x", "y", "q"],
                "real": [0.1, 9.9, -9.9],
            }
        )
        record(f"{name}/unseen", encoder.transform, new)
    elif isinstance(table, pd.DataFrame) and "animal" in table:
        record(f"{name}/new rows", encoder.transform, table.sample(30, random_state=1))
        record(f"{name}/unseen", encoder.transform, table[:5].assign(animal="cow"))
        record(f"{name}/far", encoder.transform, table[:5].assign(weight=1e9))


# ----------------------------------------------------------------------------- metrics


@section
def measures(record):
    """Metrics of samples, models and tables."""
    A, B = numbers(70, 3), numbers(50, 3, seed=1) + 0.2
    one = metrics.mmd(A, B)
    record("measures/mmd default", lambda: one)
    for kernel in ("imq", "rbf", "linear"):
        for bandwidth in (None, 1.0, [0.5, 2.0], -1):
            record(
                f"measures/mmd {kernel} {bandwidth}",
                metrics.mmd,
                A,
                B,
                kernel=kernel,
                bandwidth=bandwidth,
            )
    record("measures/energy_distance", metrics.energy_distance, A, B)
    record("measures/energy_distance float32", metrics.energy_distance, A.astype("f"), B)
    record("measures/c2st", metrics.c2st, A, B, random_state=0)
    record("measures/c2st cv", metrics.c2st, A, B, cv=2, random_state=1)
    for p in (1.0, 2.0, 3.0, 0.5):
        record(
            f"measures/sliced {p}",
            metrics.sliced_wasserstein,
            A,
            B,
            n_projections=20,
            p=p,
            random_state=0,
        )
    record("measures/parzen", metrics.parzen_log_likelihood, A, B, A[:20])
    record("measures/parzen given", metrics.parzen_log_likelihood, A, B, A[:9], bandwidths=[0.3, 1])
    record("measures/precision_recall", metrics.precision_recall, A, B)
    record("measures/precision_recall 1", metrics.precision_recall, A, B, n_neighbors=1)
    for name, (given, k) in prior_cases().items():
        if name.startswith(("name", "Mixture", "torch", "scipy")):
            prior = priors.as_prior(given, k)
            record(f"measures/prior_draws {name}", metrics.prior_draws, prior, 9, k, 2)
    for name in ("gaussian", "mixture", "uniform"):
        gap = metrics.PriorGap(priors.as_prior(name, 3), 40, 3, seed=0)
        record(f"measures/PriorGap {name}", gap, A[:40])
    record("measures/PriorGap object", metrics.PriorGap(priors.Ball(), 30, 3, seed=2), B[:30])
    for width, table in {
        "narrow": (A, B[:, :2]),
        "few": (A[:1], B),
        "nan": (A * np.nan, B),
    }.items():
        for function in (metrics.mmd, metrics.energy_distance, metrics.precision_recall):
            record(f"measures/{function.__name__} {width}", function, *table)
    X, frame = numbers(), small(90)
    models = {"X": (fast().fit(X), X), "frame": (quick().fit(frame), frame)}
    for name, (model, table) in models.items():
        start = f"measures/{name}"
        record(f"{start}/prior_gap", metrics.prior_gap, model, table, random_state=0)
        record(f"{start}/code_information", metrics.code_information, model, table, random_state=0)
        record(f"{start}/one row", metrics.code_information, model, table[:1], random_state=0)
        for weight in (0.0, 0.5, 1.0, 2.0):
            record(
                f"{start}/balanced {weight}", metrics.balanced_score, model, table, weight=weight
            )
        for measure in ("c2st", "energy_distance", "mmd", "sliced_wasserstein", "precision", "x"):
            record(
                f"{start}/match {measure}", metrics.prior_match_score, model, table, measure=measure
            )
            record(
                f"{start}/quality {measure}",
                metrics.sample_quality_score,
                model,
                table,
                measure=measure,
            )
    searching = partial(metrics.balanced_score, weight=0.3)
    search = GridSearchCV(fast(), {"n_components": [1, 2]}, cv=2, scoring=searching)
    record("measures/search", lambda: search.fit(X).cv_results_["mean_test_score"])


def table_triples():
    """Return real, synthetic and held-out tables, and a column to predict."""
    frames = [mixed(n, seed) for n, seed in ((90, 0), (80, 1), (70, 2))]
    real, made, held = frames
    made = pd.concat([real[:5], made[5:]])
    narrow = [frame[["animal", "weight", "age", "note"]] for frame in (real, made, held)]
    small_polars = [mixed_polars(n, seed) for n, seed in ((90, 0), (80, 1), (70, 2))]
    arrays = [numbers(n, 4, seed).round(2) for n, seed in ((90, 0), (80, 1), (70, 2))]
    objects = [frame.to_numpy(dtype=object) for frame in narrow]
    return {
        "pandas": (real, made, held, "animal"),
        "pandas number": (*narrow, "weight"),
        "pandas reordered": (
            real,
            made[made.columns[::-1]],
            held.sample(frac=1, axis=1, random_state=0),
            "age",
        ),
        "pandas permuted": (
            narrow[0],
            narrow[1].apply(lambda c: c.sample(frac=1, random_state=1).to_numpy()),
            narrow[2],
            "note",
        ),
        "polars": (*small_polars, "animal"),
        "polars and pandas": (
            pl.from_pandas(narrow[0].reset_index(drop=True)),
            narrow[1],
            narrow[2],
            "weight",
        ),
        "arrays": (*arrays, 3),
        "objects": (*objects, 0),
        "lists": (*(array.tolist() for array in arrays), None),
    }


@section
def table_measures(record):
    """Metrics of synthetic tables."""
    for name, (real, made, held, target) in table_triples().items():
        start = f"table measures/{name}"
        record(f"{start}/column_shapes", metrics.column_shapes, real, made)
        record(f"{start}/pair_trends", metrics.pair_trends, real, made)
        record(f"{start}/table_c2st", metrics.table_c2st, real, made, cv=2, random_state=0)
        record(f"{start}/dcr", metrics.dcr, real, made, held, random_state=0)
        record(f"{start}/copy_share", metrics.copy_share, real, made, held)
        record(f"{start}/near_copies", metrics.near_copies, real, made, held)
        record(
            f"{start}/near_copies more",
            metrics.near_copies,
            real,
            made,
            held,
            quantile=0.2,
            n_pairs=2,
        )
        if name in ("pandas", "arrays", "polars", "lists", "objects"):
            report = record(
                f"{start}/synthetic_report",
                metrics.synthetic_report,
                real,
                made,
                held,
                target=target,
                random_state=0,
            )
            record(f"{start}/report text", lambda: repr(report))
            record(f"{start}/report html", lambda: report._repr_html_())
            record(f"{start}/report dict", lambda: report.to_dict())
        elif target is not None:
            record(
                f"{start}/ml_efficacy",
                metrics.ml_efficacy,
                real,
                made,
                held,
                target,
                random_state=0,
            )
        record(f"{start}/score text", lambda: repr(metrics.column_shapes(real, made)))
    real, made, held, _ = table_triples()["pandas number"]
    bad = {
        "columns": made.drop(columns="age"),
        "more": made.assign(more=1),
        "kind": made.assign(weight="heavy"),
        "infinite": made.assign(weight=np.inf),
        "one row": made[:1],
        "no frame": 3,
        "a vector": np.arange(4),
        "cells": made.assign(note=[[1]] * len(made)),
        "empty column": made.assign(age=np.nan),
        "constant": made.assign(weight=1.0),
    }
    for name, table in bad.items():
        for function in (metrics.column_shapes, metrics.pair_trends):
            record(f"table measures/bad {name}/{function.__name__}", function, real, table)
        record(f"table measures/bad {name}/copy_share", metrics.copy_share, real, table, held)
    report = metrics.synthetic_report
    record("table measures/bad target", report, real, made, held, target="height")
    record(
        "table measures/bad single", metrics.ml_efficacy, real, made, held.assign(note="a"), "note"
    )
    record("table measures/bad quantile", metrics.near_copies, real, made, held, quantile=2.0)


# -------------------------------------------------------------------------- inspection


def axes_of(figure) -> dict:
    """Return what the axes of a figure hold, and its texts."""
    found = {"texts": [text.get_text() for text in figure.texts]}
    found["size"] = figure.get_size_inches()
    for i, ax in enumerate(figure.axes):
        texts = [ax.get_title(), ax.get_xlabel(), ax.get_ylabel()]
        texts += [t.get_text() for t in (*ax.get_xticklabels(), *ax.get_yticklabels(), *ax.texts)]
        legend = ax.get_legend()
        texts += [t.get_text() for t in legend.get_texts()] if legend else []
        found[f"{i} texts"] = texts
        found[f"{i} lines"] = [
            [line.get_xydata(), line.get_label(), str(line.get_color()), line.get_linestyle()]
            for line in ax.lines
        ]
        found[f"{i} collections"] = [
            [
                np.asarray(c.get_offsets()),
                np.asarray(c.get_facecolor()),
                c.get_label(),
                None if c.get_array() is None else np.asarray(c.get_array()),
            ]
            for c in ax.collections
        ]
        found[f"{i} patches"] = [
            [
                p.get_path().vertices,
                p.get_patch_transform().transform(p.get_path().vertices),
                p.get_label(),
            ]
            for p in ax.patches
        ]
        found[f"{i} images"] = [np.ma.filled(im.get_array(), np.nan) for im in ax.images]
        found[f"{i} limits"] = [list(ax.get_xlim()), list(ax.get_ylim())]
    return found


def drawn(display) -> dict:
    """Return what the axes of a display hold, and its public attributes."""
    found = axes_of(display.figure_)
    kept = {
        name: value
        for name, value in vars(display).items()
        if not name.startswith("_")
        and isinstance(value, (np.ndarray, str, list, tuple, int, float, dict, type(None)))
        and not name.endswith(("artists_", "lines_"))
    }
    plt.close("all")
    return {**found, "kept": kept}


@section
def pictures(record):
    """Displays."""
    X = numbers()
    y = labels_of(X)
    latent, curve = inspection.LatentSpaceDisplay, inspection.LossCurveDisplay
    rows = inspection.ReconstructionDisplay
    model = fast(n_components=3, early_stopping=True, validation_fraction=0.3).fit(X)
    narrow, alone = fast(n_components=1).fit(X), fast(adversarial_weight=0).fit(X)
    digits = load_digits().data[:60]
    images = fast(scaling=None).fit(digits)
    frame = pd.DataFrame(X, columns=["one", "two", "three", "four", "a long name " * 5])
    with_names = fast().fit(frame)
    clusters = clusterer(3, head_distance=2.0).fit(X)
    cases = {
        "latent": lambda: latent.from_estimator(model, X),
        "latent y": lambda: latent.from_estimator(model, X, y, components=(0, 2)),
        "latent text": lambda: latent.from_estimator(model, X, np.array(list("abc"))[y]),
        "latent values": lambda: latent.from_estimator(model, X, X[:, 0], n_prior=0),
        "latent one": lambda: latent.from_estimator(model, X, y, components=(1,)),
        "latent narrow": lambda: latent.from_estimator(narrow, X, random_state=3, n_prior=50),
        "latent look": lambda: latent.from_estimator(model, X, s=3, alpha=0.2),
        "latent codes": lambda: latent(X, X[:9], y=y, components=(4, 1)).plot(),
        "latent mixed": lambda: latent.from_estimator(quick().fit(small(60)), small(60)),
        "latent bad": lambda: latent(X, components=(0, 9)).plot(),
        "latent bad prior": lambda: latent(X, X[:, :2]).plot(),
        "latent unfitted": lambda: latent.from_estimator(fast(), X),
        "curve": lambda: curve.from_estimator(model),
        "curve alone": lambda: curve.from_estimator(alone, linewidth=3),
        "curve clusters": lambda: curve.from_estimator(clusters),
        "curve history": lambda: curve({"reconstruction_loss": [3, 2, np.nan, 1]}).plot(),
        "curve detector": lambda: curve.from_estimator(detector().fit(X)),
        "curve bad": lambda: curve({"loss": [1]}).plot(),
        "curve bad shapes": lambda: curve(
            {"reconstruction_loss": [1], "generator_loss": [1, 2]}
        ).plot(),
        "rows": lambda: rows.from_estimator(model, X),
        "rows few": lambda: rows.from_estimator(model, X, n_columns=2, color="red"),
        "rows named": lambda: rows.from_estimator(with_names, frame),
        "rows images": lambda: rows.from_estimator(images, digits, shape=(8, 8), n_images=5),
        "rows given": lambda: rows(X, X + 0.1, feature_names=list("abcde")).plot(),
        "rows bad shape": lambda: rows(X, X, shape=(2, 2)).plot(),
        "rows bad rows": lambda: rows(X, X[:3]).plot(),
        "rows bad names": lambda: rows(X, X, feature_names=["a"]).plot(),
        "rows mixed": lambda: rows.from_estimator(quick().fit(small(60)), small(60)),
    }
    for name, draw in cases.items():
        record(f"pictures/{name}", lambda: drawn(draw()))
        plt.close("all")
    ax = plt.subplots()[1]
    record("pictures/given axes", lambda: drawn(latent.from_estimator(model, X, ax=ax)))


# ------------------------------------------------------------------------ command line


def command_table(n=110):
    """Return a table as its file holds it."""
    rng = np.random.default_rng(1)
    days = pd.Timestamp("2019-12-25") + pd.to_timedelta(rng.integers(0, 30, n), "D")
    times = days + pd.to_timedelta(rng.integers(0, 86_400, n), "s")
    frame = pd.DataFrame(
        {
            "height": rng.normal(size=n).round(2),
            "rooms": pd.array(rng.integers(0, 5, n), dtype="Int64"),
            "size": rng.integers(0, 7, n),
            "town": rng.choice(["Bonn", "Köln, a $ city"], n),
            "note": [f"free text {i}" for i in range(n)],
            "sold": pd.array(rng.random(n) > 0.4, dtype="boolean"),
            "new": rng.random(n) > 0.6,
            "day": days.astype(str),
            "time": times.strftime("%Y-%m-%d %H:%M:%S"),
            "clock": times.strftime("%Y-%m-%dT%H:%MZ"),
            "almost": ["2020-02-30", *days[1:].astype(str)],
            "empty": np.full(n, np.nan),
        }
    )
    for place, name in enumerate(["height", "rooms", "town", "sold", "day", "time"]):
        frame.loc[place::7, name] = None
    return frame


def tell(asked: list[str]) -> str:
    """Run the command; return its status and what it prints."""
    told = capture(main, asked)
    return f"{told['value']}\nout: {told['out']}\nerr: {told['err']}"


def run(record, name: str, folder: Path, *options: str):
    """Run the command and record what it writes and prints."""
    out = folder / f"out {name}"
    figures = []

    def save(figure, path, **kwargs):
        # In place of pixels: matplotlib's layout differs in the last bits from run to run.
        figures.append({**axes_of(figure), "saved": kwargs})
        Path(path).touch()

    with mock.patch("matplotlib.figure.Figure.savefig", save):
        record(f"command/{name}/told", tell, [*options, "--out", str(out), "--epochs", "1"])
    record(f"command/{name}/files", lambda: sorted(path.name for path in out.iterdir()))
    for part in ("scores.csv", "codes.csv", "synthetic.csv"):
        record(f"command/{name}/{part}", lambda: (out / part).read_text(encoding="utf-8"))
    record(f"command/{name}/report.png", lambda: figures[0])
    plt.close("all")


@section
def command(record):
    """The command line."""
    with tempfile.TemporaryDirectory(prefix="record-") as name:
        folder = Path(name)
        table = command_table()
        table.to_csv(folder / "people.csv", index=False)
        table.to_parquet(folder / "people.parquet")
        indexed = pd.DataFrame(numbers(50, 4), index=[f"id-{i}" for i in range(50)])
        indexed.add_prefix("c").assign(count=np.arange(50) % 7).to_csv(folder / "numbers.csv")
        mixed(100).drop(columns="empty").to_parquet(folder / "mixed.parquet")
        run(record, "default", folder)
        run(record, "csv", folder, str(folder / "people.csv"))
        run(record, "parquet", folder, str(folder / "people.parquet"), "--seed", "3")
        options = ("--components", "2", "--samples", "25", "--alpha", "0.1", "--seed", "5")
        run(record, "numbers", folder, str(folder / "numbers.csv"), *options)
        run(record, "mixed", folder, str(folder / "mixed.parquet"), "--quiet")
        (folder / "empty.csv").touch()
        table.assign(height=np.inf).to_csv(folder / "infinite.csv", index=False)
        table[:1].to_csv(folder / "one.csv", index=False)
        table.assign(path=[[1, 2]] * len(table)).to_parquet(folder / "lists.parquet")
        calls = {
            "help": ["--help"],
            "version": ["--version"],
            "no file": [str(folder / "no.csv")],
            "empty": [str(folder / "empty.csv")],
            "infinite": [str(folder / "infinite.csv")],
            "one row": [str(folder / "one.csv")],
            "lists": [str(folder / "lists.parquet")],
            "out is a file": ["--out", str(folder / "empty.csv"), "--epochs", "1"],
            "epochs": ["--epochs", "0"],
            "alpha": ["--alpha", "2"],
            "components": ["--components", "many"],
            "option": ["--colour", "red"],
        }
        for what, asked in calls.items():
            if "--out" not in asked:
                asked = [*asked, "--out", str(folder / "unused")]
            record(f"command/{what}", tell, asked)
        record("command/process", process_version)


def process_version():
    """Return what the command says of its version in a process of its own."""
    asked = [sys.executable, "-m", "sklearn_aae", "--version"]
    done = subprocess.run(asked, capture_output=True, text=True, cwd=HERE)
    return [done.returncode, done.stdout, done.stderr]


# ---------------------------------------------------------------------------- training


@section
def parts(record):
    """Parts of training that have public names."""
    X = numbers(60, 3).astype(np.float32)
    near = record("parts/nearest_rows", training.nearest_rows, X, 4, np.random.default_rng(0))
    record("parts/spectral_clusters", training.spectral_clusters, near, 3, np.random.default_rng(0))
    few = np.where(np.arange(60) % 9 == 0, np.arange(60) % 3, -1)
    record("parts/spread_labels", training.spread_labels, near, few)
    record("parts/choose_columns", training.choose_columns, 3, 20, 7, 0)
    record("parts/choose_columns all", training.choose_columns, 3, 5, 7, 0)
    record("parts/member_rows", training.member_rows, 3, 20, 0.5, 0)
    weight, centre = torch.zeros(2, 3), torch.linspace(-1, 1, 6).view(2, 3)
    record(
        "parts/log_mixture",
        training.log_mixture,
        weight.log_softmax(1),
        centre,
        torch.ones(2, 3),
        torch.linspace(-3, 3, 9),
    )
    for name in ("EnsemblePlan", "EnsembleSettings"):
        record(f"parts/{name}", lambda: getattr(training, name)())
    record("parts/phases", lambda: [phase.name for phase in training.PHASES])
    record("parts/CLIP", lambda: training.CLIP)
    record("parts/user_callbacks", training.user_callbacks, [3])
    for name in exceptions.__all__:
        kind = getattr(exceptions, name)
        record(f"parts/{name}", lambda: [parent.__name__ for parent in kind.__mro__])
    unsupported = exceptions.UnsupportedColumnsError("no text, please", ["name"])
    record("parts/pickled error", lambda: pickle.loads(pickle.dumps(unsupported)).columns)


# ------------------------------------------------------------------- defaults and sizes


@section
def larger(record):
    """Default networks, tables of many rows, and rows by themselves."""
    X, frame = numbers(4600, 6), small(2100)
    y = labels_of(X)
    fit_and_use(record, "larger/model", fast(max_epochs=1, prior="mixture"), X)
    fit_and_use(record, "larger/mixed model", quick(max_epochs=1), frame, levels=True)
    stopping = fast(max_epochs=2, early_stopping=True)
    record("larger/early stopping", lambda: fitted(stopping.fit(X)))
    detect(record, "larger/detector", detector(max_epochs=1), X, X[:300], KINDS[:3])
    shares = detector(max_epochs=1, contamination=0.1)
    detect(record, "larger/detector share", shares, X, X[:300])
    detect(record, "larger/mixed detector", detector(max_epochs=1), frame, frame[:200])
    classify(record, "larger/classifier", classifier(max_epochs=1), X[:1500], y[:1500])
    cluster(record, "larger/clusterer", clusterer(4, max_epochs=1), X[:1500])
    spectral = clusterer(4, max_epochs=1, init="spectral")
    cluster(record, "larger/spectral clusterer", spectral, X[:1500])
    X, frame, y = X[:150], frame[:150], y[:150]
    given = {"max_epochs": 2, "random_state": 0}
    model = fit_and_use(record, "larger/default model", AdversarialAutoencoder(**given), X)
    mixed_model = AdversarialAutoencoder(**given)
    fit_and_use(record, "larger/default mixed model", mixed_model, frame, levels=True)
    classify(record, "larger/default classifier", AAEClassifier(**given), X, y)
    classify(record, "larger/default mixed classifier", AAEClassifier(**given), frame, y)
    cluster(record, "larger/default clusterer", AAEClusterer(3, **given), X)
    cluster(record, "larger/default mixed clusterer", AAEClusterer(3, **given), frame)
    found = detect(record, "larger/default detector", AAEOutlierDetector(random_state=0), X)
    for method in ("transform", "reconstruct", "score_samples", "score_contributions"):
        alone = lambda: [getattr(model, method)(X[i : i + 1]) for i in range(4)]
        record(f"larger/alone {method}", alone)
        alone = lambda: [getattr(mixed_model, method)(frame[i : i + 1]) for i in range(4)]
        record(f"larger/alone mixed {method}", alone)
    record("larger/alone detector", lambda: [found.score_samples(X[i : i + 1]) for i in range(4)])
    record("larger/alone explained", lambda: [found.explain(X[i : i + 1]) for i in range(4)])
    report = partial(metrics.prior_gap, model, X, random_state=1)
    record("larger/prior_gap", report)
    for measure in ("energy_distance", "mmd"):
        many = numbers(1500, 3), numbers(1300, 3, seed=1)
        record(f"larger/{measure}", getattr(metrics, measure), *many)


# ------------------------------------------------------------------------------ errors


@section
def refused(record):
    """Inputs that are refused, and what is said."""
    X, frame = numbers(), mixed()
    y = labels_of(X)
    text = np.array([["a", "b"]] * 30, dtype=object)
    bad_parameters = [
        {"n_components": 0},
        {"n_components": 1.5},
        {"adversarial_weight": -1},
        {"adversarial_weight": "high"},
        {"activation": "step"},
        {"scaling": "log"},
        {"supervision": "both"},
        {"prior": "petals"},
        {"prior": 3},
        {"prior": "swiss_roll", "n_components": 3},
        {"prior": priors.Mixture(8, layout="grid")},
        {"prior": priors.Mixture(means=[[1.0]])},
        {"prior": priors.Mixture(3, layout="ring")},
        {"prior": priors.Mixture(3, weights=[1, 2])},
        {"prior": priors.Uniform(1, 0)},
        {"prior": priors.Gaussian(-1.0)},
        {"prior": priors.Ball("big")},
        {"prior": priors.Categorical([0.5, -0.5])},
        {"prior": priors.Product([("categorical", 3)])},
        {"prior": priors.Product([("learned", 1), ("gaussian", 1)])},
        {"prior": priors.Product("gaussian")},
        {"prior": lambda n, generator: np.zeros((n, 7))},
        {"prior": lambda n, generator: np.full((n, 2), np.nan)},
        {"posterior": "uniform"},
        {"posterior": posteriors.Channel(noise=1.0)},
        {"posterior": posteriors.Gaussian(input_noise=-1)},
        {"posterior": posteriors.Universal(n_draws=0)},
        {"posterior": "channel", "prior": "categorical"},
        {"posterior": 3},
        {"output": "categorical"},
        {"output": "bernoulli"},
        {"output": outputs.Gaussian("free")},
        {"output": outputs.Autoregressive(hidden_size=0)},
        {"output": outputs.Independent(hidden_size="wide")},
        {"output": outputs.Autoregressive(masking=0.6)},
        {"output": outputs.Autoregressive(code_only=1.5)},
        {"output": outputs.Autoregressive(dropout=1.0)},
        {"output": outputs.Autoregressive(parent_dropout=-0.1)},
        {"categorical_features": ["a"]},
        {"categorical_features": [True]},
        {"categorical_features": [0], "output": "gaussian"},
        {"categorical_features": "all"},
        {"lr": "fast"},
        {"lr": 0.0},
        {"device": "abacus"},
        {"batch_size": 0},
        {"max_epochs": 0},
        {"max_epochs": 2.5},
        {"hidden_layer_sizes": (8, -1)},
        {"hidden_layer_sizes": "wide"},
        {"discriminator_layer_sizes": (0,)},
        {"early_stopping": True},
        {"early_stopping": "yes"},
        {"early_stopping": True, "validation_fraction": 1.5},
        {"n_iter_no_change": 0},
        {"random_state": "x"},
        {"encoder": linear(5, 3)},
        {"encoder": linear(7, 2)},
        {"encoder": lambda n_in, n_out: "no module"},
        {"encoder": 3},
        {"decoder": nn.Identity()},
        {"discriminator": linear(3, 1)},
        {"encoder": linear(5, 2).requires_grad_(False)},
    ]
    for i, given in enumerate(bad_parameters):
        name = f"refused/parameters {i} {' '.join(given)}"
        record(name, fast(**given).fit, X)
    tables = {
        "infinite": np.where(X > 5, np.inf, X),
        "complex": X.astype(complex),
        "sparse": sparse.csr_matrix(np.ones((5, 2))),
        "no rows": np.ones((0, 2)),
        "no columns": np.ones((5, 0)),
        "vector": np.ones(5),
        "cube": np.ones((5, 2, 2)),
        "one row": X[:1],
        "dicts": np.array([[1.0, {}]] * 5, dtype=object),
        "types": np.array([[1.0, "a"], [2.0, 3]] * 5, dtype=object),
        "nothing": None,
        "a word": "table",
        "repeated names": pd.DataFrame(X[:, :2], columns=["a", "a"]),
        "mixed names": pd.DataFrame(X[:, :2], columns=["a", 1]),
        "lists": pd.DataFrame({"a": [[1]] * 9}),
        "empty frame": pd.DataFrame({"a": []}),
        "infinite frame": pd.DataFrame({"a": [1.0, np.inf, 2.0], "b": [1, 2, 3]}),
        "infinite mixed": frame.assign(weight=np.inf),
        "polars lists": pl.DataFrame({"a": [[1]] * 9}),
        "polars lazy": pl.DataFrame({"a": [1, 2]}).lazy(),
        "missing": with_gaps(X),
        "missing frame": pd.DataFrame(with_gaps(X)).add_prefix("c"),
        "text": text,
        "text frame": frame[["weight", "animal", "born"]],
        "arrays of periods": pd.DataFrame({"p": pd.period_range("2020", periods=9, freq="M")}),
    }
    estimators = {
        "model": fast(),
        "numbers": fast(output="gaussian"),
        "detector": detector(),
        "classifier": classifier(),
        "clusterer": clusterer(2),
        "encoder": TableEncoder(),
    }
    for name, table in tables.items():
        for kind, model in estimators.items():
            n = table.shape[0] if hasattr(table, "shape") else 9
            given = np.arange(n) % 2 if kind == "classifier" and isinstance(n, int) else None
            record(f"refused/{name} {kind}", fit, clone(model), table, given)
    unfitted(record, X, frame)
    later(record, X, frame)
    supervised(record, X, y)


def unfitted(record, X, frame):
    """Record what methods say before ``fit``."""
    calls = {
        "model": (
            fast(),
            {
                "transform": (X,),
                "inverse_transform": (X[:, :2],),
                "reconstruct": (X,),
                "sample": (),
                "impute": (frame,),
                "score_samples": (X,),
                "score_contributions": (X,),
                "score": (X,),
                "get_feature_names_out": (),
            },
        ),
        "detector": (
            detector(),
            {
                "score_samples": (X,),
                "decision_function": (X,),
                "predict": (X,),
                "p_values": (X,),
                "select": (X,),
                "score_contributions": (X,),
                "explain": (X,),
            },
        ),
        "classifier": (
            classifier(),
            {"predict": (X,), "predict_proba": (X,), "transform": (X,), "score": (X, X[:, 0])},
        ),
        "clusterer": (
            clusterer(2),
            {"predict": (X,), "predict_proba": (X,), "transform": (X,)},
        ),
        "encoder": (
            TableEncoder(),
            {"transform": (X,), "inverse_transform": (X,), "get_feature_names_out": ()},
        ),
    }
    for kind, (model, methods) in calls.items():
        for method, given in methods.items():
            record(f"refused/unfitted {kind} {method}", getattr(model, method), *given)
    record("refused/unfitted detector set_threshold", detector().set_threshold, alpha=0.1)
    record("refused/unfitted gap", metrics.prior_gap, fast(), X)
    record("refused/unfitted information", metrics.code_information, fast(), X)


def later(record, X, frame):
    """Record what fitted estimators say of tables that are not those of ``fit``."""
    data = pd.DataFrame(X, columns=list("abcde"))
    changes = {
        "narrow": lambda t: t.drop(columns="age"),
        "renamed": lambda t: t.rename(columns={"age": "years"}),
        "reordered": lambda t: t[t.columns[::-1]],
        "more": lambda t: t.assign(more=1),
        "kind": lambda t: t.assign(weight="heavy"),
        "boolean": lambda t: t.assign(tame=1.5),
        "unseen": lambda t: t.assign(animal="cow"),
        "missing": lambda t: t.assign(weight=np.nan),
        "infinite": lambda t: t.assign(weight=np.inf),
        "filled": lambda t: t.assign(empty="x"),
        "date": lambda t: t.assign(born=3),
        "zone": lambda t: t.assign(born=t["seen"]),
        "array": lambda t: t.to_numpy(dtype=object),
        "polars": lambda t: pl.from_pandas(t.astype({"empty": object}).reset_index(drop=True)),
    }
    model = quick(warm_start=True).fit(frame)
    others = {
        "detector": detector(handle_unknown="error").fit(frame),
        "classifier": classifier(max_epochs=1).fit(frame, np.arange(len(frame)) % 2),
        "clusterer": clusterer(2, max_epochs=1).fit(frame),
        "encoder": TableEncoder(handle_unknown="error").fit(frame),
    }
    calls = {"detector": "score_samples", "classifier": "predict_proba", "clusterer": "predict"}
    for name, change in changes.items():
        start = f"refused/later {name}"
        table = change(frame[:30])
        for method in ("transform", "score_samples", "reconstruct", "impute"):
            record(f"{start} {method}", getattr(model, method), table)
        record(f"{start} fit", lambda: fitted(copy.deepcopy(model).fit(table)))
        record(f"{start} partial_fit", lambda: fitted(copy.deepcopy(model).partial_fit(table)))
        for kind, other in others.items():
            record(f"{start} {kind}", getattr(other, calls.get(kind, "transform")), table)
    plain_model, plain_detector = fast(warm_start=True).fit(data), detector().fit(data)
    tables = {
        "narrow": data[list("abcd")],
        "reordered": data[list("bacde")],
        "array": X,
        "narrow array": X[:, :3],
        "missing": data.mask(data > 5),
        "infinite": data.replace(data.iloc[0, 0], np.inf),
        "text": data.assign(e="text"),
        "one row": data[:1],
        "float32": data.astype(np.float32),
        "polars": pl.from_pandas(data),
    }
    for name, table in tables.items():
        record(f"refused/numbers later {name} transform", plain_model.transform, table)
        record(f"refused/numbers later {name} reconstruct", plain_model.reconstruct, table)
        other = copy.deepcopy(plain_model)
        record(f"refused/numbers later {name} fit", lambda: fitted(other.partial_fit(table)))
        record(f"refused/numbers later {name} detector", plain_detector.score_samples, table)
        record(f"refused/numbers later {name} explain", plain_detector.explain, table[:2])
    for change in (
        {"n_components": 3},
        {"hidden_layer_sizes": (8,)},
        {"prior": "uniform"},
        {"scaling": None},
        {"adversarial_weight": 0},
        {"output": "independent"},
        {"supervision": "decoder"},
    ):
        other = copy.deepcopy(plain_model).set_params(**change)
        for method in ("fit", "partial_fit"):
            record(f"refused/changed {next(iter(change))} {method}", getattr(other, method), data)
    record("refused/Z width", plain_model.inverse_transform, X[:, :3])
    record("refused/Z nan", plain_model.inverse_transform, np.full((3, 2), np.nan))
    record("refused/Z vector", plain_model.inverse_transform, X[:, 0])
    record("refused/Z frame", plain_model.inverse_transform, data[["a", "b"]])
    for n in (0, -1, 2.5, "many"):
        record(f"refused/sample {n}", plain_model.sample, n)
    record("refused/sample seed", plain_model.sample, 2, random_state="x")
    record("refused/conditions of numbers", plain_model.sample, 2, conditions={"a": 1.0})
    record("refused/impute numbers", plain_model.impute, data)
    record("refused/impute method", model.impute, frame, method="mean")
    record("refused/impute draws", model.impute, frame, n_draws=0)
    record("refused/impute draws float", model.impute, frame, n_draws=2.5)
    record("refused/impute y", model.impute, frame, y="a")
    record("refused/kind", plain_detector.score_samples, data, kind="best")
    record("refused/kind auto", plain_detector.score_samples, data, kind="autoregressive")
    record("refused/kind sum", plain_detector.explain, data, kind="gpnd")
    record("refused/kind of fit", detector(kind="best").fit, data)
    plain_detector.set_params(kind="autoregressive")
    record("refused/kind later", plain_detector.set_threshold, alpha=0.1)
    for given in (
        {"contamination": -0.1},
        {"contamination": 0.51},
        {"contamination": 1},
        {"contamination": "much"},
        {"alpha": 0},
        {"n_estimators": 0},
        {"n_components": 0},
        {"hidden_layer_sizes": (0,)},
        {"hidden_layer_sizes": "wide"},
        {"adversarial_weight": -1},
        {"max_epochs": 0},
        {"batch_size": 1},
        {"lr": 0},
        {"device": "abacus"},
        {"handle_unknown": "ignore"},
        {"estimator": 3},
        {"estimator": fast(), "kind": "autoregressive"},
    ):
        record(
            f"refused/detector {given if 'estimator' not in given else 'model'} {len(given)}",
            detector(**given).fit,
            data,
        )


def supervised(record, X, y):
    """Record what models say of labels."""
    ways = {
        "prior": {"supervision": "prior", "prior": "mixture"},
        "decoder": {"supervision": "decoder"},
        "none": {},
    }
    for way, settings in ways.items():
        start = f"refused/labels {way}"
        for name, given in {
            "none": None,
            "continuous": np.linspace(0, 1, 90),
            "matrix": np.zeros((90, 2)),
            "short": [0, 1],
            "missing": np.full(90, np.nan),
            "types": np.array([1, "a"] * 45, dtype=object),
        }.items():
            record(f"{start} {name}", lambda: fitted(fit(fast(**settings), X, given)))
        model = fit(fast(**settings), X, y)
        Z = model.transform(X)
        record(f"{start} reconstruct", model.reconstruct, X, 5)
        record(f"{start} reconstruct short", model.reconstruct, X, [0, 1])
        record(f"{start} inverse_transform", model.inverse_transform, Z)
        record(f"{start} inverse_transform y", model.inverse_transform, Z, y)
        record(f"{start} inverse_transform nan", model.inverse_transform, Z, y * np.nan)
        record(f"{start} score", model.score_samples, X, 5)
        record(f"{start} sample", model.sample, y="x")
        record(f"{start} sample number", model.sample, 4, y=[1, 0, 1])
        record(f"{start} sample density", model.sample, 2, y=1, density=object())
        record(f"{start} partial_fit", model.partial_fit, X, y + 1)
    for name, prior in {
        "gaussian": "gaussian",
        "learned": "learned",
        "few modes": priors.Mixture(2),
        "callable": draw_line,
    }.items():
        model = fast(supervision="prior", prior=prior)
        record(f"refused/labels of prior {name}", model.fit, X, y)


# ------------------------------------------------------------------------------- main


def record_all(out: str, only: str) -> None:
    """Run every section and write what came out."""
    home = Path(sklearn_aae.__file__).resolve()
    print(f"recording {home.parent}", file=sys.stderr)
    if Path(HERE).resolve() not in home.parents:
        sys.exit("sklearn_aae does not come from the current folder")
    record, started = Recorder(), time.perf_counter()
    for name, function in SECTIONS.items():
        if not fnmatch.fnmatchcase(name, only):
            continue
        began, n_before = time.perf_counter(), len(record.results)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                function(record)
            except Exception as error:
                traceback.print_exc()
                record.results[f"{name}/broken"] = mask(f"{type(error).__name__}: {error}")
        n_new, seconds = len(record.results) - n_before, time.perf_counter() - began
        print(f"{name}: {n_new} cases, {seconds:.1f} s", file=sys.stderr, flush=True)
    text = json.dumps(record.results, indent=0, ensure_ascii=False, sort_keys=True)
    Path(out).write_text(text + "\n", encoding="utf-8")
    seconds = time.perf_counter() - started
    print(f"{len(record.results)} cases, {seconds:.1f} s", file=sys.stderr)


if __name__ == "__main__":
    record_all(OPTIONS.out, OPTIONS.only)
