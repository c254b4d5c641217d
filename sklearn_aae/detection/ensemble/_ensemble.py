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

import torch
from torch import nn

from sklearn_aae.detection.ensemble._densities import MIN_SCALE, Densities, TracedMixture
from sklearn_aae.detection.ensemble._members import MemberMLP, Members, PullBack, affine
from sklearn_aae.encoding import FAR


class Ensemble(Members):
    """Members whose decoder gives every column a density of its own, given the code."""

    #: The standard normal's, see :meth:`prior_losses`.
    has_prior_density = True

    def build_decoder(self, m: int, k: int, d: int, generator: torch.Generator) -> None:
        """Add decoders that mirror the encoders, with linear paths of their own."""
        hidden = self.settings.hidden_layer_sizes[::-1]
        widths = (k, *hidden, 3 * self.settings.n_densities * d)
        self.decoder = MemberMLP(m, widths, 0.1, generator)
        self.path_out = nn.Parameter(torch.zeros(m, k, d))
        self.centre = nn.Parameter(torch.zeros(m, 1, d))

    def decoder_parameters(self) -> list[nn.Parameter]:
        """Return what phase 1 trains besides the encoders."""
        return [*self.decoder.parameters(), self.path_out, self.centre]

    def start_decoder(self, member: int, x: torch.Tensor, vectors: torch.Tensor) -> None:
        """Start at the principal components, and densities at the spread of the residuals."""
        k = vectors.shape[1]
        self.centre[member, 0] = x.mean(dim=0)
        self.path_out[member, :k] = (vectors.T / self.shrinkage).float()
        centred = x - self.centre[member]
        rest = centred - self.shrinkage * (centred @ self.path_in[member]) @ self.path_out[member]
        spread = rest.square().mean(dim=0).sqrt()
        # Some narrow and some wide.
        n = self.settings.n_densities
        factor = torch.linspace(0.0, 1.0, n, device=x.device).exp2()
        scale = spread.clamp(2 * MIN_SCALE, 2.0) * factor.unsqueeze(1)
        bias = torch.zeros(3, n, len(spread), device=x.device)
        bias[2] = (scale - MIN_SCALE).log()
        last = self.decoder.last
        last.weight[member].mul_(0.01)
        last.bias[member, 0] = bias.reshape(-1)

    def decode(self, z: torch.Tensor) -> Densities:
        """Return the densities of the cells given codes (M, n, n_components)."""
        params = self.decoder(z)
        m, n, _ = params.shape
        logits, shift, log_scale = params.view(m, n, 3, self.settings.n_densities, -1).unbind(2)
        path = affine(self.centre, z, self.path_out)
        return Densities(logits, path.unsqueeze(2) + shift, log_scale)

    def nll_of_rows(self, z: torch.Tensor, x: torch.Tensor) -> tuple[torch.Tensor, PullBack]:
        # Derived by hand: against autograd it saves 20 to 27 % of a detector's fit (medians of
        # 15 pairs of fits each of 1,000 x 100, 2,000 x 30 and 1,000 x 10 cells, one thread).
        m, n, d = x.shape
        passed = self.decoder.trace(z)
        params = passed[-1].view(m, n, 3, self.settings.n_densities, d)
        logits, shift, log_scale = params.unbind(2)
        path = torch.baddbmm(self.centre, z, self.path_out)
        mixture = TracedMixture(logits, shift.add_(path.unsqueeze(2)), log_scale, x.unsqueeze(2))
        near = x.abs() <= FAR
        nll = mixture.log_density.mul_(near).mean(dim=2).neg_()

        def pull_back(
            weights: torch.Tensor, gradients: Sequence[torch.Tensor]
        ) -> tuple[torch.Tensor, torch.Tensor]:
            # The outputs are not needed any more: they are overwritten by their gradients.
            of_cells = (weights.mul(-1 / d).unsqueeze(2) * near).unsqueeze(2)
            mixture.back(of_cells, (logits, shift, log_scale))
            of_path = shift.sum(dim=2)
            *of_layers, of_path_out, of_centre = gradients
            torch.bmm(z.transpose(1, 2), of_path, out=of_path_out)
            torch.sum(of_path, 1, keepdim=True, out=of_centre)
            g = self.decoder.back(passed[-1], passed, of_layers)
            g.baddbmm_(of_path, self.path_out.transpose(1, 2))
            return torch.dot(weights.flatten(), nll.flatten()), g

        return nll, pull_back

    def nll(self, z: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return -self.decode(z).log_density(x)

    def prior_losses(self, z: torch.Tensor) -> torch.Tensor:
        """Return minus log density (M, n) of codes under the standard normal prior."""
        constant = 0.5 * math.log(2 * math.pi) * self.code_mask.sum(dim=2)
        return 0.5 * z.square().sum(dim=2) + constant

    def mode_distances(self, z: torch.Tensor) -> torch.Tensor:
        """Return the distance (M, n) of codes to the prior's mode, the origin."""
        result: torch.Tensor = torch.linalg.vector_norm(z, dim=2)
        return result
