"""What boosted models make of a synthetic table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_aae._utils._random import MetricStream, derive_seed, draw_seed
from sklearn_aae.encoding import Matrices
from sklearn_aae.metrics._boosting import cross_validated_areas, fit_boosted
from sklearn_aae.metrics._table_score import TableScore
from sklearn_aae.metrics._tables import index_of, read_tables, take_rows
from sklearn_aae.typing import Label, TableLike

#: A number with more distinct values in the real rows is predicted by regression.
MAX_CLASSES = 10
#: Larger targets of a regression are scaled.
LARGEST = 1e100


def table_c2st(
    real: TableLike, synthetic: TableLike, *, cv: int = 3, random_state: Any = None
) -> TableScore:
    r"""How well a boosted classifier tells real rows of a mixed table from synthetic ones.

    The classifier two-sample test [1]_ as in :func:`c2st`: the mean area :math:`A`
    under the ROC curve of ``HistGradientBoostingClassifier(max_iter=50)`` over
    stratified folds, counted as :math:`\max(A, 0.5)`.  0.5 is best: it cannot
    tell them apart; 1: it always can.

    Categories are split as such and missing cells go where they help.  A column of
    more than 255 levels is read as the index of the level in sorted order: that
    shows common beginnings (makes, dates written as text), not single rare levels,
    and nothing of which table a level is from.

    Repeated rows are known again in the next fold: a model that makes few distinct
    rows is found out, and a bootstrap sample of real rows gets a little over 0.5 in
    large tables, about 0.6 in some of a thousand rows.

    Parameters
    ----------
    real, synthetic : frame or array-like of shape (n_rows, n_columns)
        The tables.  Take real rows that the synthetic ones were not made from:
        copies of training rows look perfect beside these.  Of the longer table, as
        many rows as the other has are drawn at random.
    cv : int, default=3
        Number of stratified folds.
    random_state : int, RandomState or None, default=None
        Seeds the choice of rows, folds and the classifier; None takes fresh entropy.

    Returns
    -------
    TableScore
        The area in [0.5, 1]; ``details`` has the area of each fold, before the
        maximum: well below 0.5 where many rows are in both tables, as the classifier takes
        each for a row of the table that it saw it in.  That tells nothing apart: a table
        beside itself has 0.5.  Below some
        hundred rows it is noisy and the trees, with at least 20 rows a leaf, are
        coarse.

    Raises
    ------
    TypeError
        If a column is of another kind in the other table.
    ValueError
        If the columns differ, hold infinite cells, or there are fewer than ``cv``
        rows.

    References
    ----------
    .. [1] D. Lopez-Paz, M. Oquab, "Revisiting Classifier Two-Sample Tests",
       arXiv:1610.06545, 2016.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_aae.metrics import table_c2st
    >>> X = load_iris().data
    >>> table_c2st(X, X.round(), random_state=0).score > 0.9
    True
    """
    tables = read_tables(min_rows=cv, real=real, synthetic=synthetic)
    return area_of(tables, "real", cv, draw_seed(random_state))


def ml_efficacy(
    real: TableLike,
    synthetic: TableLike,
    held_out: TableLike,
    target: Label,
    *,
    random_state: Any = None,
) -> TableScore:
    r"""How well a model trained on synthetic rows predicts held-out real ones.

    Histogram gradient boosting with its defaults (100 trees, no early stopping)
    learns ``target`` from the other columns; "train on synthetic, test on real"
    [1]_.  A category is predicted by a classifier and scored by the area under the
    ROC curve, one class against the rest, averaged over the classes in
    ``held_out``; so is a number of at most 10 distinct values in ``real``, and a synthetic
    number then counts as the nearest of these (a model of numbers draws 0.93 where rows
    have 0, 1 or 2).  Any other number or date is predicted by regression and scored by

    .. math:: R^2 = 1 - \sum_i (y_i - \hat y_i)^2 / \sum_i (y_i - \bar y)^2

    Best is the same as training on real rows gives, in ``details``.

    Parameters
    ----------
    real, synthetic, held_out : frame or array-like of shape (n_rows, n_columns)
        Real rows that the synthetic ones were made from, the synthetic rows, and
        real rows that nothing was made from.  Rows without a target are left out.
    target : label
        The column to predict; its position for arrays.
    random_state : int, RandomState or None, default=None
        Seeds the models; None takes fresh entropy.

    Returns
    -------
    TableScore
        The area or :math:`R^2`; ``details`` has it under "synthetic", the figure
        for training on real rows under "real", and "measure": "AUC" or "R2".
        A class that the training rows lack is never predicted.

    Raises
    ------
    TypeError
        If a column is of another kind in another table.
    ValueError
        If there is no such column or no other, the columns differ or hold infinite
        cells, or a table has too few rows or values of the target.

    References
    ----------
    .. [1] C. Esteban, S. L. Hyland, G. Raetsch, "Real-valued (Medical) Time Series
       Generation with Recurrent Conditional GANs", arXiv:1706.02633, 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_aae.metrics import ml_efficacy
    >>> iris = load_iris()
    >>> table = np.column_stack([iris.data, iris.target])
    >>> copy = ml_efficacy(table[::2], table[::2], table[1::2], 4, random_state=0)
    >>> copy.score == copy.details["real"] > 0.9
    True
    """
    tables = read_tables(real=real, synthetic=synthetic, held_out=held_out)
    return efficacy_of(Task.of(tables, target), draw_seed(random_state))


def area_of(tables: Matrices, role: str, cv: int, seed: int) -> TableScore:
    """Return the area of telling the table ``role`` from the one called "synthetic"."""
    pair = (tables[role], tables["synthetic"])
    n_rows = min(map(len, pair))
    rng = np.random.default_rng(derive_seed(seed, MetricStream.DRAWS))
    balanced = [take_rows(rows, n_rows, rng) for rows in pair]
    areas = cross_validated_areas(*balanced, n_levels=tables.n_levels, cv=cv, seed=seed)
    return TableScore(max(float(np.mean(areas)), 0.5), dict(enumerate(areas)))


@dataclass(frozen=True)
class Task:
    """What is to be predicted, by table.

    Attributes
    ----------
    is_class : bool
        Whether targets are classes, by their number.
    features, targets : dict of str to ndarray
        Rows that have a target, without it, and their targets.
    n_levels : ndarray of shape (n_features,)
        How many categories each feature has; 0 for numbers.
    """

    is_class: bool
    features: dict[str, np.ndarray]
    targets: dict[str, np.ndarray]
    n_levels: np.ndarray

    @classmethod
    def of(cls, tables: Matrices, target: Any) -> Task:
        """Return the task of predicting a column, or raise what is wrong with it."""
        j = index_of(target, tables, "target")
        if len(tables.names) < 2:
            raise ValueError(f"There is no column beside target={target!r} to predict it from.")
        labelled = {role: rows[~np.isnan(rows[:, j])] for role, rows in tables.rows.items()}
        for role, rows in labelled.items():
            if len(rows) < 2:
                raise ValueError(
                    f"{role} has {len(rows)} rows with target={target!r}; 2 are needed."
                )
        features = {role: np.delete(rows, j, axis=1) for role, rows in labelled.items()}
        targets = {role: rows[:, j] for role, rows in labelled.items()}
        if targets["held_out"].min() == targets["held_out"].max():
            raise ValueError(f"target={target!r} has a single value in held_out.")
        values = np.unique(targets["real"])
        is_class = bool(tables.is_category[j]) or len(values) <= MAX_CLASSES
        if is_class:
            if not tables.is_category[j]:
                targets["synthetic"] = _nearest(targets["synthetic"], values)
            classes = np.unique(np.concatenate(list(targets.values())))
            targets = {role: np.searchsorted(classes, y) for role, y in targets.items()}
        elif max(map(_size, targets.values())) > LARGEST:
            # Neither the squares of large numbers nor their differences need be finite.
            scale = _size(targets["real"]) or 1.0
            targets = {role: y / scale for role, y in targets.items()}
        return cls(is_class, features, targets, np.delete(tables.n_levels, j))


def _size(cells: np.ndarray) -> float:
    return float(np.abs(cells).max())


def _nearest(cells: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the nearest of some sorted values for each cell, the lower one of two."""
    above = np.searchsorted(values, cells).clip(1, max(len(values) - 1, 1))
    low, high = values[above - 1], values[np.minimum(above, len(values) - 1)]
    result: np.ndarray = np.where(cells / 2 - low / 2 <= high / 2 - cells / 2, low, high)
    return result


def efficacy_of(task: Task, seed: int) -> TableScore:
    """Return the quality of models of a target by the rows they were trained on."""
    figures: dict[str, Any] = {}
    for role in ("synthetic", "real"):
        if task.is_class and np.ptp(task.targets[role]) == 0:
            figures[role] = 0.5  # always the same class: no order among the rows
            continue
        # Early stopping would come and go with the number of rows, and fails where a
        # class has a single row.
        model = fit_boosted(
            task.features[role],
            task.targets[role],
            n_levels=task.n_levels,
            is_class=task.is_class,
            early_stopping=False,
            random_state=seed,
        )
        test = task.features["held_out"], task.targets["held_out"]
        figures[role] = _area(model, *test) if task.is_class else float(model.score(*test))
    measure = "AUC" if task.is_class else "R2"
    return TableScore(figures["synthetic"], {**figures, "measure": measure})


def _area(model: Any, X: np.ndarray, y: np.ndarray) -> float:
    """Return the area of one class against the rest, averaged over the classes in ``y``."""
    from sklearn.metrics import roc_auc_score

    probability = dict(zip(model.classes_, model.predict_proba(X).T, strict=True))
    never = np.zeros(len(y))
    areas = [roc_auc_score(y == k, probability.get(k, never)) for k in np.unique(y)]
    return float(np.mean(areas))
