"""How much of a row its code carries."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from sklearn_aae._utils._random import draw_seed
from sklearn_aae.metrics._models import open_model


def code_information(model: BaseEstimator, X: Any, *, random_state: Any = None) -> float:
    r"""Return by how much a row's own code explains it better than another row's.

    .. math::

        \frac1n \sum_i L(x_i \mid z_{\pi(i)}) - L(x_i \mid z_i)

    with :math:`L` the loss of a row given a code (what ``score_samples`` is minus of), and
    :math:`\pi` a random order of the rows.  In nats where the output is a likelihood.  Near
    zero, the decoder ignores the code, as autoregressive ones may: ``transform`` is of no
    use then, however good the samples are.

    Parameters
    ----------
    model : AdversarialAutoencoder
        A fitted model, or a Pipeline that ends in one.
    X : frame or array-like of shape (n_samples, n_features)
        Rows that the model was not fitted to; at least 2.
    random_state : int, RandomState or None, default=None
        Seeds the order; None takes fresh entropy.

    Returns
    -------
    float
        The difference, in the unit of the loss.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    TypeError
        If it is no such model.
    ValueError
        If there are fewer than 2 rows, or they do not fit the model.

    References
    ----------
    .. [1] A. Fisher, C. Rudin, F. Dominici, "All Models are Wrong, but Many are Useful",
       JMLR 20, 2019: the reliance of a model on one of its inputs.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_aae import AdversarialAutoencoder
    >>> from sklearn_aae.metrics import code_information
    >>> X = load_iris().data
    >>> aae = AdversarialAutoencoder(max_epochs=20, random_state=0).fit(X[::2])
    >>> code_information(aae, X[1::2], random_state=0) > 1
    True
    """
    model, X = open_model(model, X, "code_information", ("transform", "reconstruct", "prior_"))
    rows = model._read(X)
    if len(rows) < 2:
        raise ValueError(f"code_information compares rows; {len(rows)} is not enough.")
    codes = model._encode(rows)
    rng = np.random.default_rng(draw_seed(random_state))
    # A cycle through all rows in random order: no row keeps its code.
    order = rng.permutation(len(rows))
    others = np.empty_like(order)
    others[order] = np.roll(order, 1)
    own = model._cell_losses(rows, sums=True, codes=codes)
    return float((model._cell_losses(rows, sums=True, codes=codes[others]) - own).mean())
