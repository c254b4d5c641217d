"""The three phases on an ensemble: each with an optimizer of its own, robust to anomalies."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import softplus

from sklearn_aae._utils._random import TrainerStream, derive_seed, make_generator
from sklearn_aae._utils._threads import torch_threads
from sklearn_aae.detection.ensemble._members import PCA_ROWS, Members
from sklearn_aae.exceptions import NonFiniteLossError
from sklearn_aae.training._fused_adam import FusedAdam

#: Steps over which the learning rate rises to its value.
WARM_UP = 20
#: What the learning rate falls to, as a share.
LAST_RATE = 0.05
#: Random numbers are drawn for so many steps at once.
DRAW_AHEAD = 16


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
    """

    n_steps: int = 300
    batch_size: int = 64
    lr: float = 1.5e-2
    adversarial_weight: float = 0.3
    input_noise: float = 0.1


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
    """

    def __init__(
        self,
        ensemble: Members,
        X: torch.Tensor,
        rows: list[np.ndarray],
        plan: EnsemblePlan,
        seed: int,
        watch: Callable[[EnsembleTrainer], bool] | None = None,
    ) -> None:
        self.ensemble, self.X, self.plan = ensemble, X, plan
        self.rows = rows
        self.rng = np.random.default_rng(derive_seed(seed, TrainerStream.BATCHES))
        self.generator = make_generator(derive_seed(seed, TrainerStream.NOISE), X.device)
        #: Of draws of the prior, and of codes, in the discriminator's loss.
        self.signs = torch.tensor([-1.0, 1.0], device=X.device).view(1, 2, 1)
        self.weights = torch.empty(0)
        #: Share of each batch, the worst explained rows, that no phase learns from.
        self.trim = 0.0
        self.watch = watch
        self.stopped = False
        self.step = 0
        self.losses: list[torch.Tensor] = []
        e = ensemble
        self.encoder = e.encoder_parameters()
        self.autoencoder = [*self.encoder, *e.decoder_parameters()]
        self.critic = list(e.discriminator.parameters())
        self.flat = FlatParameters([*self.autoencoder, *self.critic])
        #: Learning rate and decay of the first moment of each phase.
        self.rates = {"reconstruction": (plan.lr, 0.9)}
        trained = {"reconstruction": self.autoencoder}
        if plan.adversarial_weight > 0:
            # Momentum of the past misleads whoever plays against an opponent that moves.
            self.rates["discrimination"] = (plan.lr, 0.5)
            self.rates["generation"] = (plan.lr * plan.adversarial_weight, 0.5)
            trained |= {"discrimination": self.critic, "generation": self.encoder}
        self.optimizers = {
            name: FusedAdam(*self.flat.spans(parameters)) for name, parameters in trained.items()
        }
        ensemble.start_from_components(
            [
                X[part[:: 1 + len(part) // PCA_ROWS]][:, ensemble.columns[i]]
                for i, part in enumerate(rows)
            ]
        )

    def keep(self, kept: np.ndarray) -> None:
        """Go on with those rows alone for which ``kept`` (n_rows, bool) holds."""
        rows = [part[kept[part]] for part in self.rows]
        if min(map(len, rows)) >= 2:
            self.rows = rows
            self.leave_out(kept)

    def leave_out(self, kept: np.ndarray) -> None:
        """From now on leave out as large a share of every batch as ``kept`` does of all rows.

        Which rows lie apart tells how many anomalies there may be, though not which.
        """
        self.trim = 1 - float(kept.mean())

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
        if self.losses and not torch.isfinite(self.losses[-1]).all():
            raise NonFiniteLossError(
                "a loss of the ensemble became NaN or infinite: lower lr, or check the table "
                "for extreme values."
            )

    def frozen(self) -> Members:
        """Fix what codes are normalised by, on the rows that are left."""
        size = min(PCA_ROWS, min(map(len, self.rows)))
        index = np.stack([self.rng.choice(part, size, replace=False) for part in self.rows])
        self.ensemble.freeze_codes(self._gather(index))
        return self.ensemble

    def finish(self) -> Members:
        """End training."""
        self.flat.release()
        return self.frozen().requires_grad_(False).eval()

    # ------------------------------------------------------------------ batches

    def _batches(self, n_steps: int) -> torch.Tensor:
        """Return rows of shape (n_steps, M, batch, n_columns)."""
        size = (n_steps, self.plan.batch_size)
        index = np.stack([part[self.rng.integers(len(part), size=size)] for part in self.rows], 1)
        return self._gather(index)

    def _gather(self, index: np.ndarray) -> torch.Tensor:
        """Return rows by their numbers (..., M, n), with each member's columns."""
        rows = torch.from_numpy(index).to(self.X.device)
        columns = self.ensemble.columns
        if columns.shape[1] == self.X.shape[1]:
            return self.X[rows]
        return self.X[rows.unsqueeze(-1), columns.unsqueeze(1)]

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
        n_encoder = len(self.encoder)
        of_encoder = self.flat.gradients[:n_encoder]
        of_decoder = self.flat.gradients[n_encoder : len(self.autoencoder)]
        of_critic = self.flat.gradients[len(self.autoencoder) :]
        codes = e.draw_codes(torch.add(x, in_noise, alpha=self.plan.input_noise), code_noise)
        loss, g = e.decoder_back(codes.z, x, self._weigh, of_decoder)
        e.encoder_back(g, codes, of_encoder)
        self._update("reconstruction")
        if self.plan.adversarial_weight == 0:
            return loss.unsqueeze(0) / e.n_members
        # The encoder does not move between phases 2 and 3: one pass serves both.
        codes = e.draw_codes(x, code_noise_2)
        passed = e.discriminator.trace(torch.cat([prior * e.code_mask, codes.z], dim=1))
        fooled, g = self._verdict(passed[-1], self.signs)
        e.discriminator.back(g.mul_(0.5), passed, of_critic, to_input=False)
        self._update("discrimination")
        passed = e.discriminator.trace(codes.z)
        caught, g = self._verdict(passed[-1], self.signs[:, :1])
        e.encoder_back(e.discriminator.back(g, passed), codes, of_encoder)
        self._update("generation")
        return torch.stack([loss, 0.5 * fooled, caught]) / e.n_members

    def _verdict(
        self, logits: torch.Tensor, signs: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the sum of weighted logistic losses of signed logits, and its gradient."""
        m, n, _ = logits.shape
        # Prior draws come first and have the weights of the rows beside them.
        signed = logits.view(m, -1, self.plan.batch_size) * signs
        weights = self.weights.unsqueeze(1)
        loss = (softplus(signed) * weights).sum()
        return loss, signed.sigmoid_().mul_(weights * signs).view(m, n, 1)

    def _weigh(self, surprise: torch.Tensor) -> torch.Tensor:
        """Set the weights of this step's rows, and return them."""
        self.weights = self._weights(surprise)
        return self.weights

    def _weights(self, surprise: torch.Tensor) -> torch.Tensor:
        """Return the weights of rows (M, batch): none for the worst explained ones."""
        share = self.trim * min(1.0, 2 * self.step / self.plan.n_steps)
        b = surprise.shape[1]
        left = b - int(share * b)
        if left == b:
            return torch.full_like(surprise, 1 / b)
        bound = surprise.kthvalue(left, dim=1, keepdim=True).values
        kept = (surprise <= bound).to(surprise)
        return kept.div_(kept.sum(dim=1, keepdim=True))

    def _update(self, name: str) -> None:
        """Take the step of one phase, by its own optimizer."""
        lr, momentum = self.rates[name]
        self.optimizers[name].step(lr * self._rate(), (momentum, 0.999))


class FlatParameters:
    """One buffer that holds all parameters while they are trained, and one for gradients.

    Parameters
    ----------
    parameters : list of torch.nn.Parameter
        In the order in which they follow each other; they become views of the buffer.
    """

    def __init__(self, parameters: list[torch.nn.Parameter]) -> None:
        self.parameters = parameters
        self.values = torch.cat([p.detach().flatten() for p in parameters])
        self.gradient = torch.zeros_like(self.values)
        self.gradients: list[torch.Tensor] = []
        self.starts: dict[torch.nn.Parameter, int] = {}
        start = 0
        for parameter in parameters:
            self.starts[parameter] = start
            stop = start + parameter.numel()
            parameter.data = self.values[start:stop].view(parameter.shape)
            self.gradients.append(self.gradient[start:stop].view(parameter.shape))
            start = stop

    def spans(self, parameters: list[torch.nn.Parameter]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return values and gradients of parameters which follow each other."""
        start = self.starts[parameters[0]]
        part = slice(start, start + sum(p.numel() for p in parameters))
        return self.values[part], self.gradient[part]

    def release(self) -> None:
        """Give every parameter storage of its own again."""
        for parameter in self.parameters:
            parameter.data = parameter.data.clone()
