"""The four models of the claims benchmark: the same layers, batches, steps and optimizer.

The adversarial and the plain autoencoder are the package's; the variational autoencoder and
the generative adversarial network are the textbook's, in plain torch, on the package's layers.
All networks end in a sigmoid, all rows are in [0, 1], every prior is a standard normal, and
learning rates fall linearly to a tenth over the second half of the steps.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from benchmarks._models import Variational, batches, divergence, step
from benchmarks.reproduction._tables import Schedule
from sklearn_aae import AdversarialAutoencoder
from sklearn_aae.exceptions import NonFiniteLossError
from sklearn_aae.networks import ACTIVATIONS, mlp
from sklearn_aae.networks._mlp import DISCRIMINATOR_ACTIVATION

#: Of the optimizers of adversarial steps, as in the package.
BETAS = (0.5, 0.999)
AE, VAE_ROW, GAN_ROW, AAE = "autoencoder", "VAE", "GAN", "AAE"
#: Eight settings for every model.
GRIDS: dict[str, list[dict[str, float]]] = {
    AE: [{"lr": lr} for lr in (5e-4, 7e-4, 1e-3, 1.5e-3, 2e-3, 3e-3, 4e-3, 6e-3)],
    VAE_ROW: [{"lr": lr, "beta": b} for lr in (2e-3, 4e-3) for b in (0.03, 0.1, 0.3, 1)],
    GAN_ROW: [{"lr": lr, "ratio": r} for lr in (5e-4, 1e-3, 2e-3, 4e-3) for r in (1, 3)],
    AAE: [{"lr": lr, "adversarial_weight": w} for lr in (2e-3, 4e-3) for w in (0.1, 0.3, 0.5, 1)],
}


class Ours:
    """The package's model behind the interface of the others; weight 0 is plain."""

    encodes = True

    def __init__(
        self, schedule: Schedule, seed: int, *, lr: float, adversarial_weight: float = 0
    ) -> None:
        self.has_prior = adversarial_weight > 0
        self.aae = AdversarialAutoencoder(
            schedule.n_components,
            output="bernoulli",
            hidden_layer_sizes=schedule.hidden,
            discriminator_layer_sizes=schedule.discriminator,
            adversarial_weight=adversarial_weight,
            lr=lr,
            max_epochs=schedule.epochs,
            batch_size=schedule.batch_size,
            random_state=seed,
            device="cpu",
        )

    def fit(self, X: np.ndarray) -> Ours:
        try:
            self.aae.fit(X)
        except NonFiniteLossError:
            self.finite = False
        else:
            self.finite = not self.aae.net_.diverged_
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        return self.aae.transform(X)

    #: The encoder is deterministic.
    transform_drawn = transform

    def inverse_transform(self, Z: np.ndarray) -> np.ndarray:
        return self.aae.inverse_transform(Z)


class _Torch:
    """What the models in plain torch share."""

    encodes = True
    has_prior = True

    def __init__(self, schedule: Schedule, seed: int, *, lr: float) -> None:
        self.schedule, self.seed, self.lr = schedule, seed, lr
        # One stream each for weights, for the order of rows and for noise.
        self.weights, self.order, self.noise = (
            torch.Generator().manual_seed(seed * 3 + stream) for stream in range(3)
        )

    def fit(self, X: np.ndarray) -> Any:
        """Train on rows; a loss that is not finite ends it."""
        self._build(X.shape[1])
        schedule, x = self.schedule, torch.from_numpy(X)
        for rate, batch in batches(x, schedule.epochs, schedule.batch_size, self.order):
            self.finite = bool(np.isfinite(self._step(batch, rate)))
            if not self.finite:
                break
        return self

    def _network(
        self, n_in: int, widths: tuple[int, ...], n_out: int, activation: Any = ACTIVATIONS["gelu"]
    ) -> nn.Sequential:
        return mlp(n_in, widths, n_out, activation, self.weights)

    def _decoder(self, n_features: int) -> nn.Sequential:
        return self._network(self.schedule.n_components, self.schedule.hidden[::-1], n_features)

    def _build(self, n_features: int) -> None:
        raise NotImplementedError

    def _step(self, x: torch.Tensor, rate: float) -> float:
        raise NotImplementedError

    @torch.no_grad()
    def inverse_transform(self, Z: np.ndarray) -> np.ndarray:
        return torch.sigmoid(self.decoder(torch.as_tensor(Z, dtype=torch.float32))).numpy()

    def _draw(self, n: int) -> torch.Tensor:
        return torch.randn(n, self.schedule.n_components, generator=self.noise)


class VAE(Variational, _Torch):
    """Variational autoencoder: cross-entropy summed over columns, plus beta times the divergence.

    Kingma & Welling 2014; beta of Higgins et al. 2017.
    """

    def __init__(self, schedule: Schedule, seed: int, *, lr: float, beta: float) -> None:
        super().__init__(schedule, seed, lr=lr)
        self.beta = beta

    def _build(self, n_features: int) -> None:
        n_outputs = 2 * self.schedule.n_components
        self.encoder = self._network(n_features, self.schedule.hidden, n_outputs)
        self.decoder = self._decoder(n_features)
        parameters = [*self.encoder.parameters(), *self.decoder.parameters()]
        self.optimizer = torch.optim.Adam(parameters, lr=self.lr, fused=True)

    def _step(self, x: torch.Tensor, rate: float) -> float:
        mean, log_variance = self.posterior(x)
        codes = mean + self._draw(len(x)) * (log_variance / 2).exp()
        losses = binary_cross_entropy_with_logits(self.decoder(codes), x, reduction="none")
        loss = (losses.sum(dim=1) + self.beta * divergence(mean, log_variance)).mean()
        step(self.optimizer, loss, self.lr * rate)
        return loss.item()


class GAN(_Torch):
    """Generative adversarial network with the loss that does not saturate.

    Goodfellow et al. 2014.  The generator has the decoder's layers, the discriminator the
    encoder's, with a single output.  ``ratio`` is the discriminator's learning rate over that of
    the generator (Heusel et al. 2017).
    """

    encodes = False

    def __init__(self, schedule: Schedule, seed: int, *, lr: float, ratio: float) -> None:
        super().__init__(schedule, seed, lr=lr)
        self.ratio = ratio

    def _build(self, n_features: int) -> None:
        self.decoder = self._decoder(n_features)
        self.discriminator = self._network(
            n_features, self.schedule.hidden, 1, DISCRIMINATOR_ACTIVATION
        )
        self.g_optimizer, self.d_optimizer = (
            torch.optim.Adam(network.parameters(), lr=self.lr, betas=BETAS, fused=True)
            for network in (self.decoder, self.discriminator)
        )

    def _step(self, x: torch.Tensor, rate: float) -> float:
        made = torch.sigmoid(self.decoder(self._draw(len(x))))
        real, fake = self.discriminator(torch.cat([x, made.detach()])).split(len(x))
        d_loss = (softplus(-real) + softplus(fake)).mean()
        step(self.d_optimizer, d_loss, self.lr * self.ratio * rate)
        # The discriminator's own gradients of this pass are dropped by its next step.
        g_loss = softplus(-self.discriminator(made)).mean()
        step(self.g_optimizer, g_loss, self.lr * rate)
        return d_loss.item() + g_loss.item()


def make(name: str, schedule: Schedule, seed: int, setting: dict[str, float]) -> Any:
    """Return an unfitted model."""
    kind: Any = {AE: Ours, VAE_ROW: VAE, GAN_ROW: GAN, AAE: Ours}[name]
    return kind(schedule, seed, **setting)


def invert(
    model: Any, X: np.ndarray, seed: int, *, n_starts: int = 2000, n_steps: int = 200
) -> np.ndarray:
    """Return codes whose decodings are near rows: what stands in for a GAN's encoder.

    Each row starts at that of ``n_starts`` prior draws whose decoding is nearest; Adam then
    lowers the squared error.
    """
    generator = torch.Generator().manual_seed(seed)
    starts = torch.randn(n_starts, model.schedule.n_components, generator=generator)
    x = torch.from_numpy(X)
    decoded = torch.from_numpy(model.inverse_transform(starts.numpy()))
    codes = starts[torch.cdist(x, decoded).argmin(dim=1)].clone().requires_grad_()
    optimizer = torch.optim.Adam([codes], lr=0.05)
    for _ in range(n_steps):
        (gradient,) = torch.autograd.grad(
            (torch.sigmoid(model.decoder(codes)) - x).square().sum(), codes
        )
        codes.grad = gradient
        optimizer.step()
    return codes.detach().numpy()
