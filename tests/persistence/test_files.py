"""What a file refuses, what it leaves out, and what becomes of the file that was there."""

from __future__ import annotations

import io
import json
import os
import pickle
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from skorch.callbacks import Callback, LRScheduler

from sklearn_aae import AAEOutlierDetector, AdversarialAutoencoder, TableEncoder, load, save
from sklearn_aae.archive import _archive
from sklearn_aae.archive._archive import FORMAT, pack, unpack
from sklearn_aae.exceptions import (
    DamagedFileError,
    ForeignFileError,
    ModelFileError,
    NewerFileError,
    NotSavableError,
    OversizedFileError,
)
from sklearn_aae.persistence import load_once
from sklearn_aae.training import InPrecision
from tests.instances import fast, fast_detector
from tests.interrupted import MOMENTS, killed
from tests.mixed_tables import animals
from tests.persistence.answers import answers, assert_same, round_trip
from tests.persistence.files import repacked, saved

X = load_iris().data


@pytest.fixture(scope="module")
def model():
    return fast(callbacks=None).fit(X)


@pytest.fixture(scope="module")
def data(model):
    return saved(model)


# ------------------------------------------------------------------------ where it goes


def test_paths_file_objects_and_bytes(model, tmp_path):
    path = tmp_path / "iris.aae"
    save(model, path)
    save(model, str(tmp_path / "same.aae"))
    with open(path, "rb") as file:
        loaded = [load(path), load(str(path)), load(path.read_bytes()), load(file)]
    for each in loaded:
        assert_same(each.transform(X), model.transform(X))
    assert path.read_bytes() == (tmp_path / "same.aae").read_bytes(), "files should be repeatable"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["iris.aae", "same.aae"]


def test_a_file_that_cannot_be_written_leaves_the_old_one(model, data, tmp_path, monkeypatch):
    path = tmp_path / "iris.aae"
    path.write_bytes(b"the old file")

    def fail(*args):
        raise OSError("no space left on device")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="no space"):
        save(model, path)
    assert path.read_bytes() == b"the old file"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no kill -9")
@pytest.mark.parametrize("moment", MOMENTS)
def test_kill_9_while_saving_leaves_the_old_file_or_the_new_one_whole(model, tmp_path, moment):
    path = tmp_path / "iris.aae"
    other = fast(n_components=3)
    save(other, path)
    killed(lambda: save(model, path), moment)
    assert str(load(path)) == str(model if MOMENTS[moment] else other)
    save(model, path)
    assert_same(load(path).transform(X), model.transform(X))


def test_a_link_stays_a_link(model, tmp_path):
    (tmp_path / "link.aae").symlink_to(tmp_path / "iris.aae")
    save(model, tmp_path / "iris.aae")
    save(model, tmp_path / "link.aae")
    assert (tmp_path / "link.aae").is_symlink()


# ---------------------------------------------------------------------- what is left out


def test_without_training_it_answers_and_says_why_it_cannot_go_on(model, data):
    small = saved(model, training=False)
    loaded = load(small)
    expected = answers(model, X)
    expected["history_"] = {name: [] for name in expected["history_"]}
    assert_same(answers(loaded, X), expected)
    with pytest.raises(ValueError, match=r"training=False.*call fit"):
        loaded.partial_fit(X)
    assert_same(loaded.transform(X), model.transform(X))
    assert_same(loaded.fit(X).transform(X), model.transform(X))


def test_without_training_a_file_is_little_more_than_weights_and_labels():
    table = animals(500)
    estimator = AdversarialAutoencoder(max_epochs=1).fit(table)
    weights = sum(4 * p.numel() for p in estimator.net_.module_.parameters())
    labels = len(saved(estimator._reader.encoder))
    assert len(saved(estimator, training=False)) < 1.1 * (weights + labels)


def test_without_references_kinds_that_need_them_say_so():
    detector = fast_detector().fit(X)
    loaded = round_trip(detector, references=False)
    for kind in ("default", "reference"):
        with pytest.raises(ValueError, match=rf"kind='{kind}' compares.*references=True"):
            loaded.score_samples(X, kind=kind)
    for kind in set(detector._scores) - {"default", "reference"}:
        assert_same(loaded.score_samples(X, kind), detector.score_samples(X, kind))
        assert_same(loaded.p_values(X, kind), detector.p_values(X, kind))
    with pytest.raises(ValueError, match=r"calibrating rows.*references=True"):
        loaded.drift_monitor("model")
    cells = b"".join(array.tobytes() for array in arrays_of(saved(detector, references=False)))
    rows = detector._reader.transform(X.astype(np.float64))
    assert not any(row.tobytes() in cells for row in rows)


def arrays_of(data):
    return unpack(data).arrays.values()


class Silent(Callback):
    """Does nothing."""


def test_callbacks_are_left_out_with_one_warning():
    model = fast(callbacks=[Silent(), ("named", Silent), LRScheduler()]).fit(X)
    with pytest.warns(UserWarning, match="Silent, LRScheduler") as caught:
        loaded = round_trip(model)
    assert len(caught) == 1
    assert loaded.callbacks is None
    assert_same(loaded.transform(X), model.transform(X))
    loaded.partial_fit(X)


def test_callbacks_of_scikit_learn_are_left_out():
    from sklearn.callback import ProgressBar

    model = fast().set_callbacks(ProgressBar())
    with pytest.warns(UserWarning, match="ProgressBar"):
        loaded = round_trip(model)
    assert not hasattr(loaded, "_skl_callbacks")


# -------------------------------------------------------------------------- own code


class Halves(torch.nn.Module):
    """An own network, with a buffer, a list of its own and a shared weight."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.first = torch.nn.Linear(n_in, 5)
        self.second = torch.nn.Linear(5, n_out)
        self.register_buffer("share", torch.full((1,), 0.5))
        self.same = [self.first.weight]

    def forward(self, x):
        return self.second(torch.relu(self.first(x))) * self.share


def a_line(n_samples, generator):
    return torch.rand((n_samples, 1), generator=generator).repeat(1, 2)


def chain(n_in, n_out):
    return torch.nn.Sequential(torch.nn.Linear(n_in, 6), torch.nn.ReLU(), torch.nn.Linear(6, n_out))


OWN = {
    "encoder": ({"encoder": Halves}, {"Halves": Halves}),
    "decoder": ({"decoder": chain}, {"chain": chain}),
    "discriminator": ({"discriminator": Halves(2, 1)}, {"Halves": Halves}),
    "prior": ({"prior": a_line}, {"a_line": a_line}),
}


@pytest.mark.parametrize("parameter", OWN)
def test_own_code_is_refused_by_its_parameter_unless_it_is_given(parameter):
    parameters, custom = OWN[parameter]
    model = fast(**parameters).fit(X)
    with pytest.raises(NotSavableError, match=rf"^{parameter} is .*custom="):
        saved(model)
    data = saved(model, custom=custom)
    with pytest.raises(ModelFileError, match=next(iter(custom))):
        load(data)
    loaded = load(data, custom=custom)
    assert_same(answers(loaded, X), answers(model, X))
    assert_same(loaded.partial_fit(X).transform(X), model.partial_fit(X).transform(X))
    if parameter == "encoder":
        assert loaded.net_.module_.encoder.same[0] is loaded.net_.module_.encoder.first.weight


def test_networks_of_standard_layers_need_no_code():
    model = fast(encoder=chain(4, 2), discriminator=chain(2, 1)).fit(X)
    assert_same(answers(round_trip(model), X), answers(model, X))


def test_own_code_inside_of_estimators_is_named_by_its_path():
    with pytest.raises(NotSavableError, match=r"^estimator\.encoder is the class Halves"):
        saved(AAEOutlierDetector(estimator=fast(encoder=Halves)))
    with pytest.raises(NotSavableError, match=r"^model\.prior is the function .*<lambda>"):
        saved({"model": fast(prior=lambda n, generator: torch.zeros(n, 2))})


def test_hooks_are_refused():
    model = fast().fit(X)
    model.net_.module_.encoder[0].register_forward_hook(print)
    with pytest.raises(NotSavableError, match="print"):
        saved(model)


def test_only_estimators_are_saved():
    for value in (X, {"rows": X}, None, InPrecision):
        with pytest.raises(TypeError, match="only estimators"):
            saved(value)
    with pytest.raises(TypeError, match="custom must map"):
        saved(fast(), custom={"Halves": 3})


# ------------------------------------------------------------------------------ bundles


def test_a_bundle_comes_back_with_what_its_parts_share(model):
    bundle = {"model": model, "again": model, "plan": {"sep": ";", "kinds": ("a", None, 1.5)}}
    loaded = round_trip(bundle)
    assert loaded["plan"] == bundle["plan"]
    assert loaded["model"] is loaded["again"]
    assert_same(loaded["model"].transform(X), model.transform(X))


# ------------------------------------------------------------------------- other machines


def test_a_file_of_a_gpu_opens_on_a_machine_without(data, monkeypatch):
    contents = unpack(data)
    text = json.dumps(contents.state)
    state = json.loads(
        text.replace('"device": "cpu"', '"device": "cuda"').replace(
            '{"is": "tensor"', '{"device": "cuda", "is": "tensor"'
        )
    )
    assert '"device": "cuda"' in json.dumps(state)
    manifest = {name: value for name, value in contents.manifest.items() if name != "parts"}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    loaded = load(pack(manifest, state, contents.arrays))
    assert loaded.device_ == torch.device("cpu")
    assert_same(loaded.transform(X), load(data).transform(X))
    loaded.partial_fit(X)


# ---------------------------------------------------------------------- what is refused


def test_files_of_others_are_told_apart(data, tmp_path):
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("sheet.xml", "<sheet/>")
    for foreign in (b"", b"row,score\n1,2\n", other.getvalue()):
        with pytest.raises(ForeignFileError, match="no file that"):
            load(foreign)
    with pytest.raises(ForeignFileError, match="pickle"):
        load(pickle.dumps(X, protocol=5))
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "nothing.aae")


def as_it_is(state, arrays):
    return state


def test_a_later_format_is_named_with_its_version(data):
    later = repacked(data, as_it_is, format=FORMAT + 1, versions={"sklearn_aae": "7.8.9"})
    with pytest.raises(NewerFileError, match=rf"format {FORMAT + 1}.*up to {FORMAT}.*7\.8\.9"):
        load(later)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(data, monkeypatch):
    # Spaces are JSON, and shrink to a thousandth.
    monkeypatch.setattr(_archive, "_as_json", lambda tree: json.dumps(tree).encode() + b" " * 10**7)
    monkeypatch.setattr(_archive, "MOST_RATIO", 10**9)
    bomb = repacked(data, as_it_is)
    assert len(bomb) < 10**6
    monkeypatch.undo()
    monkeypatch.setattr("zlib.decompressobj", None)
    with pytest.raises(OversizedFileError, match="would unpack to"):
        load(bomb)


def test_a_tree_that_is_too_deep_is_refused(data, monkeypatch):
    contents = unpack(data)
    deep = b'{"is":"list","items":[' * 10**5 + b"]}" * 10**5
    told = {name: value for name, value in contents.manifest.items() if name != "parts"}
    as_json = _archive._as_json
    monkeypatch.setattr(_archive, "_as_json", lambda tree: deep if tree is None else as_json(tree))
    bad = pack(told, None, contents.arrays)
    monkeypatch.undo()
    with pytest.raises(DamagedFileError):
        load(bad)


def find(node, kind):
    """Yield all nodes of a kind."""
    if isinstance(node, dict):
        if node.get("is") == kind:
            yield node
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from find(each, kind)


def other_class(name):
    def change(state, arrays):
        next(find(state, "object"))["class"] = name

    return change


def field_of(name, value):
    def change(state, arrays):
        next(find(state, "object"))["fields"][name] = value

    return change


def of_shape(shape):
    def change(state, arrays):
        node = next(node for node in find(state, "array") if "shape" in node)
        node["shape"] = shape

    return change


def first(kind, **fields):
    def change(state, arrays):
        next(find(state, kind)).update(fields)

    return change


HOSTILE = {
    "import path": other_class("os:system"),
    "class of another kind": other_class("layer:Linear"),
    "class that is a number": other_class(7),
    "function as a class": other_class("function:generator_loss"),
    "method is overwritten": field_of("transform", "x"),
    "dunder": field_of("__class__", "x"),
    "no identifier": field_of("a b", 1),
    "unknown kind": field_of("lr", {"is": "exec", "code": "1"}),
    "no kind": field_of("lr", {}),
    "list of JSON": field_of("lr", [1]),
    "reference to nothing": field_of("lr", {"is": "same", "as": 10**9}),
    "huge shape": of_shape([2**40, 2**20]),
    "negative shape": of_shape([-1, -1]),
    "shape of text": of_shape(["many"]),
    "array that is not there": first("tensor", at="nothing"),
    "no type of an array": first("dtype", name="O8, V" + "9" * 9),
    "huge type": first("dtype", name="<U999999999"),
    "pickled type": first("dtype", name="object_, (2,)i4"),
    "layers that are none": first("module", modules={"first": {"is": "tuple", "items": []}}),
    "parameter that is none": first("module", parameters={"weight": 3}),
    "hook": first("module", hooks=["layer:Linear"]),
    "other optimizer": first("optimizer", **{"class": "encoding:Scaler"}),
    "named": first("named", name="builtins:eval"),
    "other tuple": first("named tuple", **{"class": "cell:int"}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_tree_with_right_checksums_is_refused(data, name):
    table = animals(60)
    source = saved(TableEncoder().fit(table)) if "type" in name or "shape" in name else data
    hostile = repacked(source, HOSTILE[name])
    with pytest.raises(ModelFileError):
        load(hostile)


def test_the_root_must_be_an_estimator(data):
    part = repacked(data, lambda state, arrays: {"is": "list", "items": []})
    with pytest.raises(DamagedFileError, match="only estimators"):
        load(part)


# ------------------------------------------------------------------------------ mutations


def mutated(data, rng):
    """Return a file with bits flipped, cut, or with parts swapped or repeated."""
    kind = rng.integers(5)
    place = int(rng.integers(len(data)))
    if kind == 0:  # one bit
        return data[:place] + bytes([data[place] ^ 1 << int(rng.integers(8))]) + data[place + 1 :]
    if kind == 1:  # cut short
        return data[:place]
    if kind == 2:  # a part is missing
        return data[:place] + data[place + int(rng.integers(1, 200)) :]
    if kind == 3:  # a part is there twice
        return data[:place] + data[place : place + 50] + data[place:]
    return data + bytes(rng.integers(0, 256, int(rng.integers(1, 40)), dtype=np.uint8))


def edited(data, rng):
    """Return a file with right checksums in which values of the tree were swapped or replaced."""

    def change(state, arrays):
        nodes = [node for node in walk(state) if isinstance(node, (dict, list)) and node]
        for _ in range(int(rng.integers(1, 4))):
            target = nodes[int(rng.integers(len(nodes)))]
            keys = list(target) if isinstance(target, dict) else range(len(target))
            key = keys[int(rng.integers(len(keys)))]
            donor = nodes[int(rng.integers(len(nodes)))]
            values = list(donor.values()) if isinstance(donor, dict) else donor
            odd = [None, -1, 2**70, "", "x" * 100, [], {}, 1e308, True, {"is": "list"}]
            pool = [*odd, values[int(rng.integers(len(values)))]]
            target[key] = json.loads(json.dumps(pool[int(rng.integers(len(pool)))]))
        if rng.random() < 0.3:
            names = sorted(arrays)
            one, other = rng.choice(names, 2)
            arrays[one] = arrays[other]

    try:
        return repacked(data, change)
    except RecursionError:  # a part was put into itself
        return data[:-1]


def walk(node):
    yield node
    if isinstance(node, (dict, list)):
        for inner in node.values() if isinstance(node, dict) else node:
            yield from walk(inner)


def check_mutations(data, n, seed):
    rng = np.random.default_rng(seed)
    for _ in range(n):
        with pytest.raises(ModelFileError):
            load(mutated(data, rng))


def check_edits(data, n, seed):
    """Load files whose edits their checksums cover: refused, or something inert."""
    rng = np.random.default_rng(seed)
    refused = 0
    for _ in range(n):
        try:
            load(edited(data, rng))
        except ModelFileError:
            refused += 1
    return refused


def test_mutated_files_are_refused(data):
    check_mutations(data, 150, 0)


def test_edited_files_are_refused_or_inert(data):
    assert check_edits(data, 50, 0) > 10


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_many_mutated_files_are_refused(data, seed):
    check_mutations(data, 500, 1 + seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_many_edited_files_are_refused_or_inert(data, seed):
    check_edits(data, 500, 1 + seed)


def test_every_bit_counts(data):
    """No byte of a file is without its checksum: one is flipped in each of many places."""
    for place in range(0, len(data), len(data) // 97):
        with pytest.raises(ModelFileError):
            load(data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :])


# ------------------------------------------------------------------------------ audit hook


@pytest.fixture(scope="module")
def bundle():
    table = animals(120)
    detector = fast_detector().fit(table)
    return {"model": fast().fit(table), "detector": detector, "plan": {"sep": ","}}


AUDITED = Path(__file__).with_name("audited.py")


@pytest.mark.parametrize("name", ["bundle", pytest.param("model", marks=pytest.mark.slow)])
def test_loading_runs_no_code_and_touches_no_other_file(bundle, tmp_path, name):
    path = tmp_path / "some.aae"
    save(bundle["model"] if name == "model" else bundle, path)
    done = subprocess.run(
        [sys.executable, str(AUDITED), str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["clean"]


def test_a_file_names_nothing_that_python_could_import(bundle):
    state = json.dumps(unpack(saved(bundle)).state)
    modules = {name.partition(".")[0] for name in sys.modules if not name.startswith("_")}
    dotted = re.findall(r'"([A-Za-z_]\w*)(?:\.\w+)+"', state)
    assert not [name for name in dotted if name in modules]


def test_a_part_is_what_the_manifest_says(monkeypatch):
    contents = unpack(saved(fast().fit(load_iris().data)))
    as_json = _archive._as_json

    def with_another_sum(tree):
        if isinstance(tree, dict) and "parts" in tree:
            state = {**tree["parts"][_archive.STATE], "sha256": "0" * 64}
            tree = {**tree, "parts": {**tree["parts"], _archive.STATE: state}}
        return as_json(tree)

    monkeypatch.setattr(_archive, "_as_json", with_another_sum)
    data = pack(contents.manifest, contents.state, contents.arrays)
    with pytest.raises(DamagedFileError, match="another checksum than the manifest says"):
        unpack(data)


def test_a_file_is_loaded_once_in_a_process(model):
    file = saved(model, training=False)
    first = load_once(file)
    assert load_once(bytes(bytearray(file))) is first  # other bytes of the same value
    np.testing.assert_array_equal(first.transform(X), model.transform(X))
    with pytest.raises(TypeError, match=r"read_bytes\(\)"):
        load_once("model.aae")
    with pytest.raises(DamagedFileError):
        load_once(file[:-1])
