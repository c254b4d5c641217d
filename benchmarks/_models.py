"""What the quality benchmark compares: models that compress, reconstruct and generate."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch import nn

from sklearn_aae import AdversarialAutoencoder
from sklearn_aae.networks import ACTIVATIONS


class LinearModel(PCA):
    """PCA that also samples, as probabilistic PCA."""

    def sample(self, n_samples: int, random_state: int) -> np.ndarray:
        """Draw rows from the Gaussian that probabilistic PCA fits."""
        rng = np.random.default_rng(random_state)
        return rng.multivariate_normal(self.mean_, self.get_covariance(), n_samples)


class VAE:
    """Variational autoencoder with the layers and the schedule of a fitted estimator.

    Parameters
    ----------
    like : AdversarialAutoencoder
        A fitted estimator, from which layers, activation, batch size, epochs and
        learning rate are taken.
    variance : {"unit", "learned"}
        Of the decoder's Gaussian.  ``"unit"`` minimises half the squared error, summed
        over columns, plus the divergence of the codes from the prior: the beta = 1 of
        the literature.  ``"learned"`` has one variance for all columns, set to the
        batch's mean squared error, which is where the likelihood is greatest.
    random_state : int
        Seeds weights, order and noise.
    """

    def __init__(self, like: AdversarialAutoencoder, variance: str, random_state: int) -> None:
        self.like = like
        self.variance = variance
        self.random_state = random_state

    def fit(self, X: np.ndarray) -> VAE:
        """Train on rows."""
        torch.manual_seed(self.random_state)
        sizes = [layer.out_features for layer in _linear_layers(self.like.encoder_)[:-1]]
        activation = ACTIVATIONS[self.like.activation]
        self.width = self.like.n_components
        self.encoder = _mlp([X.shape[1], *sizes, 2 * self.width], activation)
        self.decoder = _mlp([self.width, *sizes[::-1], X.shape[1]], activation)
        x = torch.as_tensor(X, dtype=torch.float32)
        parameters = [*self.encoder.parameters(), *self.decoder.parameters()]
        optimizer = torch.optim.Adam(parameters, lr=self.like.net_.lr, fused=True)
        n_epochs = self.like.n_iter_
        n_batches = -(-len(x) // self.like.net_.batch_size)
        for epoch in range(n_epochs):
            optimizer.param_groups[0]["lr"] = self.like.net_.lr * decay(epoch / n_epochs)
            for index in torch.randperm(len(x)).tensor_split(n_batches):
                optimizer.zero_grad()
                self._loss(x[index]).backward()
                optimizer.step()
        # The noise of samples is measured as AdversarialAutoencoder measures its own.
        self.noise = np.sqrt(((X - self.inverse_transform(self.transform(X))) ** 2).mean(axis=0))
        return self

    def _loss(self, x: torch.Tensor) -> torch.Tensor:
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        codes = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        square = (self.decoder(codes) - x).square()
        divergence = (mean.square() + log_variance.exp() - log_variance - 1).sum(dim=1).mean() / 2
        if self.variance == "unit":
            return square.sum(dim=1).mean() / 2 + divergence
        return x.shape[1] / 2 * square.mean().log() + divergence

    @torch.no_grad()
    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the means of the codes."""
        return self.encoder(torch.as_tensor(X, dtype=torch.float32))[:, : self.width].numpy()

    @torch.no_grad()
    def transform_drawn(self, X: np.ndarray) -> np.ndarray:
        """Return codes drawn from the posterior: what the divergence pulls to the prior."""
        generator = torch.Generator().manual_seed(self.random_state)
        mean, log_variance = self.encoder(torch.as_tensor(X, dtype=torch.float32)).chunk(2, dim=1)
        noise = torch.randn(mean.shape, generator=generator)
        return (mean + noise * (log_variance / 2).exp()).numpy()

    @torch.no_grad()
    def inverse_transform(self, Z: np.ndarray) -> np.ndarray:
        """Return the expected rows for codes."""
        return self.decoder(torch.as_tensor(Z, dtype=torch.float32)).numpy()

    def sample(self, n_samples: int, random_state: int) -> np.ndarray:
        """Draw rows, with the decoder's noise."""
        rng = np.random.default_rng(random_state)
        rows = self.inverse_transform(rng.normal(size=(n_samples, self.width)))
        return rows + rng.normal(size=rows.shape) * self.noise


def decay(done: float) -> float:
    """Return the factor on the learning rate: a linear fall to a tenth in the second half."""
    return 1 - 0.9 * max(0.0, 2 * done - 1)


def _linear_layers(network: nn.Module) -> list[nn.Linear]:
    return [layer for layer in network.modules() if isinstance(layer, nn.Linear)]


def _mlp(sizes: list[int], activation: type[nn.Module]) -> nn.Sequential:
    layers: list[Any] = []
    for n_in, n_out in pairwise(sizes):
        layers += [nn.Linear(n_in, n_out), activation()]
    return nn.Sequential(*layers[:-1])
