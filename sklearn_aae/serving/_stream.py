"""From a file to a file, batch by batch."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from numbers import Integral
from pathlib import Path
from typing import Any, cast

from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted

from sklearn_aae._utils._compat import import_extra
from sklearn_aae._utils._random import derive_seed, resolve_seed
from sklearn_aae.encoding._batches import as_batch, results
from sklearn_aae.typing import FilePath, StreamLike

#: Methods that draw rows, of which ``src`` is the number.
DRAWING = ("sample",)


def stream(
    method: Callable[..., object],
    src: StreamLike | FilePath | int,
    dst: FilePath,
    *,
    batch_rows: int = 65_536,
    random_state: Any = None,
) -> int:
    """Write what a fitted estimator makes of rows to a Parquet file, batch by batch.

    Neither the rows nor the results need to fit into memory.  The file appears under its name
    once it is whole; a call that fails leaves what was there before.

    Read more in the :ref:`User Guide <scale>`.

    Parameters
    ----------
    method : callable
        A method of a fitted estimator: its ``transform``, ``score_samples``, ``p_values``,
        ``predict`` or any other that returns a row for each row; or its ``sample``.  Arguments
        are set with :func:`functools.partial`.
    src : pyarrow.dataset.Dataset, polars.LazyFrame, str, path or int
        The rows, or where they are: a file (Parquet, Arrow or CSV) or a folder of such files.
        For ``sample``, the number of rows to draw.
    dst : str or path
        The Parquet file to write.
    batch_rows : int, default=65536
        Rows that are in memory at once.
    random_state : int, RandomState or None, default=None
        For ``sample`` only; None takes the estimator's.

    Returns
    -------
    int
        The number of rows written.

    Raises
    ------
    TypeError
        If ``method`` is no method of an estimator, or ``src`` holds no rows.
    ValueError
        If files disagree in columns or types, one cannot be read to its end, or columns are
        not those that the estimator was fitted to; the message names the file.
    OSError
        If ``dst`` cannot be written.
    NotFittedError
        If the estimator is not fitted.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import numpy as np, pyarrow as pa, pyarrow.parquet as pq
    >>> from sklearn_aae import AAEOutlierDetector, stream
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> rows = np.random.default_rng(0).normal(size=(300, 2))
    >>> table = pa.table({"a": rows[:, 0], "b": rows[:, 1]})
    >>> pq.write_table(table, folder / "rows.parquet")
    >>> detector = AAEOutlierDetector(max_epochs=2, random_state=0).fit(table)
    >>> stream(detector.score_samples, folder / "rows.parquet", folder / "scores.parquet")
    300
    >>> pq.read_table(folder / "scores.parquet").column_names
    ['score']
    """
    plain = method.func if isinstance(method, partial) else method
    estimator, name = getattr(plain, "__self__", None), getattr(plain, "__name__", "")
    if not hasattr(estimator, "get_params"):
        raise TypeError(
            f"method must be a method of a fitted estimator, model.transform for example; got "
            f"{method!r}."
        )
    check_is_fitted(estimator)
    check_scalar(batch_rows, "batch_rows", Integral, min_val=1)
    if name in DRAWING:
        check_scalar(src, "src, the number of rows to draw,", Integral, min_val=1)
        batches = _drawn(estimator, method, cast(int, src), int(batch_rows), random_state)
    else:
        batches = results(estimator, name, method, src, int(batch_rows))
    return _write(batches, Path(dst))


def _drawn(
    estimator: Any, method: Callable[..., Any], n_samples: int, batch_rows: int, random_state: Any
) -> Iterator[Any]:
    """Yield drawn rows, each batch from a seed of its own."""
    seed = resolve_seed(random_state, estimator.random_state)
    for i, first in enumerate(range(0, n_samples, batch_rows)):
        n = min(batch_rows, n_samples - first)
        own = derive_seed(seed, i) % 2**32
        yield as_batch(method(n, random_state=own), estimator, "sample")


def _write(batches: Iterator[Any], dst: Path) -> int:
    """Write record batches to a file that has its name once it is whole."""
    parquet = import_extra("pyarrow.parquet", "scale")
    arrow = import_extra("pyarrow", "scale")
    if not dst.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {str(dst.parent)!r} to write {dst.name!r} in.")
    if dst.is_dir():
        raise IsADirectoryError(f"{str(dst)!r} is a folder; name the file to write.")
    if dst.exists() and not dst.is_file():  # a file in its place would be the end of a device
        raise OSError(f"{str(dst)!r} is a device or a pipe; name the file to write.")
    # Beside the target, so that renaming it is one step.
    aside = dst.with_name(f".{dst.name}.{uuid.uuid4().hex}.tmp")
    writer, n_rows = None, 0
    try:
        for batch in batches:
            table = arrow.Table.from_batches([batch])
            if writer is None:
                writer = parquet.ParquetWriter(aside, table.schema)
            writer.write_table(table.cast(writer.schema))
            n_rows += batch.num_rows
        if writer is None:
            raise ValueError("There are no rows to write.")
        writer.close()
        os.replace(aside, dst)
    finally:
        if writer is not None and writer.is_open:
            writer.close()
        aside.unlink(missing_ok=True)
    return n_rows
