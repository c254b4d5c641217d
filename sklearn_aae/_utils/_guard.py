"""What a fit that fails, or is interrupted, leaves behind."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C, after at least one finished epoch; the estimator is fitted up to there."""


def leaves_no_trace(method: Callable) -> Callable:
    """Decorate a fitting method so that a failed call leaves ``__dict__`` as it was."""

    @functools.wraps(method)
    def guarded(self: Any, *args: Any, **kwargs: Any) -> Any:
        before = self.__dict__.copy()
        try:
            return method(self, *args, **kwargs)
        except TrainingInterrupted:
            raise
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    return guarded
