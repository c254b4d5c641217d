"""Results in a frame: of the library of the rows they are about, with their index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import narwhals as nw
import numpy as np

from sklearn_aae._utils._compat import import_extra
from sklearn_aae.encoding._cells import is_bool, is_missing
from sklearn_aae.encoding._containers import as_frame


def frame_of_cells(values: np.ndarray, labels: Sequence[Any], like: Any) -> Any:
    """Return one number for each cell as a frame, with the index of ``like`` if it has one.

    Of the library of ``like``; of pandas for rows that came in no frame.
    """
    frame = as_frame(like)
    if frame is None or frame.implementation.is_pandas_like():
        pd: Any = import_extra("pandas", "table")
        columns: Any = labels
        if frame is not None and len(frame.columns) == len(labels):
            columns = frame.to_native().columns
        return pd.DataFrame(values, index=row_labels(like), columns=columns)
    names = list(map(str, labels))
    return nw.from_numpy(values, schema=names, backend=frame.implementation).to_native()


def frame_of_columns(columns: Mapping[str, list[Any]], like: Any) -> Any:
    """Return columns as a frame of the library of ``like``; of pandas if that is no frame.

    Cells of one column that are not of one type are text, where a library knows no others.
    """
    frame = as_frame(like)
    if frame is None or frame.implementation.is_pandas_like():
        return import_extra("pandas", "table").DataFrame(dict(columns))
    typed = {name: _of_one_type(cells) for name, cells in columns.items()}
    return nw.from_dict(typed, backend=frame.implementation).to_native()


def labels_of(estimator: Any) -> list[Any]:
    """Return the names of a fitted estimator's columns, or their numbers."""
    result: list[Any] = getattr(
        estimator, "feature_names_in_", np.arange(estimator.n_features_in_)
    ).tolist()
    return result


def row_labels(X: Any) -> Any:
    """Return the index of a frame that has one, else the numbers of rows."""
    frame = as_frame(X)
    if frame is not None and frame.implementation.is_pandas_like():
        return frame.to_native().index
    return range(len(X))


def _of_one_type(cells: list[Any]) -> list[Any]:
    """Return cells of one type as they are, others as text; None for missing ones."""
    present = [cell for cell in cells if not is_missing(cell)]
    is_one = len({type(cell) for cell in present}) < 2
    if not is_one and all(isinstance(cell, Real) and not is_bool(cell) for cell in present):
        return [None if is_missing(cell) else float(cell) for cell in cells]
    return [None if is_missing(cell) else cell if is_one else str(cell) for cell in cells]
