"""Two-sample statistics, prior match and scorers."""

from sklearn_aae.metrics._prior_match import PriorGap, balanced_score, prior_draws, prior_gap
from sklearn_aae.metrics._two_sample import c2st, energy_distance

__all__ = ["PriorGap", "balanced_score", "c2st", "energy_distance", "prior_draws", "prior_gap"]
