"""A mixture of Gaussians that is learned with the model."""

from __future__ import annotations

import math

import torch
from sklearn.base import clone
from sklearn.cluster import kmeans_plusplus
from torch import nn

from sklearn_aae.priors._checks import check_count, check_number
from sklearn_aae.priors._modes import GaussianModes, MixtureOfGaussians

#: Steps of expectation maximisation before an epoch, at the first time and at the end.
EPOCH_STEPS, FIRST_STEPS, LAST_STEPS = 3, 30, 100
#: Steps end when the log density of a code gains less than this.
LEAST_GAIN = 1e-4


class LearnedMixture(MixtureOfGaussians, nn.Module):
    r"""Mixture of Gaussians whose parameters follow the codes.

    The first epoch trains against a standard normal.  Before each further epoch,
    expectation maximisation moves weights, means and covariances a few steps towards
    the codes of the training rows, brought to mean 0 and unit variance; the adversary
    then moves the codes towards the mixture.  So codes keep the clusters that the data
    have, and take the shape between and within them that makes the mixture
    exact.  After training, the mixture is fitted to the codes once more, now on
    their own scale: ``sample`` and ``log_prob`` are those of this fit.

    Parameters
    ----------
    n_modes : int, default=10
        Number of Gaussians.
    min_scale : float, default=0.1
        Standard deviation that modes tend to if few codes are theirs, in standard
        deviations of the codes; it keeps a mode from closing in on single rows.

    Notes
    -----
    Gradients of the adversarial or of the reconstruction loss are not used: with
    the former the prior could please the discriminator by leaving the codes behind,
    and the latter does not see the prior.  Maximum likelihood does what training the
    prior of a variational autoencoder does [1]_, and a mixture fitted to the codes
    afterwards is known to mend an autoencoder's samples [2]_; here the codes also meet
    it half way.  Without the standardisation both could grow together without end.

    In every M-step, :math:`\Sigma_i = (S_i + c s^2 I) / (n_i + c)` with the scatter
    :math:`S_i` of the :math:`n_i` codes of a mode, :math:`c` = ``n_components`` + 2
    pseudo-codes and :math:`s` = ``min_scale``.

    The parameters are buffers of a :class:`torch.nn.Module`: checkpoints and early
    stopping keep and restore them with the weights of the networks.

    References
    ----------
    .. [1] Tomczak, Welling, "VAE with a VampPrior", AISTATS 2018.
    .. [2] P. Ghosh, M. S. M. Sajjadi, A. Vergari, M. Black, B. Schölkopf, "From
       Variational to Deterministic Autoencoders", ICLR 2020.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_aae import AdversarialAutoencoder
    >>> aae = AdversarialAutoencoder(prior="learned", max_epochs=5, random_state=0)
    >>> aae.fit(load_iris().data).prior_.means.shape
    torch.Size([10, 2])
    """

    def __init__(self, n_modes: int = 10, *, min_scale: float = 0.1) -> None:
        nn.Module.__init__(self)
        self.n_modes = n_modes
        self.min_scale = min_scale

    #: Set by ``build``; empty until codes were seen.
    fitted: torch.Tensor
    weights: torch.Tensor
    means: torch.Tensor
    factors: torch.Tensor
    location: torch.Tensor
    spread: torch.Tensor

    @property
    def suits_channel(self) -> bool:
        """Whether its variances are 1: while it trains, they are."""
        return True

    def check(self, n_components: int) -> None:
        check_count(self, "n_modes")
        check_number(self, "min_scale", positive=True)

    def build(self, n_components: int) -> LearnedMixture:
        # A copy that has seen no codes: standard normal until it is shown some.
        built: LearnedMixture = clone(self)
        m, k, double = self.n_modes, n_components, torch.float64
        built.register_buffer("fitted", torch.tensor(False))
        built.register_buffer("weights", torch.full((m,), 1 / m, dtype=double))
        built.register_buffer("means", torch.zeros(m, k, dtype=double))
        built.register_buffer("factors", torch.eye(k, dtype=double).repeat(m, 1, 1))
        built.register_buffer("location", torch.zeros(k, dtype=double))
        built.register_buffer("spread", torch.ones(k, dtype=double))
        return built

    def count_modes(self, n_components: int) -> int:
        return self.n_modes

    def update(
        self, codes: torch.Tensor, generator: torch.Generator, *, last: bool = False
    ) -> None:
        location, spread = codes.mean(dim=0), codes.std(dim=0).clamp(min=1e-6)
        codes = (codes - location) / spread
        if last:
            # What followed the codes from epoch to epoch may be stuck where they once were.
            starts = [self._standardised()] if self.fitted else []
            starts.append(self._start(codes, generator))
            ends = [self._improved(start, codes, LAST_STEPS) for start in starts]
            modes = max(ends, key=lambda end: float(end.log_prob(codes).mean()))
        elif self.fitted:
            modes = self._improved(self._standardised(), codes, EPOCH_STEPS)
        else:
            modes = self._improved(self._start(codes, generator), codes, FIRST_STEPS)
        self.fitted.fill_(True)
        for name, value in modes._asdict().items():
            getattr(self, name).copy_(value)
        self.location.copy_(location if last else torch.zeros_like(location))
        self.spread.copy_(spread if last else torch.ones_like(spread))

    # ------------------------------------------------------------------ fitting

    def _standardised(self) -> GaussianModes:
        return GaussianModes(*(part.cpu() for part in (self.weights, self.means, self.factors)))

    def _modes(self, k: int) -> GaussianModes:
        if "means" not in self._buffers:  # the argument itself, not what was trained
            return self.build(k)._modes(k)
        weights, means, factors = self._standardised()
        spread = self.spread.cpu()
        means = means * spread + self.location.cpu()
        return GaussianModes(weights, means, spread[:, None] * factors)

    def _start(self, codes: torch.Tensor, generator: torch.Generator) -> GaussianModes:
        """Return modes at codes far from each other, each with its share of the volume."""
        m, k = self.n_modes, codes.shape[1]
        seed = int(torch.randint(2**31, (), generator=generator))
        # A table may have fewer rows than there are modes.
        rows = codes.repeat(-(-m // len(codes)), 1)
        means = torch.from_numpy(kmeans_plusplus(rows.numpy(), m, random_state=seed)[0])
        scale = max(m ** (-1 / k), self.min_scale)
        factors = scale * torch.eye(k, dtype=torch.float64).repeat(m, 1, 1)
        return GaussianModes(torch.full((m,), 1 / m, dtype=torch.float64), means, factors)

    def _improved(self, modes: GaussianModes, codes: torch.Tensor, n_steps: int) -> GaussianModes:
        """Return the modes after at most so many steps of expectation maximisation."""
        before = -math.inf
        for _ in range(n_steps):
            log_joint = modes.log_joint(codes)
            score = float(torch.logsumexp(log_joint, dim=1).mean())
            if score - before < LEAST_GAIN:
                break
            before = score
            modes = self._maximised(modes, codes, torch.softmax(log_joint, dim=1))
        return modes

    def _maximised(
        self, modes: GaussianModes, codes: torch.Tensor, shares: torch.Tensor
    ) -> GaussianModes:
        """Return the modes for shares of (n_samples, n_modes) in the codes."""
        n, k = codes.shape
        counts = shares.sum(dim=0)
        # One pseudo-code at its present mean keeps an empty mode where it is.
        means = (shares.t() @ codes + modes.means) / (counts + 1)[:, None]
        pseudo = k + 2
        covariances = []
        for share, count, mean in zip(shares.t(), counts, means, strict=True):
            offsets = codes - mean
            scatter = (share[:, None] * offsets).t() @ offsets
            scatter += pseudo * self.min_scale**2 * torch.eye(k, dtype=torch.float64)
            covariances.append(scatter / (count + pseudo))
        weights = (counts + 1) / (n + self.n_modes)
        return _standardise(weights, means, torch.stack(covariances))


def _standardise(
    weights: torch.Tensor, means: torch.Tensor, covariances: torch.Tensor
) -> GaussianModes:
    """Return the mixture shifted and scaled to mean 0 and variance 1 in every component."""
    center = weights @ means
    variances = covariances.diagonal(dim1=1, dim2=2)
    spread = (weights @ (variances + (means - center).square())).sqrt()
    factors = torch.linalg.cholesky(covariances / (spread[:, None] * spread))
    return GaussianModes(weights, (means - center) / spread, factors)
