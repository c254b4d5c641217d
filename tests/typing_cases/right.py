"""What a user writes, with annotations: mypy finds nothing in it."""

from __future__ import annotations

import numpy as np

from sklearn_aae import (
    AAEClassifier,
    AAEClusterer,
    AAEImputer,
    AAEOutlierDetector,
    AdversarialAutoencoder,
    TableEncoder,
    load,
    save,
)
from sklearn_aae.inspection import AnomalyScoreDisplay, LatentSpaceDisplay
from sklearn_aae.metrics import energy_distance, synthetic_report
from sklearn_aae.priors import Gaussian, Mixture
from sklearn_aae.rules import Bounds, Determines, Order, find_rules
from sklearn_aae.typing import Table


def codes_of(rows: np.ndarray) -> np.ndarray:
    model = AdversarialAutoencoder(n_components=2, prior=Mixture(3), hidden_layer_sizes=(64, 32))
    codes: np.ndarray = model.fit(rows).transform(rows)
    assert model.set_params(n_components=3).n_iter_ > len(model.get_params()["prior"])
    model.set_output(transform="pandas").fit_transform(rows)
    return codes


def more(rows: np.ndarray, n: int) -> Table:
    model = AdversarialAutoencoder(prior=Gaussian(), max_epochs=5, random_state=0).fit(rows)
    conditions = {"sex": "female"}
    table = model.sample(n, conditions=conditions, random_state=1)
    assert table.shape == (len(table), 3)
    assert table[:3].mean() < 1
    return table


def odd(rows: np.ndarray) -> list[str]:
    detector = AAEOutlierDetector(alpha=0.05, rules=[Order("start", "end")]).fit(rows)
    scores, flags = detector.score_samples(rows), detector.predict(rows)
    AnomalyScoreDisplay.from_predictions(scores, threshold=-5, bins=20).figure_.savefig("a.png")
    first = detector.score_contributions(rows, as_frame=True).head()
    assert np.sort(scores)[(flags == -1).sum()] < len(first)
    detector.explain(rows, as_frame=True).to_csv("reasons.csv")
    return [str(reason.column) for reason in detector.explain(rows)[0]]


def labelled(rows: np.ndarray, labels: np.ndarray) -> float:
    classifier = AAEClassifier(hidden_layer_sizes=64).fit(rows, labels)
    clusters = AAEClusterer(n_clusters=3).fit(rows).predict(rows)
    filled = AAEImputer(AdversarialAutoencoder(max_epochs=2)).fit(rows).transform(rows)
    report = synthetic_report(rows, [[1.0, 2.0]], None, target="label")
    assert clusters.max() < filled.shape[0]
    assert energy_distance(rows, rows) < 1
    assert report.to_dict()["target"] == "label"
    LatentSpaceDisplay.from_estimator(classifier, rows, labels, ax=None)
    return classifier.score(rows, labels)


def kept(rows: np.ndarray) -> None:
    encoder = TableEncoder(max_levels="auto", min_frequency=0.01)
    save({"encoder": encoder.fit(rows)}, "encoder.aae", training=False)
    assert load("encoder.aae")["encoder"].transform(rows).sum() == 0
    rules = [*find_rules(rows), Bounds(0, low=0, high=1.5), Determines(["a", "b"], "c")]
    assert rules[0].broken(rows).mean() < 0.01
