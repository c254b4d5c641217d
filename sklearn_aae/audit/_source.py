"""The text of a file: unpacked, decoded, or refused with what to do instead."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import zipfile
import zlib
from pathlib import Path

#: What files begin with that are no text, and what they are.
MAGIC = {
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
    b"SQLite format 3": "an SQLite database",
    b"\x89HDF": "an HDF5 file",
    b"%PDF": "a PDF document",
    b"\x28\xb5\x2f\xfd": "packed by zstd",
}
#: Endings of files that hold tables in other formats.
ENDINGS = {
    ".xlsx": "an Excel workbook",
    ".xlsm": "an Excel workbook",
    ".xls": "an Excel workbook",
    ".ods": "an OpenDocument spreadsheet",
    ".json": "JSON",
    ".jsonl": "JSON",
    ".ndjson": "JSON",
    ".orc": "an ORC file",
    ".dta": "a Stata file",
    ".sav": "an SPSS file",
    ".arff": "an ARFF file",
    ".pkl": "a pickle",
    ".h5": "an HDF5 file",
    ".xml": "XML",
    ".html": "HTML",
}
UNPACKERS = {b"\x1f\x8b": gzip.decompress, b"BZh": bz2.decompress, b"\xfd7zXZ": lzma.decompress}
#: Byte order marks; that of UTF-32 begins with that of UTF-16.
MARKS = {
    codecs.BOM_UTF8: ("utf-8-sig", "UTF-8 with BOM"),
    codecs.BOM_UTF32_LE: ("utf-32", "UTF-32"),
    codecs.BOM_UTF32_BE: ("utf-32", "UTF-32"),
    codecs.BOM_UTF16_LE: ("utf-16", "UTF-16"),
    codecs.BOM_UTF16_BE: ("utf-16", "UTF-16"),
}


def read_text(path: Path, encoding: str | None, notes: list[str]) -> tuple[str, str]:
    """Return the text of a file and the name of its encoding; guesses go to ``notes``.

    Raises
    ------
    ValueError
        If the file is no text, or not in the encoding.
    """
    ending = path.suffix.lower()
    if ending in ENDINGS:
        raise ValueError(_refusal(ENDINGS[ending]))
    content = _unpacked(path.read_bytes())
    for magic, what in MAGIC.items():
        if content.startswith(magic):
            raise ValueError(_refusal(what))
    text, name = decoded(content, encoding, notes)
    if not text.strip():
        raise ValueError("the file is empty: it has neither a header nor rows")
    if "\0" in text:
        raise ValueError(
            "it holds zero bytes and is no text in UTF-8; name its encoding by --encoding, or save "
            "the table as CSV or Parquet"
        )
    start = text.lstrip()[:200].lower()
    if start.startswith("{") or (start.startswith("[") and start[1:].lstrip().startswith("{")):
        raise ValueError(_refusal("JSON"))
    if start.startswith(("<!doctype", "<html", "<?xml")):
        raise ValueError(_refusal("HTML or XML"))
    return text, name


def _refusal(what: str) -> str:
    return f"the file is {what}; save the table as CSV or Parquet first"


def _unpacked(content: bytes) -> bytes:
    try:
        for magic, unpack in UNPACKERS.items():
            if content.startswith(magic):
                return unpack(content)
        if content.startswith(b"PK\x03\x04"):
            return _unzipped(content)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise ValueError(f"the packed file is broken ({error}); pack the CSV anew") from error
    return content


def _unzipped(content: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            if len(names) == 1:
                return archive.read(names[0])
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise ValueError(_refusal("no text (a broken archive or workbook)")) from error
    if any(name.startswith(("xl/", "content.xml")) for name in names):
        raise ValueError(_refusal("an Excel workbook or another spreadsheet"))
    raise ValueError(f"the archive holds {len(names)} files; unpack it and name one CSV file")


def decoded(content: bytes, encoding: str | None, notes: list[str]) -> tuple[str, str]:
    if encoding is not None:
        try:
            # utf-8-sig reads UTF-8 without a mark, too.
            codec = codecs.lookup(encoding).name
            return content.decode("utf-8-sig" if codec == "utf-8" else codec), encoding
        except LookupError as error:
            raise ValueError(
                f"--encoding {encoding} is not known; try utf-8, latin-1, cp1252 or utf-16"
            ) from error
        except UnicodeError as error:
            raise ValueError(
                f"the file is not in the encoding {encoding} ({error}); name another by --encoding"
            ) from error
    for mark, (codec, name) in MARKS.items():
        if content.startswith(mark):
            return _strictly(content, codec, name), name
    head = content[:4096]
    for codec, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
        # Half of the bytes of western text in UTF-16 are zeros.
        if zeros and zeros.count(0) > 0.6 * len(zeros) and head.count(0) <= 0.6 * len(head):
            return _strictly(content, codec, "UTF-16"), "UTF-16"
    try:
        return content.decode("utf-8"), "UTF-8"
    except UnicodeError:
        pass
    for codec, name in (("cp1252", "Latin-1 (Windows-1252)"), ("latin-1", "Latin-1")):
        try:
            text = content.decode(codec)
        except UnicodeError:
            continue
        notes.append(f"not UTF-8, read as {name}; another encoding can be named by --encoding")
        return text, name
    raise AssertionError("Latin-1 decodes all bytes")


def _strictly(content: bytes, codec: str, name: str) -> str:
    try:
        return content.decode(codec)
    except UnicodeError as error:
        raise ValueError(
            f"the file looks like {name} but is not ({error}); name its --encoding"
        ) from error
