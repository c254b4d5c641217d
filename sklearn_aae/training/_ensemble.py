r"""Many small adversarial autoencoders, trained as one: members are an axis of every matrix.

A detector wants several weak models rather than one strong one.  A strong one learns the
anomalies among its training rows by heart; weak ones, each on rows of its own, do not, and
what they agree on is stable.  Trained one after the other their steps would cost mostly
overhead, so every layer holds the weights of all members and one batched product serves all.

Each member is an adversarial autoencoder with a channel posterior: the batch-normalised
code :math:`e` is shrunk and given fixed noise, :math:`z = \sqrt{1-\sigma^2}\,e +
\sigma\varepsilon`.  Encoder and decoder have a linear path beside their hidden layers which
starts as the principal components of the member's rows, so that few steps suffice.
The decoder gives every column a mixture of Student-t densities given the code.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import leaky_relu

from sklearn_aae._random import derive_seed, make_generator
from sklearn_aae.training._inference import in_precision

#: Degrees of freedom of the decoder's densities: tails that a far cell does not fall off.
FREEDOM = 4.0
LOG_T_CONSTANT = (
    math.lgamma((FREEDOM + 1) / 2) - math.lgamma(FREEDOM / 2) - 0.5 * math.log(FREEDOM * math.pi)
)
#: Least scale of a density, in standard deviations of its column.
MIN_SCALE = 0.05
#: Rows are cut off here, in standard deviations, as they are for training.
CLIP = 10.0
#: Rows from which a member learns its principal components.
PCA_ROWS = 2048


@dataclass(frozen=True)
class EnsembleSettings:
    r"""What the members of an ensemble have in common.

    Attributes
    ----------
    n_members : int
        Number of members.
    n_components : int
        Width of the widest code; members have geometrically spaced widths from 2 on.
    hidden_layer_sizes, discriminator_layer_sizes : tuple of int
        Widths of the hidden layers.
    n_densities : int
        Student-t densities in the mixture of a column.
    channel_noise : float
        The posterior's :math:`\sigma`.
    max_columns : int
        A member of a wider table sees a random choice of so many columns.
    """

    n_members: int = 4
    n_components: int = 8
    hidden_layer_sizes: tuple[int, ...] = (64, 32)
    discriminator_layer_sizes: tuple[int, ...] = (32, 32)
    n_densities: int = 2
    channel_noise: float = 0.3
    max_columns: int = 400


class MemberLinear(nn.Module):
    """A linear layer for every member: ``(M, n, n_in) -> (M, n, n_out)``."""

    def __init__(self, n_members: int, n_in: int, n_out: int, generator: torch.Generator) -> None:
        super().__init__()
        bound = 1 / math.sqrt(max(n_in, 1))
        weight = torch.empty(n_members, n_in, n_out).uniform_(-bound, bound, generator=generator)
        bias = torch.empty(n_members, 1, n_out).uniform_(-bound, bound, generator=generator)
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)


class MemberMLP(nn.Module):
    """A perceptron with leaky rectifiers for every member."""

    def __init__(
        self, n_members: int, widths: Sequence[int], slope: float, generator: torch.Generator
    ) -> None:
        super().__init__()
        pairs = pairwise(widths)
        layers = [MemberLinear(n_members, n_in, n_out, generator) for n_in, n_out in pairs]
        self.layers = nn.ModuleList(layers)
        #: The same without what torch puts around an index into a module list.
        self._chain = tuple(layers)
        self.slope = slope

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the output of the last, linear layer."""
        *hidden, last = self._chain
        # Products themselves: calling a module takes longer than the smallest of them.
        for layer in hidden:
            x = leaky_relu(torch.baddbmm(layer.bias, x, layer.weight), self.slope)
        return torch.baddbmm(last.bias, x, last.weight)

    @property
    def last(self) -> Any:
        """The last layer."""
        return self._chain[-1]


class Densities:
    """The decoder's mixtures: tensors of shape (M, n, n_densities, n_columns).

    Columns come last: sums over the few densities are then sums of long vectors.
    """

    def __init__(self, logits: torch.Tensor, centre: torch.Tensor, log_scale: torch.Tensor) -> None:
        self.logits, self.centre, self.log_scale = logits, centre, log_scale

    @property
    def log_weight(self) -> torch.Tensor:
        """Log weights of the densities."""
        return self.logits.log_softmax(dim=-2)

    @property
    def scale(self) -> torch.Tensor:
        """Scales of the densities."""
        return self.log_scale.exp() + MIN_SCALE

    def log_density(self, x: torch.Tensor) -> torch.Tensor:
        """Return the log density of cells ``x`` (M, n, n_columns), in nats."""
        return _LogDensity.apply(self.logits, self.centre, self.log_scale, x.unsqueeze(-2))

    def mean(self) -> torch.Tensor:
        """Return the mean of each cell, of shape (M, n, n_columns)."""
        return (self.log_weight.exp() * self.centre).sum(dim=-2)


def log_mixture(
    log_weight: torch.Tensor, centre: torch.Tensor, scale: torch.Tensor, grid: torch.Tensor
) -> torch.Tensor:
    """Return the log density of mixtures at the points of a grid.

    Parameters
    ----------
    log_weight, centre, scale : Tensor of shape (n_mixtures, n_parts)
        The mixtures of Student-t densities.
    grid : Tensor of shape (n_points,)
        The points.

    Returns
    -------
    Tensor of shape (n_mixtures, n_points)
        Log densities.
    """
    inverse = 1 / scale
    u = (grid - centre.unsqueeze(2)) * inverse.unsqueeze(2)
    q = u.square_().div_(FREEDOM).add_(1.0)
    # q ** -2.5 without a power, which would take longer than all else.
    density = q.square().mul_(q.sqrt_()).reciprocal_()
    height = log_weight.exp() * inverse
    return (height.unsqueeze(1) @ density).squeeze(1).log() + LOG_T_CONSTANT


def _log_sum(terms: torch.Tensor) -> torch.Tensor:
    """Return the logarithm of the sum of exponentials over the densities."""
    if terms.shape[-2] == 2:  # a single kernel
        return torch.logaddexp(*terms.unbind(-2))
    return terms.logsumexp(dim=-2)


class _LogDensity(torch.autograd.Function):
    r"""The log density of a mixture of Student-t densities, with its gradient by hand.

    With :math:`u = (x - \mu_c) / s_c`, :math:`q = 1 + u^2 / \nu`, weights
    :math:`w = \mathrm{softmax}(a)` and responsibilities :math:`r`, the gradients are
    :math:`r_c - w_c` by :math:`a_c`, :math:`r_c h_c / s_c` by :math:`\mu_c` and
    :math:`r_c (u h_c - 1) / s_c` by :math:`s_c`, where :math:`h_c = (\nu + 1) u / (\nu q)`.
    """

    @staticmethod
    def forward(
        ctx: Any,
        logits: torch.Tensor,
        centre: torch.Tensor,
        log_scale: torch.Tensor,
        x: torch.Tensor,
    ) -> torch.Tensor:
        free = log_scale.exp()
        scale = free + MIN_SCALE
        u = (x - centre) / scale
        q = torch.addcmul(torch.ones((), dtype=u.dtype, device=u.device), u, u, value=1 / FREEDOM)
        joint = logits - ((FREEDOM + 1) / 2) * q.log() - scale.log()
        total, prior = _log_sum(joint), _log_sum(logits)
        if any(ctx.needs_input_grad):
            ctx.save_for_backward(logits, prior, joint, total, u, q, scale, free)
        return total - prior + LOG_T_CONSTANT

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        logits, prior, joint, total, u, q, scale, free = ctx.saved_tensors
        g = gradient.unsqueeze(-2)
        weight = (logits - prior.unsqueeze(-2)).exp_()
        share = (joint - total.unsqueeze(-2)).exp_()
        h = ((FREEDOM + 1) / FREEDOM) * u / q
        g_logits = (share - weight) * g
        pull = share * g / scale
        return g_logits, pull * h, pull * (u * h - 1) * free, None


class Ensemble(nn.Module):
    """The networks of all members.

    Parameters
    ----------
    settings : EnsembleSettings
        What the members have in common.
    columns : ndarray of shape (n_members, n_columns), int
        The columns that each member sees.
    seed : int
        Seeds the weights.
    """

    columns: torch.Tensor
    code_mask: torch.Tensor
    code_mean: torch.Tensor
    code_scale: torch.Tensor

    def __init__(self, settings: EnsembleSettings, columns: np.ndarray, seed: int) -> None:
        super().__init__()
        self.settings = settings
        m, d = columns.shape
        widths = code_widths(m, settings.n_components, d)
        k = max(widths)
        generator = make_generator(seed)
        hidden, n_params = settings.hidden_layer_sizes, 3 * settings.n_densities
        self.encoder = MemberMLP(m, (d, *hidden, k), 0.1, generator)
        self.decoder = MemberMLP(m, (k, *hidden[::-1], d * n_params), 0.1, generator)
        discriminator = (k, *settings.discriminator_layer_sizes, 1)
        self.discriminator = MemberMLP(m, discriminator, 0.2, generator)
        self.path_in = nn.Parameter(torch.zeros(m, d, k))
        self.path_out = nn.Parameter(torch.zeros(m, k, d))
        self.centre = nn.Parameter(torch.zeros(m, 1, d))
        mask = torch.arange(k) < torch.tensor(widths).unsqueeze(1)
        self.register_buffer("code_mask", mask.float().unsqueeze(1))
        self.register_buffer("columns", torch.as_tensor(columns))
        self.register_buffer("code_mean", torch.zeros(m, 1, k))
        self.register_buffer("code_scale", torch.ones(m, 1, k))

    @property
    def n_members(self) -> int:
        """Number of members."""
        return len(self.columns)

    @torch.no_grad()
    def start_from_components(self, rows: list[torch.Tensor]) -> None:
        """Set the linear paths to the principal components of each member's rows."""
        kept = math.sqrt(1 - self.settings.channel_noise**2)
        for member, x in enumerate(rows):
            mean = x.mean(dim=0)
            centred = x - mean
            values, vectors = torch.linalg.eigh((centred.T @ centred / len(x)).double())
            k = int(self.code_mask[member].sum())
            # eigh leaves the sign open; the largest entry decides.
            vectors = vectors[:, -k:].flip(1)
            vectors = vectors * vectors.gather(0, vectors.abs().argmax(0, keepdim=True)).sign()
            spread = values[-k:].flip(0).clamp(min=1e-6).sqrt()
            self.centre[member, 0] = mean
            self.path_in[member, :, :k] = (vectors / spread).float()
            self.path_out[member, :k] = ((vectors * spread).T / kept).float()
            codes = centred @ self.path_in[member]
            rest = centred - kept * codes @ self.path_out[member]
            self._start_head(member, rest.square().mean(dim=0).sqrt())
        for network in (self.encoder, self.decoder):
            network.last.weight.mul_(0.01)
        self.encoder.last.bias.mul_(0.01)

    def _start_head(self, member: int, spread: torch.Tensor) -> None:
        """Start a member's densities at the spread of its residuals: narrow and wide."""
        n = self.settings.n_densities
        bias = torch.zeros(3, n, len(spread))
        factor = torch.linspace(0.0, 1.0, n).exp2() if n > 1 else torch.ones(1)
        scale = spread.clamp(2 * MIN_SCALE, 2.0) * factor.unsqueeze(1)
        bias[2] = (scale - MIN_SCALE).log()
        self.decoder.last.bias[member, 0] = bias.reshape(-1)

    def raw_code(self, x: torch.Tensor) -> torch.Tensor:
        """Return codes before normalisation."""
        return (x - self.centre) @ self.path_in + self.encoder(x)

    def channel(self, raw: torch.Tensor, noise: torch.Tensor | None = None) -> torch.Tensor:
        """Return codes on the prior's scale: by batch statistics if there is noise."""
        sigma = self.settings.channel_noise
        kept = math.sqrt(1 - sigma**2)
        if noise is None:
            return kept * (raw - self.code_mean) / self.code_scale * self.code_mask
        mean = raw.mean(dim=1, keepdim=True)
        scale = (raw.var(dim=1, keepdim=True, unbiased=False) + 1e-5).sqrt()
        return (kept * (raw - mean) / scale + sigma * noise) * self.code_mask

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """Return the means of the codes of rows (M, n, n_columns)."""
        return self.channel(self.raw_code(x))

    def decode(self, z: torch.Tensor) -> Densities:
        """Return the densities of the cells given codes (M, n, n_components)."""
        params = self.decoder(z)
        m, n, _ = params.shape
        logits, shift, log_scale = params.view(m, n, 3, self.settings.n_densities, -1).unbind(2)
        path = torch.baddbmm(self.centre, z, self.path_out)
        return Densities(logits, path.unsqueeze(2) + shift, log_scale)

    def in_float64(self) -> Ensemble:
        """Return a copy in float64, made anew when a weight has changed."""
        return in_precision(self, np.dtype(np.float64))

    def prior_losses(self, z: torch.Tensor) -> torch.Tensor:
        """Return minus log density (M, n) of codes under the standard normal prior."""
        constant = 0.5 * math.log(2 * math.pi) * self.code_mask.sum(dim=2)
        return 0.5 * z.square().sum(dim=2) + constant

    def mode_distances(self, z: torch.Tensor) -> torch.Tensor:
        """Return the distance (M, n) of codes to the prior's mode, the origin."""
        return torch.linalg.vector_norm(z, dim=2)

    @torch.no_grad()
    def freeze_codes(self, x: torch.Tensor) -> None:
        """Set the statistics that codes are normalised by, from rows (M, n, n_columns)."""
        raw = self.raw_code(x)
        self.code_mean.copy_(raw.mean(dim=1, keepdim=True))
        spread = (raw.var(dim=1, keepdim=True, unbiased=False) + 1e-5).sqrt()
        self.code_scale.copy_(spread)


def code_widths(n_members: int, widest: int, n_columns: int) -> list[int]:
    """Return the members' code widths, geometric from 2 to ``widest`` where columns allow."""
    high = max(1, min(widest, n_columns - 1))
    low = min(2, high)
    return [round(w) for w in np.geomspace(low, high, n_members)] if n_members > 1 else [high]


def choose_columns(n_members: int, n_features: int, most: int, seed: int) -> np.ndarray:
    """Return the columns of each member: all, or a random choice of ``most`` of many."""
    rng = np.random.default_rng(seed)
    if n_features <= most:
        return np.tile(np.arange(n_features), (n_members, 1))
    # Each column is left out as rarely as can be: choices are dealt from shuffled decks.
    deck = np.concatenate([rng.permutation(n_features) for _ in range(n_members)])
    hands, start = [], 0
    for _ in range(n_members):
        hand: dict[int, None] = {}
        while len(hand) < most:
            hand[int(deck[start % len(deck)])] = None
            start += 1
        hands.append(sorted(hand))
    return np.asarray(hands)


def member_rows(n_members: int, n_rows: int, share: float, seed: int) -> list[np.ndarray]:
    """Return a random choice of rows for each member."""
    rng = np.random.default_rng(derive_seed(seed, 0))
    size = min(n_rows, max(2, math.ceil(share * n_rows)))
    return [np.sort(rng.choice(n_rows, size, replace=False)) for _ in range(n_members)]
