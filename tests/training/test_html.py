"""scikit-learn's diagrams show networks, losses and the training report of fitted estimators."""

from __future__ import annotations

import re

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from sklearn_aae.training._html import MOST_POINTS, WIDTH, describe_training, thinned
from tests.instances import fast, fast_classifier, fast_clusterer, fast_detector, fast_imputer

X, Y = load_iris(return_X_y=True)
ESTIMATORS = {
    "model": (fast(n_components=3), ["16, 3", "16, 4", "16, 1"]),
    "imputer": (fast_imputer(), ["16, 2", "16, 4", "16, 1"]),
    "classifier": (fast_classifier(max_epochs=2), ["16, 5", "16, 4", "16, 1", "16, 1"]),
    "clusterer": (fast_clusterer(max_epochs=2), ["16, 5", "16, 4", "16, 1", "16, 1"]),
    "detector": (fast_detector(), ["64, 32, 3", "32, 64, 24", "32, 32, 1"]),
    "detector of a model": (fast_detector(estimator=fast()), ["16, 2", "16, 4", "16, 1"]),
}


def html_of(estimator):
    bundle = estimator._repr_mimebundle_()["text/html"]
    # What notebooks show, and what others ask for; ids count up.
    counted = re.sub(r"sk-\w+-id-\d+", "", bundle)
    assert re.sub(r"sk-\w+-id-\d+", "", estimator._repr_html_()) == counted
    return bundle


@pytest.mark.parametrize("name", ESTIMATORS)
def test_fitted_estimators_show_their_training(name):
    estimator, layers = ESTIMATORS[name]
    estimator = clone(estimator)
    assert "<svg" not in html_of(estimator)
    estimator.fit(X, Y)
    html = html_of(estimator)
    start = html.index("<caption>Networks</caption>")
    table = html[start : html.index("</table>", start)]
    found = re.findall(r"<td>([^<]*)</td>", table)
    assert found[1::3] == layers
    assert html.count("<svg") == 1
    assert html.count("<polyline") == 3
    for line in estimator.training_report_:
        assert f"<td>{line.name}</td>" in html
    nested = name in ("classifier", "clusterer", "detector of a model")
    assert len(html) < (60_000 if nested else 50_000)  # with the parameters of a model within


def test_weights_and_losses_are_those_of_the_networks():
    model = fast(n_components=3).fit(X)
    html = html_of(model)
    for name in ("encoder", "decoder", "discriminator"):
        network = getattr(model.net_.module_, name)
        count = sum(weights.numel() for weights in network.parameters())
        assert re.search(f"<td>{name}</td><td>16, ./?[0-9]*</td><td>{count:,}</td>", html)
    losses = model.history_["reconstruction_loss"]
    assert f"reconstruction {losses[0]:.3g} → {losses[-1]:.3g}" in html
    points = re.search(r'<polyline points="([^"]*)"', html).group(1).split()
    places = np.array([point.split(",") for point in points], dtype=float)
    assert len(places) == 3
    assert list(places[[0, -1], 0]) == [2, WIDTH - 2]
    # Lower losses are lower in the picture, where numbers are larger.
    assert list(np.argsort(-places[:, 1])) == list(np.argsort(losses))


def test_pipelines_and_searches_show_the_training_of_their_steps():
    pipeline = make_pipeline(StandardScaler(), fast(max_epochs=1))
    assert "<svg" not in html_of(pipeline)
    assert html_of(clone(pipeline).fit(X)).count("<svg") == 1
    search = GridSearchCV(pipeline, {"adversarialautoencoder__n_components": [1, 2]}, cv=2)
    html = html_of(search.fit(X))
    assert html.count("<svg") == 1
    assert "<caption>Networks</caption>" in html
    # scikit-learn's own part of a search is 76 kB, for PCA alone; what is added stays small.
    assert html.count(added := describe_training(search.best_estimator_[-1])) == 1
    assert len(added) < 4_000


def test_names_of_own_networks_are_escaped():
    encoder = nn.Sequential()
    encoder.add_module("<b>layer</b>", nn.Linear(4, 2))
    html = html_of(fast(encoder=encoder, max_epochs=1).fit(X))
    assert "<td>2</td><td>10</td>" in html
    assert "<b>layer" not in html


def test_long_histories_make_small_curves():
    losses = np.linspace(1, 0, 5000)
    losses[3] = np.nan
    few = thinned(losses)
    assert len(few) == MOST_POINTS
    assert few == sorted(few, reverse=True)
    assert thinned([]) == []
    html = html_of(fast_detector(max_epochs=60).fit(X))
    assert len(html) < 50_000


def test_a_model_without_an_adversary_has_one_curve():
    html = html_of(fast(adversarial_weight=0, max_epochs=1).fit(X))
    assert html.count("<polyline") == 1
    assert "nan" not in html[html.index("<svg") : html.index("</svg>")]
