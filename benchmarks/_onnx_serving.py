"""One row and many in ONNX Runtime, beside Python and an isolation forest of scikit-learn."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
from sklearn.ensemble import IsolationForest

from benchmarks._common import Row
from sklearn_aae import AAEClassifier, AAEOutlierDetector, AdversarialAutoencoder, export_onnx

#: Rows that everything is fitted to, columns of them, and what is timed how often.
N_FIT, N_NUMBERS, N_LABELS, REPEATS = 2000, 6, 4, 200
#: Rows at a time, where there are many: more would leave the processor's cache.
BATCH = 400


def one_row_and_many(n_rows: int, max_epochs: int | str = "auto") -> list[Row]:
    """Return milliseconds for one row, and seconds for many, of each estimator."""
    numbers, mixed = tables(N_FIT)
    rows = []
    for kind, X in (("numbers", numbers), ("mixed", mixed)):
        y = np.arange(len(X)) % 3
        model = AdversarialAutoencoder(rules=None, max_epochs=max_epochs, random_state=0).fit(X)
        detector = AAEOutlierDetector(rules=None, max_epochs=max_epochs, random_state=0).fit(X)
        classifier = AAEClassifier(max_epochs=max_epochs, random_state=0).fit(X, y)
        for estimator, outputs in (
            (model, ("transform",)),
            (model, ("score_samples",)),
            (detector, ("score_samples", "p_values", "predict")),
            (classifier, ("predict_proba",)),
        ):
            session = exported(estimator, outputs)
            row = {"estimator": type(estimator).__name__, "table": kind, "outputs": outputs[-1]}
            method = getattr(estimator, outputs[-1])
            rows.append(row | measured(session, X, method, n_rows))
    return [*rows, *forest(numbers, n_rows)]


def tables(n: int) -> tuple[np.ndarray, pd.DataFrame]:
    """Return a table of numbers and one of mixed types, of ten columns."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(n, N_NUMBERS + N_LABELS))
    mixed = pd.DataFrame(numbers[:, :N_NUMBERS], columns=[f"n{j}" for j in range(N_NUMBERS)])
    for j in range(N_LABELS):
        mixed[f"c{j}"] = rng.choice(list("abcdef"), n)
    return numbers, mixed


def exported(estimator: Any, outputs: tuple[str, ...]) -> onnxruntime.InferenceSession:
    """Return what computes an estimator's outputs in one thread."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        export_onnx(estimator, path, outputs)
        return opened(path.read_bytes())


def opened(graph: bytes) -> onnxruntime.InferenceSession:
    """Return what computes a graph in one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(graph, options)


def feed_of(session: onnxruntime.InferenceSession, X: Any, n: int) -> dict[str, np.ndarray]:
    """Return the inputs of a graph for n rows."""
    if isinstance(X, np.ndarray):
        return {session.get_inputs()[0].name: np.resize(X, (n, X.shape[1]))}
    return {name: np.resize(X[name].to_numpy(), n).reshape(-1, 1) for name in X.columns} | {
        name: np.resize(X[name].to_numpy(dtype=object), n).reshape(-1, 1)
        for name in X.columns
        if name.startswith("c")
    }


def measured(
    session: onnxruntime.InferenceSession, X: Any, method: Callable[[Any], Any], n_rows: int
) -> Row:
    """Return what one row and many take, in the runtime and in Python."""
    one, many = feed_of(session, X, 1), feed_of(session, X, n_rows)
    parts = [
        {name: cells[start : start + BATCH] for name, cells in many.items()}
        for start in range(0, n_rows, BATCH)
    ]
    first = X[:1]
    busy = time.process_time()
    for part in parts:
        session.run(None, part)
    busy = time.process_time() - busy
    in_python = time.process_time()
    for start in range(0, n_rows, len(X)):
        method(X[: min(len(X), n_rows - start)])
    in_python = time.process_time() - in_python
    return {
        "one row [ms]": f"{1e3 * median(lambda: session.run(None, one)):.3f}",
        "in Python [ms]": f"{1e3 * median(lambda: method(first)):.2f}",
        "1e6 rows, one thread [s]": f"{busy * 1e6 / n_rows:.1f}",
        "of Python [s]": f"{in_python * 1e6 / n_rows:.1f}",
    }


def median(call: Callable[[], Any]) -> float:
    """Return the median seconds of a call, after one that is not counted."""
    call()
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def forest(X: np.ndarray, n_rows: int) -> list[Row]:
    """Return the same of an isolation forest, where skl2onnx is installed."""
    try:
        from skl2onnx import to_onnx
    except ModuleNotFoundError:
        return []
    forest = IsolationForest(random_state=0).fit(X.astype(np.float32))
    graph = to_onnx(forest, X[:1].astype(np.float32), target_opset={"": 18, "ai.onnx.ml": 3})
    session = opened(graph.SerializeToString())
    row: Row = {"estimator": "IsolationForest", "table": "numbers", "outputs": "score_samples"}
    return [row | measured(session, X.astype(np.float32), forest.score_samples, n_rows)]
