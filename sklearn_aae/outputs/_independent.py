"""The output whose columns are independent given the code."""

from __future__ import annotations

import torch

from sklearn_aae.encoding import TableFacts
from sklearn_aae.outputs._base import Head
from sklearn_aae.outputs._level_output import LevelOutput


class Independent(LevelOutput):
    r"""Every column of a mixed-type table is categorical, independent given the code.

    Columns are read as levels of a :class:`~sklearn_aae.TableEncoder`; the loss of a cell
    is :math:`-\log p(x_j \mid z)` in nats of its level.  All that columns have to do
    with each other must be in the code, which makes it a stricter test of the
    adversary than :class:`Autoregressive`, and its rows are easier to tell from real
    ones.  ``fit`` ends by shifting logits
    until draws of the prior have the training rows' shares of levels.

    Parameters
    ----------
    hidden_size : int or "auto", default="auto"
        Width of the hidden layers of every column; "auto" is 128, and 64 below 2000 rows.
    masking : float, default=0.25
        Mean share of cells that are hidden from the encoder in the reconstruction phase,
        in half of the rows; the code of a row with missing cells is learned from these.
        At most 0.5.
    dropout : float or "auto", default="auto"
        Share of hidden units left out in training; "auto" is 0.3 below 2000 rows, else 0.

    Examples
    --------
    >>> from sklearn_aae import AdversarialAutoencoder
    >>> AdversarialAutoencoder(output="independent").set_params(n_components=4)
    AdversarialAutoencoder(n_components=4, output='independent')
    """

    def build(self, table: TableFacts, generator: torch.Generator) -> Head:
        return self._head(table, generator, has_parents=False)
