"""Signatures say what is taken and returned, and mypy finds the mistakes in a user's script."""

from __future__ import annotations

import importlib
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sklearn_aae.persistence._registry import ESTIMATORS

ROOT = Path(__file__).parents[1]
CASES = ROOT / "tests" / "typing_cases"

#: Rows, labels and seeds come in more forms than types can say, as everywhere in scikit-learn.
OPEN = {"X", "y", "random_state"}

#: Others without a type, and why.
EXCEPTIONS = {
    "kwargs": "keywords that matplotlib or skorch takes, by name",
    "args": "what skorch hands to its own initialize_optimizer",
    "fit_params": "what skorch hands on to a module",
    "cb_kwargs": "what skorch tells a callback",
    "details": "a dict of figures by column, by pair or by role, as the measure has them",
}


def documented():
    """Yield the names in the API reference, each with its module."""
    module = None
    for line in (ROOT / "docs" / "api_reference.rst").read_text(encoding="utf-8").splitlines():
        if found := re.match(r"\.\. (?:currentmodule|automodule):: (\S+)", line):
            module = found[1]
        elif re.fullmatch(r"   [A-Za-z_.]+", line):
            yield module, line.strip()


def public_functions():
    """Yield the documented functions, and constructors and public methods of documented classes."""
    for module, name in documented():
        *parts, last = name.split(".")
        value = getattr(importlib.import_module(".".join([module, *parts])), last)
        if not inspect.isclass(value):
            yield value
            continue
        for base in value.__mro__:
            if not base.__module__.startswith("sklearn_aae"):
                continue
            for method_name, method in vars(base).items():
                if method_name == "__init__" or not method_name.startswith("_"):
                    method = getattr(method, "__func__", getattr(method, "fget", method))
                    if inspect.isfunction(method):
                        yield inspect.unwrap(method)


def test_signatures_leave_only_rows_labels_and_seeds_open():
    found = {
        (f"{function.__module__}.{function.__qualname__}", name)
        for function in public_functions()
        for name, annotation in function.__annotations__.items()
        if re.search(r"\bAny\b", str(annotation)) and name not in OPEN | set(EXCEPTIONS)
    }
    assert not found


def test_exceptions_are_needed():
    names = {
        name
        for function in public_functions()
        for name, annotation in function.__annotations__.items()
        if re.search(r"\bAny\b", str(annotation))
    }
    assert names == OPEN | set(EXCEPTIONS)


def run_mypy(folder, *names):
    """Return what mypy says of a user's files, without the package's own settings."""
    options = ["--strict", "--config-file=", "--ignore-missing-imports", "--follow-imports=silent"]
    run = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "--no-pretty", *names],
        cwd=folder,
        env={**os.environ, "MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return run.stdout + run.stderr


def documented_attributes(cls):
    """Return the names in the part "Attributes" of a class's documentation."""
    _, text = inspect.getdoc(cls).split("Attributes\n----------\n")
    text = re.split(r"\n[^\n]+\n---", text)[0]
    return [
        name for names in re.findall(r"^([\w, ]+) : ", text, re.M) for name in names.split(", ")
    ]


@pytest.mark.slow
def test_mypy_finds_a_users_mistakes_where_they_are(tmp_path):
    # Every day mypy itself reads these files: there a comment that is not needed is an error.
    comment = r"  # type: ignore\[([a-z-]+)\]$"
    for name in ("right.py", "mistakes.py"):
        text = (CASES / name).read_text(encoding="utf-8")
        plain = re.sub(comment, "", text, flags=re.MULTILINE)
        (tmp_path / name).write_text(plain, encoding="utf-8")
    expected = {
        ("mistakes.py", number, found[1])
        for number, line in enumerate(text.splitlines(), start=1)
        if (found := re.search(comment, line))
    }
    said = run_mypy(tmp_path, "right.py", "mistakes.py")
    errors = re.findall(r"^(.+):(\d+): error: .*\[([a-z-]+)\]$", said, re.MULTILINE)
    assert len(expected) > 30
    assert {(name, int(line), code) for name, line, code in errors} == expected, said


@pytest.mark.slow
def test_mypy_knows_what_estimators_have(tmp_path):
    lines = ["import sklearn_aae"]
    for cls in ESTIMATORS:
        known = documented_attributes(cls) + list(inspect.signature(cls).parameters)
        assert known
        known += [name for name in dir(cls) if not name.startswith("_")]
        lines += [f"def use_{cls.__name__}(estimator: sklearn_aae.{cls.__name__}) -> None:"]
        lines += [f"    estimator.{name}" for name in known]
    (tmp_path / "uses.py").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert "Success" in (said := run_mypy(tmp_path, "uses.py")), said
