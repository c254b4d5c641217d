"""Walks along components show what the decoder makes of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from sklearn_aae import AdversarialAutoencoder
from sklearn_aae.inspection import LatentTraversalDisplay
from tests.instances import fast


def texts_of(ax):
    return [text.get_text() for text in ax.texts if text.get_position()[0] % 1 == 0]


def test_walks_pass_the_code_of_a_row(pyplot, model, iris):
    X, _ = iris
    display = LatentTraversalDisplay.from_estimator(model, X[3:], components=[2, 0], n_steps=5)
    code = np.asarray(model.transform(X))[3].astype(float)
    for walk, steps, component in zip(display.walks, display.positions, [2, 0], strict=True):
        codes = np.tile(code, (5, 1))
        codes[:, component] = steps
        pd.testing.assert_frame_equal(walk, model.inverse_transform(codes))
        assert np.allclose(np.diff(steps), np.diff(steps)[0])
        assert steps[0] < -1 < 1 < steps[-1]
    assert display.axes_.shape == (2, 1)
    first = display.axes_[0, 0]
    assert [name.get_text() for name in first.get_yticklabels()] == display.columns_[0]
    assert first.get_title(loc="left") == "component 2"
    cell = display.walks[0][display.columns_[0][0]].iloc[0]
    assert f"{cell:.4g}" in texts_of(first)


def test_columns_that_change_most_come_first(pyplot):
    walk = pd.DataFrame(
        {"still": [1.0, 1, 1], "moves": [0.0, 5, 10], "kind": ["a", "a", "b"], "gap": [None] * 3}
    )
    reference = pd.DataFrame(
        {"still": [0.0, 9], "moves": [0.0, 100], "kind": ["a", "b"], "gap": [None] * 2}
    )
    display = LatentTraversalDisplay([walk], [[-1, 0, 1]], reference=reference).plot(n_columns=2)
    assert display.columns_ == [["kind", "moves"]]
    assert texts_of(display.axes_[0, 0])[:6] == ["a", "a", "b", "0", "5", "10"]
    np.testing.assert_allclose(display.images_[0].get_array(), [[0, 0, 1], [0, 0.05, 0.1]])


def test_images_walk_in_lines(pyplot, rng):
    walks = rng.uniform(size=(2, 3, 4))
    display = LatentTraversalDisplay(walks, np.zeros((2, 3)), shape=(2, 2)).plot(cmap="magma")
    canvas = np.asarray(display.images_[0].get_array().filled(np.nan))
    assert canvas.shape == (5, 8)
    np.testing.assert_array_equal(canvas[3:, 6:], walks[1, 2].reshape(2, 2))
    assert np.isnan(canvas[2]).all()
    assert display.images_[0].get_cmap().name == "magma"


def test_walks_decode_a_class(pyplot, iris):
    X, y = iris
    model = fast(supervision="decoder", max_epochs=1).fit(X, y)
    display = LatentTraversalDisplay.from_estimator(model, y=1, n_steps=2)
    other = LatentTraversalDisplay.from_estimator(model, y=2, n_steps=2)
    assert (other.walks[0] != display.walks[0]).to_numpy().any()


def test_wrong_walks(pyplot, model, iris):
    with pytest.raises(NotFittedError):
        LatentTraversalDisplay.from_estimator(AdversarialAutoencoder())
    for components in ([3], [], [0, -4]):
        with pytest.raises(ValueError, match="must be numbers below 3"):
            LatentTraversalDisplay.from_estimator(model, components=components)
    with pytest.raises(ValueError, match="n_steps == 1"):
        LatentTraversalDisplay.from_estimator(model, n_steps=1)
    with pytest.raises(ValueError, match="image of 4 columns"):
        LatentTraversalDisplay.from_estimator(model, shape=(3, 2))
    with pytest.raises(ValueError, match="1 walks, 2 components"):
        LatentTraversalDisplay([np.eye(2)], np.zeros((1, 2)), components=[0, 1])
    with pytest.raises(ValueError, match="3 steps, and walks others"):
        LatentTraversalDisplay([np.eye(2)], np.zeros((1, 3)))
    assert not pyplot.get_fignums()
