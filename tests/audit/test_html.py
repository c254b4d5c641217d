"""The page in HTML that the command writes, and the record of the run beside it."""

from __future__ import annotations

import hashlib
import json
import re

import numpy as np
import pandas as pd
import pytest

import sklearn_aae
from sklearn_aae.__main__ import main
from tests.inspection.pages import Page

N = 130
EVIL = "</script><script>alert(1)</script>"
SECTIONS = ["short", "table", "rows", "alarms", "map", "synthetic", "training", "limits"]


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    amounts = rng.normal(50, 9, N).round(2)
    amounts[7] = 987.65
    return pd.DataFrame(
        {
            "amount": amounts,
            "twice": 2 * amounts,
            "town": rng.choice(["Ulm-Secret", "Bonn-Secret", EVIL], N),
            "day": pd.Timestamp("2024-03-01") + pd.to_timedelta(rng.integers(0, 99, N), "D"),
            "key": [f"customer-{k}" for k in range(N)],
        }
    )


@pytest.fixture(scope="module")
def runs(table, tmp_path_factory):
    """Return the folders of two runs of one seed, the second without cells."""
    folder = tmp_path_factory.mktemp("html")
    table.to_csv(folder / "table.csv", index=False)
    with pytest.MonkeyPatch.context() as patch:
        from matplotlib.figure import Figure

        patch.setattr("sklearn_aae.audit._output.draw_report", lambda data: Figure((1, 1)))
        for name, more in (("with", []), ("without", ["--no-cells"])):
            arguments = ["--id", "key", "--epochs", "1", "--seed", "5", "--quiet", *more]
            assert main([str(folder / "table.csv"), "--out", str(folder / name), *arguments]) == 0
    return folder


@pytest.fixture(scope="module")
def html(runs):
    return (runs / "with" / "report.html").read_text(encoding="utf-8")


def test_sections_and_links(html):
    page = Page(html)
    assert [name for name in page.ids if name in SECTIONS] == SECTIONS
    assert {link[1:] for link in page.links} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    short = html[html.index('id="short"') : html.index('id="table"')]
    assert short.count('class="lead"') == 3
    assert re.search(r"\d+ of 130 rows are flagged because the level is 0.05; about 6", short)


def test_nothing_is_asked_of_a_network(html):
    page = Page(html)
    assert not [value for value in page.sources if not value.startswith(("data:", "#"))]
    assert "url(" not in html
    assert "@import" not in html
    assert "default-src 'none'" in page.policy
    assert "unsafe" not in page.policy


def test_hostile_cells_stay_text(html):
    assert EVIL not in html
    assert html.count("<script") == html.count("</script>") == 2
    page = Page(html)
    assert EVIL in page.text
    assert any(
        text.startswith(EVIL[:20])
        for color in page.data["map"]["colors"]
        for text in color["texts"]
    )


def test_the_oddest_row_is_explained(html, runs):
    scores = pd.read_csv(runs / "with" / "scores.csv", index_col="row")
    oddest = scores["score"].idxmin()
    assert oddest == 7
    line = Page(html).rows("odd")[1]
    assert line[0] == "7 (customer-7)"
    assert float(line[1]) == pytest.approx(scores.loc[7, "p_value"], rel=0.05)
    assert "987.65 expected" in line[4] or "1975.3 expected" in line[4]
    assert re.search(r"\[[\d.]+ to [\d.]+\]", line[4])
    assert line[5].endswith(".")


def test_alarms_by_level(html, runs):
    p = pd.read_csv(runs / "with" / "scores.csv")["p_value"].to_numpy()
    alarms = Page(html).data["alarms"]
    assert [alarm["flagged"] for alarm in alarms] == [
        (p <= alarm["level"] + 1e-12).sum() for alarm in alarms
    ]
    assert [alarm["chance"] for alarm in alarms] == [round(a["level"] * N, 1) for a in alarms]
    assert 0.05 in [alarm["level"] for alarm in alarms]


def test_the_map_holds_the_codes(html, runs):
    codes = pd.read_csv(runs / "with" / "codes.csv").filter(like="component").to_numpy()
    drawn = Page(html).data["map"]
    low, high = (np.array(drawn[name]) for name in ("low", "high"))
    places = low + np.array(drawn["places"]).T / 4095 * (high - low)
    np.testing.assert_allclose(places, codes, atol=2e-3 * np.ptp(codes))
    assert [color["name"] for color in drawn["colors"]] == [
        "anomaly score",
        "amount",
        "twice",
        "town",
        "day",
    ]


def test_synthetic_rows_are_judged(html):
    text = Page(html).text
    assert "beside 33 held-out real ones" in text
    assert "C2ST area" in text
    assert "Pairs of columns" in text


def test_without_cells(html, runs, table):
    bare = (runs / "without" / "report.html").read_text(encoding="utf-8")
    assert "This page shows no cell of the table" in Page(bare).text
    for cell in ("987.65", "Ulm-Secret", "Bonn-Secret", "alert", "customer-"):
        assert cell in html
        assert cell not in bare
    dates = table["day"].dt.strftime("%Y-%m-%d")
    assert not [day for day in dates if day in bare]
    assert Page(bare).rows("odd")[1][0] == "7"
    assert [color["name"] for color in Page(bare).data["map"]["colors"]] == ["anomaly score"]


def test_the_page_says_which_files_hold_cells(html):
    text = Page(html).text
    assert "This page holds real cells" in text
    assert "model.aae" in text
    assert "--no-cells" in text


def test_the_record_of_the_run(html, runs, table):
    run = json.loads((runs / "with" / "run.json").read_text(encoding="utf-8"))
    sha = hashlib.sha256((runs / "table.csv").read_bytes()).hexdigest()
    assert run["table"] == {
        "name": "table.csv",
        "n_rows": N,
        "n_columns": 4,
        "sha256": sha,
        "sha256_of": "the file",
    }
    assert run["sklearn_aae"] == sklearn_aae.__version__
    assert (run["seed"], run["options"]["epochs"], run["options"]["id"]) == (5, 1, "key")
    assert run["reading"]["separator"] == ","
    assert run["reading"]["line"] in Page(html).text
    shown = html[: html.index("<main>")]
    assert sha[:12] in shown
    assert f"sklearn_aae {sklearn_aae.__version__}" in shown
    assert run["made"][:10] in shown
    assert "seed: 5" in shown


def test_csv_files_repeat_byte_by_byte(runs):
    for name in ("scores.csv", "codes.csv", "synthetic.csv", "rules.json"):
        assert (runs / "with" / name).read_bytes() == (runs / "without" / name).read_bytes()
