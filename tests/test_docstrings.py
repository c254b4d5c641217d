"""Public docstrings follow numpydoc, and their examples run."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import sys

import numpydoc.validate
import pytest

import sklearn_aae

MODULES = [
    "sklearn_aae",
    "sklearn_aae.exceptions",
    "sklearn_aae.inspection",
    "sklearn_aae.metrics",
    "sklearn_aae.outputs",
    "sklearn_aae.posteriors",
    "sklearn_aae.priors",
    "sklearn_aae.rules",
    "sklearn_aae.training",
    "sklearn_aae.typing",
]

#: What is documented of a module that users seldom import from; of the others, all that is public.
NAMES = {"sklearn_aae.training": ["AAENet", "distributed"]}

#: Checks that are not ours: EX01 and SA01 want examples and "See Also" everywhere,
#: ES01 an extended summary; GL01 another layout of the first line; GL08 is ruff's;
#: RT02 refuses "self : Class", which is how scikit-learn writes it.
IGNORED = {"EX01", "SA01", "ES01", "GL01", "GL08", "SS06", "RT02"}

#: Nobody passes the *args of their constructors: that of torch.nn.Module, and protocols' own.
OPEN_CONSTRUCTORS = {
    "sklearn_aae.outputs.Head",
    "sklearn_aae.typing.Density",
    "sklearn_aae.typing.Table",
}


def public_names(module_name):
    """Yield the public functions, classes and methods of a module with docstrings of their own."""
    module = importlib.import_module(module_name)
    for name in NAMES.get(module_name) or module.__all__:
        value = getattr(module, name)
        if not (inspect.isclass(value) or inspect.isfunction(value)):
            continue
        if not value.__module__.startswith("sklearn_aae"):
            continue
        yield f"{module_name}.{name}"
        if inspect.isclass(value):
            yield from (f"{module_name}.{name}.{method}" for method in documented_methods(value))


def documented_methods(cls):
    """Yield the public methods that a class defines and documents; others inherit their text."""
    for name, member in vars(cls).items():
        if inspect.isfunction(member) and member.__doc__ and not name.startswith("_"):
            yield name


@pytest.mark.parametrize("module_name", MODULES)
def test_numpydoc(module_name):
    errors = [
        f"{name}: {code}: {message}"
        for name in public_names(module_name)
        for code, message in numpydoc.validate.validate(name)["errors"]
        if code not in IGNORED | ({"PR01"} if name in OPEN_CONSTRUCTORS else set())
    ]
    assert not errors, "\n".join(errors)


def all_modules():
    for info in pkgutil.walk_packages(sklearn_aae.__path__, "sklearn_aae."):
        if info.name != "sklearn_aae.__main__":
            yield info.name


@pytest.mark.parametrize("name", sorted(all_modules()))
def test_examples_run(name):
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    result = doctest.testmod(importlib.import_module(name), optionflags=flags)
    if "matplotlib.pyplot" in sys.modules:  # which keeps every figure, and warns of many
        sys.modules["matplotlib.pyplot"].close("all")
    assert result.failed == 0


def test_the_estimator_and_its_parts_have_examples():
    for name in sklearn_aae.__all__:
        value = getattr(sklearn_aae, name)
        if inspect.isclass(value):
            assert ">>>" in inspect.getdoc(value)
