"""A report on a table and what a fitted estimator says of it, as one page of HTML."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import check_is_fitted

from sklearn_aae.encoding import as_frame, is_missing, read_matrices
from sklearn_aae.inspection._page import render_page
from sklearn_aae.inspection._page_data import MAX_POINTS, CellReason, PageData, oddest_rows
from sklearn_aae.inspection._synthetic_scores import Report
from sklearn_aae.typing import TableLike

#: Columns that a row's reasons name.
N_REASONS = 3
#: Height of the page in a notebook, in pixels.
FRAME_HEIGHT = 720


class AuditReport:
    """A table, its oddest rows, its map and its synthetic rows on one page of HTML.

    ``python -m sklearn_aae`` writes the same page.  It is one file that needs no network, follows
    the reader's light or dark theme, and can be printed.  At most 500 rows, those of lowest score,
    are listed, and at most 5,000 points drawn.

    Parameters
    ----------
    estimator : fitted estimator
        :class:`~sklearn_aae.AAEOutlierDetector`, whose p-values flag rows and whose reasons
        explain them; or a model with codes: :class:`~sklearn_aae.AdversarialAutoencoder`,
        :class:`~sklearn_aae.AAEClassifier` or :class:`~sklearn_aae.AAEClusterer`.
    X : frame or array-like of shape (n_samples, n_features)
        The rows.
    model : fitted estimator, default=None
        A model with codes for the map and the synthetic rows beside a detector.
    y : array-like of shape (n_samples,), default=None
        Classes, for colours of the map; None takes what ``predict`` of a classifier or
        clusterer says.
    p_values : array-like of shape (n_samples,), default=None
        The p-values of the rows.  None takes ``estimator.p_values(X)``, which is right for
        rows that the detector was not trained on; of its training rows,
        ``training_p_values_`` are.
    synthetic : frame or array-like of shape (n_synthetic, n_features), default=None
        Synthetic rows; None draws as many as there are rows, at most 5,000, from a model
        that can.
    synthetic_report : SyntheticReport, default=None
        What :func:`~sklearn_aae.metrics.synthetic_report` says of synthetic rows.
    cells : bool, default=True
        Whether the page may hold cells of the table; if not, columns, shares, scores and codes
        remain, and rows are called by their position.
    title : str, default="Table"
        What to call the table.
    random_state : int, default=0
        Seeds the synthetic rows and the choice of points.

    Attributes
    ----------
    html : str
        The page.

    Raises
    ------
    MissingExtraError
        If jinja2 is not installed.
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it is neither a detector nor a model with codes.
    ValueError
        If ``y`` or ``p_values`` are not as many as the rows, or p-values are NaN.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_aae import AdversarialAutoencoder
    >>> from sklearn_aae.inspection import AuditReport
    >>> X = load_iris(as_frame=True).data
    >>> model = AdversarialAutoencoder(2, max_epochs=2, random_state=0).fit(X)
    >>> report = AuditReport(model, X, title="Irises")
    >>> "petal width (cm)" in report.html
    True
    """

    def __init__(
        self,
        estimator: BaseEstimator,
        X: Any,
        *,
        model: BaseEstimator | None = None,
        y: Any = None,
        p_values: ArrayLike | None = None,
        synthetic: TableLike | None = None,
        synthetic_report: Report | None = None,
        cells: bool = True,
        title: str = "Table",
        random_state: int = 0,
    ) -> None:
        detector = estimator if hasattr(estimator, "explain") else None
        model = estimator if detector is None else model
        _check_fitted(detector, model)
        if synthetic is None and model is not None and hasattr(model, "sample"):
            n_rows = len(X) if hasattr(X, "__len__") else X.shape[0]
            synthetic = model.sample(min(n_rows, MAX_POINTS), random_state=random_state)
        tables = {"table": X} | ({} if synthetic is None else {"synthetic": synthetic})
        matrices = read_matrices(tables)
        rows = matrices["table"]
        scores, known = _scores(detector or model, X, p_values)
        if y is None and model is not None and hasattr(model, "predict"):
            y = model.predict(X)
        _check_lengths(len(rows), y=y, p_values=known)
        parts = {"Detector": detector, "Model": model}
        reports = {what: getattr(part, "training_report_", None) for what, part in parts.items()}
        self.html = render_page(
            PageData(
                title=title,
                run=_made_by(estimator),
                notes=[],
                names=list(map(str, matrices.names)),
                kinds=matrices.kinds,
                levels=matrices.levels,
                rows=rows,
                row_ids=list(map(str, X.index if hasattr(X, "iloc") else range(len(rows)))),
                cells=cells,
                seed=random_state,
                scores=scores,
                p_values=known,
                alpha=None if known is None or detector is None else float(detector.alpha),
                reasons={} if detector is None else _reasons(detector, X, scores, known),
                synthetic=None if synthetic is None else matrices["synthetic"],
                codes=None if model is None else np.asarray(model.transform(X), dtype=np.float64),
                classes=None if y is None else list(map(str, y)),
                rules=getattr(detector, "rules_", None),
                training={name: report for name, report in reports.items() if report is not None},
                synthetic_report=synthetic_report,
            )
        )

    def _repr_html_(self) -> str:
        # In a frame of its own: neither the notebook's style nor its scripts meet the page's.
        return (
            f'<iframe sandbox="allow-scripts" title="Audit report" width="100%" '
            f'height="{FRAME_HEIGHT}" srcdoc="{escape(self.html)}"></iframe>'
        )

    def write(self, path: str | Path) -> Path:
        """Write the page.

        Parameters
        ----------
        path : str or path
            The file.

        Returns
        -------
        Path
            The same path.
        """
        path = Path(path)
        path.write_text(self.html, encoding="utf-8")
        return path


def _check_fitted(detector: Any, model: Any) -> None:
    """Raise TypeError or NotFittedError if these cannot say anything of rows."""
    for part, method in ((detector, "score_samples"), (model, "transform")):
        if part is None:
            continue
        if not hasattr(part, method):
            raise TypeError(
                f"AuditReport takes a detector or a model with codes; {type(part).__name__} has no "
                f"{method}."
            )
        check_is_fitted(part)


def _check_lengths(n_rows: int, **given: Any) -> None:
    """Raise ValueError if something is not there for each row."""
    for name, values in given.items():
        if values is not None and len(values) != n_rows:
            raise ValueError(f"{name} has {len(values)} entries for {n_rows} rows of X.")
    p_values = given["p_values"]
    if p_values is not None and np.isnan(p_values).any():
        raise ValueError(
            f"{np.isnan(p_values).sum()} p-values are NaN: a detector that holds rows out has none "
            "for the rows that it was trained on. Fit it with calibration='cross'."
        )


def _scores(estimator: Any, X: Any, given: Any) -> tuple[Any, Any]:
    """Return scores and p-values, None for what there is none of."""
    scores = estimator.score_samples(X) if hasattr(estimator, "score_samples") else None
    if given is not None:
        return scores, np.asarray(given, dtype=np.float64)
    # A detector whose threshold comes from the training rows has no p-values.
    calibrated = getattr(estimator, "threshold_source_", "training") != "training"
    return scores, estimator.p_values(X) if calibrated else None


def _made_by(estimator: Any) -> dict[str, str]:
    return {
        "made": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "by": f"sklearn_aae {sys.modules['sklearn_aae'].__version__}",
        "estimator": type(estimator).__name__,
    }


def _reasons(
    detector: Any, X: Any, scores: np.ndarray, p_values: np.ndarray | None
) -> dict[int, list[CellReason]]:
    """Return why the oddest rows are odd."""
    odd = oddest_rows(scores, p_values)
    X = X if as_frame(X) is not None else np.asarray(X)
    found = detector.explain(_safe_indexing(X, odd), top=N_REASONS)
    return {
        row: [
            CellReason(
                str(reason.column),
                _text(reason.value),
                _text(reason.expected),
                "" if reason.low is None else f"{_text(reason.low)} to {_text(reason.high)}",
                reason.share,
                reason.rule or "",
            )
            for reason in reasons
        ]
        for row, reasons in zip(odd.tolist(), found, strict=True)
    }


def _text(cell: Any) -> str:
    if is_missing(cell):
        return "missing"
    if isinstance(cell, (float, np.floating)):
        return f"{cell:.6g}"
    return str(cell).removesuffix(" 00:00:00")
