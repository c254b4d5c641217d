"""A model that is loaded once in a process, however often the process is asked to score."""

from __future__ import annotations

import threading
from functools import lru_cache

from sklearn.base import BaseEstimator

from sklearn_aae.persistence._saving import load

#: Files that a process keeps open; of more, the one that was asked for longest ago is dropped.
MOST_FILES = 4

_LOCK = threading.Lock()
_kept = lru_cache(maxsize=MOST_FILES)(load)


def load_once(file: bytes) -> BaseEstimator:
    """Return the estimator that the bytes of a file hold, the same one at every call.

    For workers of a cluster, which are sent the model with every block of rows: they take it up
    at the first block, and find it there at the others.

    Parameters
    ----------
    file : bytes
        What :func:`sklearn_aae.save` has written, best with ``training=False``.

    Returns
    -------
    estimator or dict
        What was saved.  All callers in the process share it, so do not fit it; the last four
        files that were asked for are kept.

    Raises
    ------
    ModelFileError
        As :func:`sklearn_aae.load` does.
    TypeError
        If ``file`` is not bytes.

    See Also
    --------
    sklearn_aae.load : Load a file, with classes and functions of your own.

    Examples
    --------
    >>> import io
    >>> import sklearn_aae
    >>> from sklearn_aae.persistence import load_once
    >>> buffer = io.BytesIO()
    >>> sklearn_aae.save(sklearn_aae.AdversarialAutoencoder(), buffer, training=False)
    >>> load_once(buffer.getvalue()) is load_once(buffer.getvalue())
    True
    """
    if not isinstance(file, bytes):
        raise TypeError(
            f"load_once takes the bytes of a file, got {type(file).__name__}; read it with "
            "pathlib.Path(...).read_bytes()."
        )
    with _LOCK:  # two threads of a worker would load it twice
        return _kept(file)
