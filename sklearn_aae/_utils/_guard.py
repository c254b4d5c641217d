"""What a fit that fails, or is interrupted, leaves behind."""

from __future__ import annotations

import functools
from typing import Any, cast

from sklearn_aae._utils._compat import Method
from sklearn_aae._utils._defaults import plain_defaults


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C, after at least one finished epoch; the estimator is fitted up to there."""


def leaves_no_trace(method: Method) -> Method:
    """Decorate a fitting method so that a failed call leaves ``__dict__`` as it was.

    If the object has a method ``_undoing``, what it returns is called after a failure: it
    undoes what a call does to objects that ``__dict__`` holds.
    """

    @functools.wraps(method)
    def guarded(self: Any, *args: Any, **kwargs: Any) -> Any:
        before = self.__dict__.copy()
        undo = self._undoing() if hasattr(self, "_undoing") else None
        try:
            with plain_defaults():
                return method(self, *args, **kwargs)
        except TrainingInterrupted:
            raise
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            if undo is not None:
                undo()
            raise

    return cast(Method, guarded)
