"""The three phases on an ensemble: each with an optimizer of its own, robust to anomalies.

Phases, their names and their order are those of :mod:`sklearn_aae.training._phases`, with
losses that are weighted sums over the rows of a batch.  Gradients are derived by hand, as in
:mod:`sklearn_aae.training._plain`; a test holds both equal to what autograd gives for the losses
there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn.functional import softplus

from sklearn_aae._utils._random import TrainerStream, derive_seed, make_generator
from sklearn_aae._utils._threads import torch_threads
from sklearn_aae.detection.ensemble._members import (
    PCA_ROWS,
    DrawnCodes,
    Members,
    as_read,
    gather_rows,
)
from sklearn_aae.exceptions import NonFiniteLossError
from sklearn_aae.training import Part
from sklearn_aae.training._fused_adam import FusedAdam
from sklearn_aae.training._storage import FlatParameters

#: Steps over which the learning rate rises to its value.
WARM_UP = 20
#: What the learning rate falls to, as a share.
LAST_RATE = 0.05
#: Random numbers are drawn for so many steps at once.
DRAW_AHEAD = 16


class Excerpt(NamedTuple):
    """Rows of a table, by ascending position, and how many it has."""

    positions: np.ndarray
    n_rows: int


@dataclass(frozen=True)
class EnsemblePlan:
    """How an ensemble is trained.

    Attributes
    ----------
    n_steps, batch_size : int
        Steps of all three phases, and rows of a member in each.
    lr : float
        Learning rate (Adam) of phases 1 and 2.
    adversarial_weight : float
        Learning rate of phase 3 as a multiple of ``lr``; 0 leaves phases 2 and 3 out.
    input_noise : float
        Noise on what the encoder sees in phase 1, in standard deviations.
    excerpt : Excerpt or None
        Which of the rows of a larger table it is trained on, where the ensemble of that is another.
    """

    n_steps: int = 300
    batch_size: int = 64
    lr: float = 1.5e-2
    adversarial_weight: float = 0.3
    input_noise: float = 0.1
    excerpt: Excerpt | None = None


class EnsembleTrainer:
    """Trains an ensemble in place.

    Parameters
    ----------
    ensemble : Members
        What to train.
    X : Tensor of shape (n_rows, n_features), float32
        Rows on the networks' scale, on the ensemble's device.
    rows : list of ndarray of int
        Each member's rows.
    plan : EnsemblePlan
        How to train.
    seed : int
        Seeds batches, noise and prior draws.
    watch : callable or None, default=None
        Called with the trainer every few steps; training stops if it returns True.
    saved : Part or None, default=None
        What training goes on from, and where its state is kept.
    """

    def __init__(
        self,
        ensemble: Members,
        X: torch.Tensor,
        rows: list[np.ndarray],
        plan: EnsemblePlan,
        seed: int,
        watch: Callable[[EnsembleTrainer], bool] | None = None,
        saved: Part | None = None,
    ) -> None:
        self.ensemble, self.X, self.plan = ensemble, X, plan
        self.rows = rows
        self.rng = np.random.default_rng(derive_seed(seed, TrainerStream.BATCHES))
        self.generator = make_generator(derive_seed(seed, TrainerStream.NOISE), X.device)
        #: Signs of the logits of prior draws, and of codes, in the discriminator's loss.
        self.signs = torch.tensor([-1.0, 1.0], device=X.device).view(1, 2, 1)
        #: Share of each batch, the rows of highest nll, that no phase learns from.
        self.trim = 0.0
        self.watch, self.saved = watch, saved
        self.stopped = False
        self.step = 0
        self.losses: list[torch.Tensor] = []
        self.encoder = ensemble.encoder_parameters()
        self.autoencoder = [*self.encoder, *ensemble.decoder_parameters()]
        self.discriminator = list(ensemble.discriminator.parameters())
        # Without gaps, as ever: where a tensor starts decides the last bit of a product.
        self.flat = FlatParameters([*self.autoencoder, *self.discriminator], alignment=1)
        n_encoder, n_autoencoder = len(self.encoder), len(self.autoencoder)
        self.encoder_grads = self.flat.grads[:n_encoder]
        self.decoder_grads = self.flat.grads[n_encoder:n_autoencoder]
        self.discriminator_grads = self.flat.grads[n_autoencoder:]
        #: Learning rate and beta1 of each phase.
        self.rates = {"reconstruction": (plan.lr, 0.9)}
        trained = {"reconstruction": self.autoencoder}
        if plan.adversarial_weight > 0:
            # Low beta1 for adversarial optimizers, as in DCGAN.
            self.rates["discriminator"] = (plan.lr, 0.5)
            self.rates["generator"] = (plan.lr * plan.adversarial_weight, 0.5)
            trained |= {"discriminator": self.discriminator, "generator": self.encoder}
        self.optimizers = {}
        for name, parameters in trained.items():
            span = self.flat.span(parameters)
            assert span is not None  # they follow each other
            self.optimizers[name] = FusedAdam(self.flat.values[span], self.flat.gradients[span])
        ensemble.start_from_components(
            [
                X[part[:: 1 + len(part) // PCA_ROWS]][:, ensemble.columns[i]]
                for i, part in enumerate(rows)
            ]
        )
        if saved is not None and saved.state is not None:
            self._go_on_from(saved.state)

    def keep(self, inliers: np.ndarray) -> None:
        """Go on with the inliers (n_rows, bool) alone."""
        rows = [part[inliers[part]] for part in self.rows]
        if min(map(len, rows)) >= 2:
            self.rows = rows
            self.leave_out(inliers)

    def leave_out(self, inliers: np.ndarray) -> None:
        """From now on leave out as large a share of every batch as there are outlying rows.

        These tell how many anomalies there may be, though not which.
        """
        self.trim = 1 - float(inliers.mean())

    def run(self, until: int) -> None:
        """Take steps up to step ``until``, each of three phases.

        Raises
        ------
        NonFiniteLossError
            If a loss is NaN or infinite.
        """
        with torch_threads(1), torch.no_grad():
            while self.step < until and not self.stopped:
                n = min(DRAW_AHEAD, until - self.step)
                for x, noise in zip(self._batches(n), self._noise(n), strict=True):
                    self.losses.append(self._take(x, noise))
                    self.step += 1
                self.stopped = self.watch is not None and self.watch(self)
                if self.saved is not None:
                    self.saved.keep(self._state, last=self.step == self.plan.n_steps)
        if self.losses and not torch.isfinite(self.losses[-1]).all():
            raise NonFiniteLossError(
                "a loss of the ensemble became NaN or infinite: lower lr, or check the table "
                "for extreme values."
            )

    def _state(self) -> dict[str, Any]:
        """Return a copy of all that changes in training."""
        return {
            "step": self.step,
            "values": self.flat.values.clone(),
            "adams": {
                name: [part.clone() for part in (*adam.moments, adam.step_count)]
                for name, adam in self.optimizers.items()
            },
            "buffers": {name: part.clone() for name, part in self.ensemble.named_buffers()},
            "rows": list(self.rows),
            "trim": self.trim,
            "losses": torch.stack(self.losses),
            "rng": self.rng.bit_generator.state,
            "generator": self.generator.get_state(),
        }

    def _go_on_from(self, state: dict[str, Any]) -> None:
        """Put a state back."""
        self.step, self.trim, self.rows = state["step"], state["trim"], state["rows"]
        self.losses = list(state["losses"])
        self.rng.bit_generator.state = state["rng"]
        self.generator.set_state(state["generator"])
        with torch.no_grad():
            self.flat.values.copy_(state["values"])
            for name, buffer in self.ensemble.named_buffers():
                buffer.copy_(state["buffers"][name])
            for name, parts in state["adams"].items():
                adam = self.optimizers[name]
                for own, part in zip((*adam.moments, adam.step_count), parts, strict=True):
                    own.copy_(part)
        if self.watch is not None:
            self.watch(self)  # of the steps that an earlier call has taken

    def freeze_codes(self) -> None:
        """Fix what codes are normalised by, on the rows that are left."""
        size = min(PCA_ROWS, min(map(len, self.rows)))
        index = np.stack([self.rng.choice(part, size, replace=False) for part in self.rows])
        self.ensemble.freeze_codes(gather_rows(self.X, index, self.ensemble.columns))

    def finish(self) -> Members:
        """End training; return the ensemble."""
        self.flat.release()
        self.freeze_codes()
        return self.ensemble.requires_grad_(False).eval()

    # ------------------------------------------------------------------ batches

    def _batches(self, n_steps: int) -> torch.Tensor:
        """Return rows of shape (n_steps, M, batch, n_columns)."""
        size = (n_steps, self.plan.batch_size)
        index = np.stack([part[self.rng.integers(len(part), size=size)] for part in self.rows], 1)
        return gather_rows(self.X, index, self.ensemble.columns)

    def _noise(self, n_steps: int) -> list[tuple[torch.Tensor, ...]]:
        """Return input noise, channel noise for phases 1 and 2, and prior draws, by step."""
        m, d = self.ensemble.columns.shape
        k, b = self.ensemble.code_mask.shape[2], self.plan.batch_size
        shapes = [(n_steps, m, b, d), *[(n_steps, m, b, k)] * 3]
        drawn = [
            torch.randn(shape, generator=self.generator, device=self.X.device) for shape in shapes
        ]
        return list(zip(*drawn, strict=True))

    def _rate(self) -> float:
        """Return the share of the learning rates: it rises, then falls along a cosine."""
        t = min(self.step / self.plan.n_steps, 1.0)
        fall = LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * t))
        return min(1.0, (self.step + 1) / WARM_UP) * fall

    # ------------------------------------------------------------------- phases

    def _take(self, x: torch.Tensor, noise: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """Take a step of each phase on a batch; return their losses."""
        in_noise, code_noise, code_noise_2, prior = noise
        e = self.ensemble
        read = as_read(x)
        corrupted = torch.add(read, in_noise, alpha=self.plan.input_noise)
        loss, weights = self._reconstruction(e.draw_codes(corrupted, code_noise), x)
        if self.plan.adversarial_weight == 0:
            return loss.unsqueeze(0) / e.n_members
        # The encoder does not move between phases 2 and 3: one pass serves both.
        codes = e.draw_codes(read, code_noise_2)
        d_loss = self._discriminator(codes, prior, weights)
        g_loss = self._generator(codes, weights)
        return torch.stack([loss, d_loss, g_loss]) / e.n_members

    def _reconstruction(
        self, codes: DrawnCodes, x: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Take the step of phase 1; return its loss, and the rows' weights in all phases."""
        nll, pull_back = self.ensemble.nll_of_rows(codes.z, x)
        weights = self._weights(nll)
        loss, g = pull_back(weights, self.decoder_grads)
        self.ensemble.encoder_back(g, codes, self.encoder_grads)
        self._update("reconstruction")
        return loss, weights

    def _discriminator(
        self, codes: DrawnCodes, prior: torch.Tensor, weights: torch.Tensor
    ) -> torch.Tensor:
        """Take the step of phase 2; return its loss."""
        e = self.ensemble
        passed = e.discriminator.trace(torch.cat([prior * e.code_mask, codes.z], dim=1))
        loss, g = weighted_softplus(passed[-1], self.signs, weights)
        e.discriminator.back(g.mul_(0.5), passed, self.discriminator_grads, to_input=False)
        self._update("discriminator")
        return 0.5 * loss

    def _generator(self, codes: DrawnCodes, weights: torch.Tensor) -> torch.Tensor:
        """Take the step of phase 3; return its loss."""
        e = self.ensemble
        passed = e.discriminator.trace(codes.z)
        loss, g = weighted_softplus(passed[-1], self.signs[:, :1], weights)
        e.encoder_back(e.discriminator.back(g, passed), codes, self.encoder_grads)
        self._update("generator")
        return loss

    def _weights(self, nll: torch.Tensor) -> torch.Tensor:
        """Return the weights of rows (M, batch): none for those of highest nll."""
        share = self.trim * min(1.0, 2 * self.step / self.plan.n_steps)
        b = nll.shape[1]
        n_left = b - int(share * b)
        if n_left == b:
            return torch.full_like(nll, 1 / b)
        bound = nll.kthvalue(n_left, dim=1, keepdim=True).values
        weights = (nll <= bound).to(nll)
        return weights.div_(weights.sum(dim=1, keepdim=True))

    def _update(self, name: str) -> None:
        """Take the step of one phase, by its own optimizer."""
        lr, beta1 = self.rates[name]
        self.optimizers[name].step(lr * self._rate(), (beta1, 0.999))


def weighted_softplus(
    logits: torch.Tensor, signs: torch.Tensor, weights: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the weighted sum of softplus of signed logits, and its gradient by the logits.

    Logits (M, n, 1) are those of rows whose weights (M, batch) are given, or of as many prior
    draws before them, which have the same weights.
    """
    m, n, _ = logits.shape
    signed = logits.view(m, -1, weights.shape[1]) * signs
    weights = weights.unsqueeze(1)
    loss = (softplus(signed) * weights).sum()
    return loss, signed.sigmoid_().mul_(weights * signs).view(m, n, 1)
