"""Imports point one way: a file imports only from lower ranks or its own folder."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import sklearn_aae

ROOT = Path(sklearn_aae.__file__).parent

RANKS = {
    "exceptions": 0,
    "_compat": 1,
    "_guard": 1,
    "_random": 1,
    "_registry": 1,
    "_cell_forms": 2,
    "_cells": 1,
    "_labels": 2,
    "_layout": 1,
    "_threads": 1,
    "encoding": 2,
    "inspection": 2,
    "losses": 2,
    "metrics": 2,
    "outputs": 2,
    "posteriors": 2,
    "priors": 2,
    "scores": 2,
    "networks": 3,
    "_parameters": 4,
    "_supervision": 4,
    "_input": 4,
    "training": 4,
    "_draws": 4,
    "_audit_table": 5,
    "_base": 5,
    "_adversarial_autoencoder": 6,
    "detection": 6,
    "_two_headed": 6,
    "_classifier": 7,
    "_clusterer": 7,
    "_outlier": 7,
    "__init__": 8,
    "_audit_rows": 8,
    "__main__": 9,
}

FILES = sorted(ROOT.rglob("*.py"))


def part_of(path):
    relative = path.relative_to(ROOT)
    return relative.parts[0].removesuffix(".py")


def imported_modules(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_downwards(path):
    part = part_of(path)
    for module in imported_modules(path):
        names = module.split(".")
        if names[0] != "sklearn_aae":
            continue
        target = names[1] if len(names) > 1 else "__init__"
        if target == part:
            continue
        assert RANKS[target] < RANKS[part], f"{part} imports {module}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_skorch_and_torch_stay_in_their_rooms(path):
    part = part_of(path)
    top = {module.partition(".")[0] for module in imported_modules(path)}
    if part not in ("training", "_base"):
        assert "skorch" not in top
    if part == "encoding":
        assert "torch" not in top


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_stay_small(path):
    text = path.read_text()
    lines = text.splitlines()
    documented = 0
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
            docstring = ast.get_docstring(node, clean=False) or ""
            documented += docstring.count("\n")
            if isinstance(node, ast.FunctionDef):
                body = node.end_lineno - node.lineno - docstring.count("\n")
                assert body <= 60, f"{node.name} has {body} lines"
    assert len(lines) - documented <= 400, f"{len(lines) - documented} lines of code"
