"""Pictures of a fitted model; matplotlib comes with the extra ``plot``."""

from sklearn_aae.inspection._latent_space import LatentSpaceDisplay
from sklearn_aae.inspection._loss_curve import LossCurveDisplay
from sklearn_aae.inspection._reconstruction import ReconstructionDisplay

__all__ = ["LatentSpaceDisplay", "LossCurveDisplay", "ReconstructionDisplay"]
