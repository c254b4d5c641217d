"""From a recipe to an estimator."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import torch
from torch import nn

from benchmarks.reproduction._recipes import Recipe, Task
from sklearn_aae import AAEClassifier, AAEClusterer, AdversarialAutoencoder
from sklearn_aae.posteriors import Deterministic, Gaussian
from sklearn_aae.priors import Gaussian as GaussianPrior

ACTIVATIONS = {"relu": nn.ReLU, "leaky_relu": partial(nn.LeakyReLU, 0.2)}


def multiplies_bfloat16(device: torch.device) -> bool:
    """Return whether a device is at least as fast with bfloat16 as with float32.

    Processors without AVX-512 take thirty times as long.
    """
    return device.type != "cpu" or torch.backends.cpu.get_cpu_capability() == "AVX512"


class HalfPrecision(nn.Sequential):
    """Layers whose products are of bfloat16 where that is fast; their weights are not."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the output in the precision of the input; float64 stays float64."""
        with torch.autocast(x.device.type, torch.bfloat16, enabled=multiplies_bfloat16(x.device)):
            return super().forward(x).to(x.dtype)


def network(
    n_in: int,
    n_out: int,
    *,
    widths: tuple[int, ...],
    activation: str,
    dropout: float,
    half_precision: bool,
    log_scale: float = 0.0,
) -> nn.Sequential:
    """Return a perceptron with dropout after each hidden layer.

    ``log_scale`` is where the second half of the outputs, the log variances of a Gaussian
    posterior, begins.
    """
    layers: list[nn.Module] = []
    for width in widths:
        layers += [nn.Linear(n_in, width), ACTIVATIONS[activation]()]
        layers += [nn.Dropout(dropout)] if dropout else []
        n_in = width
    last = nn.Linear(n_in, n_out)
    if log_scale:
        with torch.no_grad():
            last.bias[n_out // 2 :] += log_scale
    return (HalfPrecision if half_precision else nn.Sequential)(*layers, last)


def has_own_networks(recipe: Recipe) -> bool:
    """Return whether a recipe needs more than the library's networks."""
    return recipe.dropout > 0 or recipe.posterior_scale != 1 or recipe.half_precision


def autoencoder(recipe: Recipe, **more: Any) -> AdversarialAutoencoder:
    """Return the unfitted model of a recipe."""
    posterior = {"deterministic": Deterministic, "gaussian": Gaussian}[recipe.posterior]
    model = AdversarialAutoencoder(
        n_components=recipe.n_components,
        prior=GaussianPrior(recipe.prior_scale),
        posterior=posterior(input_noise=recipe.input_noise),
        output="bernoulli",
        discriminator_layer_sizes=recipe.discriminator_widths,
        activation=recipe.activation,
        # The schedule sets the rates; this only switches the adversary on.
        adversarial_weight=1.0,
        **more,
    )
    if has_own_networks(recipe):
        build = partial(network, dropout=recipe.dropout, half_precision=recipe.half_precision)
        model.set_params(
            encoder=partial(
                build,
                widths=recipe.widths,
                activation=recipe.activation,
                log_scale=2 * math.log(recipe.posterior_scale),
            ),
            decoder=partial(build, widths=recipe.widths[::-1], activation=recipe.activation),
            discriminator=partial(
                build, widths=recipe.discriminator_widths, activation="leaky_relu"
            ),
        )
    return model


def estimator(recipe: Recipe, task: Task, callbacks: list, seed: int, device: str) -> Any:
    """Return the unfitted estimator of a task."""
    training = {
        "hidden_layer_sizes": recipe.widths,
        "max_epochs": recipe.epochs,
        "batch_size": recipe.batch_size,
        "callbacks": callbacks,
        "device": device,
        "random_state": seed,
    }
    if task.draws_rows:
        return autoencoder(recipe, **training)
    shared = {
        "n_components": recipe.n_components,
        "consistency": recipe.consistency,
        "consistency_weight": recipe.consistency_weight,
        "n_neighbors": recipe.n_neighbors,
        "init": recipe.init,
        "head_distance": recipe.head_distance,
        "estimator": autoencoder(recipe),
        **training,
    }
    if task.n_clusters is not None:
        return AAEClusterer(task.n_clusters, **shared)
    return AAEClassifier(**shared)
