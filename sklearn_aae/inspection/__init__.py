"""Pictures of fitted estimators; matplotlib comes with the extra ``plot``."""

from sklearn_aae.inspection._anomaly_scores import AnomalyScoreDisplay
from sklearn_aae.inspection._audit_report import AuditReport
from sklearn_aae.inspection._contributions import ContributionDisplay
from sklearn_aae.inspection._drift import DriftDisplay
from sklearn_aae.inspection._latent_space import LatentSpaceDisplay
from sklearn_aae.inspection._latent_traversal import LatentTraversalDisplay
from sklearn_aae.inspection._loss_curve import LossCurveDisplay
from sklearn_aae.inspection._p_values import PValueDisplay
from sklearn_aae.inspection._reconstruction import ReconstructionDisplay
from sklearn_aae.inspection._synthetic_comparison import SyntheticComparisonDisplay
from sklearn_aae.inspection._synthetic_scores import SyntheticScoresDisplay

__all__ = [
    "AnomalyScoreDisplay",
    "AuditReport",
    "ContributionDisplay",
    "DriftDisplay",
    "LatentSpaceDisplay",
    "LatentTraversalDisplay",
    "LossCurveDisplay",
    "PValueDisplay",
    "ReconstructionDisplay",
    "SyntheticComparisonDisplay",
    "SyntheticScoresDisplay",
]
