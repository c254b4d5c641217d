"""Fast settings of every public estimator, for tests that fit many times."""

from __future__ import annotations

from sklearn_aae import (
    AAEClassifier,
    AAEClusterer,
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


def with_defaults():
    """Return the public estimators with constructor defaults, but for the slow ones."""
    return [
        AdversarialAutoencoder(),
        AAEOutlierDetector(),
        TableEncoder(),
    ]


def with_slow_defaults():
    """Return the public estimators that train for seconds with constructor defaults."""
    return [AAEClassifier(), AAEClusterer()]


def clusterers():
    """Return clusterers with fast settings, in their main variants."""
    return [
        fast_clusterer(random_state=None),
        fast_clusterer(head_distance=4.0, consistency="both"),
        fast_clusterer(init="spectral", consistency_weight=0),
    ]


def classifiers():
    """Return classifiers with fast settings, in their main variants."""
    return [
        fast_classifier(random_state=None),
        fast_classifier(consistency="adversarial"),
        fast_classifier(consistency="neighbors", init="label_spreading"),
        fast_classifier(
            consistency_weight=0,
            head_distance=4.0,
            estimator=AdversarialAutoencoder(adversarial_weight=0, output="gaussian"),
        ),
    ]


def detectors():
    """Return detectors with fast settings, in their main variants."""
    return [
        fast_detector(random_state=None),
        fast_detector(contamination=0.1, kind="likelihood"),
        fast_detector(contamination=0, kind="gpnd", adversarial_weight=0),
        fast_detector(estimator=fast()),
    ]


def with_fast_settings():
    """Return every public estimator with fast settings, in its main variants."""
    return [
        fast(random_state=None),
        fast(posterior="gaussian", output="gaussian"),
        fast(prior="uniform", scaling="quantile"),
        fast(n_components=1, adversarial_weight=0),
        *detectors(),
        *classifiers(),
        *clusterers(),
        TableEncoder(max_levels=4),
        TableEncoder(
            categorical_features=[0],
            max_categories=4,
            min_frequency=2,
            handle_unknown="infrequent_if_exist",
        ),
        fast(posterior="channel"),
        fast(output=Autoregressive(hidden_size=8)),
        fast(output="independent"),
        # As many classes as some checks have, in the one component that they set.
        fast(prior=Mixture(100, layout="grid"), supervision="prior"),
        fast(supervision="decoder"),
    ]
