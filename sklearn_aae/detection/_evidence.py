"""What an ensemble says about rows, computed when a score asks for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
import torch

from sklearn_aae.detection._levels import LevelCosts
from sklearn_aae.detection._protocols import Marginals, MemberDensities, MemberNetworks
from sklearn_aae.detection._references import Neighbours, References
from sklearn_aae.detection.ensemble import AutoregressiveEnsemble


class EnsembleEvidence:
    """The evidence of one chunk of rows; see :class:`sklearn_aae.detection.scores.Evidence`.

    Parameters
    ----------
    ensemble : Ensemble or SingleMember
        The networks.
    rows : Tensor of shape (n_samples, n_features)
        Rows on the networks' scale, in the networks' precision.
    marginals : GridMarginals or DrawnMarginals
        Densities of columns by themselves.
    references : dict of str to References
        ``"core"`` and ``"nearest"``.
    autoregressive : AutoregressiveEnsemble or None, default=None
        Networks of the autoregressive likelihood, in float64, that see the same columns.
    """

    def __init__(
        self,
        ensemble: MemberNetworks,
        rows: torch.Tensor,
        marginals: Marginals,
        references: dict[str, References],
        autoregressive: AutoregressiveEnsemble | None = None,
    ) -> None:
        self.ensemble = ensemble
        #: What broken rules say of cells; None without rules.
        self.rule_cells: np.ndarray | None = None
        #: The features of columns of many levels.
        self.blocks: Sequence[np.ndarray] = ()
        #: Bounds of what levels cost; None without levels.
        self.level_costs: LevelCosts | None = None
        self._autoregressive = autoregressive
        self.n_features = rows.shape[1]
        self.columns = ensemble.columns.cpu().numpy()
        self._marginals = marginals
        self._references = references
        self.rows = gather_columns(rows, ensemble.columns)
        #: What members see, (1, n_samples, n_columns) where all see the same.
        self._seen = self.rows[:1] if self.rows.stride(0) == 0 else self.rows

    @cached_property
    def x(self) -> np.ndarray:
        """Rows on the networks' scale."""
        return as_numpy(self.rows)

    @cached_property
    def beyond(self) -> np.ndarray:
        """Logarithms of how many times as far cells are as what networks learn."""
        away = log_beyond(np.abs(as_numpy(self._seen)), self.ensemble.farthest)
        return np.broadcast_to(away, self.rows.shape)

    @cached_property
    def z(self) -> torch.Tensor:
        """Codes."""
        return self.ensemble.encode(self.rows)

    @cached_property
    def densities(self) -> MemberDensities:
        """Densities of the cells given the codes."""
        return self.ensemble.decode(self.z)

    @cached_property
    def means(self) -> torch.Tensor:
        """Means of these densities."""
        return self.densities.mean()

    @cached_property
    def expected(self) -> np.ndarray:
        """Reconstructed rows."""
        return as_numpy(self.means)

    @cached_property
    def codes(self) -> np.ndarray:
        """Codes."""
        return as_numpy(self.z)

    @cached_property
    def widths(self) -> np.ndarray:
        """Number of components that each member uses."""
        return self.ensemble.code_mask.sum(dim=(1, 2)).cpu().numpy()

    @cached_property
    def cell_losses(self) -> np.ndarray:
        """Minus log density of the cells given the codes."""
        return -as_numpy(self.densities.log_density(self.rows))

    @cached_property
    def marginal_losses(self) -> np.ndarray:
        """Minus log density of the cells by themselves."""
        return as_numpy(self._marginals.losses(self._seen))

    @cached_property
    def autoregressive_losses(self) -> np.ndarray:
        """Minus log density of the cells given the codes and earlier columns."""
        networks = self._autoregressive
        assert networks is not None  # scores that need them come with them
        rows = self.rows.double()
        return networks.nll(networks.encode(rows), rows).cpu().numpy()

    @property
    def bounded_cell_losses(self) -> np.ndarray:
        """Minus log density of the cells given the codes, with what levels cost bounded."""
        return self._bounded("cell_losses")

    @property
    def bounded_marginal_losses(self) -> np.ndarray:
        """The same of the cells by themselves."""
        return self._bounded("marginal_losses")

    @property
    def bounded_autoregressive_losses(self) -> np.ndarray:
        """The same given the codes and earlier columns."""
        return self._bounded("autoregressive_losses")

    @property
    def losses(self) -> list[str]:
        """What there is of minus log densities of cells."""
        own = ["cell_losses", "marginal_losses"]
        return own if self._autoregressive is None else [*own, "autoregressive_losses"]

    def _bounded(self, which: str) -> np.ndarray:
        losses: np.ndarray = getattr(self, which)
        if self.level_costs is None:
            return losses
        x = np.broadcast_to(as_numpy(self._seen), self.rows.shape)
        return self.level_costs.bounded(which, losses, x, self.columns)

    @cached_property
    def core(self) -> Neighbours:
        """Distances to the references that survived trimming."""
        return self._references["core"].neighbours(self._seen, self.means)

    @cached_property
    def nearest(self) -> Neighbours:
        """Distances to the nearest of many references."""
        return self._references["nearest"].neighbours(self._seen, self.means)

    @cached_property
    def prior_losses(self) -> np.ndarray:
        """Minus log density of the codes under the prior."""
        return as_numpy(self.ensemble.prior_losses(self.z))

    @cached_property
    def mode_distances(self) -> np.ndarray:
        """Distance of the codes to the prior's nearest mode."""
        return as_numpy(self.ensemble.mode_distances(self.z))

    @cached_property
    def logits(self) -> np.ndarray:
        """The discriminators' logits."""
        return as_numpy(self.ensemble.discriminator(self.z).squeeze(2))

    @cached_property
    def log_volumes(self) -> np.ndarray:
        """Sum of the log singular values of the encoders' Jacobians."""
        jacobian = _jacobian(self.ensemble.encode, self.rows, self.z.shape[2])
        return _log_volume(jacobian.double(), self.ensemble.code_mask.squeeze(1) > 0)


def log_beyond(away: np.ndarray, farthest: float) -> np.ndarray:
    """Return the logarithms of how many times as far as ``farthest`` cells are away."""
    result: np.ndarray = np.log(np.maximum(away / farthest, np.finfo(np.float32).tiny))
    return result


def as_numpy(tensor: torch.Tensor) -> np.ndarray:
    """Return a tensor as an array, float64."""
    return tensor.cpu().numpy().astype(np.float64, copy=False)


def gather_columns(rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Return rows (n, n_features) as each member sees them: (M, n, n_columns)."""
    if columns.shape[1] == rows.shape[1]:
        return rows.expand(len(columns), -1, -1)
    return rows.T[columns].transpose(1, 2)


def _jacobian(
    encode: Callable[[torch.Tensor], torch.Tensor], rows: torch.Tensor, k: int
) -> torch.Tensor:
    """Return the derivatives of codes by rows, (M, n, n_components, n_columns)."""
    with torch.enable_grad():
        # Twice each: backward products of an odd width give rows at odd places other last bits.
        x = rows.detach().repeat_interleave(2, dim=1).requires_grad_()
        sums = encode(x).sum(dim=(0, 1))
        parts = [torch.autograd.grad(sums[i], x, retain_graph=i < k - 1)[0] for i in range(k)]
    return torch.stack([part[:, ::2] for part in parts], dim=2)


def _log_volume(jacobian: torch.Tensor, used: torch.Tensor) -> np.ndarray:
    """Return half the log determinant of J J', over the components in use."""
    gram = jacobian @ jacobian.transpose(2, 3)
    # Unused components get a one on the diagonal, which the determinant does not see.
    unused = torch.diag_embed((~used).to(gram)).unsqueeze(1)
    floor = 1e-12 * torch.eye(gram.shape[2], dtype=gram.dtype, device=gram.device)
    result: np.ndarray = (0.5 * torch.linalg.slogdet(gram + unused + floor).logabsdet).cpu().numpy()
    return result
