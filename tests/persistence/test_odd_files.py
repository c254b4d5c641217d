"""Odd files, odd places to write to and odd things to save: each is a typed error that names it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import struct
import threading
import zipfile

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_aae import AdversarialAutoencoder, TableEncoder, load, save
from sklearn_aae.archive._archive import ARRAYS, DIGITS, FORMAT, MANIFEST, MARK, STATE
from sklearn_aae.exceptions import (
    DamagedFileError,
    ForeignFileError,
    ModelFileError,
    NewerFileError,
    NotSavableError,
)
from sklearn_aae.persistence import describe
from tests.instances import fast
from tests.persistence.files import saved

ENCODER = TableEncoder().fit(np.array([[1.5, 2.0], [2.5, 7.0], [4.0, 2.0]]))


@pytest.fixture(scope="module")
def parts():
    """Return the parts of a file by name."""
    with zipfile.ZipFile(io.BytesIO(saved(ENCODER))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def signed(members, manifest=None):
    """Return a file of members, a list of names and bytes, under right checksums."""
    told = {
        name: {"size": len(part), "sha256": hashlib.sha256(part).hexdigest()}
        for name, part in members
        if name != MANIFEST
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, part in members:
            if name == MANIFEST and part[:1] == b"{":
                part = json.dumps({**json.loads(part), "parts": told, **(manifest or {})}).encode()
            archive.writestr(zipfile.ZipInfo(name), part)
        archive.comment = MARK + b"0" * DIGITS
    data = buffer.getvalue()
    return data[:-DIGITS] + hashlib.sha256(data[:-DIGITS]).hexdigest().encode()


def refused(data, error=DamagedFileError, match=None):
    """Raise unless a file is refused by load and by describe, by one error."""
    for read in (load, describe):
        with pytest.raises(error, match=match):
            read(data)


def with_parameter(parts, text):
    """Return a file in which the JSON of one parameter is another text."""
    state = parts[STATE].decode()
    assert state.count('"max_levels":') == 1
    before, _, after = state.partition('"max_levels":')
    after = after[after.index(",") :]
    state = f'{before}"max_levels":{text}{after}'.encode()
    return signed([*{**parts, STATE: state}.items()])


def test_what_these_tests_change_opens_as_it_is(parts):
    assert str(load(signed([*parts.items()]))) == str(ENCODER)
    assert load(with_parameter(parts, "7")).max_levels == 7


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity", "9" * 5000, "1 2", "'7'"])
def test_what_is_no_json_is_refused(parts, constant):
    refused(with_parameter(parts, constant), match="JSON")


@pytest.mark.parametrize("depth", [200, 330, 400, 480, 10**5])
def test_deep_trees_are_refused_or_inert(parts, depth):
    deep = '{"is":"list","items":[' * depth + "]}" * depth
    data = with_parameter(parts, deep)
    for read in (load, describe):
        try:
            read(data)
        except DamagedFileError:
            continue
        assert depth < 500


def test_long_and_odd_texts_are_inert(parts):
    assert len(load(with_parameter(parts, json.dumps("x" * 10**6))).max_levels) == 10**6
    odd = with_parameter(parts, r'"\ud800\u001b[2J\nnext"')
    assert load(odd).max_levels == "\ud800\x1b[2J\nnext"
    (line,) = [line for line in describe(odd).splitlines() if "max_levels" in line]
    assert line.isprintable()
    assert "[2J" in line


MANIFESTS = {
    "format": (True, 1.0, "2", None, [], 0, -1),
    "versions": (None, 7, "1.0", []),
    "custom": (None, 7, "Own", [7], [None], {"Own": 1}),
    "callbacks": (None, 7, [["a"]]),
    "parts": (None, [1], {}, {STATE: 7, ARRAYS: 8}, {STATE: {"size": "x"}, ARRAYS: {}}),
}


@pytest.mark.parametrize(
    "name, value", [(name, value) for name, values in MANIFESTS.items() for value in values]
)
def test_a_manifest_of_other_types_is_refused(parts, name, value):
    refused(signed([*parts.items()], {name: value}))


@pytest.mark.parametrize("text", [b"[]", b"null", b"7", b"", b"{}", b"\xff\xfe"])
def test_a_manifest_that_is_none_is_refused(parts, text):
    refused(signed([*{**parts, MANIFEST: text}.items()]))


@pytest.mark.parametrize("versions", [{"sklearn_aae": "7.8.9"}, {}, None, "7.8.9"])
def test_a_later_format_may_have_another_manifest(parts, versions):
    later = {"format": FORMAT + 1, "versions": versions, "custom": None}
    refused(signed([*parts.items()], later), NewerFileError, rf"format {FORMAT + 1}")


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
@pytest.mark.parametrize("name", [MANIFEST, STATE, ARRAYS])
def test_parts_of_the_same_name_are_refused(parts, name):
    refused(signed([*parts.items(), (name, parts[name])]), match="same name")


def test_parts_that_are_too_many_too_few_or_in_another_order_are_refused(parts):
    several = [*parts.items()]
    refused(signed([*several, ("evil.py", b"1")]), match=r"evil\.py")
    refused(signed(several[:2]))
    refused(signed([several[0], several[2], several[1]]))


ARRAYS_OF_OTHERS = {
    "nothing": b"",
    "huge header": struct.pack("<Q", 2**60) + b"{}",
    "no header": struct.pack("<Q", 2) + b"[]",
    "negative shape": b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}',
    "huge shape": b'{"a":{"dtype":"F32","shape":[1099511627776,1048576],"data_offsets":[0,4]}}',
    "beyond the end": b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}',
    "type that numpy has not": b'{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}',
}


@pytest.mark.parametrize("name", ARRAYS_OF_OTHERS)
def test_arrays_that_cannot_be_are_refused(parts, name):
    part = ARRAYS_OF_OTHERS[name]
    if part[:1] == b"{":
        part = struct.pack("<Q", len(part)) + part + bytes(4)
    refused(signed([*{**parts, ARRAYS: part}.items()]))


@pytest.mark.parametrize("value", [b"\x00", b"\xff"])
@pytest.mark.parametrize(
    "record, place, size",
    [
        *((b"PK\x01\x02", place, 4) for place in (20, 24, 42)),  # sizes and offset
        *((b"PK\x01\x02", place, 2) for place in (8, 10, 28, 30, 32)),  # flags, way, lengths
        *((b"PK\x03\x04", place, 2) for place in (26, 28)),
        *((b"PK\x05\x06", place, 2) for place in (8, 10, 20)),  # counts, length of the comment
        *((b"PK\x05\x06", place, 4) for place in (12, 16)),
    ],
)
def test_numbers_of_zip_that_are_zero_or_mean_zip64(record, place, size, value):
    data = bytearray(saved(ENCODER))
    start = data.index(record) + place
    data[start : start + size] = value * size
    data[-DIGITS:] = hashlib.sha256(bytes(data[:-DIGITS])).hexdigest().encode()
    try:
        loaded = load(bytes(data))
    except ModelFileError:
        return
    assert str(loaded) == str(ENCODER)


# ---------------------------------------------------------------------------- places


def test_bytes_of_any_kind_and_open_files(tmp_path):
    data = saved(ENCODER)
    at_end = io.BytesIO(data)
    at_end.read()
    for source in (data, bytearray(data), memoryview(data), io.BytesIO(data)):
        assert str(load(source)) == str(ENCODER)
    for empty in (at_end, b""):
        with pytest.raises(ForeignFileError, match="nothing in it"):
            load(empty)


@pytest.mark.parametrize("file", [None, 3, [1], io.StringIO("text")])
def test_what_is_no_file_is_named(file):
    with pytest.raises(TypeError, match="file must be a path, bytes or a binary file object"):
        load(file)
    if not hasattr(file, "write"):
        with pytest.raises(TypeError, match="file must be a path or a binary file object"):
            save(ENCODER, file)


def test_a_folder_is_neither_read_nor_replaced(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError, match="folder'"):
        save(ENCODER, tmp_path / "folder")
    with pytest.raises(IsADirectoryError):
        load(tmp_path / "folder")
    assert [path.name for path in tmp_path.rglob("*")] == ["folder"]


@pytest.mark.parametrize("name", ["nowhere/model.aae", "file/model.aae", "x" * 300])
def test_a_place_that_cannot_be_is_named_as_the_caller_has_named_it(tmp_path, name):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=rf"{name}'$"):
        save(ENCODER, tmp_path / name)
    assert [path.name for path in tmp_path.rglob("*")] == ["file"]


@pytest.mark.parametrize("name", ["model.aae", "模型 ü.aae", "*[x]?.aae", "x" * 250, "模" * 80])
def test_names_of_every_kind_without_a_folder(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    save(ENCODER, name)
    save(ENCODER, name)
    assert str(load(name)) == str(ENCODER)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_a_pipe_is_written_to_and_not_replaced(tmp_path):
    path, read = tmp_path / "pipe", []
    os.mkfifo(path)
    reader = threading.Thread(target=lambda: read.append(path.read_bytes()))
    reader.start()
    save(ENCODER, path)
    reader.join()
    assert stat.S_ISFIFO(path.stat().st_mode)
    assert str(load(read[0])) == str(ENCODER)


def test_links_are_followed_unless_they_lead_nowhere(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "gone").symlink_to("nowhere/model.aae")
    (tmp_path / "link").symlink_to("new.aae")
    for name in ("loop", "gone"):
        with pytest.raises(OSError, match=r"model\.aae|loop"):
            save(ENCODER, tmp_path / name)
        assert (tmp_path / name).is_symlink()
    save(ENCODER, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert str(load(tmp_path / "new.aae")) == str(ENCODER)


# ----------------------------------------------------------------------------- things


@pytest.mark.parametrize(
    "value, what",
    [
        (make_pipeline(StandardScaler(), fast()), "got Pipeline. Save the estimators"),
        (GridSearchCV(fast(), {"lr": [0.1]}), "got GridSearchCV. Save the estimators"),
        (AdversarialAutoencoder, "got the class AdversarialAutoencoder. Pass an object"),
        ([ENCODER], "got list."),
        ({}, "got dict."),
    ],
)
def test_what_is_no_estimator_of_the_package_is_told_what_to_do(value, what):
    with pytest.raises(TypeError, match=what):
        saved(value)


class Own(AdversarialAutoencoder):
    """A subclass that adds nothing."""


def test_a_subclass_is_the_callers_code():
    with pytest.raises(NotSavableError, match=r"^estimator is an object of class Own, .*custom="):
        saved(Own())
    data = saved(Own(n_components=3), custom={"Own": Own})
    with pytest.raises(ModelFileError, match="Own"):
        load(data)
    assert repr(load(data, custom={"Own": Own})) == "Own(n_components=3)"


@pytest.mark.parametrize("custom", [[1], "Own", 3, {"Own"}])
def test_custom_that_is_no_mapping_is_named(custom):
    for call in (
        lambda: saved(ENCODER, custom=custom),
        lambda: load(saved(ENCODER), custom=custom),
    ):
        with pytest.raises(TypeError, match="custom must map names"):
            call()
