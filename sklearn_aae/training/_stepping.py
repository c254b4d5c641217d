"""How a training step is taken: by autograd alone, or by the quickest way that is exact."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

import torch
from torch import nn
from torch.optim import Optimizer

from sklearn_aae._utils._ranks import RANKS, shared_batch
from sklearn_aae._utils._threads import Pace
from sklearn_aae.training._batches import Batch
from sklearn_aae.training._callbacks import has_listener
from sklearn_aae.training._distributed import add_up, part_of
from sklearn_aae.training._graph import GraphedStep, StepResult
from sklearn_aae.training._phases import Phase, StepState
from sklearn_aae.training._plain import PlainGradients, can_derive
from sklearn_aae.training._protocols import Net
from sklearn_aae.training._storage import FlatStorage


class StepOutput(TypedDict, total=False):
    """What a step hands to skorch; ``losses``, of each phase, are those of training."""

    loss: torch.Tensor
    losses: torch.Tensor
    y_pred: torch.Tensor | None


class Stepper:
    """The plain way: autograd, and every optimizer's own step."""

    def __init__(self, net: Net) -> None:
        self.net = net
        #: The processes that each take a part of every batch; None for this one alone.
        self.ranks = RANKS.get()
        self.pace = Pace()

    def prepare_epoch(self) -> None:
        """Notice what callbacks have changed since the last epoch."""

    def take(self, batch: Batch, watch: Callable[[Phase], object] | None = None) -> StepResult:
        """Train each phase on a batch in turn; the next step may overwrite what is returned.

        ``watch`` is called with each phase when its gradients are there, and may change them.
        """
        if self.ranks is None:
            with self.pace.step():
                return self._take(batch, watch)
        with shared_batch(self.ranks, len(batch.x)) as share:
            return self._take(part_of(batch, share.rows), watch, share.weight)

    def _take(
        self, batch: Batch, watch: Callable[[Phase], object] | None, weight: float = 1.0
    ) -> StepResult:
        """Train each phase on a batch, of which other processes have the rest by weight."""
        state = StepState(batch)
        losses = []
        for phase in self.net.phases:
            loss = self.gradients(phase, state)
            if self.ranks is not None:
                loss = add_up(self.ranks, weight, loss, self._gradients_of(phase))
            losses.append(loss)
            if watch is not None:
                watch(phase)
            self.update(phase, watched=watch is not None)
        params = None if state.params is None else state.params.detach()
        return StepResult(torch.stack(losses), params)

    def gradients(self, phase: Phase, state: StepState) -> torch.Tensor:
        """Set the gradients of a phase's parameters; return its loss."""
        net = self.net
        loss = phase.loss(net.module_, net.criterion_, state)
        trained = self._trained(phase)
        if trained:  # a callback may have frozen them all
            # Only these leaves get gradients: whoever is not trained is frozen.
            torch.autograd.backward(loss, inputs=trained)
        return loss.detach()

    def update(self, phase: Phase, *, watched: bool = False) -> None:
        """Let the phase's optimizer take its step.

        ``watched`` says that a callback has seen, and may have replaced, the gradients.
        """
        self._optimizer(phase).step()
        for parameter in self._trained(phase):
            parameter.grad = None

    def close(self) -> None:
        """Leave the net as a net that never had a stepper."""

    def _gradients_of(self, phase: Phase) -> list[torch.Tensor]:
        """Return what :meth:`gradients` has written, all there is to add up."""
        trained = self._trained(phase)
        for parameter in trained:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        return [parameter.grad for parameter in trained if parameter.grad is not None]

    def _optimizer(self, phase: Phase) -> Optimizer:
        result: Optimizer = getattr(self.net, f"{phase.optimizer}_")
        return result

    def _trained(self, phase: Phase) -> list[nn.Parameter]:
        groups = self._optimizer(phase).param_groups
        # A callback may freeze parameters that the optimizer was given.
        return [p for group in groups for p in group["params"] if p.requires_grad]


class FlatStepper(Stepper):
    """The quick way, the same up to rounding: flat storage, hand-derived gradients.

    Each part is used where it is exact and left out where it is not: gradients are
    derived by hand if all networks are plain perceptrons; an optimizer takes its own
    step if it is no plain Adam, if something watches its steps, or if a callback
    listens to gradients.  On a GPU, steps are recorded unless one of these is so.
    """

    def __init__(self, net: Net) -> None:
        super().__init__(net)
        self._attach()

    def _attach(self) -> None:
        self.watched = has_listener(self.net, "on_grad_computed")
        # Where all is frozen, or of several types, there is nothing to lay out.
        self.storage = FlatStorage(self.net, self.watched) if FlatStorage.fits(self.net) else None
        self.graphed = self.derived = None
        self.spans: dict[str, slice | None] = {}
        if self.storage is None:
            return
        # Where processes wait for each other, nothing is recorded.
        flat = set(self.storage.adams) == set(self.net.optimizer_names)
        can_record = runs_on_gpu(self.storage) and flat and self.ranks is None
        self.graphed = GraphedStep(super().take) if can_record else None
        self.derived = PlainGradients(self.net) if can_derive(self.net) else None
        self.spans = {p.name: self.storage.span(self._trained(p)) for p in self.net.phases}

    def prepare_epoch(self) -> None:
        # A callback may have frozen a part or put other tensors in place.
        unchanged = (
            self.storage is not None
            and self.storage.is_intact(self.net)
            and can_derive(self.net) == (self.derived is not None)
            and has_listener(self.net, "on_grad_computed") == self.watched
        )
        if not unchanged:
            self.close()
            self._attach()

    def take(self, batch: Batch, watch: Callable[[Phase], object] | None = None) -> StepResult:
        if self.graphed is None or self.storage is None or watch is not None:
            return super().take(batch, watch)
        for stand_in in self.storage.adams.values():
            stand_in.update_rate()
        return self.graphed(batch)

    def gradients(self, phase: Phase, state: StepState) -> torch.Tensor:
        if self.derived is not None:
            return self.derived(phase, state)
        if self.storage is None:
            return super().gradients(phase, state)
        span = self.spans[phase.name]
        if span is None:
            for parameter in self._trained(phase):
                self.storage.view(self.storage.gradients, parameter).zero_()
        else:
            self.storage.gradients[span].zero_()
        return super().gradients(phase, state)

    def _gradients_of(self, phase: Phase) -> list[torch.Tensor]:
        span = self.spans.get(phase.name)
        if self.storage is None or span is None:
            return super()._gradients_of(phase)
        return [self.storage.gradients[span]]

    def update(self, phase: Phase, *, watched: bool = False) -> None:
        if self.storage is None:
            super().update(phase, watched=watched)
            return
        stand_in = self.storage.adams.get(phase.optimizer)
        if stand_in is not None:
            stand_in.step()
            return
        self._optimizer(phase).step()
        if watched:
            self.storage.attach_gradients()

    def close(self) -> None:
        if self.storage is not None:
            self.storage.release()


def runs_on_gpu(storage: FlatStorage) -> bool:
    """Return whether a net's kernels can be recorded as a CUDA graph."""
    return storage.values.is_cuda


def make_stepper(net: Net) -> Stepper:
    """Return the quickest stepper that is exact for a net."""
    return FlatStepper(net) if FlatStorage.fits(net) else Stepper(net)
