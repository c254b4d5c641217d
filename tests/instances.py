"""Fast settings of every public estimator, for tests that fit many times."""

from __future__ import annotations

from sklearn_aae import (
    AAEClassifier,
    AAEClusterer,
    AAEImputer,
    AAEOutlierDetector,
    AdversarialAutoencoder,
    TableEncoder,
)
from sklearn_aae.outputs import Autoregressive
from sklearn_aae.priors import Mixture

FAST = {"hidden_layer_sizes": (16,), "discriminator_layer_sizes": (16,), "max_epochs": 3}


def fast(**parameters):
    """Return a small model that fits in milliseconds."""
    return AdversarialAutoencoder(**{"random_state": 0, **FAST, **parameters})


def fast_detector(**parameters):
    """Return a small detector that fits in milliseconds."""
    return AAEOutlierDetector(
        **{"random_state": 0, "n_estimators": 2, "max_epochs": 2, **parameters}
    )


def fast_classifier(**parameters):
    """Return a small classifier that fits in a fraction of a second and still learns."""
    settings = {"hidden_layer_sizes": (16,), "n_components": 2, "max_epochs": 15, "lr": 1e-2}
    model = AdversarialAutoencoder(discriminator_layer_sizes=(16,))
    return AAEClassifier(**{"random_state": 0, **settings, "estimator": model, **parameters})


def fast_clusterer(n_clusters=3, **parameters):
    """Return a small clusterer that fits in a fraction of a second and still learns."""
    settings = {"hidden_layer_sizes": (16,), "n_components": 2, "max_epochs": 25, "lr": 5e-3}
    model = AdversarialAutoencoder(discriminator_layer_sizes=(16,))
    return AAEClusterer(
        n_clusters, **{"random_state": 0, **settings, "estimator": model, **parameters}
    )


def fast_imputer(**parameters):
    """Return a small imputer that fits in milliseconds."""
    return AAEImputer(fast(), **{"random_state": 0, **parameters})


def everyday():
    """Return one fast variant of every public estimator, and of its main code paths."""
    return [
        fast(random_state=None),
        fast(output=Autoregressive(hidden_size=8)),
        fast_detector(random_state=None),
        fast_detector(estimator=fast()),
        fast_classifier(random_state=None),
        fast_clusterer(random_state=None),
        fast_imputer(),
        TableEncoder(),
        TableEncoder(
            categorical_features=[0],
            max_categories=4,
            min_frequency=2,
            handle_unknown="infrequent_if_exist",
            handle_missing="error",
        ),
    ]


def further():
    """Return the other main variants of every public estimator, with fast settings."""
    return [
        fast(posterior="gaussian", output="gaussian"),
        fast(prior="uniform", scaling="quantile"),
        fast(n_components=1, adversarial_weight=0),
        fast(posterior="channel"),
        fast(output="independent"),
        # As many classes as some checks have, in the one component that they set.
        fast(prior=Mixture(100, layout="grid"), supervision="prior"),
        fast(supervision="decoder"),
        fast_detector(contamination=0.1, kind="likelihood"),
        fast_detector(contamination=0, kind="gpnd", adversarial_weight=0),
        fast_classifier(consistency="adversarial"),
        fast_classifier(consistency="neighbors", init="label_spreading"),
        fast_classifier(
            consistency_weight=0,
            head_distance=4.0,
            estimator=AdversarialAutoencoder(adversarial_weight=0, output="gaussian"),
        ),
        fast_clusterer(head_distance=4.0, consistency="both"),
        fast_clusterer(init="spectral", consistency_weight=0),
        fast(handle_missing="error"),
        fast_classifier(handle_missing="error"),
        AAEImputer(fast(output=Autoregressive(hidden_size=8)), method="draw", add_indicator=True),
        TableEncoder(max_levels=4),
    ]


def with_defaults():
    """Return the public estimators that train, with constructor defaults."""
    return [AdversarialAutoencoder(), AAEOutlierDetector(), AAEClassifier(), AAEClusterer()]
