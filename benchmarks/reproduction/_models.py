"""The four models of the claims benchmark: the same layers, batches, steps and optimizer.

The adversarial and the plain autoencoder are the package's; the variational autoencoder and
the generative adversarial network are the textbook's, in plain torch, on the package's layers.
All networks end in a sigmoid, all rows are in [0, 1], every prior is a standard normal, and
learning rates fall linearly to a tenth over the second half of the steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from benchmarks._models import decay
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
    """The package's model behind the interface of the others.

    Parameters
    ----------
    schedule : Schedule
        Layers, batches and epochs.
    seed : int
        Seeds everything.
    lr : float
        Learning rate.
    adversarial_weight : float, default=0
        0 is the plain autoencoder.
    """

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
        """Train on rows."""
        try:
            self.aae.fit(X)
        except NonFiniteLossError:
            self.finite = False
        else:
            self.finite = not self.aae.net_.diverged_
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return codes."""
        return self.aae.transform(X)

    def transform_drawn(self, X: np.ndarray) -> np.ndarray:
        """Return codes: the encoder is deterministic."""
        return self.aae.transform(X)

    def inverse_transform(self, Z: np.ndarray) -> np.ndarray:
        """Return the expected rows for codes."""
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
        x = torch.from_numpy(X)
        self._build(X.shape[1])
        self.finite = True
        for rate, batch in self._batches(x):
            loss = self._step(batch, rate)
            if not np.isfinite(loss):
                self.finite = False
                break
        return self

    def _batches(self, x: torch.Tensor) -> Iterator[tuple[float, torch.Tensor]]:
        """Yield the factor on the learning rate, and rows."""
        n_batches = -(-len(x) // self.schedule.batch_size)
        for epoch in range(self.schedule.epochs):
            order = torch.randperm(len(x), generator=self.order)
            for index in order.tensor_split(n_batches):
                yield decay(epoch / self.schedule.epochs), x[index]

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
        """Return the expected rows for codes."""
        return torch.sigmoid(self.decoder(torch.as_tensor(Z, dtype=torch.float32))).numpy()

    def _draw(self, n: int) -> torch.Tensor:
        return torch.randn(n, self.schedule.n_components, generator=self.noise)


class VAE(_Torch):
    """Variational autoencoder: cross-entropy summed over columns, plus beta times the divergence.

    Kingma & Welling 2014; beta of Higgins et al. 2017.
    """

    def __init__(self, schedule: Schedule, seed: int, *, lr: float, beta: float) -> None:
        super().__init__(schedule, seed, lr=lr)
        self.beta = beta

    def _build(self, n_features: int) -> None:
        k = self.schedule.n_components
        self.encoder = self._network(n_features, self.schedule.hidden, 2 * k)
        self.decoder = self._decoder(n_features)
        parameters = [*self.encoder.parameters(), *self.decoder.parameters()]
        self.optimizer = torch.optim.Adam(parameters, lr=self.lr, fused=True)

    def _step(self, x: torch.Tensor, rate: float) -> float:
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        codes = mean + self._draw(len(x)) * (log_variance / 2).exp()
        losses = binary_cross_entropy_with_logits(self.decoder(codes), x, reduction="none")
        divergence = (mean.square() + log_variance.exp() - log_variance - 1).sum(dim=1) / 2
        loss = (losses.sum(dim=1) + self.beta * divergence).mean()
        step(self.optimizer, loss, self.lr * rate)
        return loss.item()

    @torch.no_grad()
    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the means of the codes."""
        return self.encoder(torch.from_numpy(X))[:, : self.schedule.n_components].numpy()

    @torch.no_grad()
    def transform_drawn(self, X: np.ndarray) -> np.ndarray:
        """Return codes drawn from the posterior: what the divergence pulls to the prior."""
        mean, log_variance = self.encoder(torch.from_numpy(X)).chunk(2, dim=1)
        noise = torch.randn(mean.shape, generator=torch.Generator().manual_seed(self.seed))
        return (mean + noise * (log_variance / 2).exp()).numpy()


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
        self.critic = self._network(n_features, self.schedule.hidden, 1, DISCRIMINATOR_ACTIVATION)
        self.generator_steps, self.critic_steps = (
            torch.optim.Adam(network.parameters(), lr=self.lr, betas=BETAS, fused=True)
            for network in (self.decoder, self.critic)
        )

    def _step(self, x: torch.Tensor, rate: float) -> float:
        made = torch.sigmoid(self.decoder(self._draw(len(x))))
        real, fake = self.critic(torch.cat([x, made.detach()])).split(len(x))
        loss = (softplus(-real) + softplus(fake)).mean()
        step(self.critic_steps, loss, self.lr * self.ratio * rate)
        # The critic's own gradients of this pass are dropped by its next step.
        fooled = softplus(-self.critic(made)).mean()
        step(self.generator_steps, fooled, self.lr * rate)
        return loss.item() + fooled.item()


def step(optimizer: torch.optim.Optimizer, loss: torch.Tensor, lr: float) -> None:
    """Take a step at a learning rate."""
    optimizer.param_groups[0]["lr"] = lr
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


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
