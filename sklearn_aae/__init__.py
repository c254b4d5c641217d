"""Adversarial autoencoders with the scikit-learn API."""

from sklearn_aae.autoencoder import AAEImputer, AdversarialAutoencoder
from sklearn_aae.categories import AAEClassifier, AAEClusterer
from sklearn_aae.detection import AAEOutlierDetector
from sklearn_aae.encoding import TableEncoder
from sklearn_aae.persistence import load, save
from sklearn_aae.serving import export_onnx, stream

__version__ = "0.2.0"

__all__ = [
    "AAEClassifier",
    "AAEClusterer",
    "AAEImputer",
    "AAEOutlierDetector",
    "AdversarialAutoencoder",
    "TableEncoder",
    "__version__",
    "export_onnx",
    "load",
    "save",
    "stream",
]
