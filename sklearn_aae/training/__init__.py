"""Training: the skorch net, its phases, batches and callbacks."""

from sklearn_aae.training._batches import Batch, TableDataset
from sklearn_aae.training._callbacks import (
    EarlyStopping,
    LinearDecay,
    StepwiseDecay,
    TrainingContext,
)
from sklearn_aae.training._inference import encode, in_precision, map_chunks
from sklearn_aae.training._net import AAENet
from sklearn_aae.training._phases import DISCRIMINATOR, GENERATOR, PHASES, RECONSTRUCTION, Phase

__all__ = [
    "DISCRIMINATOR",
    "GENERATOR",
    "PHASES",
    "RECONSTRUCTION",
    "AAENet",
    "Batch",
    "EarlyStopping",
    "LinearDecay",
    "Phase",
    "StepwiseDecay",
    "TableDataset",
    "TrainingContext",
    "encode",
    "in_precision",
    "map_chunks",
]
