"""What a file may name: classes and functions, each under a name that this code gives it.

A name in a file is a key of a dictionary that is made here.  It is never an import path, and
nothing is imported because a file asks for it.
"""

from __future__ import annotations

import datetime
import sys
import uuid
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import (
    LabelEncoder,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)
from torch.utils.data import DataLoader

from sklearn_aae._utils._compat import MetadataRequest, MethodMetadataRequest
from sklearn_aae.autoencoder import AAEImputer, AdversarialAutoencoder
from sklearn_aae.categories import AAEClassifier, AAEClusterer
from sklearn_aae.detection import AAEOutlierDetector
from sklearn_aae.encoding import TableEncoder
from sklearn_aae.networks._module import with_rows_of_its_own
from sklearn_aae.training._phases import discriminator_loss, generator_loss, reconstruction_loss


def words(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


#: What a file may be of.
ESTIMATORS = (
    AAEClassifier,
    AAEClusterer,
    AAEImputer,
    AAEOutlierDetector,
    AdversarialAutoencoder,
    TableEncoder,
)

#: The parts of the package whose classes make up the state of estimators.
PARTS = (
    "autoencoder",
    "categories",
    "detection",
    "encoding",
    "networks",
    "outputs",
    "posteriors",
    "priors",
    "rules",
    "training",
)

FUNCTIONS = (reconstruction_loss, discriminator_loss, generator_loss, with_rows_of_its_own)

SKLEARN = (
    BayesianGaussianMixture,
    FrozenEstimator,
    GaussianMixture,
    KMeans,
    LabelEncoder,
    MetadataRequest,
    MethodMetadataRequest,
    MinMaxScaler,
    NearestNeighbors,
    PCA,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

#: Layers of torch.nn that compute from their weights and settings alone.
LAYERS = words(
    """
    AdaptiveAvgPool1d AlphaDropout AvgPool1d BatchNorm1d Bilinear CELU Conv1d ConvTranspose1d
    Dropout ELU Embedding FeatureAlphaDropout Flatten GELU GLU GroupNorm Hardshrink Hardsigmoid
    Hardswish Hardtanh Identity InstanceNorm1d LayerNorm LeakyReLU Linear LogSigmoid LogSoftmax
    MaxPool1d Mish ModuleDict ModuleList MultiheadAttention PReLU ParameterDict ParameterList
    RMSNorm RReLU ReLU ReLU6 SELU Sequential SiLU Sigmoid Softmax Softmin Softplus Softshrink
    Softsign Tanh Tanhshrink Threshold Unflatten Upsample
    """
)

OPTIMIZERS = words(
    """
    ASGD Adadelta Adafactor Adagrad Adam AdamW Adamax NAdam RAdam RMSprop Rprop SGD
    """
)

#: Families of torch.distributions, and what they are made of.
DISTRIBUTIONS = words(
    """
    Bernoulli Beta Binomial Categorical Cauchy Chi2 ContinuousBernoulli Dirichlet Exponential
    FisherSnedecor Gamma Geometric Gumbel HalfCauchy HalfNormal Independent InverseGamma
    Kumaraswamy LKJCholesky Laplace LogNormal LogisticNormal LowRankMultivariateNormal
    MixtureSameFamily Multinomial MultivariateNormal NegativeBinomial Normal OneHotCategorical
    Pareto Poisson RelaxedBernoulli RelaxedOneHotCategorical StudentT TransformedDistribution
    Uniform VonMises Weibull
    """
)

TRANSFORMS = words(
    """
    AbsTransform AffineTransform ComposeTransform CorrCholeskyTransform ExpTransform
    IndependentTransform LowerCholeskyTransform PowerTransform ReshapeTransform SigmoidTransform
    SoftmaxTransform SoftplusTransform StickBreakingTransform TanhTransform
    """
)

#: Types of cells.
CELLS = (
    bool,
    bytes,
    complex,
    float,
    int,
    str,
    Decimal,
    Fraction,
    datetime.date,
    datetime.datetime,
    datetime.time,
    datetime.timedelta,
    uuid.UUID,
)

NUMBERS = words(
    """
    bool_ int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 str_ bytes_
    datetime64 timedelta64 object_
    """
)


def own_classes() -> Iterator[tuple[str, type]]:
    """Yield the classes of the package that may be part of an estimator, under their names."""
    for path, module in sorted(sys.modules.items()):
        package, _, inner = path.partition(".")
        part = inner.partition(".")[0]
        if package == "sklearn_aae" and part in PARTS:
            for name, value in vars(module).items():
                if isinstance(value, type) and value.__module__ == path:
                    yield f"{part}:{name}", value


@cache
def named() -> dict[str, Any]:
    """Return everything that a file may name."""
    found: dict[str, Any] = dict(own_classes())
    found |= {f"function:{function.__name__}": function for function in FUNCTIONS}
    found |= {f"sklearn:{each.__name__}": each for each in SKLEARN}
    found |= {f"cell:{each.__name__}": each for each in CELLS}
    found |= {f"numpy:{name}": getattr(np, name) for name in NUMBERS}
    for part, module, names in (
        ("layer", torch.nn, LAYERS),
        ("optimizer", torch.optim, OPTIMIZERS),
        ("distribution", torch.distributions, DISTRIBUTIONS),
        ("transform", torch.distributions.transforms, TRANSFORMS),
    ):
        # Old versions of torch lack some.
        found |= {
            f"{part}:{name}": getattr(module, name) for name in names if hasattr(module, name)
        }
    return found | {"torch:DataLoader": DataLoader}


@cache
def names() -> dict[Any, str]:
    """Return the name of everything that a file may name."""
    return {value: name for name, value in named().items()}
