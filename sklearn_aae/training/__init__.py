"""Training: the skorch net, its phases, batches and callbacks."""

from sklearn_aae.training._batches import Batch, TableDataset, TrainBatches
from sklearn_aae.training._callbacks import EarlyStopping, OwnCallback, TrainingContext, state_dicts
from sklearn_aae.training._checkpoint import Checkpoint, Part, checkpoint_of, refuse_callbacks
from sklearn_aae.training._distributed import distributed
from sklearn_aae.training._html import TrainingHTMLMixin
from sklearn_aae.training._inference import InPrecision, encode, in_precision, is_known, map_chunks
from sklearn_aae.training._net import AAENet
from sklearn_aae.training._phases import PHASES, RECONSTRUCTION, Phase
from sklearn_aae.training._rates import FullRates, LinearDecay, StepwiseDecay, change_full_rates
from sklearn_aae.training._report import ReportLine, TrainingReport, warn_of
from sklearn_aae.training._resuming import RESUMABLE, Resuming
from sklearn_aae.training._row_losses import RowLosses
from sklearn_aae.training._split import split_table

__all__ = [
    "PHASES",
    "RECONSTRUCTION",
    "RESUMABLE",
    "AAENet",
    "Batch",
    "Checkpoint",
    "EarlyStopping",
    "FullRates",
    "InPrecision",
    "LinearDecay",
    "OwnCallback",
    "Part",
    "Phase",
    "ReportLine",
    "Resuming",
    "RowLosses",
    "StepwiseDecay",
    "TableDataset",
    "TrainBatches",
    "TrainingContext",
    "TrainingHTMLMixin",
    "TrainingReport",
    "change_full_rates",
    "checkpoint_of",
    "distributed",
    "encode",
    "in_precision",
    "is_known",
    "map_chunks",
    "refuse_callbacks",
    "split_table",
    "state_dicts",
    "warn_of",
]
