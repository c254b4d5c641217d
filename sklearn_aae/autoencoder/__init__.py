"""The model: the estimator and what only it needs."""

from sklearn_aae.autoencoder._adversarial_autoencoder import AdversarialAutoencoder
from sklearn_aae.autoencoder._imputer import AAEImputer

__all__ = ["AAEImputer", "AdversarialAutoencoder"]
