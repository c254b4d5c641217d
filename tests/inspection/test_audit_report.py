"""The report on a table in Python: any estimator, any container, sizes, errors."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import NotFittedError

from sklearn_aae import AAEClassifier, AAEClusterer, AAEOutlierDetector
from sklearn_aae.inspection import AuditReport, _page_data, _page_map
from sklearn_aae.inspection._page import as_json, render_page
from sklearn_aae.inspection._page_data import PageData, cell_text
from sklearn_aae.rules import Bounds, Rules, Unique
from tests.inspection.pages import Page
from tests.instances import fast


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(120, 3)).round(2)
    numbers[4] = 40
    frame = pd.DataFrame(numbers, columns=["x", "y", "z"])
    return frame.assign(kind=rng.choice(["oak", "ash"], 120))


@pytest.fixture(scope="module")
def detector(rows):
    return AAEOutlierDetector(max_epochs=1, calibration="cross", random_state=0).fit(rows)


@pytest.fixture(scope="module")
def report(detector, rows):
    model = fast(n_components=2).fit(rows)
    return AuditReport(
        detector,
        rows,
        model=model,
        y=rows["kind"],
        p_values=detector.training_p_values_,
        title="Trees & <rows>",
    )


def test_a_detector_with_a_model(report, detector):
    page = Page(report.html)
    assert page.texts.count("Trees & <rows>") == 1
    line = page.rows("odd")[1]
    assert line[0] == "4"
    assert line[2] == "⚑ flagged"
    # How many of the rows named first are odd in which column, as the table below says.
    n_odd, counts = re.search(r"Of the (\d+) oddest rows, (.+?)\.", page.text).groups()
    first = [row[4].split()[1].rstrip(":") for row in page.rows("odd")[1 : 1 + int(n_odd)]]
    found = dict.fromkeys(first, 0) | {
        n: int(k) for k, n in re.findall(r"(\d+)[ a-z]* in “(.+?)”", counts)
    }
    assert "are odd above all in" in counts
    assert all(found[name] in (0, first.count(name)) for name in found)
    assert [color["name"] for color in page.data["map"]["colors"]] == [
        "anomaly score",
        "class",
        *("x", "y", "z", "kind"),
    ]
    p_values = detector.training_p_values_
    assert f"{(p_values <= 0.05).sum()} of 120 rows are flagged" in page.text


@pytest.fixture(scope="module")
def used(report, tmp_path_factory):
    """What the page shows in Node when each of its controls is used."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no Node (apt-get install nodejs)")
    if subprocess.run(
        [node, "-e", "require('jsdom')"], check=False, capture_output=True
    ).returncode:
        pytest.skip("Node finds no jsdom (npm install jsdom, and NODE_PATH=.../node_modules)")
    path = report.write(tmp_path_factory.mktemp("node") / "report.html")
    command = [node, str(Path(__file__).with_name("page.js")), str(path), "oak"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    return json.loads(done.stdout)


def test_in_node_the_table_sorts_up_and_down(used):
    assert used["errors"] == []
    names = ["row", "p-value", "flag", "anomaly score"]
    assert [column["name"] for column in used["sorted"]] == [n for n in names for _ in range(2)]
    assert [column["order"] for column in used["sorted"]] == 4 * ["ascending", "descending"]
    for column in used["sorted"]:
        values = column["values"]
        ordered = sorted(values if column["name"] == "flag" else map(float, values))
        up = column["order"] == "ascending"
        given = values if column["name"] == "flag" else list(map(float, values))
        assert given == (ordered if up else ordered[::-1])


def test_in_node_the_level_flags_rows_and_filters_them(used, detector, report):
    alarms = Page(report.html).data["alarms"]
    p_values = detector.training_p_values_
    for (flagged, shown, text), alarm in zip(used["levels"], alarms, strict=True):
        assert flagged == shown == (p_values <= alarm["level"] + 1e-12).sum()
        assert text.startswith(f"{flagged} rows flagged at {alarm['level']}")


def test_in_node_words_and_columns_filter(used, report):
    lines = Page(report.html).rows("odd")[1:]
    assert used["searched"] == sum("oak" in " ".join(line) for line in lines)
    assert set(used["columns"]) == {"", "x", "y", "z", "kind"}
    assert used["columns"].pop("") == len(lines) == 120
    for name, n_shown in used["columns"].items():
        assert n_shown == sum(f" {name}: " in line[4] for line in lines) > 0


def test_in_node_keys_tell_of_points(used):
    assert all(text.startswith("row ") for text in used["texts"])
    for name, text in zip(["class", "x", "y", "z", "kind"], used["texts"][1:], strict=True):
        assert f"{name}: " in text


def test_new_rows_have_p_values_of_their_own(detector, rows):
    data = Page(AuditReport(detector, rows[:30]).html).data
    assert data["map"] is None
    p_values = detector.p_values(rows[:30])
    assert data["alarms"][-1]["flagged"] == (p_values <= 0.5).sum()


@pytest.mark.parametrize("container", [np.asarray, pl.from_pandas, pd.DataFrame.convert_dtypes])
def test_containers(container, rows):
    X = container(rows[["x", "y", "z"]])
    model = fast(n_components=1).fit(X)
    page = Page(AuditReport(model, X).html)
    assert page.data["map"]["places"] == [sorted_places(model, X)]
    assert len(page.rows("columns")) == 4
    assert page.data["alarms"] == []
    assert "120 rows are ranked from the oddest" in page.text


def sorted_places(model, X):
    """Return where codes lie between the least and the greatest, in steps of 1 / 4095."""
    codes = np.asarray(model.transform(X), dtype=np.float64)[:, 0]
    return ((codes - codes.min()) / np.ptp(codes) * 4095).round().astype(int).tolist()


def test_classes_are_what_is_predicted(rows):
    X = rows[["x", "y"]].to_numpy()
    few = dict(max_epochs=1, random_state=0)
    for model in (AAEClassifier(**few).fit(X, rows["kind"]), AAEClusterer(2, **few).fit(X)):
        page = Page(AuditReport(model, X).html)
        (color,) = (c for c in page.data["map"]["colors"] if c["name"] == "class")
        predicted = list(map(str, model.predict(X)))
        assert [color["texts"]["AB".index(letter)] for letter in color["letters"]] == predicted
        assert "rows" not in page.ids


def test_in_a_notebook_the_page_is_framed(report):
    framed = report._repr_html_()
    assert framed.startswith('<iframe sandbox="allow-scripts"')
    assert framed.count("<") == 2
    assert "allow-same-origin" not in framed


def test_write(report, tmp_path):
    path = report.write(tmp_path / "trees.html")
    assert path.read_text(encoding="utf-8") == report.html


def test_without_cells(detector, rows):
    named = rows.set_axis([f"person-{k}" for k in range(120)])
    report = AuditReport(detector, named, model=fast().fit(named), y=rows["kind"], cells=False)
    page = Page(report.html)
    for cell in ("person-", '"oak"', "oak "):
        assert cell not in report.html
    (color,) = (c for c in page.data["map"]["colors"] if c["name"] == "class")
    assert sorted(color["texts"]) == ["class 0", "class 1"]


def test_errors(detector, rows):
    with pytest.raises(TypeError, match="detector or a model with codes; IsolationForest has no"):
        AuditReport(IsolationForest(), rows)
    with pytest.raises(NotFittedError):
        AuditReport(AAEOutlierDetector(), rows)
    with pytest.raises(ValueError, match="y has 3 entries for 120 rows"):
        AuditReport(detector, rows, y=[1, 2, 3])
    with pytest.raises(ValueError, match=r"1 p-values are NaN.*calibration='cross'"):
        AuditReport(detector, rows, p_values=[np.nan] + 119 * [0.5])


# ----------------------------------------------------------------------- sizes


def large(n_rows, n_columns, cell="x"):
    rng = np.random.default_rng(0)
    return PageData(
        title="large",
        run={},
        notes=[],
        names=[f"column {j} {cell}" for j in range(n_columns)],
        kinds=["number"] * n_columns,
        levels=[[]] * n_columns,
        rows=rng.normal(size=(n_rows, n_columns)),
        row_ids=[f"{cell} {i}" for i in range(n_rows)],
        scores=-rng.gamma(2, size=n_rows),
        p_values=rng.uniform(size=n_rows),
        alpha=0.05,
        codes=rng.normal(size=(n_rows, 4)),
        reasons={
            row: [_page_data.CellReason(cell, cell, cell, cell, 0.5, cell)] * 3
            for row in range(n_rows)
        },
    )


@pytest.mark.parametrize("n_rows, n_columns", [(6000, 3), (2000, 400)])
def test_large_tables(n_rows, n_columns):
    html = render_page(large(n_rows, n_columns))
    assert len(html.encode()) < 2_000_000
    page = Page(html)
    assert len(page.rows("odd")) == 501
    assert len(page.data["map"]["names"]) == min(5000, _page_map.MAX_CELLS // min(n_columns, 300))
    assert f"500 of {n_rows:,} rows with the least p-value, of equal ones by" in page.text
    assert "drawn with seed 0" in page.text


@pytest.mark.parametrize("n_counted", [1500, 2000])
def test_rules_that_were_counted_in_some_rows_say_so(n_counted):
    data = large(2000, 3)
    rule = Bounds(data.names[0], low=0, support=n_counted - 2, breaks=2)
    page = Page(render_page(replace(data, rules=Rules([rule, Unique(data.names[1])]))))
    assert ("at most 1,500 here" in page.text) == (n_counted < 2000)
    assert f"{n_counted - 2:,} 2" in page.text


def test_a_page_of_long_cells_has_fewer_rows():
    html = render_page(large(6000, 3, cell="ü&<" * 40))
    assert len(html.encode()) < 2_000_000
    assert len(Page(html).rows("odd")) == 251


def test_oddest_rows_have_the_least_p_values():
    scores, p_values = -np.array([5.0, 9.0, 7.0, 1.0]), np.array([0.01, 0.2, 0.01, 0.9])
    assert _page_data.oddest_rows(scores, p_values).tolist() == [2, 0, 1, 3]
    assert _page_data.oddest_rows(scores).tolist() == [1, 2, 0, 3]


def test_points_are_the_oddest_rows_and_a_choice_by_seed():
    data = large(6000, 3)
    chosen = _page_map.choose_points(data)
    assert len(chosen) == 5000
    assert set(data.oddest) <= set(chosen)
    np.testing.assert_array_equal(chosen, _page_map.choose_points(data))


def test_json_ends_no_script():
    text = as_json(["</script>", "<!--", "&", "\u2028"])
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == ["</script>", "<!--", "&", "\u2028"]


def test_cells_as_text():
    day = 86_400e6
    assert cell_text(19_000 * day, "date", []) == "2022-01-08"
    assert cell_text(1.5 * day, "date", []) == "1970-01-02 12:00"
    assert cell_text(1e30, "date", []) == "1e+30 µs"
    assert cell_text(1.5 * day, "duration", []) == "1 day, 12:00:00"
    assert cell_text(np.nan, "number", []) == "missing"
    assert cell_text(12345.6, "number", []) == "12,346"
    assert cell_text(1.0, "category", ["a", " "]) == "(blank)"
