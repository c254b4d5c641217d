"""The page in HTML in a browser: no errors, and every control does what it says."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from sklearn_aae.__main__ import main
from tests.audit.browser import Browser

pytestmark = pytest.mark.slow

TABLES = {"small": (2, 3), "plain": (300, 3), "wide": (150, 120)}
COLUMN = "[...document.querySelectorAll('#odd tbody tr')].map(r => r.cells[{}].textContent.trim())"
SHOWN = "[...document.querySelectorAll('#odd tbody tr')].filter(r => !r.hidden).length"
FLAGGED = "[...document.querySelectorAll('#odd .flag')].filter(c => c.textContent).length"


@pytest.fixture(scope="module")
def browser():
    with Browser() as browser:
        yield browser


@pytest.fixture(scope="module", params=TABLES)
def page(request, tmp_path_factory):
    """Return the path of a report."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=TABLES[request.param])).add_prefix("column ")
    frame["evil"] = rng.choice(["<script>alert(1)</script>", "</script>"], len(frame))
    folder = tmp_path_factory.mktemp(request.param)
    frame.to_csv(folder / "table.csv", index=False)
    arguments = ["--out", str(folder), "--epochs", "1", "--quiet"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as the command does; two rows are few to train on
        assert main([str(folder / "table.csv"), *arguments]) == 0
    return folder / "report.html"


def choose(browser, name, value):
    """Set a control and tell the page."""
    browser.run(
        f"(() => {{ const e = document.getElementById('{name}'); e.value = {value!r};"
        " e.dispatchEvent(new Event('input')); })()"
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_opens_without_errors_and_asks_for_nothing(browser, page, theme):
    browser.open(page, theme)
    assert browser.problems == []
    assert [url for url in browser.requests if not url.startswith("data:")] == [page.as_uri()]
    background = browser.run("getComputedStyle(document.body).backgroundColor")
    light = [int(part) for part in background[4:-1].split(",")]
    assert (min(light) > 200) if theme == "light" else (max(light) < 60)
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert browser.run(wide) <= 0


def test_the_table_sorts_and_filters(browser, page):
    browser.open(page, "light")
    rows = browser.run(SHOWN)
    browser.run("document.querySelectorAll('#odd th button')[1].click()")
    p_values = [float(text) for text in browser.run(COLUMN.format(1))]
    assert p_values == sorted(p_values)
    browser.run("document.querySelectorAll('#odd th button')[1].click()")
    assert [float(text) for text in browser.run(COLUMN.format(1))] == p_values[::-1]
    choose(browser, "search", "no such words")
    assert browser.run(SHOWN) == 0
    choose(browser, "search", "")
    assert browser.run(SHOWN) == rows
    browser.run("document.getElementById('only').click()")
    assert browser.run(SHOWN) == browser.run(FLAGGED)


def test_the_level_moves_the_flags(browser, page):
    browser.open(page, "light")
    alarms = browser.run("JSON.parse(document.getElementById('data').textContent).alarms")
    for place in (0, len(alarms) - 1):
        choose(browser, "level", str(place))
        text = browser.run("document.getElementById('level-text').textContent")
        assert text.startswith(f"{alarms[place]['flagged']} rows flagged at")
        assert browser.run(FLAGGED) == min(alarms[place]["flagged"], 500)


def test_the_map_is_drawn_and_tells_points(browser, page):
    browser.open(page, "dark")
    drawn = (
        "document.getElementById('points').getContext('2d')"
        ".getImageData(0, 0, 800, 500).data.some(x => x > 0)"
    )
    assert browser.run(drawn)
    browser.run(
        "document.getElementById('points').dispatchEvent("
        "new KeyboardEvent('keydown', {key: 'ArrowRight'}))"
    )
    assert browser.run("document.getElementById('point').textContent").startswith("row ")
    picture = "document.getElementById('points').toDataURL()"
    before = browser.run(picture)
    choose(browser, "color", "column 1")
    assert browser.run(picture) != before
    assert "column 1: " in browser.run(
        "document.getElementById('points').dispatchEvent("
        "new KeyboardEvent('keydown', {key: 'ArrowRight'})),"
        "document.getElementById('point').textContent"
    )
    assert browser.problems == []


def test_on_paper_fifty_rows_are_printed_and_nothing_to_click(browser, page):
    browser.open(page, "light")
    printed = "[...document.querySelectorAll('#odd tbody tr')].filter(r => r.offsetHeight).length"
    shown = browser.run(printed)
    browser.call("Emulation.setEmulatedMedia", media="print")
    assert browser.run(printed) == min(shown, 50)
    assert browser.run("document.querySelector('nav').offsetHeight") == 0
    # Heads of tables are repeated on each page, without boxes of buttons.
    style = "getComputedStyle(document.querySelector('#odd th button')).display"
    assert browser.run(style) == "contents"
    choose(browser, "search", "-")
    assert browser.run(printed) == min(browser.run(SHOWN), 50)
    browser.call("Emulation.setEmulatedMedia", media="")


def test_links_lead_to_sections(browser, page):
    browser.open(page, "light")
    missing = (
        "[...document.querySelectorAll('a[href^=\"#\"]')]"
        ".filter(a => !document.getElementById(a.hash.slice(1))).length"
    )
    assert browser.run(missing) == 0
