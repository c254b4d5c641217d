"""The constructor's parameters: what they may be, and what "auto" and short forms mean."""

from __future__ import annotations

import math
import os
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from skorch.callbacks import Callback

from sklearn_aae._utils._compat import Interval, StrOptions
from sklearn_aae.encoding import Reader
from sklearn_aae.encoding._identifiers import AUTO, KEEP
from sklearn_aae.networks import ACTIVATIONS
from sklearn_aae.priors import Prior
from sklearn_aae.rules._options import BUDGET
from sklearn_aae.training import LinearDecay, StepwiseDecay

#: A folder, as text or a path.
CHECKPOINT: list[Any] = [str, os.PathLike, None]

#: What scikit-learn checks before a fit.
CONSTRAINTS: dict[str, Any] = {
    "n_components": [Interval(Integral, 1, None, closed="left")],
    "prior": "no_validation",  # resolved, with errors of their own, by the registries
    "posterior": "no_validation",
    "output": "no_validation",
    "supervision": [StrOptions({"prior", "decoder"}), None],
    "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
    "discriminator_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
    "activation": [StrOptions(set(ACTIVATIONS))],
    "encoder": [None, callable],
    "decoder": [None, callable],
    "discriminator": [None, callable],
    "init": [StrOptions({"pca", "random"})],
    "adversarial_weight": [StrOptions({"auto"}), Interval(Real, 0, None, closed="left")],
    "categorical_features": [StrOptions({"from_dtype"}), "array-like"],
    "handle_unknown": [StrOptions({"unknown", "error"})],
    "handle_missing": [StrOptions({"unknown", "error"})],
    "rules": "no_validation",  # check_rules says what is wrong with it
    "scaling": [StrOptions({"standard", "quantile", "minmax"}), None],
    "max_epochs": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "lr": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
    "callbacks": [None, list, tuple],
    "net_params": [None, dict],
    "device": [str, torch.device],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
    "warm_start": ["boolean"],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
    "checkpoint": CHECKPOINT,
    "identifiers": [StrOptions({AUTO, KEEP})],
}

#: Parameters that are built into the networks; a fit that goes on cannot change them.
BUILT_IN = (
    "n_components",
    "prior",
    "posterior",
    "output",
    "supervision",
    "hidden_layer_sizes",
    "discriminator_layer_sizes",
    "activation",
    "encoder",
    "decoder",
    "discriminator",
    "init",
    "scaling",
    "categorical_features",
    "rules",
    "identifiers",
    "net_params",
    "handle_unknown",
    "handle_missing",
)


#: Cells that a search for rules compares for each row that training shows, and at least.
COMPARED_A_ROW, LEAST_BUDGET = 500, 10**7


class NumbersDefaults:
    """What "auto" and the optimizers' settings are for tables of numbers."""

    #: Parameters of the reconstruction phase's optimizer.
    optimizer: dict[str, Any] = {}
    schedule: type[Callback] = LinearDecay
    #: Epochs of the smallest tables.
    least_epochs = 80.0

    def batch_size(self, n_samples: int) -> int:
        """Return the mini-batch size of ``batch_size="auto"``."""
        return int(np.clip(2 ** round(math.log2(2.5 * math.sqrt(n_samples))), 16, 512))

    def max_epochs(self, n_samples: int) -> int:
        """Return the number of epochs of ``max_epochs="auto"``.

        Small tables overfit with more; large ones have seen a million rows by then.
        """
        result: int = round(
            max(
                20.0,
                min(np.clip(4 * math.sqrt(n_samples), self.least_epochs, 150), 1e6 / n_samples),
            )
        )
        return result

    def lr(self, n_samples: int) -> float:
        """Return the learning rate of ``lr="auto"``."""
        return 1e-3


class ComponentsDefaults(NumbersDefaults):
    """The same for networks that start at principal components and follow a normal prior.

    There is less left to learn, and of small tables the less, the wider the code
    (``benchmarks.reduction``).
    """

    def __init__(self, n_components: int) -> None:
        self.least_epochs = min(150.0, 112 / math.sqrt(n_components))

    def max_epochs(self, n_samples: int) -> int:
        return math.ceil(super().max_epochs(n_samples) / 3)


class LevelsDefaults:
    """The same for tables of levels."""

    #: At high rates and in few steps, the second moment has to follow quickly.
    optimizer: dict[str, Any] = {"optimizer__betas": (0.9, 0.98)}
    schedule: type[Callback] = StepwiseDecay

    def batch_size(self, n_samples: int) -> int:
        """Return the mini-batch size of ``batch_size="auto"``."""
        return 128 if n_samples < 2000 else 256

    def max_epochs(self, n_samples: int) -> int:
        """Return the number of epochs of ``max_epochs="auto"``."""
        return max(2, round(min(80, max(38_000, 1300 * math.sqrt(n_samples)) / n_samples)))

    def lr(self, n_samples: int) -> float:
        """Return the learning rate of ``lr="auto"``."""
        return 2e-3 if n_samples < 2000 else 4e-3


def defaults_for(
    reader: Reader, n_components: int, near_prior: bool
) -> NumbersDefaults | LevelsDefaults:
    """Return what is set where the user leaves it open.

    ``near_prior`` says whether codes start at principal components and the prior is normal.
    """
    if reader.is_mixed:
        return LevelsDefaults()
    return ComponentsDefaults(n_components) if near_prior else NumbersDefaults()


def search_budget(model: Any, n_rows: int, *, mixed: bool) -> int:
    """Return how many cells a search for rules may compare inside a fit.

    In proportion to the rows that training shows, so that it takes less than a tenth of it.
    """
    epochs = model.max_epochs
    if epochs == "auto":
        auto = LevelsDefaults() if mixed else ComponentsDefaults(model.n_components)
        epochs = auto.max_epochs(n_rows)
    return int(np.clip(COMPARED_A_ROW * n_rows * int(epochs), LEAST_BUDGET, BUDGET))


def auto_adversarial_weight(
    prior: Prior,
    mixed: bool = False,
    supervision: str | None = None,
    n_near_prior: int | None = None,
) -> float:
    """Return the weight of ``adversarial_weight="auto"``; ``mixed`` for outputs over levels.

    Codes come to a normal prior by themselves, more or less.  Edges, narrow modes and
    spirals are only met if the encoder follows the discriminator more closely, though at
    the full rate it may lose its hold on the rows (``benchmarks.posteriors``).  Into the
    corners of a simplex reconstruction would never go, because it could tell more from
    inside.  A label tells the discriminator to which mode a code belongs, and a slower
    encoder never gets all codes there; nor does it get labels out of the codes of a decoder
    that reads them.  Of ``n_near_prior`` codes that start at principal components and follow a
    normal prior, few come to it by less, and hold more of the rows (``benchmarks.reduction``).
    """
    if prior.has_support_transform or supervision == "prior":
        return 1.0
    if supervision == "decoder":
        return 0.6
    if mixed:
        return 0.45
    if n_near_prior is not None:
        return min(0.3, 0.1 * math.sqrt(n_near_prior))
    return 0.3 if prior.suits_channel else 0.6


def as_sizes(sizes: Any, name: str) -> tuple[int, ...]:
    """Return layer widths as a tuple; an integer stands for one layer."""
    widths = [sizes] if isinstance(sizes, Integral) else list(sizes)
    if not all(isinstance(width, Integral) and int(width) > 0 for width in widths):
        raise ValueError(f"{name} must be positive integers, got {sizes!r}.")
    return tuple(int(width) for width in widths)


def as_device(device: str | torch.device) -> torch.device:
    """Return the device to train on; "auto" is CUDA if present."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        # A name may be known and the device not there; only using it tells.
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"device={device!r} cannot be used here ({error}); device='auto' takes what is there."
        ) from error
    return chosen
