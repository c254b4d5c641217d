"""The output whose columns depend on the code and on the columns before them."""

from __future__ import annotations

import torch

from sklearn_aae.encoding import TableFacts
from sklearn_aae.outputs._base import Head
from sklearn_aae.outputs._level_output import SMALL_PARENT_DROPOUT, LevelOutput


class Autoregressive(LevelOutput):
    r"""Every column of a mixed-type table is categorical given the code and earlier columns.

    Columns are read as levels of a :class:`~sklearn_aae.TableEncoder`; the loss of a cell
    is :math:`-\log p(x_j \mid z, x_{<j})` in nats of its level, as in NADE [1]_.  Rows are
    drawn column by column.  Such a decoder would do without a code; ``code_only`` makes
    it explain a share of the training rows from the code alone.  ``fit`` ends by shifting logits
    until draws of the prior have the training rows' shares of levels.

    Parameters
    ----------
    hidden_size : int or "auto", default="auto"
        Width of the hidden layers of every column; "auto" is 128, and 64 below 2000 rows.
    masking : float, default=0.25
        Mean share of cells that are hidden from the encoder in the reconstruction phase,
        in half of the rows; the code of a row with missing cells is learned from these.
        At most 0.5.
    code_only : float, default=0.1
        Share of training rows whose columns are decoded from the code alone, each column
        weighted by one over its entropy: the code then carries the row.
    parent_dropout : float or "auto", default="auto"
        Share of earlier columns that are hidden from the later ones in training; "auto"
        is 0.1 below 2000 rows, else 0.
    dropout : float or "auto", default="auto"
        Share of hidden units left out in training; "auto" is 0.3 below 2000 rows, else 0.

    References
    ----------
    .. [1] H. Larochelle, I. Murray, "The Neural Autoregressive Distribution Estimator",
       AISTATS 2011.

    Examples
    --------
    >>> from sklearn_aae.outputs import Autoregressive
    >>> Autoregressive(hidden_size=32)
    Autoregressive(hidden_size=32)
    """

    def __init__(
        self,
        hidden_size: int | str = "auto",
        masking: float = 0.25,
        code_only: float = 0.1,
        parent_dropout: float | str = "auto",
        dropout: float | str = "auto",
    ) -> None:
        super().__init__(hidden_size, masking, dropout)
        self.code_only = code_only
        self.parent_dropout = parent_dropout

    def build(self, table: TableFacts, generator: torch.Generator) -> Head:
        self._check_share("code_only", self.code_only, 1.0)
        return self._head(
            table,
            generator,
            has_parents=True,
            code_only=self.code_only,
            parent_dropout=self._share("parent_dropout", SMALL_PARENT_DROPOUT, table),
        )
