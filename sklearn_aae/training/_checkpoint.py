"""Checkpoints: what a fit that was cut short goes on from, as files of data in a folder."""

from __future__ import annotations

import contextlib
import os
import platform
import socket
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.callback import ProgressBar

from sklearn_aae._utils._digest import digest
from sklearn_aae._utils._random import draw_seed
from sklearn_aae._utils._ranks import RANKS
from sklearn_aae.archive import _arrays, _plain
from sklearn_aae.archive._archive import left_behind, pack, replace, unpack
from sklearn_aae.archive._graph import MALFORMED, Reader, Writer
from sklearn_aae.exceptions import ForeignFileError, ModelFileError, NotSavableError

#: Seconds from one checkpoint of a fit to the next, at least; and longer if writing would take
#: more than this share of the time.
INTERVAL, SHARE = 5.0, 0.05

#: How the names of checkpoints end, and what their manifests say that they are.
SUFFIX, HOLDS = ".checkpoint", "checkpoint"
#: Digits of the hash in a name: 128 bits.
N_DIGITS = 32

#: Parameters that do not change what a fit comes to.
WITHOUT = ("checkpoint", "n_jobs", "verbose")

#: Values that a checkpoint may hold: no classes, no functions.
KINDS = (*_plain.KINDS, *_arrays.KINDS)

#: Checkpoints of the fits that run in this process.
_RUNNING: set[Path] = set()


@contextmanager
def checkpoint_of(estimator: Any, *given: Any) -> Iterator[Checkpoint]:
    """Yield the checkpoint of a fit; it is removed when the block ends, unless by an error.

    Parameters
    ----------
    estimator : estimator
        Its parameter ``checkpoint`` is the folder, None for a checkpoint that is never written.
    *given : object
        What else the fit depends on: rows, labels, what it starts from.
    """
    if estimator.checkpoint is None:
        yield Checkpoint(None)
        return
    refuse_callbacks(getattr(estimator, "_skl_callbacks", ()), (ProgressBar,))
    folder = Path(estimator.checkpoint).expanduser().absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"checkpoint={estimator.checkpoint!r} is no folder that can be made: {error}"
        ) from error
    checkpoint = Checkpoint(folder, type(estimator).__name__, estimator, given)
    _RUNNING.add(checkpoint.path)
    try:
        checkpoint.look()
        yield checkpoint
        checkpoint.remove()
    finally:
        _RUNNING.discard(checkpoint.path)


def refuse_callbacks(callbacks: Any, known: tuple[type, ...]) -> None:
    """Raise if there are callbacks whose state a checkpoint could not bring back."""
    for callback in callbacks:
        if type(callback) not in known:
            names = ", ".join(each.__name__ for each in known)
            raise ValueError(
                f"{type(callback).__name__} has a state that no checkpoint holds; of these "
                f"callbacks, training resumes with {names}. Leave it out, or set checkpoint=None."
            )


class Checkpoint:
    """The file of one fit.

    A checkpoint without a folder is never written.

    Attributes
    ----------
    path : Path
        The file: its name is a hash of all that the fit depends on.
    parts : dict of str to object
        States of training, by the name of what is trained: those found, and last ones.
    """

    def __init__(
        self, folder: Path | None, name: str = "", estimator: Any = None, given: Any = ()
    ) -> None:
        self.is_on = self._is_ours = folder is not None
        self.parts: dict[str, Any] = {}
        self._seed: int | None = None
        if folder is None:
            return
        versions = _versions()
        ranks = RANKS.get()
        #: Of processes that train together, the first writes for all.
        self._writes = ranks is None or ranks.rank == 0
        self._fit = digest(versions, estimator, given, without=WITHOUT)
        self._name = name
        self.path = folder / f"{name}-{self._fit[:N_DIGITS]}{SUFFIX}"
        self._manifest = {
            "holds": HOLDS,
            "fit": self._fit,
            "process": [socket.gethostname(), os.getpid()],
            "versions": versions,
            **{"training": True, "references": True, "custom": [], "callbacks": []},
        }
        self._next = time.monotonic() + INTERVAL

    # ---------------------------------------------------------------------------- reading

    def look(self) -> None:
        """Take up what the last call has left, and say what is left alone."""
        for path in sorted(self.path.parent.glob(f"*{SUFFIX}")):
            try:
                self._look_at(path)
            except FileNotFoundError:  # another fit has ended
                continue
            except (OSError, ModelFileError, *MALFORMED) as error:
                self._leave(path, f"cannot be read ({error})")

    def _look_at(self, path: Path) -> None:
        contents = unpack(path.read_bytes())
        manifest = contents.manifest
        if manifest.get("holds") != HOLDS:
            raise ForeignFileError("it is none.")
        if path == self.path and manifest["fit"] == self._fit:
            tree = Reader({kind.name: kind for kind in KINDS}, contents.arrays).read(contents.state)
            self._seed, self.parts = tree["seed"], dict(tree["parts"])
        elif path == self.path or (
            path.name.startswith(f"{self._name}-") and not _is_running(path, *manifest["process"])
        ):
            self._leave(path, "is of a fit with other parameters, rows or versions")

    def _leave(self, path: Path, why: str) -> None:
        rest = ""
        if path == self.path:
            self.is_on = self._is_ours = False
            rest = "; this fit begins anew and writes none"
        warnings.warn(
            f"the checkpoint {path} {why}, and is left alone{rest}. Delete it if no other call is "
            "to go on from it.",
            UserWarning,
            stacklevel=3,
        )

    def seed(self, random_state: Any) -> int:
        """Return the seed of the fit: the one that was drawn when it began."""
        drawn = draw_seed(random_state)  # a RandomState moves on, as ever
        if self._seed is None:
            self._seed = drawn
        return self._seed

    def part(self, name: str) -> Part:
        """Return the place of one training among those of the fit."""
        return Part(self, name)

    # ---------------------------------------------------------------------------- writing

    def try_out(self, state: Any) -> None:
        """Raise if a state holds what no checkpoint has a form for."""
        try:
            Writer(KINDS).write(state)
        except NotSavableError as error:
            what = str(error).partition(", which")[0]
            raise ValueError(
                f"no checkpoint can hold the state of this fit: {what}. Set checkpoint=None."
            ) from error

    def keep(self, part: str, state: Callable[[], Any], *, last: bool = False) -> None:
        """Write a state of what is trained, if it is time to; its last is written later, too.

        What ``state`` returns may change afterwards, unless it is the last.
        """
        if not self.is_on:
            return
        is_due = time.monotonic() >= self._next
        if last:
            self.parts[part] = state()
        if is_due:
            self._write(self.parts if last else {**self.parts, part: state()})

    def _write(self, parts: dict[str, Any]) -> None:
        if not self._writes:
            return
        begun = time.monotonic()
        try:
            writer = Writer(KINDS)
            tree = writer.write({"seed": self._seed, "parts": parts})
            replace(self.path, pack(self._manifest, tree, writer.arrays))
        except (OSError, NotSavableError) as error:
            self.is_on = False
            warnings.warn(
                f"the checkpoint {self.path} cannot be written ({error}); training goes on "
                "without.",
                UserWarning,
                stacklevel=2,
            )
        ended = time.monotonic()
        self._next = ended + max(INTERVAL, (ended - begun) / SHARE)

    def remove(self) -> None:
        """Remove the file, and what writes that were cut short have left beside it."""
        if self._is_ours and self._writes:
            for path in (self.path, *left_behind(self.path)):
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)


class Part:
    """The place of one training in a checkpoint.

    Attributes
    ----------
    state : object
        What was found there; None if nothing was.
    """

    def __init__(self, checkpoint: Checkpoint, name: str) -> None:
        self.checkpoint, self.name = checkpoint, name
        self.state = checkpoint.parts.get(name)

    def keep(self, state: Callable[[], Any], *, last: bool = False) -> None:
        """Keep a state, as :meth:`Checkpoint.keep` does."""
        self.checkpoint.keep(self.name, state, last=last)


def _is_running(path: Path, host: str, process: int) -> bool:
    """Return whether the fit that writes a checkpoint may still run."""
    if process == os.getpid() and host == socket.gethostname():
        return path in _RUNNING
    if host != socket.gethostname() or sys.platform == "win32":  # nobody can tell
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        return True
    return True


def _versions() -> dict[str, str]:
    """Return the versions on which last bits may depend."""
    return {
        "sklearn_aae": sys.modules["sklearn_aae"].__version__,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
    }
