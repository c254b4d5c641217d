"""What is in a file, in words, without building it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sklearn_aae.archive._archive import Contents
from sklearn_aae.archive._graph import MALFORMED
from sklearn_aae.exceptions import DamagedFileError
from sklearn_aae.persistence._registry import ESTIMATORS
from sklearn_aae.persistence._saving import Source, read_contents

#: What estimators are called in files.
NAMES = {cls.__name__ for cls in ESTIMATORS}
#: Arrays and tables of cells that are listed, and cells of each that are shown.
N_ARRAYS, N_TABLES, N_CELLS = 8, 30, 4


def describe(file: Source) -> str:
    """Return in lines what a file of :func:`sklearn_aae.save` holds.

    Parameters
    ----------
    file : str, path, bytes or binary file object
        The file.

    Returns
    -------
    str
        Its versions and parts, the parameters of its estimators, its largest arrays, and the
        tables of cells in it, which are those of the training table.

    Raises
    ------
    ModelFileError
        If it is no such file, or damaged.

    Examples
    --------
    >>> import io
    >>> import sklearn_aae
    >>> from sklearn_aae.persistence import describe
    >>> buffer = io.BytesIO()
    >>> sklearn_aae.save(sklearn_aae.TableEncoder(max_levels=7), buffer)
    >>> "max_levels = 7" in describe(buffer.getvalue())
    True
    """
    contents = read_contents(file)
    parts = (_head, _parameters, _arrays, _cells)
    try:
        return "\n".join(_printable(line) for part in parts for line in part(contents))
    except MALFORMED as error:
        raise DamagedFileError(
            f"the file holds what no estimator is made of ({type(error).__name__}: {error})."
        ) from error


def _printable(line: str) -> str:
    """Return a line in which nothing moves a terminal's cursor, or is no text."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in line
    )


def _head(contents: Contents) -> Iterator[str]:
    manifest = contents.manifest
    versions = ", ".join(f"{name} {version}" for name, version in manifest["versions"].items())
    yield f"sklearn_aae model, format {manifest['format']}, written by {versions}"
    holds = manifest["holds"]
    if isinstance(holds, dict):
        holds = ", ".join(f"{name}: {kind}" for name, kind in holds.items())
    yield f"holds {holds}"
    yield f"state of training: {'yes' if manifest['training'] else 'left out'}"
    yield f"reference rows of detectors: {'yes' if manifest['references'] else 'left out'}"
    yield f"needs own code: {', '.join(manifest['custom']) or 'none'}"
    yield f"callbacks that were left out: {', '.join(manifest['callbacks']) or 'none'}"
    yield "parts: " + ", ".join(f"{name} {size:,} bytes" for name, size in contents.sizes.items())


def _parameters(contents: Contents) -> Iterator[str]:
    for path, node in _walk(contents.state, ""):
        fields = node.get("fields")
        if _name(node) in NAMES and path.count(".") == 0 and isinstance(fields, dict):
            yield f"parameters of {path or _name(node)} ({_name(node)})"
            for name, value in fields.items():
                if not name.startswith("_") and not name.endswith("_"):
                    yield f"  {name} = {_shown(value)}"


def _arrays(contents: Contents) -> Iterator[str]:
    arrays = contents.arrays
    total = sum(array.nbytes for array in arrays.values())
    yield f"{len(arrays)} arrays of {total:,} bytes; the largest"
    largest = sorted(arrays, key=lambda name: -arrays[name].nbytes)[:N_ARRAYS]
    for name in largest:
        array = arrays[name]
        yield f"  {name}: {array.dtype} {array.shape}, {array.nbytes:,} bytes"


def _cells(contents: Contents) -> Iterator[str]:
    found = [
        (path, node["items"])
        for path, node in _walk(contents.state, "")
        if node["is"] == "array" and node.get("items")
    ]
    yield f"{len(found)} tables of cells"
    for path, items in found[:N_TABLES]:
        some = ", ".join(map(_shown, items[:N_CELLS]))
        yield f"  {path}: {len(items):,}, {some}{', ...' if len(items) > N_CELLS else ''}"
    if len(found) > N_TABLES:
        yield f"  and {len(found) - N_TABLES} more"


def _name(node: dict[str, Any]) -> str:
    return str(node.get("class", node.get("name", node["is"]))).partition(":")[2]


def _shown(node: Any) -> str:
    """Return a node in a few words."""
    if not isinstance(node, dict):
        return repr(node)
    items = node.get("items")
    if node["is"] in ("tuple", "list") and isinstance(items, list):
        return f"({', '.join(map(_shown, items))})"
    if "value" in node or "text" in node:
        return str(node.get("value", node.get("text")))
    return _name(node) or node["is"]


def _walk(node: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield nodes with their paths."""
    if isinstance(node, dict) and "is" in node:
        yield path, node
        parts = {name: part for name, part in node.items() if isinstance(part, (dict, list))}
        parts |= {key: part for key, part in parts.pop("pairs", ()) if isinstance(key, str)}
    elif isinstance(node, dict):
        parts = node
    elif isinstance(node, list):
        parts = dict(enumerate(node))
    else:
        return
    for name, part in parts.items():
        inner = path if name in STRUCTURE else f"{path}.{name}".lstrip(".")
        yield from _walk(part, inner)


#: Keys of nodes that are no names of anything.
STRUCTURE = ("fields", "items", "of", "modules", "parameters", "buffers", "groups")
