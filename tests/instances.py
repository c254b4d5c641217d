"""Fast settings of every public estimator, for tests that fit many times."""

from __future__ import annotations

from sklearn_aae import AAEOutlierDetector, AdversarialAutoencoder, TableEncoder
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


def with_defaults():
    """Return every public estimator with constructor defaults."""
    return [AdversarialAutoencoder(), AAEOutlierDetector(), TableEncoder()]


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
