"""Every import of a private or optional name, and types of decorators, in one place."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeVar

import sklearn.base
import sklearn.callback
from sklearn.utils._metadata_requests import MetadataRequest, MethodMetadataRequest
from sklearn.utils._param_validation import Interval, Options, RealNotInt, StrOptions
from sklearn.utils._set_output import _get_output_config
from sklearn.utils.validation import _check_feature_names_in

from sklearn_aae.exceptions import MissingExtraError

__all__ = [
    "Interval",
    "MetadataRequest",
    "Method",
    "MethodMetadataRequest",
    "Options",
    "RealNotInt",
    "StrOptions",
    "_check_feature_names_in",
    "_fit_context",
    "_get_output_config",
    "import_extra",
    "with_callbacks",
]

Method = TypeVar("Method", bound=Callable[..., Any])

# scikit-learn ships no types: without these, what it decorates would have none for a user.
_fit_context: Callable[..., Callable[[Method], Method]] = sklearn.base._fit_context
with_callbacks: Callable[[Method], Method] = sklearn.callback.with_callbacks


def import_extra(module: str, extra: str) -> ModuleType:
    """Import an optional dependency or say which extra brings it.

    Raises
    ------
    MissingExtraError
        If the module is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"{module.partition('.')[0]} is needed here and not installed; "
            f'run: pip install "sklearn_aae[{extra}]"'
        ) from error
