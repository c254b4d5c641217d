"""What the quality benchmark compares: models that compress, reconstruct and generate."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch import nn

from benchmarks._loops import mlp
from sklearn_aae import AdversarialAutoencoder
from sklearn_aae.networks import ACTIVATIONS


class LinearModel(PCA):
    """PCA that also samples, as probabilistic PCA."""

    def sample(self, n_samples: int, random_state: int) -> np.ndarray:
        """Draw rows from the Gaussian that probabilistic PCA fits."""
        rng = np.random.default_rng(random_state)
        return rng.multivariate_normal(self.mean_, self.get_covariance(), n_samples)


class Variational:
    """Codes of a variational autoencoder, whose ``encoder`` gives means and log variances."""

    encoder: nn.Module
    seed: int

    def posterior(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return means and log variances of the codes."""
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        return mean, log_variance

    @torch.no_grad()
    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the means of the codes."""
        return self.posterior(torch.as_tensor(X, dtype=torch.float32))[0].numpy()

    @torch.no_grad()
    def transform_drawn(self, X: np.ndarray) -> np.ndarray:
        """Return codes drawn from the posterior: what the divergence pulls to the prior."""
        mean, log_variance = self.posterior(torch.as_tensor(X, dtype=torch.float32))
        noise = torch.randn(mean.shape, generator=torch.Generator().manual_seed(self.seed))
        return (mean + noise * (log_variance / 2).exp()).numpy()


def divergence(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """Return the divergence of each row's posterior from the standard normal prior."""
    return (mean.square() + log_variance.exp() - log_variance - 1).sum(dim=1) / 2


class VAE(Variational):
    """Variational autoencoder with the layers and the schedule of a fitted estimator.

    Its ``variance`` is of the decoder's Gaussian.  ``"unit"`` minimises half the squared error,
    summed over columns, plus the divergence of the codes from the prior: the beta = 1 of the
    literature.  ``"learned"`` has one variance for all columns, set to the batch's mean squared
    error, which is where the likelihood is greatest.
    """

    def __init__(self, like: AdversarialAutoencoder, variance: str, seed: int) -> None:
        self.like, self.variance, self.seed = like, variance, seed

    def fit(self, X: np.ndarray) -> VAE:
        torch.manual_seed(self.seed)
        layers = [one for one in self.like.encoder_.modules() if isinstance(one, nn.Linear)]
        sizes = [layer.out_features for layer in layers[:-1]]
        activation = ACTIVATIONS[self.like.activation]
        self.width = self.like.n_components
        self.encoder = mlp(X.shape[1], *sizes, 2 * self.width, activation=activation)
        self.decoder = mlp(self.width, *sizes[::-1], X.shape[1], activation=activation)
        parameters = [*self.encoder.parameters(), *self.decoder.parameters()]
        net, x = self.like.net_, torch.as_tensor(X, dtype=torch.float32)
        optimizer = torch.optim.Adam(parameters, lr=net.lr, fused=True)
        for factor, batch in batches(x, self.like.n_iter_, net.batch_size):
            step(optimizer, self._loss(batch), net.lr * factor)
        # The noise of samples is measured as AdversarialAutoencoder measures its own.
        self.noise = np.sqrt(((X - self.inverse_transform(self.transform(X))) ** 2).mean(axis=0))
        return self

    def _loss(self, x: torch.Tensor) -> torch.Tensor:
        mean, log_variance = self.posterior(x)
        codes = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        square = (self.decoder(codes) - x).square()
        pull = divergence(mean, log_variance).mean()
        if self.variance == "unit":
            return square.sum(dim=1).mean() / 2 + pull
        return x.shape[1] / 2 * square.mean().log() + pull

    @torch.no_grad()
    def inverse_transform(self, Z: np.ndarray) -> np.ndarray:
        """Return the expected rows for codes."""
        return self.decoder(torch.as_tensor(Z, dtype=torch.float32)).numpy()

    def sample(self, n_samples: int, random_state: int) -> np.ndarray:
        """Draw rows, with the decoder's noise."""
        rng = np.random.default_rng(random_state)
        rows = self.inverse_transform(rng.normal(size=(n_samples, self.width)))
        return rows + rng.normal(size=rows.shape) * self.noise


def batches(
    x: torch.Tensor, n_epochs: int, batch_size: int, order: torch.Generator | None = None
) -> Iterator[tuple[float, torch.Tensor]]:
    """Yield the factor on the learning rate, and rows.

    The factor falls linearly to a tenth in the second half.
    """
    n_batches = -(-len(x) // batch_size)
    for epoch in range(n_epochs):
        factor = 1 - 0.9 * max(0.0, 2 * epoch / n_epochs - 1)
        for index in torch.randperm(len(x), generator=order).tensor_split(n_batches):
            yield factor, x[index]


def step(optimizer: torch.optim.Optimizer, loss: torch.Tensor, lr: float) -> None:
    """Take a step at a learning rate."""
    optimizer.param_groups[0]["lr"] = lr
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
