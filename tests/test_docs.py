"""What the documentation shows runs as it stands there."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Written pages only: what a build generates from docstrings is tested with them.
WRITTEN = ("docs/*.rst", "docs/user_guide/*.rst", "docs/benchmarks/*.rst")
#: They fit for seconds; the README's example and pages without a fit run every day.
SLOW = {"quickstart", "clusters", "clustering", "few_labels", "labels", "migrating", "priors", "tables"}
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


def test_the_readme_has_the_two_commands():
    text = (ROOT / "README.md").read_text()
    assert 'pip install -c constraints.txt ".[table,plot]" && python -m sklearn_aae' in text
    assert 'pip install -c constraints.txt -e ".[test]" && pytest' in text
