"""Graphs of ONNX beside the estimators that they were written from."""

from __future__ import annotations

import json

import numpy as np
import onnxruntime
import pandas as pd

from sklearn_aae import AAEOutlierDetector, export_onnx

MODEL = ("transform", "score_samples", "score_contributions")
DETECTOR = ("score_samples", "p_values", "predict", "decision_function", "score_contributions")
HEADS = ("predict_proba", "predict", "transform")
NAT = np.iinfo(np.int64).min


def session_of(estimator, folder, outputs, **options):
    path = folder / "model.onnx"
    export_onnx(estimator, path, outputs, **options)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, settings)


def columns_in(session):
    facts = session.get_modelmeta().custom_metadata_map
    return {column["name"]: column for column in json.loads(facts["columns"])}


def feed_of(session, X):
    """Return the inputs of a graph for an array of numbers or a frame."""
    if isinstance(X, np.ndarray):
        return {"X": X}
    known, feed = columns_in(session), {}
    for given_input in session.get_inputs():
        column = X[given_input.name]
        if given_input.type == "tensor(string)":
            cells = np.array(["" if pd.isna(cell) else cell for cell in column], dtype=object)
        elif given_input.type == "tensor(int64)":
            letter = "m" if known[given_input.name]["kind"] == "duration" else "M"
            unit = known[given_input.name]["unit"]
            cells = column.to_numpy().astype(f"{letter}8[{unit}]").view(np.int64)
        else:
            cells = column.astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
        feed[given_input.name] = cells.reshape(-1, 1)
    return feed


def assert_agree(estimator, session, X):
    """Assert that a graph's outputs are what the methods of their names return."""
    names = [output.name for output in session.get_outputs()]
    found = dict(zip(names, session.run(names, feed_of(session, X)), strict=True))
    scores = near = None
    if isinstance(estimator, AAEOutlierDetector):
        scores = estimator.score_samples(X)
        known = estimator._calibration.scores[estimator.kind]
        near = np.abs(scores[:, None] - known) < 1e-5 * (1 + np.abs(scores[:, None]))
    for name in names:
        expected, own = np.asarray(getattr(estimator, name)(X)), found[name]
        assert own.shape == expected.shape
        if name == "p_values":
            assert (np.abs(own - expected) * (1 + len(known)) <= near.sum(axis=1) + 1e-9).all()
        elif name == "predict":
            tie = False if near is None else near.any(axis=1)
            assert ((own == expected) | tie).all()
        else:
            np.testing.assert_allclose(own, expected, rtol=1e-5, atol=1e-5)


def numbers(n=150, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 4)) @ np.random.default_rng(1).normal(size=(4, 4))


def odd_numbers():
    """Return rows as they come later: far out, and with holes."""
    X = numbers(60, seed=2)
    X[::5] *= 1e6
    X[3, 2] = 1e300
    X[np.random.default_rng(3).random(X.shape) < 0.15] = np.nan
    return X


def fit_quickly(estimator, *data):
    return estimator.set_params(max_epochs=1, random_state=0).fit(*data)
