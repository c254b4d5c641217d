"""The displays draw what they were given, where they were told to."""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.exceptions import NotFittedError

from sklearn_aae import AdversarialAutoencoder
from sklearn_aae.exceptions import MissingExtraError
from sklearn_aae.inspection import (
    AnomalyScoreDisplay,
    ContributionDisplay,
    DriftDisplay,
    LatentSpaceDisplay,
    LatentTraversalDisplay,
    LossCurveDisplay,
    PValueDisplay,
    ReconstructionDisplay,
    SyntheticComparisonDisplay,
)
from tests.instances import fast

HISTORY = {
    "reconstruction_loss": [1.0, 0.6, 0.5],
    "discriminator_loss": [0.69, 0.66, 0.68],
    "generator_loss": [0.69, 0.75, 0.71],
}
DISPLAYS = [
    lambda: LatentSpaceDisplay([[0, 0], [1, 1], [2, 2]]),
    lambda: LossCurveDisplay(HISTORY),
    lambda: ReconstructionDisplay([[0, 1], [1, 0]], [[0, 1], [1, 1]]),
    lambda: AnomalyScoreDisplay([-1.0, -3.0], threshold=-2, p_values=[0.9, 0.1]),
    lambda: PValueDisplay([0.1, 0.5]),
    lambda: ContributionDisplay([[1.0, 2.0]], values=[[0, "a"]], expected={1: "b"}),
    lambda: ContributionDisplay([[1.0, 2.0], [0.0, 1.0]], values=[[0, "a"], [1, None]]),
    lambda: LatentTraversalDisplay([[[0, 1], [1, 1]]], [[-1, 1]]),
    lambda: SyntheticComparisonDisplay([[0, 1], [1, 0]], [[0, 1], [1, 1]]),
    lambda: DriftDisplay([0.0, 1.0], column_evidence={"a": 2.0}),
]


@pytest.mark.parametrize("make", DISPLAYS)
def test_plot_returns_self_and_reuses_axes(pyplot, make):
    figure, ax = pyplot.subplots()
    display = make()
    assert display.plot(ax) is display
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert pyplot.get_fignums() == [figure.number]
    assert display.plot().figure_ is not figure
    figure.draw_without_rendering()


@pytest.mark.parametrize("make", DISPLAYS)
def test_missing_matplotlib_names_the_extra(no_matplotlib, make):
    with pytest.raises(MissingExtraError, match=r'pip install "sklearn_aae\[plot\]"'):
        make().plot()


@pytest.mark.parametrize("display", [LatentSpaceDisplay, ReconstructionDisplay])
def test_unfitted_estimator(display):
    with pytest.raises(NotFittedError):
        display.from_estimator(AdversarialAutoencoder(), np.eye(3))
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(AdversarialAutoencoder())


def test_rcparams_stay(pyplot, model, iris):
    import matplotlib

    before = dict(matplotlib.rcParams)
    LatentSpaceDisplay.from_estimator(model, *iris)
    LossCurveDisplay.from_estimator(model)
    ReconstructionDisplay.from_estimator(model, iris[0])
    assert dict(matplotlib.rcParams) == before


# -------------------------------------------------------------------- latent space


def test_latent_space_shows_codes_and_prior(pyplot, model, iris):
    X, _ = iris
    display = LatentSpaceDisplay.from_estimator(model, X, components=(2, 0), n_prior=70)
    (points,) = display.code_artists_
    np.testing.assert_array_equal(points.get_offsets(), model.transform(X)[:, [2, 0]])
    assert display.prior_artist_.get_offsets().shape == (70, 2)
    assert display.ax_.get_xlabel() == "component 2"
    again = LatentSpaceDisplay.from_estimator(model, X, n_prior=70)
    np.testing.assert_array_equal(again.prior, display.prior)


def test_latent_space_draws_leave_numpys_generator_alone(pyplot, model, iris):
    before = np.random.get_state()[1].copy()
    first = LatentSpaceDisplay.from_estimator(model, iris[0], random_state=None)
    second = LatentSpaceDisplay.from_estimator(model, iris[0], random_state=None)
    assert (first.prior != second.prior).any()
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_latent_space_colours_classes(pyplot, model, iris):
    X, y = iris
    display = LatentSpaceDisplay.from_estimator(model, X, y)
    codes = model.transform(X)
    for label, points in zip(np.unique(y), display.code_artists_, strict=True):
        np.testing.assert_array_equal(points.get_offsets(), codes[y == label, :2])
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert texts == ["prior", "0", "1", "2"]


def test_latent_space_colours_text_labels(pyplot, rng):
    display = LatentSpaceDisplay(rng.normal(size=(4, 2)), y=["b", "a", "b", "a"]).plot()
    assert [points.get_label() for points in display.code_artists_] == ["a", "b"]


def legend_of(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize(
    "y, entries",
    [
        (["b", None, "a"] * 4, ["a", "b", "unlabelled"]),
        ([2.0, np.nan, 1.0] * 4, ["1.0", "2.0", "unlabelled"]),
        (np.array(["b", pd.NA, "a"] * 4, dtype=object), ["a", "b", "unlabelled"]),
        (pd.Series([2, None, 1] * 4, dtype="Int64"), ["1", "2", "unlabelled"]),
        (pd.Series([True, None, False] * 4, dtype="boolean"), ["False", "True", "unlabelled"]),
        (pd.Series(["b", None, "a"] * 4, dtype="category"), ["a", "b", "unlabelled"]),
        (pl.Series(["b", None, "a"] * 4), ["a", "b", "unlabelled"]),
        (np.ma.array([2, 9, 1] * 4, mask=[0, 1, 0] * 4), ["1", "2", "unlabelled"]),
        (["unlabelled", None, "a"] * 4, ["a", "unlabelled", "unlabelled"]),
    ],
)
def test_latent_space_shows_rows_without_a_label(pyplot, rng, width, y, entries):
    codes = rng.normal(size=(12, width))
    display = LatentSpaceDisplay(codes, codes, y=y).plot()
    assert legend_of(display) == ["prior", *entries]
    assert len(display.code_artists_) == 3
    if width == 2:
        first, second, rest = display.code_artists_
        np.testing.assert_array_equal(first.get_offsets(), codes[2::3])
        np.testing.assert_array_equal(second.get_offsets(), codes[::3])
        np.testing.assert_array_equal(rest.get_offsets(), codes[1::3])
    else:
        counts = [sum(bar.get_height() > 0 for bar in bars) for bars in display.code_artists_]
        assert min(counts) > 0


def test_latent_space_shows_values_beside_gaps_and_no_label_at_all(pyplot, rng):
    codes = rng.normal(size=(6, 2))
    display = LatentSpaceDisplay(codes, y=[0.1, np.nan, 0.5] * 2).plot(cmap="magma")
    values, rest = display.code_artists_
    np.testing.assert_array_equal(values.get_array(), [0.1, 0.5] * 2)
    np.testing.assert_array_equal(rest.get_offsets(), codes[1::3])
    assert legend_of(display) == ["codes", "unlabelled"]
    (only,) = LatentSpaceDisplay(codes, y=[None] * 6).plot().code_artists_
    np.testing.assert_array_equal(only.get_offsets(), codes)


def test_latent_space_takes_the_labels_of_fit(pyplot, iris):
    X, y = iris
    few = y.astype("Int64").where(np.arange(len(y)) % 3 > 0)
    model = fast(n_components=2, supervision="decoder").fit(X, few)
    display = LatentSpaceDisplay.from_estimator(model, X, few)
    assert legend_of(display) == ["prior", "0", "1", "2", "unlabelled"]


@pytest.mark.parametrize("width", [1, 2])
def test_latent_space_has_a_colour_for_each_of_many_classes(pyplot, rng, width):
    names = [f"class {i:03}" for i in range(120)]
    display = LatentSpaceDisplay(rng.normal(size=(240, width)), y=names * 2).plot()
    faces = [
        tuple(artist.get_facecolor()[0] if width == 2 else artist[0].get_facecolor())
        for artist in display.code_artists_
    ]
    assert len(set(faces)) == 120
    assert legend_of(display) == names


def test_latent_space_legend_has_labels_as_they_are(pyplot, rng):
    names = ["_none", "$a$", "some"]
    _, ax = pyplot.subplots()
    ax.plot([0, 1], [0, 1], label="mine")
    display = LatentSpaceDisplay(rng.normal(size=(9, 2)), y=names * 3).plot(ax)
    assert legend_of(display) == ["mine", "$a$", "_none", "some"]
    assert not any(text.get_parse_math() for text in display.ax_.get_legend().get_texts())
    display.figure_.draw_without_rendering()


RED = (1.0, 0.0, 0.0, 1.0)


@pytest.mark.parametrize("y", [None, ["a", "b", None], [0.1, 0.2, 3.0]])
@pytest.mark.parametrize("name", ["color", "c", "fc", "facecolor", "facecolors"])
def test_scatter_takes_colours_by_any_name(pyplot, y, name):
    display = LatentSpaceDisplay([[0, 1], [1, 0.5], [2, 0]], y=y).plot(**{name: "red"}, alpha=1)
    assert all(tuple(a.get_facecolor()[0]) == RED for a in display.code_artists_)
    assert len(display.figure_.axes) == 1  # what has no values has no colour bar


@pytest.mark.parametrize("name", ["c", "hue"])
@pytest.mark.parametrize("width", [1, 2])
def test_colours_by_row_are_called_y(pyplot, width, name):
    with pytest.raises(TypeError, match=f"{name}= is no keyword .* as y="):
        LatentSpaceDisplay(np.eye(width)).plot(**{name: [0] * width})
    assert not pyplot.get_fignums()


def test_classes_take_the_colours_of_a_map(pyplot):
    import matplotlib

    labels = ["a", "b", "c", None]
    for width in (1, 2):
        display = LatentSpaceDisplay(np.ones((4, width)), y=labels).plot(cmap="cividis", alpha=1)
        first, _, third, _ = display.code_artists_
        faces = [
            a[0].get_facecolor() if width == 1 else a.get_facecolor()[0] for a in (first, third)
        ]
        cmap = matplotlib.colormaps["cividis"]
        np.testing.assert_allclose(faces, [cmap(0.0), cmap(1.0)])
    display = LatentSpaceDisplay(np.ones((4, 2)), y=labels).plot(cmap="tab10", alpha=1)
    faces = [artist.get_facecolor()[0] for artist in display.code_artists_[:3]]
    np.testing.assert_allclose(faces, [matplotlib.colormaps["tab10"](i) for i in range(3)])


@pytest.mark.parametrize("name", ["lw", "linewidth", "linewidths"])
def test_scatter_takes_widths_by_any_name(pyplot, name):
    display = LatentSpaceDisplay([[0, 1], [1, 0.5]]).plot(**{name: 3}, ec="red")
    assert display.code_artists_[0].get_linewidths()[0] == 3


@pytest.mark.parametrize(
    "keywords, values",
    [
        ({"lw": 3}, {"linewidth": 3}),
        ({"c": "red"}, {"color": "red"}),
        ({"color": "red"}, {"color": "red"}),
        ({"ls": ":"}, {"linestyle": ":"}),
        ({"ms": 9, "marker": "s"}, {"markersize": 9, "marker": "s"}),
        ({"label": "mine"}, {"label": "mine"}),
    ],
)
@pytest.mark.parametrize("n_epochs", [1, 3])
def test_lines_take_keywords_by_any_name(pyplot, keywords, values, n_epochs):
    history = {key: losses[:n_epochs] for key, losses in HISTORY.items()}
    display = LossCurveDisplay({**history, "valid_loss": [1.0] * n_epochs}).plot(**keywords)
    for key in (*HISTORY, "valid_loss"):
        for name, value in values.items():
            assert getattr(display.lines_[key], f"get_{name}")() == value


@pytest.mark.parametrize("keywords", [{"fc": "red"}, {"color": "red"}, {"facecolor": "red"}])
def test_bars_take_colours_by_any_name(pyplot, keywords):
    bars = ReconstructionDisplay([[0, 1], [1, 0]], [[0, 1], [1, 1]]).plot(**keywords).bars_
    assert bars[0].get_facecolor() == RED
    hist = LatentSpaceDisplay([[0], [1]]).plot(alpha=1, **keywords).code_artists_[0]
    assert hist[0].get_facecolor() == RED


def test_histograms_may_be_outlines(pyplot):
    display = LatentSpaceDisplay([[0], [1]], y=["_a", "b"]).plot(histtype="step", lw=2)
    assert legend_of(display) == ["_a", "b"]


def test_images_take_a_norm(pyplot, rng):
    from matplotlib.colors import LogNorm

    rows, norm = rng.uniform(1, 2, size=(3, 4)), LogNorm(1, 2)
    display = ReconstructionDisplay(rows, rows, shape=(2, 2)).plot(norm=norm)
    assert display.image_.norm is norm


def test_latent_space_colours_values(pyplot, rng):
    values = rng.normal(size=20)
    display = LatentSpaceDisplay(rng.normal(size=(20, 2)), y=values).plot()
    np.testing.assert_array_equal(display.code_artists_[0].get_array(), values)
    assert len(display.figure_.axes) == 2


@pytest.mark.parametrize("components", [(0, 1), (0,)])
def test_latent_space_of_one_component_is_a_histogram(pyplot, rng, components):
    codes, prior = rng.normal(size=(60, 1)), rng.normal(size=(90, 1))
    display = LatentSpaceDisplay(codes, prior, y=np.arange(60) % 2, components=components).plot()
    area = sum(bar.get_height() * bar.get_width() for bars in display.code_artists_ for bar in bars)
    assert area == pytest.approx(1)
    assert display.prior_artist_ is not None


@pytest.mark.parametrize(
    "arguments, match",
    [
        ({"codes": np.zeros(3)}, "2D array"),
        ({"codes": np.full((3, 2), np.nan)}, "codes contains NaN"),
        ({"prior": np.zeros((5, 3))}, "prior has 3 columns"),
        ({"y": [0, 1]}, "inconsistent numbers of samples"),
        ({"components": (0, 2)}, r"components=\(0, 2\)"),
        ({"components": (0, 1, 1)}, "one or two numbers"),
    ],
)
def test_latent_space_bad_shapes(arguments, match):
    with pytest.raises(ValueError, match=match):
        LatentSpaceDisplay(**{"codes": np.zeros((3, 2)), **arguments})


# --------------------------------------------------------------------- loss curve


def test_loss_curve_shows_history(pyplot, model):
    display = LossCurveDisplay.from_estimator(model)
    for key in HISTORY:
        np.testing.assert_array_equal(display.lines_[key].get_ydata(), model.history_[key])
    assert list(display.lines_["reconstruction_loss"].get_xdata()) == [1, 2, 3]
    assert display.lines_["equilibrium"].get_ydata()[0] == math.log(2)
    assert display.lines_["generator_loss"].axes is display.adversarial_ax_
    assert display.adversarial_ax_ is not display.ax_


def test_loss_curve_without_an_adversary(pyplot, iris):
    display = LossCurveDisplay.from_estimator(fast(adversarial_weight=0).fit(iris[0]))
    assert list(display.lines_) == ["reconstruction_loss"]
    assert display.adversarial_ax_ is None


def test_loss_curve_shows_validation(pyplot):
    display = LossCurveDisplay({**HISTORY, "valid_loss": [1.1, 0.9, 0.8], "prior_gap": [3, 2]})
    assert "valid_loss" in display.plot().lines_


def test_loss_curve_bad_history():
    with pytest.raises(ValueError, match="no 'reconstruction_loss'"):
        LossCurveDisplay({"generator_loss": [1.0]})
    with pytest.raises(ValueError, match="equally long"):
        LossCurveDisplay({**HISTORY, "generator_loss": [1.0]})


# ----------------------------------------------------------------- reconstruction


def test_reconstruction_bars(pyplot, model, iris):
    X, _ = iris
    display = ReconstructionDisplay.from_estimator(model, X)
    residual = ((X - model.reconstruct(X)) ** 2).mean() / X.var(ddof=0)
    np.testing.assert_allclose(display.explained_, 1 - residual)
    widths = [bar.get_width() for bar in display.bars_]
    np.testing.assert_allclose(widths, np.sort(display.explained_)[::-1])
    names = [tick.get_text() for tick in display.ax_.get_yticklabels()]
    assert sorted(names) == sorted(X.columns)


def test_reconstruction_bars_leave_out_constant_columns_and_limit_others(pyplot, rng):
    rows = rng.normal(size=(10, 50))
    rows[:, 3] = 1
    display = ReconstructionDisplay(rows, rows * 0.5).plot(n_columns=7)
    assert np.isnan(display.explained_[3])
    assert len(display.bars_) == 7
    assert display.ax_.get_title() == "the 7 worst of 50 columns"


def test_reconstruction_images(pyplot, rng):
    rows, means = rng.uniform(size=(2, 5, 6))
    display = ReconstructionDisplay(rows, means, shape=(2, 3)).plot(n_images=2)
    canvas = np.asarray(display.image_.get_array().filled(np.nan))
    assert canvas.shape == (5, 7)
    np.testing.assert_array_equal(canvas[:2, :3], rows[0].reshape(2, 3))
    np.testing.assert_array_equal(canvas[3:, 4:], means[4].reshape(2, 3))
    assert np.isnan(canvas[2]).all()


@pytest.mark.parametrize("name", ["n_columns", "n_images"])
def test_reconstruction_shows_one_at_least(name):
    display = ReconstructionDisplay(np.eye(3), np.eye(3))
    for value in (0, -1):
        with pytest.raises(ValueError, match=f"{name} == {value}, must be >= 1"):
            display.plot(**{name: value})
    with pytest.raises(TypeError, match=f"{name} must be an instance of int"):
        display.plot(**{name: 1.5})


MIXED = pd.DataFrame(
    {"age": [1.0, 2, 3, 4], "sex": list("mfmf"), "day": pd.date_range("2020", periods=4)}
)
GAPS = pd.DataFrame({"age": [1.0, 2, 3, 4], "pay": [1.0, None, 2, 3]})


@pytest.mark.parametrize(
    "table, match",
    [
        (MIXED, "numbers, not of what is in the columns 'sex', 'day' of X. Leave"),
        (pl.from_pandas(MIXED), "numbers, not of what is in the columns 'sex', 'day' of X. Leave"),
        (MIXED.to_numpy(dtype=object), "numbers, not of what is in the columns 1, 2 of X. Leave"),
        (GAPS, "X has NaN or other missing cells in the column 'pay'. Fill"),
        (GAPS.to_numpy(), "X has NaN or other missing cells in the column 1. Fill"),
        (GAPS.astype("Int64"), "X has NaN or other missing cells in the column 'pay'. Fill"),
    ],
)
def test_images_say_what_they_need(pyplot, table, match):
    model = fast(max_epochs=1).fit(table)
    with pytest.raises(ValueError, match=re.escape(match)):
        ReconstructionDisplay.from_estimator(model, table, shape=(1, table.shape[1]))
    display = ReconstructionDisplay.from_estimator(model, table)
    assert display.explained_ is None
    assert len(display.bars_) == table.shape[1]


BACK = pd.DataFrame(
    {
        "age": [1.0, 2, 3, 3],
        "sex": ["m", "m", "m", "m"],
        "day": pd.to_datetime(["2020-01-01", "2020-01-02", None, "2020-01-04"]),
    }
)


@pytest.mark.parametrize("convert", [lambda frame: frame, pl.from_pandas])
def test_reconstruction_of_mixed_tables_shows_wrong_cells(pyplot, convert):
    display = ReconstructionDisplay(convert(MIXED), convert(BACK)).plot()
    # Ages vary by 1.25 and are off by 1 / 4; two sexes are wrong; one date is lost.
    np.testing.assert_allclose(display.wrong_, [0.2, 0.5, 0.25])
    names = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert names == ["age", "day", "sex"]
    assert [bar.get_width() for bar in display.bars_] == pytest.approx([0.2, 0.25, 0.5])
    colors = [bar.get_facecolor() for bar in display.bars_]
    assert colors[0] == colors[1] != colors[2]
    marks = [line for line in display.ax_.lines if line.get_marker() == "|"]
    assert [list(mark.get_xydata()[0]) for mark in marks] == [[0.5, 2]]
    same = ReconstructionDisplay(convert(MIXED), convert(MIXED)).plot(n_columns=2, color="red")
    assert (same.wrong_ == 0).all()
    assert same.ax_.get_title() == "the 2 worst of 3 columns"
    with pytest.raises(ValueError, match="rows are 4, but reconstructions 3"):
        ReconstructionDisplay(MIXED, BACK[:3])


def test_reconstruction_of_nullable_numbers_and_booleans(pyplot):
    table = pd.DataFrame({"n": pd.array([1, 2, 3, 4], dtype="Int64"), "b": [True, False] * 2})
    display = ReconstructionDisplay.from_estimator(fast(max_epochs=1).fit(table), table)
    assert np.isfinite(display.explained_).all()
    assert display.feature_names == ["n", "b"]


@pytest.mark.parametrize(
    "arguments, match",
    [
        ({"reconstructions": np.zeros((3, 3))}, r"reconstructions \(3, 3\)"),
        ({"shape": (3, 2)}, "image of 4 columns"),
        ({"feature_names": ["a"]}, "1 feature_names"),
        ({"rows": np.zeros(4)}, "2D array"),
    ],
)
def test_reconstruction_bad_shapes(arguments, match):
    zeros = {"rows": np.zeros((3, 4)), "reconstructions": np.zeros((3, 4))}
    with pytest.raises(ValueError, match=match):
        ReconstructionDisplay(**{**zeros, **arguments})
