"""Tells Ctrl-C from a ``KeyboardInterrupt`` that code raises by itself."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any


class SignalWatch:
    """While it is entered, notes whether the interrupt signal has raised an exception.

    The handler that was there is called as before.  Threads but the main one get no
    signals, so that nothing is noted there.

    Attributes
    ----------
    seen : bool
        Whether the signal has raised ``KeyboardInterrupt`` since it was entered.
    is_entered : bool
        Whether it watches; a copy does not.
    """

    def __init__(self) -> None:
        self.seen = False
        self.is_entered = False
        self._previous: Callable[..., Any] | None = None

    def __reduce__(self) -> tuple[type[SignalWatch], tuple[()]]:
        return SignalWatch, ()

    def _handle(self, number: int, frame: FrameType | None) -> Any:
        assert self._previous is not None
        try:
            return self._previous(number, frame)
        except KeyboardInterrupt:
            self.seen = True
            raise

    def __enter__(self) -> SignalWatch:
        self.is_entered = True
        previous = signal.getsignal(signal.SIGINT)
        if callable(previous) and threading.current_thread() is threading.main_thread():
            self._previous, self._own = previous, self._handle
            signal.signal(signal.SIGINT, self._own)
        return self

    def __exit__(self, *error: object) -> None:
        self.is_entered = False
        # Whoever has set another handler in the meantime keeps it.
        if self._previous is not None and signal.getsignal(signal.SIGINT) is self._own:
            signal.signal(signal.SIGINT, self._previous)
