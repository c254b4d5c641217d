"""A user's mistakes: mypy finds each of them, or says that a comment here is not needed."""

from __future__ import annotations

import numpy as np

from sklearn_aae import (
    AAEClassifier,
    AAEImputer,
    AAEOutlierDetector,
    AdversarialAutoencoder,
    TableEncoder,
    save,
)
from sklearn_aae.inspection import LossCurveDisplay
from sklearn_aae.metrics import synthetic_report
from sklearn_aae.priors import Mixture
from sklearn_aae.rules import Bounds, Order, find_rules


def parameters() -> None:
    AdversarialAutoencoder(n_components="two")  # type: ignore[arg-type]
    AdversarialAutoencoder(n_component=2)  # type: ignore[call-arg]
    AdversarialAutoencoder(prior=3)  # type: ignore[arg-type]
    AdversarialAutoencoder(hidden_layer_sizes="256")  # type: ignore[arg-type]
    AAEOutlierDetector(contaminaton=0.1)  # type: ignore[call-arg]
    AAEOutlierDetector(rules=[0.5])  # type: ignore[list-item]
    AAEClassifier(estimator="model")  # type: ignore[arg-type]
    AAEImputer(n_draws="many")  # type: ignore[arg-type]
    TableEncoder(min_frequency="rare")  # type: ignore[arg-type]
    Mixture(n_modes="3")  # type: ignore[arg-type]
    Bounds("age", low="0")  # type: ignore[arg-type]
    Order("start")  # type: ignore[call-arg]


def results(rows: np.ndarray, labels: np.ndarray) -> None:
    model = AdversarialAutoencoder().fit(rows)
    detector = AAEOutlierDetector().fit(rows)
    text: str = model.transform(rows)  # type: ignore[assignment]
    table: str = model.sample(5)  # type: ignore[assignment]
    flags: list[bool] = detector.predict(rows)  # type: ignore[assignment]
    reason: str = detector.explain(rows)[0]  # type: ignore[assignment]
    model.transform(rows).to_csv(text)  # type: ignore[attr-defined]
    AAEClassifier().fit(rows, labels).predict(rows).upper()  # type: ignore[attr-defined]
    LossCurveDisplay.from_estimator(model).savefig(table)  # type: ignore[attr-defined]
    find_rules(rows).to_dict().head(flags, reason)  # type: ignore[attr-defined]


def calls(rows: np.ndarray) -> None:
    model = AdversarialAutoencoder().fit(rows)
    model.fit()  # type: ignore[call-arg]
    model.trasnform(rows)  # type: ignore[attr-defined]
    model.n_iters_.bit_length()  # type: ignore[attr-defined]
    model.set_params(n_components=3).score_sample(rows)  # type: ignore[attr-defined]
    AAEOutlierDetector().fit_predict(rows).predict(rows)  # type: ignore[attr-defined]
    model.sample("ten")  # type: ignore[arg-type]
    model.sample(5, conditions=["sex"])  # type: ignore[arg-type]
    model.inverse_transform(0.5)  # type: ignore[arg-type]
    model.score_contributions(rows, as_frme=True)  # type: ignore[call-overload]
    AAEOutlierDetector().fit(rows).explain(rows, top="all")  # type: ignore[call-overload]
    find_rules(rows, share="all")  # type: ignore[arg-type]
    synthetic_report(rows, rows)  # type: ignore[call-arg]
    save(model, 5)  # type: ignore[arg-type]
