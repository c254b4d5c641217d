"""Types of what the package takes and returns, for annotations of one's own."""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, SupportsFloat, TypeAlias, TypeVar

import numpy as np

if TYPE_CHECKING:
    import polars
    import pyarrow.dataset

__all__ = [
    "Density",
    "FilePath",
    "Label",
    "LabelT",
    "Layers",
    "Number",
    "StreamLike",
    "Table",
    "TableLike",
]

#: The name of a column.
Label: TypeAlias = Hashable
LabelT = TypeVar("LabelT", bound=Label)

#: Widths of hidden layers: of one, or of several.
Layers: TypeAlias = int | Sequence[int] | np.ndarray

#: A number, or a duration that counts as its seconds.
Number: TypeAlias = SupportsFloat | timedelta | np.timedelta64

#: A file or a folder.
FilePath: TypeAlias = str | os.PathLike[str]

#: A table that is read batch by batch.
StreamLike: TypeAlias = "pyarrow.dataset.Dataset | polars.LazyFrame"


class _Shaped(Protocol):
    @property
    def shape(self) -> tuple[int, ...]: ...


#: A table that is taken: an array, a frame of pandas, polars or PyArrow, or a sequence of rows.
TableLike: TypeAlias = _Shaped | Sequence[Sequence[object]]


class Table(Protocol):
    """A table that is returned: an array or a frame, as the rows of ``fit`` were.

    No type says which before a program runs, so a type checker takes all that arrays and frames
    can do; ``isinstance`` narrows it.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aae import AdversarialAutoencoder
    >>> from sklearn_aae.typing import Table
    >>> def first_rows(model: AdversarialAutoencoder) -> Table:
    ...     return model.sample(2)
    >>> rows = np.random.default_rng(0).normal(size=(50, 3))
    >>> first_rows(AdversarialAutoencoder(max_epochs=1).fit(rows)).shape
    (2, 3)
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """Numbers of rows and columns."""
        ...

    def __len__(self) -> int: ...

    def __array__(self) -> np.ndarray: ...

    def __getitem__(self, key: Any, /) -> Any: ...

    def __getattr__(self, name: str, /) -> Any: ...


class Density(Protocol):
    """A fitted density of codes, such as scikit-learn's ``GaussianMixture``."""

    def sample(self, n_samples: int, /) -> object:
        """Draw codes.

        Parameters
        ----------
        n_samples : int
            Their number.

        Returns
        -------
        object
            An array (n_samples, n_components), or a tuple that begins with one.
        """
