"""Training: the skorch net, its phases, batches and callbacks."""

from sklearn_aae.training._autoregressive import AutoregressiveEnsemble
from sklearn_aae.training._batches import Batch, TableDataset, TrainBatches
from sklearn_aae.training._callbacks import (
    EarlyStopping,
    LinearDecay,
    StepwiseDecay,
    TrainingContext,
    user_callbacks,
)
from sklearn_aae.training._densities import Densities, log_mixture
from sklearn_aae.training._ensemble import Ensemble
from sklearn_aae.training._ensemble_steps import EnsemblePlan, EnsembleTrainer
from sklearn_aae.training._inference import encode, in_precision, map_chunks
from sklearn_aae.training._label_batches import LabelledBatches
from sklearn_aae.training._label_phases import CategoryLoss, Heads, RepulsionLoss
from sklearn_aae.training._members import (
    EnsembleSettings,
    choose_columns,
    member_rows,
)
from sklearn_aae.training._neighbors import nearest_rows, spectral_clusters, spread_labels
from sklearn_aae.training._net import AAENet
from sklearn_aae.training._phases import DISCRIMINATOR, GENERATOR, PHASES, RECONSTRUCTION, Phase
from sklearn_aae.training._row_losses import RowLosses
from sklearn_aae.training._split import fixed_split, split_table

__all__ = [
    "DISCRIMINATOR",
    "GENERATOR",
    "PHASES",
    "RECONSTRUCTION",
    "AAENet",
    "AutoregressiveEnsemble",
    "Batch",
    "CategoryLoss",
    "Densities",
    "EarlyStopping",
    "Ensemble",
    "EnsemblePlan",
    "EnsembleSettings",
    "EnsembleTrainer",
    "Heads",
    "LabelledBatches",
    "LinearDecay",
    "Phase",
    "RepulsionLoss",
    "RowLosses",
    "StepwiseDecay",
    "TableDataset",
    "TrainBatches",
    "TrainingContext",
    "choose_columns",
    "encode",
    "fixed_split",
    "in_precision",
    "log_mixture",
    "map_chunks",
    "member_rows",
    "nearest_rows",
    "spectral_clusters",
    "split_table",
    "spread_labels",
    "user_callbacks",
]
