"""Two-sample statistics, prior match, scorers, and what a synthetic table is worth."""

from sklearn_aae.metrics._code_information import code_information
from sklearn_aae.metrics._kernel import mmd
from sklearn_aae.metrics._labelled import labelled_scorer
from sklearn_aae.metrics._manifold import PrecisionRecall, precision_recall
from sklearn_aae.metrics._parzen import ParzenScore, parzen_log_likelihood
from sklearn_aae.metrics._prior_match import PriorGap, balanced_score, prior_draws, prior_gap
from sklearn_aae.metrics._scorers import prior_match_score, sample_quality_score
from sklearn_aae.metrics._sliced import sliced_wasserstein
from sklearn_aae.metrics._synthetic_report import SyntheticReport, synthetic_report
from sklearn_aae.metrics._table_fidelity import column_shapes, pair_trends
from sklearn_aae.metrics._table_models import ml_efficacy, table_c2st
from sklearn_aae.metrics._table_privacy import copy_share, dcr, near_copies
from sklearn_aae.metrics._table_score import TableScore
from sklearn_aae.metrics._two_sample import c2st, energy_distance

__all__ = [
    "ParzenScore",
    "PrecisionRecall",
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
    "labelled_scorer",
    "ml_efficacy",
    "mmd",
    "near_copies",
    "pair_trends",
    "parzen_log_likelihood",
    "precision_recall",
    "prior_draws",
    "prior_gap",
    "prior_match_score",
    "sample_quality_score",
    "sliced_wasserstein",
    "synthetic_report",
    "table_c2st",
]
