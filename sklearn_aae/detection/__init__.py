"""The detector and what only it needs: ensemble, kinds of score, references, calibration."""

from sklearn_aae.detection._drift import DriftMonitor
from sklearn_aae.detection._outlier import AAEOutlierDetector

__all__ = ["AAEOutlierDetector", "DriftMonitor"]
