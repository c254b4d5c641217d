r"""An ensemble whose densities of a column depend on the code and on the columns before it.

Members are adversarial autoencoders as in :mod:`sklearn_aae.detection.ensemble._ensemble`, but the
decoder is autoregressive: each member has an order of the columns of its own, and column
:math:`j` has the density :math:`p(x_j \mid z, x_{<j})`, so that the chain rule makes the
terms of the columns one density of the row given the code.  The hidden units of a column
are those of NADE [1]_: :math:`h_j = f(b_j + g(z) + \sum_{i<j} W_i \varphi(x_i))`, one running
sum for all columns.

.. [1] H. Larochelle, I. Murray, "The Neural Autoregressive Distribution Estimator",
   AISTATS 2011; with real values: B. Uria, I. Murray, H. Larochelle, "RNADE", NeurIPS 2013.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn.functional import leaky_relu

from sklearn_aae._utils._blocks import block_size
from sklearn_aae.detection.ensemble._densities import MIN_SCALE, Densities
from sklearn_aae.detection.ensemble._members import MemberMLP, Members, as_read

#: A column is given the code and at most one less than so many columns before it.
BLOCK_COLUMNS = 64
#: Hidden units of a column.
HIDDEN = 32
#: What is read of a cell: its value, as encoders read it, and how far it is through each of so many
#: intervals that hold equally many rows.
N_INTERVALS = 8
#: Hidden numbers worked on at once when no gradient is wanted.
CHUNK = 2**21


class AutoregressiveEnsemble(Members):
    """Members whose decoder gives a column a density given the code and earlier columns.

    A table wider than 64 columns is decoded in blocks: a member deals its columns into
    blocks of at most 64, and a column is given the code and the earlier columns of its
    block.  Across blocks columns depend on each other by way of the code alone.
    """

    order: torch.Tensor
    position: torch.Tensor
    edges: torch.Tensor

    def build_decoder(self, m: int, k: int, d: int, generator: torch.Generator) -> None:
        """Add the orders, the running sums' weights and the heads."""
        order = torch.stack([torch.randperm(d, generator=generator) for _ in range(m)])
        self.register_buffer("order", order)
        self.register_buffer("position", order.argsort(dim=1))
        self.register_buffer("edges", torch.zeros(m, d, N_INTERVALS + 1, 1))
        hidden = self.settings.hidden_layer_sizes[::-1]
        self.of_code = MemberMLP(m, (k, *hidden, HIDDEN), 0.1, generator)
        n_read = 1 + N_INTERVALS

        def drawn(*shape: int, n_in: int) -> nn.Parameter:
            bound = 1 / math.sqrt(n_in)
            return nn.Parameter(torch.empty(shape).uniform_(-bound, bound, generator=generator))

        n_before, n_densities = min(d, BLOCK_COLUMNS), self.settings.n_densities
        self.of_cells = drawn(m, d, HIDDEN, n_read, n_in=n_read * n_before)
        self.bias = drawn(m, d, HIDDEN, 1, n_in=n_read * n_before)
        self.head = drawn(m, d, 3 * n_densities, HIDDEN, n_in=HIDDEN)
        self.head_bias = nn.Parameter(torch.zeros(m, d, 3, n_densities, 1))

    def decoder_parameters(self) -> list[nn.Parameter]:
        """Return what phase 1 trains besides the encoders."""
        heads = [self.of_cells, self.bias, self.head, self.head_bias]
        return [*self.of_code.parameters(), *heads]

    def start_decoder(self, member: int, x: torch.Tensor, vectors: torch.Tensor) -> None:
        """Set the intervals, and start the densities at the columns' spread."""
        ordered = x[:, self.order[member]]
        levels = torch.linspace(0, 1, N_INTERVALS + 1, device=x.device)
        self.edges[member] = torch.quantile(ordered, levels, dim=0).T.unsqueeze(2)
        self.head[member].mul_(0.1)
        self.head_bias[member, :, 1] = ordered.mean(dim=0).view(-1, 1, 1)
        factor = torch.linspace(-2.0, 1.0, self.settings.n_densities, device=x.device).exp2()
        spread = ordered.std(dim=0, correction=0).clamp(0.5, 2.0)
        scale = spread.unsqueeze(1) * factor
        self.head_bias[member, :, 2, :, 0] = (scale - MIN_SCALE).log()

    def nll(self, z: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Return the nll of cells (M, n, n_columns), each given those before."""
        size = block_size(CHUNK // (x.shape[0] * x.shape[2] * HIDDEN))
        if torch.is_grad_enabled() or size >= x.shape[1]:
            return self._nll(z, x)
        parts = zip(torch.split(z, size, dim=1), torch.split(x, size, dim=1), strict=True)
        return torch.cat([self._nll(*part) for part in parts], dim=1)

    def _nll(self, z: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        m, n, d = x.shape
        # Rows last: the small products and sums below are then over long vectors.
        cells = x.transpose(1, 2).gather(1, self.order.unsqueeze(2).expand(-1, -1, n))
        hidden = leaky_relu(self._before(z, cells) + self.bias, 0.1)
        params = (self.head @ hidden).view(m, d, 3, -1, n) + self.head_bias
        losses = -Densities(*params.unbind(2)).log_density(cells)
        return losses.gather(1, self.position.unsqueeze(2).expand(-1, -1, n)).transpose(1, 2)

    def _before(self, z: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
        """Return what columns are told of the code and the columns before (M, d, HIDDEN, n)."""
        m, d, n = cells.shape
        told = self.of_cells @ self._read(cells)
        n_blocks = -(-d // BLOCK_COLUMNS)
        size = -(-d // n_blocks)
        if n_blocks * size > d:
            told = torch.cat([told, told.new_zeros(m, n_blocks * size - d, HIDDEN, n)], dim=1)
        earlier = torch.ones(size, size, dtype=told.dtype, device=told.device).tril(-1)
        sums = earlier @ told.view(m * n_blocks, size, HIDDEN * n)
        sums = sums.view(m, n_blocks * size, HIDDEN, n)[:, :d]
        result: torch.Tensor = sums + self.of_code(z).transpose(1, 2).unsqueeze(1)
        return result

    def _read(self, cells: torch.Tensor) -> torch.Tensor:
        """Return what is read of cells (M, d, n): (M, d, 1 + N_INTERVALS, n)."""
        value = as_read(cells).unsqueeze(2)
        low, high = self.edges[:, :, :-1], self.edges[:, :, 1:]
        # Of a value that many rows share, all of its interval is behind.
        through = ((value - low) / (high - low).clamp(min=1e-3)).clamp(0, 1)
        return torch.cat([value, through], dim=2)
