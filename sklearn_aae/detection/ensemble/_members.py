"""What ensembles of small adversarial autoencoders share; members are an axis of every matrix."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np
import torch
from torch import nn
from torch.nn.functional import leaky_relu, leaky_relu_, pad

from sklearn_aae._utils._blocks import BLOCK
from sklearn_aae._utils._random import derive_seed, make_generator
from sklearn_aae.detection.ensemble._stored import StoredByTorch
from sklearn_aae.encoding import FAR
from sklearn_aae.networks import leading_components, with_signs
from sklearn_aae.training._inference import in_precision

aten = torch.ops.aten

#: Takes weights of rows (M, n), and tensors to put the gradients by a decoder's parameters into;
#: returns the weighted sum of the rows' nll and its gradient by the codes.
PullBack = Callable[[torch.Tensor, Sequence[torch.Tensor]], tuple[torch.Tensor, torch.Tensor]]

#: Keeps the scale of a code that does not vary above zero.
CODE_EPSILON = 1e-5
#: Encoders read a cell as it is up to so many standard deviations, and one from ``FAR`` on as if
#: nothing were known of it.
NEAR = 4.0
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
        A member of a wider table sees a random choice of so many columns, or of as many as it
        takes for the members to see them all.
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


def affine(
    bias: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, alpha: float = 1.0
) -> torch.Tensor:
    """Return ``bias + alpha * x @ weight`` for every member, block of rows by block of rows.

    If all blocks are full, what a row gets depends neither on its place nor on other rows: the last
    bits of a product depend on how many rows it has, and on where in memory the rows of its result
    begin, so blocks have one number of rows, and columns are padded to a round number.
    """
    m, n, k = x.shape
    width = weight.shape[2]
    missing = -width % (16 // x.element_size())
    if missing:
        bias, weight = pad(bias, (0, missing)), pad(weight, (0, missing))
    if n == BLOCK or n % BLOCK:
        return torch.baddbmm(bias, x, weight, alpha=alpha)[..., :width]
    n_blocks = n // BLOCK
    if bias.shape[1] == n:
        bias = bias.reshape(m, n_blocks, BLOCK, -1)
    products = [
        # The same weights for all blocks of a member, without a copy for each.
        torch.baddbmm(
            bias[i], x[i].reshape(-1, BLOCK, k), weight[i].expand(n_blocks, -1, -1), alpha=alpha
        )
        for i in range(m)
    ]
    product = products[0].unsqueeze(0) if m == 1 else torch.stack(products)
    product = product.view(m, n, -1)
    return product[..., :width].contiguous() if missing else product


def as_read(x: torch.Tensor) -> torch.Tensor:
    """Return cells as encoders read them: what is far out says nothing of the others.

    A redescending function of Hampel's kind: the identity, then falling to 0.
    """
    return x * x.abs().sub_(FAR).mul_(1 / (NEAR - FAR)).clamp_(0, 1)


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
            x = leaky_relu(affine(layer.bias, x, layer.weight), self.slope)
        return affine(last.bias, x, last.weight)

    def trace(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Return the input, every hidden layer's output and the output."""
        passed = [x]
        for layer in self._chain[:-1]:
            a = torch.baddbmm(layer.bias, passed[-1], layer.weight)
            passed.append(leaky_relu_(a, self.slope))
        last = self._chain[-1]
        return [*passed, torch.baddbmm(last.bias, passed[-1], last.weight)]

    def back(
        self,
        g: torch.Tensor,
        passed: list[torch.Tensor],
        gradients: Sequence[torch.Tensor] = (),
        to_input: bool = True,
    ) -> torch.Tensor:
        """Return the gradient by the input, given that by the output and what was traced.

        Gradients by the parameters are put into ``gradients``, if given, in their order.
        Without ``to_input`` the gradient by the first layer's output is returned.
        """
        for i in range(len(self._chain) - 1, -1, -1):
            h = passed[i]
            if gradients:
                torch.bmm(h.transpose(1, 2), g, out=gradients[2 * i])
                torch.sum(g, 1, keepdim=True, out=gradients[2 * i + 1])
            if i == 0 and not to_input:
                break
            g = torch.bmm(g, self._chain[i].weight.transpose(1, 2))
            if i:  # the output has the sign of what went in
                aten.leaky_relu_backward.grad_input(g, h, self.slope, True, grad_input=g)
        return g

    @property
    def last(self) -> MemberLinear:
        """The last layer."""
        return self._chain[-1]


class DrawnCodes(NamedTuple):
    """Codes of a batch, and what their gradient needs.

    Attributes
    ----------
    z : Tensor of shape (n_members, n, n_components)
        The codes.
    normalised : Tensor of shape (n_members, n, n_components)
        The same before shrinking and noise.
    scale : Tensor of shape (n_members, 1, n_components)
        What they were divided by.
    passed : list of Tensor
        What the encoders' layers put out.
    """

    z: torch.Tensor
    normalised: torch.Tensor
    scale: torch.Tensor
    passed: list[torch.Tensor]


class Members(StoredByTorch, ABC, nn.Module):
    """Encoders, channel codes and discriminators of all members; subclasses add decoders.

    Parameters
    ----------
    settings : EnsembleSettings
        What the members have in common.
    columns : ndarray of shape (n_members, n_columns), int
        The columns that each member sees.
    seed : int
        Seeds the weights and whatever else decoders draw.
    """

    #: Cells beyond are read, and learned, as if nothing were known of them.
    farthest = FAR
    in_blocks = True

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
        self.encoder = MemberMLP(m, (d, *settings.hidden_layer_sizes, k), 0.1, generator)
        self.path_in = nn.Parameter(torch.zeros(m, d, k))
        self.build_decoder(m, k, d, generator)
        discriminator = (k, *settings.discriminator_layer_sizes, 1)
        self.discriminator = MemberMLP(m, discriminator, 0.2, generator)
        mask = torch.arange(k) < torch.tensor(widths).unsqueeze(1)
        self.register_buffer("code_mask", mask.float().unsqueeze(1))
        self.register_buffer("columns", torch.as_tensor(columns))
        self.register_buffer("code_mean", torch.zeros(m, 1, k))
        self.register_buffer("code_scale", torch.ones(m, 1, k))

    @abstractmethod
    def build_decoder(self, m: int, k: int, d: int, generator: torch.Generator) -> None:
        """Add what turns codes (m, n, k) into densities of d columns."""

    @abstractmethod
    def decoder_parameters(self) -> list[nn.Parameter]:
        """Return what phase 1 trains besides the encoders."""

    @abstractmethod
    def start_decoder(self, member: int, x: torch.Tensor, vectors: torch.Tensor) -> None:
        """Start a member's decoder, given its rows (n, n_columns) and their components.

        Each of the principal components (n_columns, width) is as long as the rows' spread along
        it.  The member's path into the code is set already.
        """

    @abstractmethod
    def nll(self, z: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Return the negative log-likelihood of cells (M, n, n_columns) given codes, in nats."""

    @property
    def n_members(self) -> int:
        """Number of members."""
        return len(self.columns)

    def encoder_parameters(self) -> list[nn.Parameter]:
        """Return what phases 1 and 3 train of the encoders."""
        return [*self.encoder.parameters(), self.path_in]

    @torch.no_grad()
    def start_from_components(self, rows: list[torch.Tensor]) -> None:
        """Set the linear paths to the principal components of each member's rows."""
        for member, x in enumerate(map(as_read, rows)):
            k = int(self.code_mask[member].sum())
            spread, vectors = spreads_and_directions(x - x.mean(dim=0), k)
            self.path_in[member, :, :k] = (vectors / spread).float()
            self.start_decoder(member, x, vectors * spread)
        # What is beside the linear path comes in slowly.
        self.encoder.last.weight.mul_(0.01)
        self.encoder.last.bias.mul_(0.01)

    def raw_code(self, x: torch.Tensor) -> torch.Tensor:
        """Return codes before normalisation."""
        x = as_read(x)
        return affine(self.encoder(x), x, self.path_in)

    @property
    def shrinkage(self) -> float:
        """What the channel multiplies a normalised code by."""
        return math.sqrt(1 - self.settings.channel_noise**2)

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """Return the means of the codes of rows (M, n, n_columns)."""
        return (
            self.shrinkage * (self.raw_code(x) - self.code_mean) / self.code_scale * self.code_mask
        )

    def draw_codes(self, x: torch.Tensor, noise: torch.Tensor) -> DrawnCodes:
        """Return codes of a batch as the channel gives them: by its statistics, with noise.

        ``x`` (M, n, n_columns) are the rows as encoders read them.
        """
        passed = self.encoder.trace(x)
        raw = torch.baddbmm(passed[-1], x, self.path_in)
        var, mean = torch.var_mean(raw, dim=1, correction=0, keepdim=True)
        scale = var.add_(CODE_EPSILON).sqrt_()
        normalised = raw.sub_(mean).div_(scale)
        z = torch.add(self.shrinkage * normalised, noise, alpha=self.settings.channel_noise)
        return DrawnCodes(z.mul_(self.code_mask), normalised, scale, passed)

    def encoder_back(
        self, g: torch.Tensor, codes: DrawnCodes, gradients: Sequence[torch.Tensor]
    ) -> None:
        """Put gradients by :meth:`encoder_parameters` in ``gradients``, given that by codes."""
        e = codes.normalised
        g = g * (self.shrinkage * self.code_mask)
        along = (g * e).mean(dim=1, keepdim=True)
        g = g.sub_(g.mean(dim=1, keepdim=True)).sub_(e.mul_(along)).div_(codes.scale)
        *of_layers, of_path = gradients
        self.encoder.back(g, codes.passed, of_layers, to_input=False)
        # Codes are centred, so the last bias does nothing; what is left of its gradient is
        # rounding error, which Adam would blow up.
        of_layers[-1].zero_()
        torch.bmm(codes.passed[0].transpose(1, 2), g, out=of_path)

    def nll_of_rows(self, z: torch.Tensor, x: torch.Tensor) -> tuple[torch.Tensor, PullBack]:
        """Return the mean nll of rows' cells (M, n) given codes, and its pull-back, for once.

        Cells that are far out count as if there were no surprise in them.
        """
        with torch.enable_grad():
            inputs = [z.detach().requires_grad_(), *self.decoder_parameters()]
            nll = self.nll(inputs[0], x)
            nll = (nll * (x.abs() <= FAR)).mean(dim=2)

        def pull_back(
            weights: torch.Tensor, gradients: Sequence[torch.Tensor]
        ) -> tuple[torch.Tensor, torch.Tensor]:
            with torch.enable_grad():
                loss = (weights * nll).sum()
            g, *found = torch.autograd.grad(loss, inputs)
            for out, gradient in zip(gradients, found, strict=True):
                out.copy_(gradient)
            return loss.detach(), g

        return nll.detach(), pull_back

    def to_score(self) -> Self:
        """Return what scores are computed with: the networks as they are."""
        return self

    def in_float64(self) -> Self:
        """Return a copy in float64, made anew when a weight has changed."""
        return in_precision(self, np.dtype(np.float64))

    @torch.no_grad()
    def freeze_codes(self, x: torch.Tensor) -> None:
        """Set the statistics that codes are normalised by, from rows (M, n, n_columns)."""
        raw = self.raw_code(x)
        self.code_mean.copy_(raw.mean(dim=1, keepdim=True))
        spread = (raw.var(dim=1, keepdim=True, unbiased=False) + CODE_EPSILON).sqrt()
        self.code_scale.copy_(spread)


def spreads_and_directions(centred: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the spreads (k,) along the components of centred rows, and these (n_columns, k)."""
    n, d = centred.shape
    if k < n < d:  # the fewer the rows, the smaller the matrix
        variances, left = leading_components(centred @ centred.T / n, k)
        vectors = with_signs(torch.nn.functional.normalize(centred.T.double() @ left, dim=0))
    else:
        variances, vectors = leading_components(centred.T @ centred / n, k)
    return variances.clamp(min=1e-6).sqrt(), vectors


def code_widths(n_members: int, widest: int, n_columns: int) -> list[int]:
    """Return the members' code widths, geometric from 2 to ``widest`` where columns allow."""
    high = max(1, min(widest, n_columns - 1))
    low = min(2, high)
    return [round(w) for w in np.geomspace(low, high, n_members)] if n_members > 1 else [high]


def choose_columns(n_members: int, n_features: int, most: int, seed: int) -> np.ndarray:
    """Return the columns of each member: all, or a random choice of many.

    Of at most ``most``, unless it takes more for each column to be seen by a member.
    """
    rng = np.random.default_rng(seed)
    most = max(most, math.ceil(n_features / n_members))
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


def gather_rows(X: torch.Tensor, index: np.ndarray, columns: torch.Tensor) -> torch.Tensor:
    """Return rows by their indices (..., M, n), with each member's columns (M, n_columns)."""
    rows = torch.from_numpy(index).to(X.device)
    if columns.shape[1] == X.shape[1]:
        return X[rows]
    return X[rows.unsqueeze(-1), columns.unsqueeze(1)]


def member_rows(n_members: int, n_rows: int, share: float, seed: int) -> list[np.ndarray]:
    """Return a random choice of rows for each member."""
    rng = np.random.default_rng(derive_seed(seed, 0))
    size = min(n_rows, max(2, math.ceil(share * n_rows)))
    return [np.sort(rng.choice(n_rows, size, replace=False)) for _ in range(n_members)]
