"""Saving an estimator as data, and loading it."""

from __future__ import annotations

import errno
import os
import platform
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import sklearn
import torch
from sklearn.base import BaseEstimator

from sklearn_aae.archive import _arrays, _plain
from sklearn_aae.archive._archive import Contents, pack, replace, unpack
from sklearn_aae.archive._graph import MALFORMED, Reader, Writer
from sklearn_aae.exceptions import DamagedFileError, ModelFileError
from sklearn_aae.persistence import _distributions, _frames, _objects
from sklearn_aae.persistence._registry import ESTIMATORS, named, names

#: The closed vocabulary of files; the first kind that fits a value is taken.
KINDS = (
    *_plain.KINDS,
    *_arrays.KINDS,
    *_frames.KINDS,
    *_distributions.KINDS,
    *_objects.kinds(),
)

#: What a file is read from.
Source = str | os.PathLike[str] | bytes | BinaryIO


def save(
    estimator: BaseEstimator | Mapping[str, object],
    file: str | os.PathLike[str] | BinaryIO,
    *,
    training: bool = True,
    references: bool = True,
    custom: Mapping[str, type | Callable[..., object]] | None = None,
) -> None:
    """Write an estimator to a file of data, which :func:`load` opens without running code.

    A file that is there is replaced as a whole, once the new one is complete.  The file names no
    object that Python could import: it holds JSON and arrays in a zip archive.  It does hold
    cells of the training table; the user guide says which.

    Parameters
    ----------
    estimator : estimator or dict of str to estimator
        Any estimator of the package, fitted or not; or several in a dictionary, beside values of
        Python's own types.
    file : str, path or binary file object
        Where to write; by custom, its name ends with ``.aae``.
    training : bool, default=True
        Whether to write what only further training needs: states of optimizers and losses by
        epoch.  It is about two thirds of the file.
    references : bool, default=True
        Whether to write the training rows that a detector compares new rows with, and those that
        calibrate it, without which it has no scores of the kinds "default" and "reference", no
        groups and no drift, and intervals in explanations only for columns explained before.
    custom : dict of str to class or function, default=None
        Your own networks, functions and classes among the parameters, under names of your
        choice; :func:`load` wants the same.

    Raises
    ------
    NotSavableError
        If a parameter is a class, a function or an object of a class of your own that is not
        among ``custom``; the message names the parameter.
    TypeError
        If ``estimator`` is none of this package, a pipeline around one say, or ``file`` is
        nothing to write to.
    OSError
        If the file cannot be written; a file that was there is as before.

    Warns
    -----
    UserWarning
        If the estimator has callbacks, which are code and left out.

    See Also
    --------
    load : Read such a file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_iris
    >>> import sklearn_aae
    >>> X = load_iris().data
    >>> model = sklearn_aae.AdversarialAutoencoder(max_epochs=3, random_state=0).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sklearn_aae.save(model, Path(folder) / "iris.aae")
    ...     same = sklearn_aae.load(Path(folder) / "iris.aae")
    >>> bool((same.transform(X) == model.transform(X)).all())
    True
    """
    _check_root(estimator)
    if not isinstance(file, (str, os.PathLike)) and not hasattr(file, "write"):
        raise TypeError(f"file must be a path or a binary file object to write to; got {file!r}.")
    own = _checked(custom)
    custom_names = {value: name for name, value in own.items()}
    writer = Writer(
        KINDS, custom_names, names(), training=bool(training), references=bool(references)
    )
    state = writer.write(estimator)
    left_out = list(writer.left_out)
    manifest = {
        "holds": _described(estimator),
        "versions": _versions(),
        "training": writer.training,
        "references": writer.references,
        "custom": sorted(own),
        "callbacks": left_out,
    }
    data = pack(manifest, state, writer.arrays)
    if isinstance(file, (str, os.PathLike)):
        replace(_target(file), data)
    else:
        file.write(data)
    if left_out:
        warnings.warn(
            f"callbacks are code, which the file does not hold: {', '.join(left_out)}. Set them "
            "again after loading.",
            UserWarning,
            stacklevel=2,
        )


def load(
    file: Source, *, custom: Mapping[str, type | Callable[..., object]] | None = None
) -> BaseEstimator:
    """Return the estimator that a file of :func:`save` holds.

    No code of the file is run, and nothing is imported because the file says so: a file from
    somebody else can be opened.  What it says of itself is checked before memory is taken.

    Parameters
    ----------
    file : str, path, bytes or binary file object
        What :func:`save` has written.
    custom : dict of str to class or function, default=None
        What was given to :func:`save` under this name.

    Returns
    -------
    estimator or dict
        What was saved: it gives what the original gives, bit for bit on the same machine.  Its
        networks are on the CPU if they were on a GPU and there is none.

    Raises
    ------
    ForeignFileError
        If the file was not written by :func:`save`.
    NewerFileError
        If a later version of the package has written it in another format.
    OversizedFileError
        If it would unpack to far more than it is.
    DamagedFileError
        If it is cut short or was changed, or holds what cannot be.
    ModelFileError
        If it needs classes or functions that are not among ``custom``.
    TypeError
        If ``file`` is none of the above, or open for text.
    OSError
        If it cannot be read.

    See Also
    --------
    save : Write such a file.

    Examples
    --------
    >>> import io
    >>> import sklearn_aae
    >>> buffer = io.BytesIO()
    >>> sklearn_aae.save(sklearn_aae.AdversarialAutoencoder(n_components=3), buffer)
    >>> sklearn_aae.load(buffer.getvalue())
    AdversarialAutoencoder(n_components=3)
    """
    contents = read_contents(file)
    own = _checked(custom)
    missing = [name for name in contents.manifest.get("custom", ()) if name not in own]
    if missing:
        wanted = ", ".join(f"{name!r}: ..." for name in missing)
        raise ModelFileError(
            f"the file was saved with custom={{{wanted}}}, because it holds objects of the saver's "
            "own code; load needs that code, too, under the same names."
        )
    reader = Reader({kind.name: kind for kind in KINDS}, contents.arrays, own, named())
    try:
        value = reader.read(contents.state)
        _check_root(value)
    except ModelFileError:
        raise
    except MALFORMED as error:
        raise DamagedFileError(
            f"the file holds what no estimator is made of ({type(error).__name__}: {error})."
        ) from error
    return value


def _target(file: str | os.PathLike[str]) -> Path:
    """Return the path of a file, or of what a link to it points to."""
    path = Path(os.path.realpath(file))
    if path.is_symlink():  # to itself
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), os.fspath(file))
    return path


def read_contents(file: Source) -> Contents:
    """Return what a file holds, checked and not built."""
    if isinstance(file, (str, os.PathLike)):
        return unpack(Path(file).read_bytes())
    data = file.read() if hasattr(file, "read") else file
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(
            "file must be a path, bytes or a binary file object (opened by 'rb'); got "
            f"{file!r:.80}."
        )
    return unpack(bytes(data))


def _check_root(value: Any) -> None:
    """Raise unless a value is an estimator, or a dictionary with estimators in it."""
    several = list(value.values()) if type(value) is dict else [value]
    if not any(isinstance(each, ESTIMATORS) for each in several):
        names = ", ".join(sorted(each.__name__ for each in ESTIMATORS))
        got = f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__
        raise TypeError(
            f"only estimators of this package ({names}) are saved, or a dictionary of some; got "
            f"{got}.{_instead_of(value)}"
        )


def _instead_of(value: Any) -> str:
    """Return what to do where a class, or an estimator around one of the package, was given."""
    if isinstance(value, type):
        return " Pass an object of it." if issubclass(value, ESTIMATORS) else ""
    if not isinstance(value, BaseEstimator):
        return ""
    return (
        " Save the estimators of this package in it, each or in a dictionary; skops.io stores the "
        "rest, or the whole."
    )


def _described(value: Any) -> Any:
    """Return the classes of what is saved."""
    if type(value) is dict:
        return {str(name): type(each).__name__ for name, each in value.items()}
    return type(value).__name__


def _checked(custom: Mapping[str, Any] | None) -> dict[str, Any]:
    own = {} if custom is None else custom
    if not isinstance(own, Mapping):
        raise TypeError(f"custom must map names to classes or functions; got {own!r:.80}.")
    for name, value in own.items():
        if not isinstance(name, str) or not (isinstance(value, type) or callable(value)):
            raise TypeError(
                f"custom must map names to classes or functions; got {name!r}: {value!r}."
            )
    return dict(own)


def _versions() -> dict[str, str]:
    """Return the versions that may matter to whoever opens the file."""
    return {
        "sklearn_aae": sys.modules["sklearn_aae"].__version__,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "scikit-learn": sklearn.__version__,
    }
