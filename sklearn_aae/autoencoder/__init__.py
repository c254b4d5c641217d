"""The model: the estimator and what only it needs."""

from sklearn_aae.autoencoder._adversarial_autoencoder import AdversarialAutoencoder

__all__ = ["AdversarialAutoencoder"]
