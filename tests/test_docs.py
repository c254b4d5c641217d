"""What the documentation shows runs as it stands there."""

from __future__ import annotations

import doctest
import importlib.util
import re
import runpy
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Written pages only: what a build generates from docstrings is tested with them.
WRITTEN = ("docs/*.rst", "docs/user_guide/*.rst", "docs/benchmarks/*.rst")
#: They fit for seconds; the README's example and pages without a fit run every day.
SLOW = {
    "quickstart",
    "clusters",
    "clustering",
    "few_labels",
    "labels",
    "migrating",
    "priors",
    "tables",
}
PAGES = [ROOT / "README.md", *sorted(page for glob in WRITTEN for page in ROOT.glob(glob))]


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(
            page,
            id=str(page.relative_to(ROOT)),
            marks=[pytest.mark.slow] if page.stem in SLOW else [],
        )
        for page in PAGES
    ],
)
def test_doctests_of_pages(page):
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert doctest.testfile(str(page), module_relative=False, optionflags=flags).failed == 0


def test_the_readme_example_runs():
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.S)
    assert blocks
    for block in blocks:
        names: dict = {}
        exec(compile(block, "README.md", "exec"), names)
        assert names["synthetic"].shape == (100, 30)
        assert names["accuracy"] > 0.8


#: What the blocks of other packages' code find there.
THEIR_NAMES = """
import numpy as np, pandas as pd
from sklearn.datasets import load_wine
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
X = load_wine().data
X_new = X[:5]
rng = np.random.default_rng(0)
city, age = rng.choice(["Bonn", "Lyon", "Oslo"], 300), rng.integers(18, 80, 300)
people = pd.DataFrame({"city": city, "member": age > 50, "age": age})
"""


@pytest.mark.slow
@pytest.mark.parametrize("package", ["sklearn", "umap", "pyod", "ctgan", "sdv", "pythae"])
def test_the_code_of_other_packages_runs_where_they_are_installed(package, tmp_path):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    text = (ROOT / "docs" / "user_guide" / "migrating.rst").read_text()
    blocks = re.findall(r"code-block:: python\n\n((?:   .*\n|\n)+)", text)
    blocks = [
        block for block in blocks if re.search(rf"^   (from|import) {package}\b", block, re.M)
    ]
    assert blocks
    for block in blocks:
        # A process of its own: some write files, move global generators and set threads.
        code = THEIR_NAMES + textwrap.dedent(block)
        subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


def test_the_readme_has_the_two_commands():
    text = (ROOT / "README.md").read_text()
    assert 'pip install -c constraints.txt ".[table,plot]" && python -m sklearn_aae' in text
    assert 'pip install -c constraints.txt -e ".[test]" && pytest' in text


@pytest.mark.parametrize(
    "element, elsewhere",
    [
        ('<script src="https://cdn.example/x.js"></script>', True),
        ('<script defer src="//cdn.example/x.js"></script>', True),
        ('<link rel="stylesheet" href="https://fonts.example/x.css">', True),
        ('<img srcset="a.png 1x, https://images.example/b.png 2x">', True),
        ('<p style="background: url(https://images.example/b.png)">', True),
        ("<style>@import 'https://fonts.example/x.css';</style>", True),
        ('<a href="https://arxiv.org"><img src="_images/a.png"></a>', False),
        ('<link rel="canonical" href="https://docs.example/page.html">', False),
        ('<script src="_static/mathjax/tex-chtml.js"></script>', False),
        ("<p>@import url(https://fonts.example/x.css)</p>", False),
    ],
)
def test_pages_that_load_from_other_hosts_are_found(tmp_path, capsys, element, elsewhere):
    main = runpy.run_path(str(ROOT / "docs" / "check_html.py"))["main"]
    for name in ("_images/a.png", "_static/mathjax/tex-chtml.js"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    (tmp_path / "page.html").write_text(f"<html><body>{element}</body></html>")
    assert main(tmp_path) == elsewhere
    assert ("page.html" in capsys.readouterr().out) == elsewhere


@pytest.mark.parametrize(
    "link, is_broken",
    [
        ("other.html", False),
        ("other.html#%C3%BCber", False),
        ("other.html?q=1#über", False),
        ("sub/", False),
        ("#here", False),
        ("https://arxiv.org/abs/1511.05644", False),
        ("mailto:someone@example.org", False),
        ("missing.html", True),
        ("other.html#below", True),
        ("#there", True),
        ("other", True),
    ],
)
def test_links_that_lead_nowhere_are_found(tmp_path, capsys, link, is_broken):
    main = runpy.run_path(str(ROOT / "docs" / "check_html.py"))["main"]
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "index.html").write_text("<p>")
    (tmp_path / "other.html").write_text('<h1 id="über">')
    (tmp_path / "page.html").write_text(f'<p id="here"><a href="{link}">')
    assert main(tmp_path, listed=True) == is_broken
    said = capsys.readouterr().out
    assert (f"page.html: leads nowhere: {link}" in said) == is_broken
    assert ("\nhttps://arxiv.org" in said) == link.startswith("https")


def test_a_folder_without_pages_passes_no_check(tmp_path):
    assert runpy.run_path(str(ROOT / "docs" / "check_html.py"))["main"](tmp_path) == 1


def test_the_gallery_names_the_question_of_every_example():
    folder = ROOT / "docs" / "examples"
    conf = (ROOT / "docs" / "conf.py").read_text()
    sections = re.findall(r"\w+", re.search(r"^SECTIONS = \[(.+)\]$", conf, re.M)[1])
    assert set(sections) == {path.parent.name for path in folder.glob("*/plot_*.py")}
    assert not list(folder.glob("plot_*.py"))
    for section in sections:
        header = (folder / section / "GALLERY_HEADER.rst").read_text()
        examples = {path.name for path in (folder / section).glob("plot_*.py")}
        asked = re.findall(rf"sphx_glr_auto_examples_{section}_(plot_\w+\.py)", header)
        assert sorted(asked) == sorted(examples)
        assert header.count("?") >= len(examples)
