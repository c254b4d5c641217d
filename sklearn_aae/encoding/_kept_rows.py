"""Rows of a user's table that a fitted estimator keeps, and hands to the user's functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals as nw

from sklearn_aae._utils._compat import import_extra
from sklearn_aae.encoding._cells import is_missing
from sklearn_aae.encoding._containers import Container, as_frame
from sklearn_aae.encoding._described import describe, pack, restore, unpack


@dataclass(frozen=True)
class KeptRows:
    """Rows as cells of Python, with what makes a table of them again.

    Attributes
    ----------
    container : Container
        What the rows came in.
    cells : ndarray or tuple of list
        The rows of an array, or the cells of a frame's columns; None for a missing one.
    dtypes : tuple
        The types of a frame's columns, described.
    """

    container: Container
    cells: Any
    dtypes: tuple[Any, ...] = ()

    @classmethod
    def of(cls, X: Any) -> KeptRows:
        """Keep rows of an array, a list or a frame."""
        container, frame = Container.of(X), as_frame(X)
        if frame is None:
            return cls(container, X)
        if frame.implementation.is_pandas_like():
            native = frame.to_native()
            columns = [native.iloc[:, j] for j in range(native.shape[1])]
        else:
            columns = list(frame.iter_columns())
        cells = tuple([None if is_missing(cell) else pack(cell) for cell in c] for c in columns)
        return cls(container, cells, tuple(describe(column.dtype) for column in columns))

    def build(self) -> Any:
        """Return the rows as they came, but for the labels of rows."""
        if not self.container.backend:
            return self.cells
        columns = [list(map(unpack, column)) for column in self.cells]
        dtypes = list(map(restore, self.dtypes))
        backend: Any = nw.Implementation.from_string(self.container.backend)
        if not backend.is_pandas_like():
            names = self.container.columns
            series = [
                nw.new_series(name, column, dtype, backend=backend)
                for name, column, dtype in zip(names, columns, dtypes, strict=True)
            ]
            return nw.concat([s.to_frame() for s in series], how="horizontal").to_native()
        pd = import_extra("pandas", "table")
        made = [pd.Series(c, dtype=dtype) for c, dtype in zip(columns, dtypes, strict=True)]
        frame = pd.concat(made, axis=1)
        frame.columns = self.container._index()
        return frame
