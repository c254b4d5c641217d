"""Fitted estimators as files of ONNX, which other runtimes compute with."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from sklearn_aae.archive._archive import replace
from sklearn_aae.autoencoder import AdversarialAutoencoder
from sklearn_aae.categories import AAEClassifier, AAEClusterer
from sklearn_aae.detection import AAEOutlierDetector
from sklearn_aae.encoding import TableEncoder
from sklearn_aae.serving._onnx_dense import dense
from sklearn_aae.serving._onnx_detector import DetectorInGraph
from sklearn_aae.serving._onnx_graph import Graph, Value
from sklearn_aae.serving._onnx_models import HeadsInGraph, ModelInGraph
from sklearn_aae.serving._onnx_tables import Inputs, refuse_errors

#: What can be exported of each estimator, the first ones by default, and how many these are.
OUTPUTS: dict[type, tuple[tuple[str, ...], int]] = {
    AdversarialAutoencoder: (("transform", "score_samples", "score_contributions"), 2),
    AAEClassifier: (("predict_proba", "predict", "transform"), 2),
    AAEClusterer: (("predict_proba", "predict", "transform"), 2),
    AAEOutlierDetector: (
        ("score_samples", "p_values", "predict", "decision_function", "score_contributions"),
        3,
    ),
    TableEncoder: (("transform",), 1),
}
NUMBER_TYPES = ("float64", "float32")


def export_onnx(
    estimator: BaseEstimator,
    path: str | os.PathLike[str],
    outputs: Sequence[str] | None = None,
    *,
    dtype: str = "float64",
) -> None:
    """Write a fitted estimator as a file of ONNX, which runs without Python and torch.

    Read more in the :ref:`User Guide <onnx>`.

    Inputs are one for each column, of the column's name and of shape (n, 1); an array has a single
    one, ``X`` of shape (n, n_features), if ``fit`` saw an array of numbers, and ``x0``, ``x1``, ...
    if it saw one of objects.  Outputs have the names of the methods that return the same.

    Parameters
    ----------
    estimator : AdversarialAutoencoder, AAEOutlierDetector, AAEClassifier, AAEClusterer or \
TableEncoder
        The estimator, fitted.
    path : str or path
        Where to write; a file that is there is replaced as a whole.
    outputs : sequence of str, default=None
        Methods whose results the graph computes; the first ones by default:

        - AdversarialAutoencoder: *"transform"*, *"score_samples"*, "score_contributions";
        - AAEOutlierDetector, of the kind of score of its constructor: *"score_samples"*,
          *"p_values"*, *"predict"*, "decision_function", "score_contributions";
        - AAEClassifier and AAEClusterer: *"predict_proba"*, *"predict"*, "transform";
        - TableEncoder: *"transform"*.
    dtype : {"float64", "float32"}, default="float64"
        The type of inputs that are numbers.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it is of another class, or ``outputs`` is a single string.
    ValueError
        If an output is not known, or a part of the estimator has no counterpart in ONNX: some
        rules, ``handle_unknown="error"``, networks that torch cannot export.  The message names it.
    MissingExtraError
        If onnx is not installed: ``pip install "sklearn_aae[onnx]"``.
    OSError
        If the file cannot be written; one that was there is as before.

    See Also
    --------
    save : A file that this package opens again.

    Notes
    -----
    *Cells.* Numbers and booleans are floats, NaN where missing; text is text, "" where missing
    (unless "" is a category); dates and durations are int64 in the unit that the metadata state,
    since 1970 in UTC, and the smallest int64 (NaT) where missing.  Text that ``fit`` read as
    numbers or dates goes in as these.  Categories that ``fit`` did not see, and missing cells, are
    taken as the estimator takes them.  A graph raises nothing: infinite numbers are not refused.

    *Agreement.* Levels of cells are those of Python, exactly; other results agree to 1e-5, relative
    plus absolute.  A score that is so near to the threshold or a calibrating score ties with it:
    p-values are those of Python or larger.

    *Metadata.* ``estimator``, ``version`` and ``columns`` (JSON: name, kind, and unit of dates); of
    a detector ``kind``, ``alpha``, ``threshold``, ``threshold_source`` and ``n_calibrating``; of a
    classifier ``classes``.

    Examples
    --------
    >>> import tempfile
    >>> import onnxruntime
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_aae import AAEOutlierDetector, export_onnx
    >>> X = load_iris().data
    >>> detector = AAEOutlierDetector(max_epochs=2, random_state=0).fit(X)
    >>> file = Path(tempfile.mkdtemp()) / "detector.onnx"
    >>> export_onnx(detector, file)
    >>> session = onnxruntime.InferenceSession(file)
    >>> scores, p_values, flags = session.run(None, {"X": X})
    >>> bool((abs(scores - detector.score_samples(X)) < 1e-5).all())
    True
    """
    check_is_fitted(estimator)
    names = _check_outputs(estimator, outputs)
    if dtype not in NUMBER_TYPES:
        raise ValueError(f"dtype must be one of {NUMBER_TYPES}, got {dtype!r}.")
    graph = Graph()
    inputs = Inputs(graph, np.dtype(dtype))
    written = _write(inputs, estimator)
    taken = {column["name"] for column in inputs.columns} & set(names)
    if taken:
        raise ValueError(
            f"The column {min(taken)!r} is called like an output of the graph; rename it."
        )
    for name in names:
        value, shape = written.outputs(name)
        graph.output(name, value, shape)
    version = sys.modules["sklearn_aae"].__version__
    metadata = {
        "estimator": type(estimator).__name__,
        "version": version,
        "columns": json.dumps(inputs.columns),
        **_facts(estimator),
    }
    model = graph.model(metadata, "sklearn_aae", version)
    replace(Path(os.path.realpath(path)), model.SerializeToString())


def _check_outputs(estimator: Any, outputs: Sequence[str] | None) -> list[str]:
    """Return the outputs that are asked for, or raise what is wrong with them."""
    kind = next((kind for kind in OUTPUTS if isinstance(estimator, kind)), None)
    if kind is None:
        known = ", ".join(kind.__name__ for kind in OUTPUTS)
        raise TypeError(
            f"{type(estimator).__name__} cannot be exported to ONNX; estimators that can are "
            f"{known}."
        )
    names, n_default = OUTPUTS[kind]
    if outputs is None:
        return list(names[:n_default])
    if isinstance(outputs, str):
        raise TypeError(f"outputs must be a sequence of names, not one: ({outputs!r},).")
    chosen = list(outputs)
    unknown = [name for name in chosen if name not in names]
    if unknown or not chosen or len(set(chosen)) < len(chosen):
        what = f"got {outputs!r}" if not unknown else f"{unknown[0]!r} is none of them"
        raise ValueError(f"outputs of {kind.__name__} are some of {names}, each once; {what}.")
    return chosen


def _write(inputs: Inputs, estimator: Any) -> Any:
    if isinstance(estimator, TableEncoder):
        return EncoderInGraph(inputs, estimator)
    if isinstance(estimator, (AAEClassifier, AAEClusterer)):
        return HeadsInGraph(inputs, estimator)
    if isinstance(estimator, AAEOutlierDetector):
        return DetectorInGraph(inputs, estimator)
    return ModelInGraph(inputs, estimator)


class EncoderInGraph:
    """The matrix of a fitted encoder."""

    def __init__(self, inputs: Inputs, encoder: TableEncoder) -> None:
        refuse_errors(encoder)
        self.width = sum(encoder._widths())
        self.matrix = dense(inputs.graph, inputs.cells(encoder))

    def outputs(self, name: str) -> tuple[Value, list[int | str]]:
        """Return the matrix, and its shape."""
        return self.matrix.to(np.float32), ["n", self.width]


def _facts(estimator: Any) -> dict[str, str]:
    """Return what the metadata say besides."""
    if isinstance(estimator, AAEOutlierDetector):
        facts = {
            "kind": estimator.kind,
            "alpha": estimator.alpha,
            "threshold": estimator.offset_,
            "threshold_source": estimator.threshold_source_,
            "n_calibrating": len(estimator._calibration.index),
        }
        return {name: str(fact) for name, fact in facts.items()}
    if isinstance(estimator, AAEClassifier):
        return {"classes": json.dumps(estimator.classes_.tolist(), default=str)}
    return {}
