"""What the outputs over tables of mixed types share: parameters and what "auto" means."""

from __future__ import annotations

from numbers import Integral, Real

import torch

from sklearn_aae.encoding import TableFacts
from sklearn_aae.outputs._base import Output
from sklearn_aae.outputs._level_head import LevelHead

#: Tables of fewer rows get narrower layers and more dropout: they are soon known by heart.
SMALL_TABLE = 2000
SMALL, LARGE = 64, 128
SMALL_DROPOUT, SMALL_PARENT_DROPOUT = 0.3, 0.1


class LevelOutput(Output):
    """An output over the levels of a :class:`~sklearn_aae.TableEncoder`."""

    reads_levels = True
    scales = False

    def __init__(
        self, hidden_size: int | str = "auto", masking: float = 0.25, dropout: float | str = "auto"
    ) -> None:
        self.hidden_size = hidden_size
        self.masking = masking
        self.dropout = dropout

    def n_params(self, table: TableFacts) -> int:
        size = self.hidden_size
        if isinstance(size, str) and size == "auto":
            return SMALL if table.n_samples < SMALL_TABLE else LARGE
        if not (isinstance(size, Integral) and int(size) >= 1):
            raise ValueError(
                f'{type(self).__name__} output: hidden_size must be "auto" or a positive '
                f"integer, got {size!r}."
            )
        return int(size)

    def _head(
        self,
        table: TableFacts,
        generator: torch.Generator,
        *,
        has_parents: bool,
        code_only: float = 0.0,
        parent_dropout: float = 0.0,
    ) -> LevelHead:
        assert table.layout is not None  # the estimator reads a table of levels
        self._check_share("masking", self.masking, 0.5)
        return LevelHead(
            table.layout,
            self.n_params(table),
            has_parents=has_parents,
            masking=self.masking,
            code_only=code_only,
            parent_dropout=parent_dropout,
            dropout=self._share("dropout", SMALL_DROPOUT, table),
            generator=generator,
        )

    def _share(self, name: str, small: float, table: TableFacts) -> float:
        """Return a parameter's value, where "auto" is ``small`` for small tables, else 0."""
        value = getattr(self, name)
        if value == "auto":
            return small if table.n_samples < SMALL_TABLE else 0.0
        self._check_share(name, value, 0.99)
        return float(value)

    def _check_share(self, name: str, value: object, most: float) -> None:
        if not (isinstance(value, Real) and 0 <= float(value) <= most):
            raise ValueError(
                f"{type(self).__name__} output: {name} must be between 0 and {most}, got {value!r}."
            )
