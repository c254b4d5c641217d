"""What is installed says what it is."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import sklearn_aae


def test_the_version_stands_in_one_place():
    assert importlib.metadata.version("sklearn_aae") == sklearn_aae.__version__


def test_the_package_is_typed():
    assert (Path(sklearn_aae.__file__).parent / "py.typed").exists()


def test_the_public_names_are_there():
    for name in sklearn_aae.__all__:
        assert hasattr(sklearn_aae, name)
