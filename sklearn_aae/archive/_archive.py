"""The file: a zip archive of a manifest, a tree of JSON and arrays, under one checksum.

``manifest.json`` says what is in the file, ``state.json`` is the tree, ``arrays.safetensors``
the arrays.  The archive's comment ends with the SHA-256 of all bytes before it, and the manifest
has the size and the SHA-256 of the other two.  Everything is checked before it is unpacked.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import io
import json
import os
import shutil
import struct
import uuid
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save as save_arrays

from sklearn_aae.exceptions import (
    DamagedFileError,
    ForeignFileError,
    NewerFileError,
    OversizedFileError,
)

#: The number of the format; whoever changes what a fitted estimator consists of raises it.
FORMAT = 2

MANIFEST, STATE, ARRAYS = "manifest.json", "state.json", "arrays.safetensors"
MARK = b"sklearn_aae model, sha256 "
DIGITS = 64
#: So many times as large as packed may a part be: JSON is at most; a bomb is a thousand times.
MOST_RATIO = 100
#: Bytes of the header of a member of an archive, and where the lengths of two names are in it.
HEADER, LENGTHS = 30, 26
#: So many characters of a name, of four bytes at most, leave room for 37 others in 255 bytes.
NAME_LENGTH = 54


@dataclass(frozen=True)
class Contents:
    """What a file holds.

    Attributes
    ----------
    manifest : dict
        What the file says of itself.
    state : object
        The tree of JSON.
    arrays : dict of str to ndarray
        The arrays, of the file's own memory.
    sizes : dict of str to int
        Bytes of each part in the file.
    """

    manifest: dict[str, Any]
    state: Any
    arrays: dict[str, np.ndarray]
    sizes: dict[str, int]


# ---------------------------------------------------------------------------- writing


def pack(manifest: dict[str, Any], state: Any, arrays: dict[str, np.ndarray]) -> bytes:
    """Return the bytes of a file; the same ones for the same contents."""
    parts = {STATE: _as_json(state), ARRAYS: save_arrays(arrays)}
    told = {name: {"size": len(part), "sha256": _sum(part)} for name, part in parts.items()}
    whole = {MANIFEST: _as_json({"format": FORMAT, **manifest, "parts": told}), **parts}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, part in whole.items():
            info = zipfile.ZipInfo(name)  # of 1980: a date would make every file another one
            if name != ARRAYS and len(part) < MOST_RATIO * len(zlib.compress(part)):
                info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, part)
        archive.comment = MARK + b"0" * DIGITS
    with buffer.getbuffer() as view:
        view[-DIGITS:] = _sum(view[:-DIGITS]).encode()
    return buffer.getvalue()


def _as_json(tree: Any) -> bytes:
    return json.dumps(tree, allow_nan=False, separators=(",", ":")).encode()


def _sum(data: Any) -> str:
    return hashlib.sha256(data).hexdigest()


def replace(path: Path, data: bytes) -> None:
    """Write a file so that there is the old one or the new one at any time, whole.

    A device or a pipe is written to, and never replaced; a folder is an ``OSError``.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    aside = path.with_name(f"{_aside(path)}{uuid.uuid4().hex}.tmp")
    try:
        with open(aside, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, aside)
        os.replace(aside, path)
    except BaseException as error:
        with contextlib.suppress(OSError):  # the folder may not be there
            aside.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is not None:
            # The caller has named this file, and not the one aside.
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    with contextlib.suppress(OSError):  # not every system lets a folder be opened
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def left_behind(path: Path) -> list[Path]:
    """Return what writes of a file that were cut short have left beside it."""
    return list(path.parent.glob(f"{glob.escape(_aside(path))}*.tmp"))


def _aside(path: Path) -> str:
    """Return how names of files that take a file's place begin, short enough for any system."""
    return f".{path.name[:NAME_LENGTH]}."


# ---------------------------------------------------------------------------- reading


def unpack(data: bytes) -> Contents:
    """Return what the bytes of a file hold, after they were checked.

    Raises
    ------
    ForeignFileError
        If they are no file of this package.
    NewerFileError
        If their format is of a later version.
    OversizedFileError
        If a part would be far larger than what is packed.
    DamagedFileError
        If they are not as they were written.
    """
    _check_whole(data)
    try:
        members = _members(data)
        sizes = {name: info.compress_size for name, info in members.items()}
        manifest = _json(_part(data, members[MANIFEST]))
        _check_format(manifest)
        _check_manifest(manifest)
        if list(members) != [MANIFEST, STATE, ARRAYS]:
            raise DamagedFileError(f"the file has the parts {list(members)}.")
        for name in (STATE, ARRAYS):
            if members[name].file_size != manifest["parts"][name]["size"]:
                raise DamagedFileError(f"{name} has another size than the manifest says.")
        parts = {name: _part(data, members[name]) for name in (STATE, ARRAYS)}
        for name, part in parts.items():
            if _sum(part) != manifest["parts"][name]["sha256"]:
                raise DamagedFileError(f"{name} has another checksum than the manifest says.")
        return Contents(manifest, _json(parts[STATE]), _arrays(parts[ARRAYS]), sizes)
    except (zipfile.BadZipFile, zlib.error, struct.error, KeyError, TypeError, IndexError) as error:
        raise DamagedFileError(f"the file is damaged: {error}") from error


def _check_whole(data: bytes) -> None:
    """Raise unless the bytes are a whole file of this package, as it was written."""
    if data[HEADER : HEADER + len(MANIFEST)] != MANIFEST.encode() or data[:2] != b"PK":
        pickled = data[:1] == b"\x80"
        raise ForeignFileError(
            "this is no file that sklearn_aae.save has written"
            + (
                ", but a pickle: joblib.load reads it, and runs what whoever wrote it put there."
                if pickled
                else "."
                if data
                else ": there is nothing in it, or a file object was read to its end before."
            )
        )
    mark = data[-len(MARK) - DIGITS : -DIGITS]
    if mark != MARK:
        raise DamagedFileError("the file does not end as it should: it is cut short, or changed.")
    if _sum(memoryview(data)[:-DIGITS]).encode() != data[-DIGITS:]:
        raise DamagedFileError("the file was changed since it was written: its checksum differs.")


def _members(data: bytes) -> dict[str, zipfile.ZipInfo]:
    """Return the members of an archive, none of which is larger than it may be."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        infos = archive.infolist()
    if len({info.filename for info in infos}) < len(infos):
        raise DamagedFileError("the file has several parts of the same name.")
    if sum(info.compress_size for info in infos) > len(data):
        raise OversizedFileError("the parts of the file are larger than the file.")
    for info in infos:
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DamagedFileError(f"{info.filename} is packed in an unknown way.")
        if info.file_size > MOST_RATIO * info.compress_size:
            raise OversizedFileError(
                f"{info.filename} would unpack to {info.file_size:,} bytes from "
                f"{info.compress_size:,}, which no file that this package writes does."
            )
    return {info.filename: info for info in infos}


def _part(data: bytes, info: zipfile.ZipInfo) -> bytes:
    """Return a member, without unpacking more of it than it says."""
    start = info.header_offset
    lengths = struct.unpack("<HH", data[start + LENGTHS : start + HEADER])
    start += HEADER + sum(lengths)
    part = data[start : start + info.compress_size]
    if info.compress_type == zipfile.ZIP_DEFLATED:
        unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
        part = unpacker.decompress(part, info.file_size + 1)
    if len(part) != info.file_size:
        raise DamagedFileError(f"{info.filename} has another size than the archive says.")
    return part


def _no_json(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _json(part: bytes) -> Any:
    try:
        return json.loads(part, parse_constant=_no_json)
    except (ValueError, RecursionError) as error:
        raise DamagedFileError(f"the file holds JSON that cannot be read: {error}") from error


def _check_format(manifest: dict[str, Any]) -> None:
    number = manifest["format"]
    if type(number) is not int or number < 1:
        raise DamagedFileError(f"the file has format {number!r}, which is none.")
    if number > FORMAT:
        versions = manifest.get("versions")
        writer = versions.get("sklearn_aae") if isinstance(versions, dict) else None
        raise NewerFileError(
            f"the file has format {number}, and this version reads formats up to {FORMAT}: it was "
            f"written by sklearn_aae {writer or 'of a later version'}. Install that version, or a "
            "later one."
        )


def _check_manifest(manifest: dict[str, Any]) -> None:
    """Raise unless what is said of the file has the types that readers rely on."""
    for name, kind in (("versions", dict), ("custom", list), ("callbacks", list), ("parts", dict)):
        found = manifest[name]
        texts = found if isinstance(found, list) else []
        if not isinstance(found, kind) or not all(isinstance(each, str) for each in texts):
            raise DamagedFileError(f"the manifest says {name}={found!r:.80}, which cannot be.")


def _arrays(part: bytes) -> dict[str, np.ndarray]:
    try:
        read: Callable[[bytes], list[tuple[str, dict[str, Any]]]] = deserialize
        found = read(part)
    except SafetensorError as error:
        raise DamagedFileError(f"the file holds arrays that cannot be read: {error}") from error
    return {name: _as_array(**each) for name, each in found}


#: safetensors' names of the types of numpy.
DTYPES = {
    "BOOL": "?",
    **{
        f"{letter}{8 * size}": f"<{letter.lower()}{size}"
        for letter in "IU"
        for size in (1, 2, 4, 8)
    },
    **{f"F{8 * size}": f"<f{size}" for size in (2, 4, 8)},
}


def _as_array(dtype: str, shape: list[int], data: Any) -> np.ndarray:
    return np.frombuffer(data, dtype=DTYPES[dtype]).reshape(shape)
