"""What a method makes of a stream of rows, batch by batch."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, cast

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_aae._utils._compat import Method, _get_output_config, import_extra
from sklearn_aae.encoding._containers import Container, as_frame, columns_of
from sklearn_aae.encoding._datasets import Stream, is_stream, open_stream

#: How the one column is called that methods return for each row.
NAMES = {
    "score_samples": "score",
    "decision_function": "decision",
    "p_values": "p_value",
    "predict": "prediction",
}


def takes_streams(method: Method) -> Method:
    """Let a method of a fitted estimator take a Dataset or a LazyFrame.

    Of these it returns an iterator of record batches; nothing is read before its first step.
    """

    @functools.wraps(method)
    def either(self: Any, X: Any, *args: Any, **kwargs: Any) -> Any:
        if not is_stream(X):
            return method(self, X, *args, **kwargs)
        check_is_fitted(self)
        name = method.__name__
        if name == "transform" and _get_output_config(name, self)["dense"] != "default":
            raise ValueError(
                "of a Dataset or a LazyFrame transform returns record batches, which set_output "
                "cannot change; undo it, or write a file with sklearn_aae.stream."
            )

        def own(rows: Any) -> Any:
            return either(self, rows, *args, **kwargs)

        return results(self, name, own, X)

    return cast(Method, either)


def results(
    estimator: Any, name: str, method: Callable[..., Any], X: Any, n_rows: int | None = None
) -> Iterator[Any]:
    """Yield what a method returns of each batch of a stream's rows, as record batches."""
    with open_stream(X) as stream:
        check_names(estimator, stream)
        for table in stream.batches(n_rows):
            try:
                found = method(_as_fitted(estimator, stream, table))
            except (TypeError, ValueError) as error:
                error.add_note(f"The rows are some of {stream.name}.")
                raise
            yield as_batch(found, estimator, name)


def check_names(estimator: Any, stream: Stream) -> None:
    """Raise if the columns of files are not those that an estimator was fitted to."""
    known = getattr(estimator, "feature_names_in_", None)
    if known is not None and list(known) != stream.schema.names:
        raise ValueError(
            f"{stream.name} has the columns {stream.schema.names}, but "
            f"{type(estimator).__name__} was fitted to {list(known)}; select these, in that order."
        )


def _as_fitted(estimator: Any, stream: Stream, table: Any) -> Any:
    """Return a batch as a frame, or as an array if the estimator was fitted to one."""
    if hasattr(estimator, "feature_names_in_"):
        return stream.frame(table)
    columns = [column.to_numpy() for column in table.columns]
    if all(column.dtype.kind in "biuf" for column in columns):
        return np.column_stack(columns)
    rows = np.empty((len(table), len(columns)), dtype=object)
    for j, column in enumerate(table.columns):
        rows[:, j] = column.to_pylist()
    return rows


def as_batch(found: Any, estimator: Any, name: str) -> Any:
    """Return a result, an array or a frame of any library, as a record batch."""
    arrow = import_extra("pyarrow", "scale")
    if hasattr(found, "toarray"):
        found = found.toarray()
    if as_frame(found) is not None:
        names = [str(label) for label in Container.of(found).columns]
        columns = [arrow.array(column.to_arrow()) for column in columns_of(found)]
    elif found.ndim == 1:
        names, columns = [NAMES.get(name, name)], [arrow.array(found)]
    else:
        labels = _names_of(estimator, name, found.shape[1])
        names, columns = labels, [arrow.array(np.ascontiguousarray(own)) for own in found.T]
    return arrow.RecordBatch.from_arrays(columns, names=names)


def _names_of(estimator: Any, name: str, n: int) -> list[str]:
    """Return names for the columns of an array that a method returned."""
    if name == "transform":
        return [str(label) for label in estimator.get_feature_names_out()]
    own = getattr(estimator, "feature_names_in_", None)
    if own is not None and len(own) == n:
        return [str(label) for label in own]
    prefix = "x" if name == "sample" else name
    return [f"{prefix}{j}" for j in range(n)]
