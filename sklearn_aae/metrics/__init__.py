"""Two-sample statistics, prior match, scorers, and what a synthetic table is worth."""

from sklearn_aae.metrics._code_information import code_information
from sklearn_aae.metrics._prior_match import PriorGap, balanced_score, prior_draws, prior_gap
from sklearn_aae.metrics._synthetic_report import SyntheticReport, synthetic_report
from sklearn_aae.metrics._table_fidelity import column_shapes, pair_trends
from sklearn_aae.metrics._table_models import ml_efficacy, table_c2st
from sklearn_aae.metrics._table_privacy import copy_share, dcr, near_copies
from sklearn_aae.metrics._table_score import TableScore
from sklearn_aae.metrics._two_sample import c2st, energy_distance

__all__ = [
    "PriorGap",
    "SyntheticReport",
    "TableScore",
    "balanced_score",
    "c2st",
    "code_information",
    "column_shapes",
    "copy_share",
    "dcr",
    "energy_distance",
    "ml_efficacy",
    "near_copies",
    "pair_trends",
    "prior_draws",
    "prior_gap",
    "synthetic_report",
    "table_c2st",
]
