"""The three phases of a training step, each a function of the module and the batch.

Makhzani et al. 2015 (arXiv:1511.05644), section 2: reconstruction updates encoder
and decoder; then the discriminator learns to tell codes from prior draws; then
the encoder learns to fool it.

The same phases stand, by the same names and with gradients derived by hand, in ``_plain.py``
for plain perceptrons and in ``detection/ensemble/_trainer.py`` for ensembles; tests hold
them equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import nn

from sklearn_aae.networks import AAEModule
from sklearn_aae.outputs import Head
from sklearn_aae.training._adversarial_loss import AdversarialLoss
from sklearn_aae.training._batches import Batch


@dataclass
class StepState:
    """What the phases of one step pass on to each other."""

    batch: Batch
    #: The decoder's output of the reconstruction phase.
    params: torch.Tensor | None = None
    #: Codes after the reconstruction step, with their graph.  The encoder does not
    #: change between phases 2 and 3, so one pass serves both.
    codes: torch.Tensor | None = None

    def noise(self, index: int) -> torch.Tensor | None:
        """Return the posterior's noise: 0 for the reconstruction phase, 1 for the others."""
        return None if self.batch.noise is None else self.batch.noise[index]


class Phase(NamedTuple):
    """One phase: its loss, and what it trains."""

    #: The loss is recorded as ``train_{name}_loss``.
    name: str
    #: Attribute of the net, less the underscore, that takes the step.
    optimizer: str
    #: The children of the module that the optimizer updates.
    parts: tuple[str, ...]
    # Of a module that is an AAEModule, or extends one.
    loss: Callable[[Any, AdversarialLoss, StepState], torch.Tensor]

    def named_parameters(self, module: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
        """Yield the trainable parameters that the phase updates, each once if parts share it."""
        for name, parameter in self.all_parameters(module):
            if parameter.requires_grad:
                yield name, parameter

    def all_parameters(self, module: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
        """Yield the parameters of the phase's parts, frozen ones too."""
        seen: set[nn.Parameter] = set()
        for part in self.parts:
            for name, parameter in getattr(module, part).named_parameters(prefix=part):
                if parameter not in seen:
                    seen.add(parameter)
                    yield name, parameter


def reconstruction_loss(
    module: AAEModule, criterion: AdversarialLoss, state: StepState
) -> torch.Tensor:
    """Return the mean cell loss of the batch; phase 1."""
    batch = state.batch
    state.params = module(batch.corrupted, state.noise(0), batch.labels)
    losses = module.head.training_losses(state.params, batch.x, batch.dropout_masks)
    return mean_of_cells(losses if batch.weights is None else losses * batch.weights)


def mean_cell_loss(head: Head, params: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Return the mean loss of a cell without what training adds."""
    return mean_of_cells(head.cell_losses(params, x))


def mean_of_cells(losses: torch.Tensor) -> torch.Tensor:
    """Return the mean over rows of the mean over columns.

    In two steps: a sum over rows and columns at once would be split among threads
    and so depend on their number.
    """
    return losses.mean(dim=1).mean()


def discriminator_loss(
    module: AAEModule, criterion: AdversarialLoss, state: StepState
) -> torch.Tensor:
    """Return the discriminator's loss on prior draws and detached codes; phase 2."""
    batch = state.batch
    state.codes = module.encode(batch.x, state.noise(1))
    logits = module.discriminator(game_inputs(module, batch, state.codes.detach()))
    return criterion.discriminator(logits, len(batch.prior))


def generator_loss(module: AAEModule, criterion: AdversarialLoss, state: StepState) -> torch.Tensor:
    """Return the encoder's loss against the frozen discriminator; phase 3."""
    assert state.codes is not None  # phase 2 comes first
    inputs = module.discriminator_inputs(state.codes, state.batch.labels)
    return criterion.generator(module.discriminator(inputs))


def game_inputs(module: AAEModule, batch: Batch, codes: torch.Tensor) -> torch.Tensor:
    """Return what the discriminator tells apart: prior draws first, then codes.

    A row's draw has the row's label, so that codes of a class are compared with what the
    prior has for that class.
    """
    labels = None if batch.labels is None else batch.labels.repeat(2)
    return module.discriminator_inputs(torch.cat([batch.prior, codes]), labels)


RECONSTRUCTION = Phase(
    "reconstruction", "optimizer", ("encoder", "decoder", "head"), reconstruction_loss
)
DISCRIMINATOR = Phase("discriminator", "optimizer_disc", ("discriminator",), discriminator_loss)
GENERATOR = Phase("generator", "optimizer_gen", ("encoder",), generator_loss)

#: The adversarial autoencoder of the paper.
PHASES = (RECONSTRUCTION, DISCRIMINATOR, GENERATOR)
