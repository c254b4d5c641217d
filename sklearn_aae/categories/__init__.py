"""Classifier and clusterer: models whose code begins with categories."""

from sklearn_aae.categories._classifier import AAEClassifier
from sklearn_aae.categories._clusterer import AAEClusterer

__all__ = ["AAEClassifier", "AAEClusterer"]
