"""Imports point one way, by the ranks in CONTRIBUTING.md; files and functions stay small."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import sklearn_aae

ROOT = Path(sklearn_aae.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
MOST_LINES, MOST_LINES_OF_FUNCTION = 400, 60


def read_ranks():
    """Return the rank of each part, from the table in CONTRIBUTING.md."""
    text = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| ([^|]*) \|", text, flags=re.MULTILINE)
    return {
        part.removesuffix("/").removesuffix(".py").replace("/", "."): int(rank)
        for rank, parts in rows
        for part in re.findall(r"`([^`]+)`", parts)
    }


RANKS = read_ranks()


def part_of(module):
    """Return the part that a module, named without the package, belongs to."""
    names = module.split(".") if module else ["__init__"]
    return next(
        part
        for n in (2, 1)
        if (part := ".".join(names[:n])) in RANKS or n == 1  # sub-packages with ranks first
    )


def imported_modules(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


def modules():
    """Yield each file with its module's name, without the package's."""
    for path in FILES:
        names = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(names[:-1] if names[-1] == "__init__" and len(names) > 1 else names)
        yield path, name


def test_every_part_has_a_rank():
    parts = {part_of(name) for _, name in modules()}
    assert parts <= set(RANKS), f"CONTRIBUTING.md has no rank for {sorted(parts - set(RANKS))}"


def test_imports_point_downwards():
    offenders = []
    for path, name in modules():
        part = part_of(name)
        for module in imported_modules(path):
            package, _, imported = module.partition(".")
            target = part_of(imported)
            if package == "sklearn_aae" and target != part and RANKS[target] >= RANKS[part]:
                offenders.append(f"{path.relative_to(ROOT)} imports {module}")
    assert not offenders, "\n".join(offenders)


def test_libraries_stay_in_their_rooms():
    rooms = {"skorch": {"training", "autoencoder"}}
    without_torch = {"encoding", "rules"}
    offenders = []
    for path, name in modules():
        part = part_of(name)
        top = {module.partition(".")[0] for module in imported_modules(path)}
        banned = {library for library, allowed in rooms.items() if part not in allowed}
        banned |= {"torch"} if part in without_torch else set()
        offenders += [f"{path.relative_to(ROOT)} imports {library}" for library in top & banned]
    assert not offenders, "\n".join(offenders)


def assigns_parameters(node):
    """Return whether a function is a constructor as scikit-learn wants it: one line a parameter."""
    return node.name == "__init__" and all(
        isinstance(line, ast.Assign)
        and isinstance(line.value, ast.Name)
        and [ast.unparse(target) for target in line.targets] == [f"self.{line.value.id}"]
        for line in node.body
    )


def test_files_and_functions_stay_small():
    offenders = []
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        documented = 0
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
                continue
            docstring = ast.get_docstring(node, clean=False) or ""
            documented += docstring.count("\n")
            if isinstance(node, ast.FunctionDef) and not assigns_parameters(node):
                body = node.end_lineno - node.lineno - docstring.count("\n")
                if body > MOST_LINES_OF_FUNCTION:
                    offenders.append(f"{path.relative_to(ROOT)}: {node.name} has {body} lines")
        lines = len(text.splitlines()) - documented
        if lines > MOST_LINES:
            offenders.append(f"{path.relative_to(ROOT)} has {lines} lines of code")
    assert not offenders, "\n".join(offenders)
