"""The displays of synthetic tables draw the cells and the scores that they were given."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from matplotlib.colors import to_hex

from sklearn_aae.inspection import SyntheticComparisonDisplay, SyntheticScoresDisplay
from sklearn_aae.inspection._style import BLUE, ORANGE
from sklearn_aae.metrics import synthetic_report
from tests.instances import fast


def people(seed, n=60):
    rng = np.random.default_rng(seed)
    age = rng.integers(20, 60, n)
    frame = pd.DataFrame(
        {
            "age": age,
            "pay": age * 2.0 + rng.normal(size=n),
            "sex": rng.choice(["m", "f"], n, p=[0.25, 0.75]),
            "hired": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D"),
        }
    )
    frame.loc[::10, "pay"] = np.nan
    return frame


REAL, SYNTHETIC = people(0), people(1, n=40)


@pytest.mark.parametrize("convert", [lambda frame: frame, pl.from_pandas])
def test_columns_by_themselves(pyplot, convert):
    display = SyntheticComparisonDisplay.from_predictions(convert(REAL), convert(SYNTHETIC))
    assert sorted(display.columns_) == sorted(REAL.columns)
    axes = dict(zip(display.columns_, display.axes_.ravel(), strict=False))
    bars = axes["sex"].containers
    names = [label.get_text() for label in axes["sex"].get_yticklabels()]
    for found, table in zip(bars, (REAL, SYNTHETIC), strict=True):
        shares = table["sex"].value_counts(normalize=True)
        assert [bar.get_width() for bar in found] == pytest.approx(list(shares[names]))
    real = axes["age"].containers[0]
    assert sum(bar.get_height() for bar in real) == pytest.approx(1)
    legend = display.axes_[0, -1].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["real", "synthetic"]
    filled, line = legend.get_patches()
    assert to_hex(filled.get_facecolor()) == BLUE.lower()
    assert to_hex(line.get_edgecolor()) == ORANGE.lower()
    display.figure_.draw_without_rendering()


def test_chosen_columns_in_given_axes(pyplot):
    figure, (_, ax) = pyplot.subplots(1, 2)
    display = SyntheticComparisonDisplay(REAL, SYNTHETIC).plot(ax, columns=["pay", "age"])
    assert display.ax_ is ax
    assert display.columns_ == ["pay", "age"]
    assert display.figure_ is figure
    assert pyplot.get_fignums() == [figure.number]
    few = SyntheticComparisonDisplay(REAL, SYNTHETIC).plot(n_columns=2)
    assert len(few.columns_) == 2


def test_pairs_show_the_rows_of_both_tables(pyplot):
    display = SyntheticComparisonDisplay(REAL, SYNTHETIC).plot(kind="pairs")
    assert display.columns_ == [("age", "pay")]  # the strongest association
    for ax, table in zip(display.axes_[0], (REAL, SYNTHETIC), strict=True):
        points = np.ma.filled(ax.collections[0].get_offsets().astype(float), np.nan)
        assert len(points) == 40
        known = points[~np.isnan(points).any(axis=1)]
        assert 0 < len(known) < 40  # the others have no pay
        assert set(map(tuple, known)) <= set(zip(table["age"], table["pay"], strict=True))
    left, right = display.axes_[0]
    assert left.get_xlim() == right.get_xlim()
    assert left.get_ylim() == right.get_ylim()


def test_pairs_are_coloured_by_a_column(pyplot):
    display = SyntheticComparisonDisplay(REAL, SYNTHETIC)
    display.plot(kind="pairs", columns=["age", "sex", "hired"], y="sex")
    assert display.columns_ == [("age", "sex"), ("age", "hired"), ("sex", "hired")]
    first = display.axes_[0, 1]
    assert [text.get_text() for text in first.get_legend().get_texts()] == ["f", "m"]
    counts = [len(points.get_offsets()) for points in first.collections]
    assert counts == [int((SYNTHETIC["sex"] == level).sum()) for level in ("f", "m")]
    assert [label.get_text() for label in first.get_yticklabels()] == ["f", "m"]
    values = display.plot(kind="pairs", columns=["age", "hired"], y="pay", cmap="magma")
    points = values.axes_[0, 1].collections[0]
    assert points.get_cmap().name == "magma"
    assert points.get_array().compressed() == pytest.approx(list(SYNTHETIC["pay"].dropna()))


def test_associations_of_numbers_and_of_all_columns(pyplot):
    display = SyntheticComparisonDisplay(REAL, SYNTHETIC)
    mixed = display.plot(kind="associations", cmap="Greens").images_
    assert [image.get_array().shape for image in mixed] == [(4, 4)] * 2
    assert mixed[0].get_cmap().name == "Greens"
    full = [table[["age", "pay"]].fillna(0) for table in (REAL, SYNTHETIC)]
    images = SyntheticComparisonDisplay(*full).plot(kind="associations").images_
    for image, table in zip(images, full, strict=True):
        assert image.get_array()[0, 1] == pytest.approx(table.corr().iloc[0, 1])
    assert display.plot(kind="associations", columns=["age", "sex"]).columns_ == ["age", "sex"]


def test_rows_drawn_from_a_model(pyplot):
    model = fast(max_epochs=1).fit(REAL)
    display = SyntheticComparisonDisplay.from_estimator(model, REAL, n_samples=15, random_state=3)
    pd.testing.assert_frame_equal(display.synthetic, model.sample(15, random_state=3))


def test_comparison_says_what_it_does_not_know(pyplot):
    display = SyntheticComparisonDisplay(REAL, SYNTHETIC)
    for arguments, match in [
        ({"kind": "triples"}, "kind='triples' is not one of 'marginals'"),
        ({"columns": ["wage"]}, "no column 'wage' among"),
        ({"kind": "pairs", "columns": ["age"]}, "two columns at least"),
        ({"kind": "pairs", "y": "wage"}, "no column 'wage'"),
    ]:
        with pytest.raises(ValueError, match=match):
            display.plot(**arguments)
    for name in ("hue", "c"):
        with pytest.raises(TypeError, match="as y="):
            display.plot(kind="pairs", **{name: "sex"})
    assert not pyplot.get_fignums()


# ------------------------------------------------------------------- the report


@pytest.fixture(scope="module")
def report():
    return synthetic_report(REAL, SYNTHETIC, people(2), random_state=0)


def test_report_plots_what_its_scores_are(pyplot, report):
    display = report.plot(color="red")
    assert isinstance(display, SyntheticScoresDisplay)
    own, real = report.column_shapes.details, report.held_out_shapes.details
    assert display.labels_ == sorted(own, key=lambda name: own[name] - real[name])
    for marks, scores in ((display.synthetic_, own), (display.real_, real)):
        assert list(marks.get_offsets()[:, 0]) == [scores[name] for name in display.labels_]
    assert tuple(display.synthetic_.get_facecolor()[0]) == (1, 0, 0, 1)


def test_report_plots_pairs(pyplot, report):
    _, ax = pyplot.subplots()
    display = report.plot(ax, measure="pair_trends", n_labels=2)
    assert display.ax_ is ax
    assert len(display.labels_) == 2
    first, second = display.labels_[0]
    assert ax.get_yticklabels()[0].get_text() == f"{first} × {second}"
    with pytest.raises(ValueError, match="measure='c2st' is not one of"):
        report.plot(measure="c2st")
