"""Everything that an estimator answers, and whether two answers are equal bit for bit."""

from __future__ import annotations

import copy
import io

import numpy as np

from sklearn_aae import load, save
from sklearn_aae.detection.scores import additive_kinds


def round_trip(estimator, **options):
    """Return an estimator after it was saved to memory and loaded; options go to save."""
    buffer = io.BytesIO()
    save(estimator, buffer, **options)
    return load(buffer.getvalue(), custom=options.get("custom"))


def answers(estimator, X, y=None):
    """Return what an estimator says of rows, by method."""
    found = {name: vars(estimator)[name] for name in PUBLIC if name in vars(estimator)}
    names = [name for name in METHODS if hasattr(estimator, name)]
    labels = {"y": y} if getattr(estimator, "supervision", None) == "decoder" else {}
    for name in names:
        if name in ("score_contributions", "explain") and not adds_up(estimator):
            continue
        own = labels if name in ("reconstruct", "score_samples") else {}
        found[name] = getattr(estimator, name)(X, **own)
    if hasattr(estimator, "inverse_transform") and "transform" in found:
        codes = found["transform"]
        own = {"y": None if y is None else y[: len(codes)]} if labels else {}
        found["inverse_transform"] = estimator.inverse_transform(codes, **own)
    if hasattr(estimator, "sample"):
        found["sample"] = estimator.sample(20, random_state=3)
    if hasattr(estimator, "impute") and estimator._reader.is_mixed:
        found["impute"] = estimator.impute(X, random_state=1)
    if hasattr(estimator, "history_"):
        found["history_"] = estimator.history_
    return found


#: Methods of one table, and public attributes.
METHODS = (
    *("transform", "reconstruct", "score_samples", "score_contributions", "decision_function"),
    *("predict", "predict_proba", "p_values", "explain"),
)
PUBLIC = (
    *("n_features_in_", "feature_names_in_", "classes_", "n_iter_", "offset_", "labels_"),
    *("cluster_prototypes_", "cluster_embedding_", "training_p_values_", "threshold_source_"),
)


def adds_up(estimator):
    return not hasattr(estimator, "kind") or estimator.kind in additive_kinds()


def trained_further(estimator, X, y=None):
    """Return what a copy of an estimator that goes on training says of rows then, or nothing."""
    if not hasattr(estimator, "partial_fit"):
        return {}
    further = copy.deepcopy(estimator)
    further.partial_fit(X) if y is None else further.partial_fit(X, y)
    return answers(further, X, y)


def assert_same(one, other, where="answer"):
    """Raise AssertionError unless two answers are equal bit for bit, and of the same types."""
    assert type(one) is type(other), where
    module = type(one).__module__.partition(".")[0]
    if isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            assert_same(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other), where
        for i, pair in enumerate(zip(one, other, strict=True)):
            assert_same(*pair, f"{where}.{i}")
    elif isinstance(one, np.ndarray) and one.dtype == object:
        assert one.shape == other.shape, where
        assert_same(one.ravel().tolist(), other.ravel().tolist(), where)
    elif isinstance(one, np.ndarray):
        assert (one.dtype, one.shape) == (other.dtype, other.shape), where
        assert one.tobytes() == other.tobytes(), where
    elif module == "polars":
        assert one.schema == other.schema, where
        assert one.equals(other), where
    elif module == "pandas" and hasattr(one, "iloc"):
        import pandas as pd

        pd.testing.assert_frame_equal(one, other, check_exact=True)
    else:
        # Not equal to itself is what stands for a missing cell.
        assert one is other or one == other or (one != one and other != other), where
