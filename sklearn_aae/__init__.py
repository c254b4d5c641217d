"""Adversarial autoencoders with the scikit-learn API."""

from sklearn_aae._adversarial_autoencoder import AdversarialAutoencoder
from sklearn_aae._classifier import AAEClassifier
from sklearn_aae._clusterer import AAEClusterer
from sklearn_aae._outlier import AAEOutlierDetector
from sklearn_aae.encoding import TableEncoder

__version__ = "0.1.0"

__all__ = [
    "AAEClassifier",
    "AAEClusterer",
    "AAEOutlierDetector",
    "AdversarialAutoencoder",
    "TableEncoder",
    "__version__",
]
