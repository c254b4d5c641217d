"""The page is drawn for tables of every size, and its labels stay readable."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.text import Text

from sklearn_aae.inspection._report import ReportData, code_window, draw_report
from sklearn_aae.inspection._style import shorten, shorten_all


def data_of(rng, n_rows, n_columns, n_components, **changes):
    rows = rng.normal(size=(n_rows, n_columns))
    reconstructions = rows + rng.normal(scale=0.3, size=rows.shape)
    contributions = (rows - reconstructions) ** 2
    losses = np.linspace(1, 0.5, 4)
    arguments = {
        "title": "a $table$",
        "subtitle": "",
        "footer": "",
        "names": [f"column number {i} in $ and ¢" for i in range(n_columns)],
        "row_ids": [f"row-{i}" for i in range(n_rows)],
        "rows": rows,
        "reconstructions": reconstructions,
        "contributions": contributions,
        "scores": -contributions.sum(axis=1),
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
    changes = {"rows": rows, "reconstructions": rows, "contributions": rows * 0, "synthetic": rows}
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
