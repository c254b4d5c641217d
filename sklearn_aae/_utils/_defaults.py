"""torch's defaults as the package expects them, whatever the program around has set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack

#: Returns the modes that torch's functions run in, in this thread.
function_modes: Callable[[], list[TorchFunctionMode]] = _get_current_function_mode_stack

#: What makes tensors of the default type whatever it is given.
_MAKERS = frozenset(
    {
        torch.empty,
        torch.eye,
        torch.linspace,
        torch.logspace,
        torch.ones,
        torch.rand,
        torch.randn,
        torch.zeros,
    }
)
#: What does so for Python's floating-point numbers.
_READERS = frozenset({torch.arange, torch.as_tensor, torch.full, torch.scalar_tensor, torch.tensor})


class _Float32Defaults(TorchFunctionMode):
    """New tensors are float32 in this thread: ``set_default_dtype`` would act in all of them."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if kwargs.get("dtype") is not None or kwargs.get("out") is not None:
            return func(*args, **kwargs)
        if func in _MAKERS:
            return func(*args, **{**kwargs, "dtype": torch.float32})
        made = func(*args, **kwargs)
        if func in _READERS and made.dtype == torch.get_default_dtype() and not _has_dtype(args):
            # Once more: a shorter type has lost digits.
            return func(*args, **{**kwargs, "dtype": torch.float32})
        return made


def _has_dtype(args: tuple[Any, ...]) -> bool:
    return any(hasattr(arg, "dtype") for arg in args)


@contextmanager
def plain_defaults() -> Iterator[None]:
    """Make new tensors float32 and on the CPU for a block, in this thread alone."""
    modes = function_modes()  # a default device is one
    usual = not modes and torch.get_default_dtype() == torch.float32
    if usual or (modes and isinstance(modes[-1], _Float32Defaults)):
        yield
        return
    with torch.device("cpu"), _Float32Defaults():
        yield
