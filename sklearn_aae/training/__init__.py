"""Training: the skorch net, its phases, batches and callbacks."""

from sklearn_aae.training._batches import Batch, TableDataset, TrainBatches
from sklearn_aae.training._callbacks import (
    EarlyStopping,
    LinearDecay,
    StepwiseDecay,
    TrainingContext,
    user_callbacks,
)
from sklearn_aae.training._ensemble import (
    CLIP,
    Densities,
    Ensemble,
    EnsembleSettings,
    choose_columns,
    log_mixture,
    member_rows,
)
from sklearn_aae.training._ensemble_steps import EnsemblePlan, EnsembleTrainer
from sklearn_aae.training._inference import encode, in_precision, map_chunks
from sklearn_aae.training._label_batches import LabelledBatches, nearest_rows
from sklearn_aae.training._label_phases import CategoryLoss, Heads, RepulsionLoss
from sklearn_aae.training._net import AAENet
from sklearn_aae.training._phases import DISCRIMINATOR, GENERATOR, PHASES, RECONSTRUCTION, Phase

__all__ = [
    "CLIP",
    "DISCRIMINATOR",
    "GENERATOR",
    "PHASES",
    "RECONSTRUCTION",
    "AAENet",
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
    "StepwiseDecay",
    "TableDataset",
    "TrainBatches",
    "TrainingContext",
    "choose_columns",
    "encode",
    "in_precision",
    "log_mixture",
    "map_chunks",
    "member_rows",
    "nearest_rows",
    "user_callbacks",
]
