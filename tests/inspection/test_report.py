"""The page is drawn for tables of every size, and its labels stay readable."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.text import Text

from sklearn_aae.inspection import _comparison
from sklearn_aae.inspection._associations import associations
from sklearn_aae.inspection._report import code_window, draw_report
from sklearn_aae.inspection._report_data import ReportData
from sklearn_aae.inspection._style import shorten, shorten_all
from sklearn_aae.inspection._unusual import _directions


def data_of(rng, n_rows, n_columns, n_components, **changes):
    rows = rng.normal(size=(n_rows, n_columns))
    expected = rows + rng.normal(scale=0.3, size=rows.shape)
    contributions = (rows - expected) ** 2
    losses = np.linspace(1, 0.5, 4)
    arguments = {
        "title": "a $table$",
        "subtitle": "",
        "footer": "",
        "names": [f"column number {i} in $ and ¢" for i in range(n_columns)],
        "row_ids": [f"row-{i}" for i in range(n_rows)],
        "rows": rows,
        "expected": expected,
        "contributions": contributions,
        "scores": -contributions.sum(axis=1),
        "flagged": np.arange(n_rows) < n_rows // 20,
        "synthetic": rng.normal(size=(n_rows, n_columns)),
        "codes": rng.normal(size=(n_rows, n_components)),
        "prior": rng.normal(size=(2000, n_components)),
        "history": {"reconstruction_loss": losses, "generator_loss": losses},
    }
    return ReportData(**{**arguments, **changes})


@pytest.mark.parametrize(
    "n_rows, n_columns, n_components",
    [(2, 1, 1), (20, 3, 2), (50, 60, 4), (4000, 5, 3)],
)
def test_report_of_every_size(rng, n_rows, n_columns, n_components):
    figure = draw_report(data_of(rng, n_rows, n_columns, n_components))
    figure.draw_without_rendering()
    shown = " ".join(text.get_text() for text in figure.findobj(Text))
    for title in ("Codes of the rows", "Training", "unusual", "Correlations", "synthetic (line)"):
        assert title in shown


def test_report_of_constant_and_perfect_tables(rng):
    rows = np.ones((10, 3))
    changes = {"rows": rows, "expected": rows, "contributions": rows * 0, "synthetic": rows}
    data = data_of(rng, 10, 3, 2, scores=np.zeros(10), prior=np.zeros((100, 2)), **changes)
    figure = draw_report(data)
    figure.draw_without_rendering()  # warnings, of axes without extent say, are errors
    assert "Why the most unusual rows are unusual" in {
        text.get_text() for text in figure.findobj(Text)
    }


def test_far_codes_do_not_shrink_the_others(rng):
    data = data_of(rng, 30, 3, 2)
    data.codes[4] = [500, 0]
    codes, (low, high), n_beyond = code_window(data)
    assert n_beyond == 1
    assert (high - low).max() < 15
    assert ((codes > low) & (codes < high)).all()


def test_shorten():
    assert shorten("short") == "short"
    assert shorten("a very long name of a column", 11) == "a ver…olumn"
    assert shorten("cost in $ or $", 20) == r"cost in \$ or \$"


@pytest.mark.parametrize(
    "labels, width",
    [
        ([f"sensor measurement {i} of the left wing" for i in range(200)], 20),
        ([f"patient-{i:04d}-with-a-long-name" for i in range(30)], 14),
        ([f"{i} of the things that all end in this way" for i in range(30)], 12),
        (["the same beginning a", "the same beginning b", "c"], 8),
        ([1, 2, 3], 5),
    ],
)
def test_shortened_labels_stay_distinct(labels, width):
    short = shorten_all(labels, width)
    assert len(set(short)) == len(labels)
    assert max(map(len, short)) <= width


# ------------------------------------------------------------------- mixed tables


def mixed_data(rng, **changes):
    """Return a page's data: numbers with gaps, a date, two categories, an empty column."""
    n_rows = 60
    labels = [None, None, ["no", "yes"], [f"level number {i}" for i in range(12)], None]
    tables = []
    for n in (n_rows, n_rows, 40):
        cells = rng.normal(size=(n, 5))
        cells[:, 1] = rng.integers(18_000, 19_000, n)
        cells[:, 2:4] = rng.integers(0, [2, 12], (n, 2))
        cells[::9, :4] = np.nan
        cells[:, 4] = np.nan
        tables.append(cells)
    contributions = rng.random((n_rows, 5))
    arguments = {
        "rows": tables[0],
        "expected": tables[1],
        "synthetic": tables[2],
        "contributions": contributions,
        "scores": -contributions.sum(axis=1),
        "labels": labels,
        "is_date": [False, True, False, False, False],
    }
    return data_of(rng, n_rows, 5, 2, **{**arguments, **changes})


def test_report_of_a_mixed_table(rng):
    figure = draw_report(mixed_data(rng))
    figure.draw_without_rendering()
    shown = " ".join(text.get_text() for text in figure.findobj(Text))
    for part in (
        "Associations: real",
        "another category, or missing",
        "yes",
        "7 others",
        "TV ",
        "2020",
    ):
        assert part in shown
    assert "Correlations" not in shown


def test_numbers_keep_their_signs_and_categories_have_none(rng):
    data = mixed_data(rng)
    data.rows[0] = [1, 18_000, 1, 3, np.nan]
    data.expected[0] = [0, 18_500, 0, 3, np.nan]
    data.rows[1] = [2, np.nan, 0, 0, np.nan]
    data.expected[1] = [2, 18_500, 0, 0, np.nan]
    expected = [[1, -1] + [np.nan] * 3, [np.nan] * 5]
    np.testing.assert_array_equal(_directions(data, np.array([0, 1])), expected)


def test_categories_as_expected_have_a_colour_of_their_own(rng):
    data = mixed_data(rng)
    data.expected[:] = data.rows
    shown = {text.get_text() for text in draw_report(data).findobj(Text)}
    assert "as expected" in shown
    assert "another category, or missing" not in shown
    # Nothing is higher or lower than expected, so that nothing says how that would look.
    assert "higher than\nexpected" not in shown


def test_identifiers_have_no_bars_unless_there_is_nothing_else(rng):
    data = mixed_data(rng, is_identifier=[False, False, False, True, False])
    shown = {text.get_text() for text in draw_report(data).findobj(Text)}
    assert "7 others" not in shown
    assert "yes" in shown
    data = mixed_data(rng, is_identifier=[True] * 5)
    assert "7 others" in {text.get_text() for text in draw_report(data).findobj(Text)}


def test_report_of_numbers_has_no_third_colour(rng):
    figure = draw_report(data_of(rng, 30, 3, 2))
    shown = " ".join(text.get_text() for text in figure.findobj(Text))
    assert "another category" not in shown
    assert "Associations" not in shown


def test_associations_of_known_columns(rng):
    n = 4000
    group = rng.integers(0, 3, n).astype(float)
    number = group**2 + rng.normal(size=n)
    noise = rng.normal(size=n)
    names = np.arange(n, dtype=float)
    rows = np.column_stack([number, -2 * number, noise, group, 2 - group, names])
    rows[::10, 1] = np.nan
    rows[5::10, 4] = np.nan
    found = associations(rows, np.array([False] * 3 + [True] * 3))
    np.testing.assert_allclose(found, found.T)
    assert found[0, 1] == pytest.approx(1)
    assert found[3, 4] == pytest.approx(1)
    assert found[0, 2] == pytest.approx(abs(np.corrcoef(number, noise)[0, 1]))
    assert found[2, 3] < 0.06
    # Names that are all different tell nothing.
    assert found[5, :5].max() < 0.06
    means = np.array([number[group == level].mean() for level in range(3)])[group.astype(int)]
    assert found[0, 3] == pytest.approx(means.std() / number.std(), abs=0.01)
    ratio = associations(rows[np.arange(n) % 10 > 0], np.array([False] * 3 + [True] * 3))[1, 3]
    assert found[1, 3] == pytest.approx(ratio)


def test_cramers_v_is_that_of_the_contingency_table(rng):
    from scipy.stats.contingency import association, crosstab

    a = rng.integers(0, 3, 5000)
    b = np.where(rng.random(5000) < 0.6, a, rng.integers(0, 3, 5000))
    found = associations(np.column_stack([a, b]).astype(float), np.array([True, True]))[0, 1]
    assert found == pytest.approx(association(crosstab(a, b).count, "cramer"), abs=0.005)


def test_associations_of_columns_without_cells():
    rows = np.full((5, 3), np.nan)
    found = associations(rows, np.array([False, True, True]))
    np.testing.assert_array_equal(found, np.eye(3))


def test_a_wide_report_looks_at_a_bounded_number_of_pairs(rng, monkeypatch):
    looked_at = []

    def count(rows, is_category):
        looked_at.append(rows.shape[1])
        return associations(rows, is_category)

    monkeypatch.setattr(_comparison, "associations", count)
    data = data_of(rng, 30, 200, 2, labels=[None] * 199 + [["a", "b"]])
    data.rows[:, -1], data.synthetic[:, -1] = rng.integers(0, 2, (2, 30))
    shown = " ".join(text.get_text() for text in draw_report(data).findobj(Text))
    assert looked_at == [64, 64]
    assert "64 of 200 columns, similar ones side by side" in shown
