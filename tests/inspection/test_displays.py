"""The displays draw what they were given, where they were told to."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from sklearn_aae import AdversarialAutoencoder
from sklearn_aae.exceptions import MissingExtraError
from sklearn_aae.inspection import LatentSpaceDisplay, LossCurveDisplay, ReconstructionDisplay
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
