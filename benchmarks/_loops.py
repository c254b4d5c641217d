"""Adversarial autoencoders as users write them by hand: what the package is timed against."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, linear, mse_loss
from torch.utils.data import DataLoader, TensorDataset

BETAS = (0.5, 0.999)


@dataclass(frozen=True)
class Workload:
    """A table's size and the layers of the networks that are trained on it."""

    n_samples: int
    n_features: int
    hidden: tuple[int, ...]
    n_components: int
    discriminator_hidden: tuple[int, ...]
    batch_size: int
    epochs: int
    device: str = "cpu"
    #: Whether encoder and decoder have a linear path beside their layers, as with init="pca".
    linear_path: bool = False

    def table(self) -> np.ndarray:
        """Return standard normal rows: times do not depend on what is in them."""
        rng = np.random.default_rng(0)
        return rng.standard_normal((self.n_samples, self.n_features), dtype=np.float32)

    def encoder(self) -> nn.Module:
        return self._network(self.n_features, *self.hidden, self.n_components)

    def decoder(self) -> nn.Module:
        """Return a fresh decoder, the encoder's mirror image."""
        return self._network(self.n_components, *self.hidden[::-1], self.n_features)

    def _network(self, *sizes: int) -> nn.Module:
        layers = mlp(*sizes)
        return (Beside(layers, sizes[0], sizes[-1]) if self.linear_path else layers).to(self.device)

    def discriminator(self) -> nn.Sequential:
        return mlp(self.n_components, *self.discriminator_hidden, 1).to(self.device)

    @property
    def steps_per_epoch(self) -> int:
        """Number of mini-batches, the last and smaller one included."""
        return -(-self.n_samples // self.batch_size)


WORKLOADS = {
    "table": Workload(20_000, 30, (128, 64), 8, (64, 64), 128, epochs=15),
    "wide": Workload(10_000, 200, (256, 128), 16, (128, 128), 256, epochs=15),
    "mnist": Workload(6_000, 784, (1000, 1000), 8, (1000, 1000), 100, epochs=3),
}


class Beside(nn.Module):
    """A linear path, which is not trained, beside layers that bend."""

    path: torch.Tensor

    def __init__(self, layers: nn.Module, n_in: int, n_out: int) -> None:
        super().__init__()
        self.layers = layers
        self.register_buffer("path", torch.randn(n_out, n_in) / n_in**0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = linear(x, self.path) + self.layers(x)
        return result


def mlp(*sizes: int, activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    """Return linear layers with an activation between them."""
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(sizes):
        layers += [nn.Linear(n_in, n_out), activation()]
    return nn.Sequential(*layers[:-1])


def hand_written(work: Workload, X: np.ndarray) -> int:
    """Train with a DataLoader, three Adams and three phases; return the number of steps."""
    encoder, decoder, discriminator = work.encoder(), work.decoder(), work.discriminator()
    opt_auto = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
    opt_disc = torch.optim.Adam(discriminator.parameters(), lr=1e-3, betas=BETAS)
    opt_gen = torch.optim.Adam(encoder.parameters(), lr=3e-4, betas=BETAS)
    rows = torch.from_numpy((X - X.mean(axis=0)) / X.std(axis=0))
    loader = DataLoader(TensorDataset(rows), batch_size=work.batch_size, shuffle=True)
    device = work.device
    steps = 0
    for _ in range(work.epochs):
        for (batch,) in loader:
            x = batch.to(device)
            ones = torch.ones(len(x), 1, device=device)
            zeros = torch.zeros(len(x), 1, device=device)

            opt_auto.zero_grad()
            mse_loss(decoder(encoder(x)), x).backward()
            opt_auto.step()

            opt_disc.zero_grad()
            real = torch.randn(len(x), work.n_components, device=device)
            fake = encoder(x).detach()
            loss_real = binary_cross_entropy_with_logits(discriminator(real), ones)
            loss_fake = binary_cross_entropy_with_logits(discriminator(fake), zeros)
            (loss_real + loss_fake).backward()
            opt_disc.step()

            opt_gen.zero_grad()
            binary_cross_entropy_with_logits(discriminator(encoder(x)), ones).backward()
            opt_gen.step()
            steps += 1
    return steps


def hand_tuned(work: Workload, X: np.ndarray) -> int:
    """Train the same with what an expert would change; return the number of steps.

    Batches are slices of a shuffled copy in memory (that of the device, which holds the whole
    table), Adam is fused, the discriminator sees prior draws and codes in one pass, and
    phases 2 and 3 share the encoder's pass.
    """
    encoder, decoder, discriminator = work.encoder(), work.decoder(), work.discriminator()
    auto = [*encoder.parameters(), *decoder.parameters()]
    disc, gen = list(discriminator.parameters()), list(encoder.parameters())
    opt_auto = torch.optim.Adam(auto, lr=1e-3, fused=True)
    opt_disc = torch.optim.Adam(disc, lr=1e-3, betas=BETAS, fused=True)
    opt_gen = torch.optim.Adam(gen, lr=3e-4, betas=BETAS, fused=True)
    rows = torch.from_numpy((X - X.mean(axis=0)) / X.std(axis=0)).to(work.device)
    steps = 0
    for _ in range(work.epochs):
        shuffled = rows[torch.randperm(len(rows), device=work.device)]
        for x in shuffled.split(work.batch_size):
            n = len(x)
            opt_auto.zero_grad()
            mse_loss(decoder(encoder(x)), x).backward()
            opt_auto.step()

            codes = encoder(x)
            opt_disc.zero_grad()
            labels = torch.zeros(2 * n, 1, device=work.device)
            labels[:n] = 1
            prior = torch.randn(n, work.n_components, device=work.device)
            logits = discriminator(torch.cat([prior, codes.detach()]))
            (2 * binary_cross_entropy_with_logits(logits, labels)).backward()
            opt_disc.step()

            opt_gen.zero_grad()
            loss = binary_cross_entropy_with_logits(discriminator(codes), labels[:n])
            loss.backward(inputs=gen)
            opt_gen.step()
            steps += 1
    return steps
