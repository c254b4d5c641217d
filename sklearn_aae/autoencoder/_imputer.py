"""The imputer: a transformer that fills missing cells with a model."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from sklearn_aae._utils._bases import BaseEstimator, TransformerMixin
from sklearn_aae._utils._compat import (
    Interval,
    StrOptions,
    _check_feature_names_in,
    _fit_context,
    _get_output_config,
)
from sklearn_aae._utils._guard import leaves_no_trace
from sklearn_aae._utils._random import ModelStream, derive_seed
from sklearn_aae.autoencoder._adversarial_autoencoder import AdversarialAutoencoder
from sklearn_aae.autoencoder._filling import can_fill, fit_filling
from sklearn_aae.autoencoder._imputation import METHODS, fill_missing
from sklearn_aae.autoencoder._input import reads_levels
from sklearn_aae.autoencoder._parameters import CONSTRAINTS
from sklearn_aae.encoding import as_frame
from sklearn_aae.encoding._batches import takes_streams
from sklearn_aae.training import TrainingHTMLMixin, TrainingReport
from sklearn_aae.typing import Table

#: Components of the model that is taken if none is given: of tables of numbers as many as there
#: are columns, but at most the second.
N_COMPONENTS, MOST_COMPONENTS = 8, 64
#: Its ``adversarial_weight`` for numbers: no row is drawn from the prior.
ADVERSARIAL_WEIGHT = 0.1
#: Draws that outputs over levels weigh for each row.
N_WEIGHED = 100


class AAEImputer(TrainingHTMLMixin, TransformerMixin, BaseEstimator):
    """Fill the missing cells of a table with an adversarial autoencoder.

    Numbers, categories, text, booleans and dates are filled given what else is known of
    their row, by the model's :meth:`~AdversarialAutoencoder.impute`; known cells stay as
    they are.  What a row is filled with depends on its cells alone: it is the same in any
    batch and order.

    Models of numbers alone start from what a multivariate normal, fitted to the holed rows by
    EM [1]_, expects of the missing cells given the others, and are trained on known cells that
    are hidden, others in each epoch, to come from there to the true ones.  Of each column as much
    of the change is taken over as brings hidden cells nearer; draws add the normal's conditional
    scatter, at the size of what is left.

    Read more in the :ref:`User Guide <tables>`.

    Parameters
    ----------
    estimator : AdversarialAutoencoder or None, default=None
        The model to clone and train; ``handle_unknown`` and ``random_state`` are those of
        the imputer.  None takes one of 8 components, or of tables of numbers one for each
        column, at most 64, with ``adversarial_weight=0.1``: no row is drawn from the prior.
    method : {"mean", "mode", "draw"}, default="mean"
        ``"mean"`` and ``"mode"`` are best guesses, by squared and by absolute error: the
        mean or the median of numbers and dates, and the likeliest category.  ``"draw"`` is a
        draw of the model, so that columns scatter like the true cells, and not less.
    n_draws : int, default=1
        With ``method="draw"``, the draws that a cell is filled with the middle of: the mean
        of numbers and dates, and the commonest category.
    add_indicator : bool, default=False
        Whether a column of zeros and ones, 1 where a cell was missing, is added for each
        column that had missing cells in ``fit``.
    handle_unknown : {"unknown", "error"}, default="unknown"
        Whether a category that ``fit`` did not see is an unknown cell, which stays as it is
        and says nothing of the others, or an error.
    random_state : int, RandomState or None, default=None
        Seeds everything; an int makes ``fit`` repeat bit by bit on one machine.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns seen in ``fit``.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, if they were all strings.
    estimator_ : AdversarialAutoencoder
        The fitted model.
    indicator_features_ : ndarray of int
        The columns that had missing cells in ``fit``.
    training_report_ : TrainingReport
        What the model's training says of itself; see :ref:`training_report`.

    See Also
    --------
    AdversarialAutoencoder.impute : The same of a fitted model.
    sklearn.impute.IterativeImputer : Regressions of each column on the others.

    References
    ----------
    .. [1] Little, Rubin, "Statistical Analysis with Missing Data", Wiley, 2002, chapter 11.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn_aae import AAEImputer
    >>> frame = pd.DataFrame({"size": ["s", "l", None] * 50, "weight": [1.0, 9.0, 9.0] * 50})
    >>> imputer = AAEImputer(method="mode", random_state=0).fit(frame)
    >>> imputer.transform(frame[:3])
      size  weight
    0    s     1.0
    1    l     9.0
    2    l     9.0
    """

    _parameter_constraints: dict[str, Any] = {
        "estimator": [AdversarialAutoencoder, None],
        "method": [StrOptions(set(METHODS))],
        "n_draws": [Interval(Integral, 1, None, closed="left")],
        "add_indicator": ["boolean"],
        "handle_unknown": CONSTRAINTS["handle_unknown"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: AdversarialAutoencoder | None = None,
        *,
        method: str = "mean",
        n_draws: int = 1,
        add_indicator: bool = False,
        handle_unknown: str = "unknown",
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.method = method
        self.n_draws = n_draws
        self.add_indicator = add_indicator
        self.handle_unknown = handle_unknown
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        """Return the capabilities that scikit-learn asks about."""
        tags = super().__sklearn_tags__()
        takes = reads_levels(getattr(self.estimator, "output", "auto")) is not False
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = tags.input_tags.string = takes
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @leaves_no_trace
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> AAEImputer:
        """Fit the model to a table.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            The rows, at least 2, of columns of any kind, with or without missing cells.
        y : object, default=None
            Not used.

        Returns
        -------
        self : AAEImputer
            The fitted imputer.

        Raises
        ------
        ValueError
            If a parameter or the table is not usable; the message names it.
        """
        given = self.estimator
        model = AdversarialAutoencoder(N_COMPONENTS) if given is None else clone(given)
        if model.supervision is not None:
            raise ValueError(
                f"estimator has supervision={model.supervision!r}, so its networks read labels, "
                "and an imputer has none: pass a model with supervision=None."
            )
        model.set_params(
            handle_unknown=self.handle_unknown,
            handle_missing="unknown",
            random_state=self.random_state,
        )
        # What is wrong with the table is said in the name of the imputer.
        rows = model._read(X, reset=True, caller=self)
        if can_fill(model):
            if given is None:
                k = min(rows.shape[1], MOST_COMPONENTS)
                model.set_params(n_components=k, adversarial_weight=ADVERSARIAL_WEIGHT)
            fit_filling(model, X, rows)
        else:
            model.fit(X)
        _, missing = model._reader.read_with_gaps(self, X)
        self.indicator_features_ = np.flatnonzero(missing.any(axis=0))
        self.estimator_ = model
        return self

    @property
    def training_report_(self) -> TrainingReport:
        """What the model's training says of itself: figures, each with a verdict and a remedy."""
        return self.estimator_.training_report_

    @takes_streams
    def transform(self, X: Any) -> Table:
        """Return a table with its missing cells filled.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            Rows with missing cells, also in columns that had none in ``fit``.

        Returns
        -------
        ndarray or frame of shape (n_samples, n_features_out)
            The rows in the container that ``fit`` saw, with the index of ``X``, and with
            ``add_indicator`` the indicators.  Columns that were all missing in ``fit``
            stay so.

        Raises
        ------
        NotFittedError
            If the imputer is not fitted.
        ValueError
            If the table is not that of ``fit``, or no type of the library holds a known cell
            beside the filled ones.
        """
        check_is_fitted(self)
        self._validate_params()  # they may have been set since fit
        filled: Table = fill_missing(
            self.estimator_,
            X,
            method=self.method,
            n_draws=N_WEIGHED,
            seed=derive_seed(self.estimator_._seed, ModelStream.IMPUTE),
            n_pooled=int(self.n_draws),
            by_row=True,
            caller=self,
        )
        if self.add_indicator:
            _, missing = self.estimator_._reader.read_with_gaps(self, X)
            gone = missing[:, self.indicator_features_]
            filled = _beside(filled, gone, self._indicator_names())
        frame = as_frame(filled)
        if frame is None or _get_output_config("transform", self)["dense"] != "pandas":
            return filled
        # pandas itself would read a frame of another library as an array of one type.
        pandas: Table = frame.to_pandas()
        return pandas

    def _indicator_names(self, names: Any = None) -> list[str]:
        names = _check_feature_names_in(self, names)
        return [f"missingindicator_{names[j]}" for j in self.indicator_features_]

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Return the names of the columns that ``transform`` returns.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Must be the names seen in ``fit``, if given.

        Returns
        -------
        feature_names_out : ndarray of str objects
            The names.

        Raises
        ------
        NotFittedError
            If the imputer is not fitted.
        """
        check_is_fitted(self)
        names: np.ndarray = _check_feature_names_in(self, input_features)
        if not self.add_indicator:
            return names
        return np.append(names, np.array(self._indicator_names(input_features), dtype=object))


def _beside(table: Any, indicators: np.ndarray, names: list[str]) -> Any:
    """Return a table with columns of zeros and ones after its own."""
    frame = as_frame(table)
    if frame is None:
        return np.hstack([table, indicators.astype(table.dtype)])
    numbers = indicators.astype(np.float64)
    if hasattr(table, "iloc"):  # whose labels need not be text
        table = table.copy(deep=False)
        for name, column in zip(names, numbers.T, strict=True):
            table[name] = column
        return table
    backend: Any = frame.implementation
    added = [
        nw.new_series(name, column, nw.Float64, backend=backend)
        for name, column in zip(names, numbers.T, strict=True)
    ]
    return frame.with_columns(added).to_native()
