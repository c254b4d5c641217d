"""What is installed says what it is."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import sklearn_aae

ROOT = Path(__file__).parents[1]


def test_the_version_stands_in_one_place():
    assert importlib.metadata.version("sklearn_aae") == sklearn_aae.__version__


def test_citation_and_changelog_know_the_version():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    released = re.search(r"^date-released: (\S+)$", citation, re.MULTILINE)[1]
    assert f"\nversion: {sklearn_aae.__version__}\n" in citation
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## {sklearn_aae.__version__} - {released}" in changelog.splitlines()


@pytest.mark.slow
def test_what_is_built_can_be_shown_by_an_index(tmp_path):
    pytest.importorskip("twine")
    for name in ("sklearn_aae", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, tmp_path)
    build = "from setuptools import build_meta as b; b.build_sdist('dist'); b.build_wheel('dist')"
    built = subprocess.run(
        [sys.executable, "-c", build], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    files = sorted((tmp_path / "dist").iterdir())
    assert [path.suffix for path in files] == [".whl", ".gz"]
    command = [sys.executable, "-m", "twine", "check", "--strict", *map(str, files)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout
    with zipfile.ZipFile(files[0]) as wheel:
        names = set(wheel.namelist())
        metadata = wheel.read(next(name for name in names if name.endswith("METADATA"))).decode()
    types = {"sklearn_aae/py.typed", "sklearn_aae/_utils/_bases.pyi"}
    assert types | {"sklearn_aae/inspection/templates/report.js"} <= names
    assert not any(name.startswith("tests/") for name in names)
    # An index has no files beside the text.
    assert not re.search(r"\]\((?!https://)", metadata)


def test_the_package_is_typed():
    assert (Path(sklearn_aae.__file__).parent / "py.typed").exists()


def test_the_public_names_are_there():
    for name in sklearn_aae.__all__:
        assert hasattr(sklearn_aae, name)
