"""Adversarial autoencoders with the scikit-learn API."""

from sklearn_aae._adversarial_autoencoder import AdversarialAutoencoder
from sklearn_aae._outlier import AAEOutlierDetector

__version__ = "0.1.0"

__all__ = ["AAEOutlierDetector", "AdversarialAutoencoder", "__version__"]
