"""Which of the user's own networks made a loss NaN or infinite."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from sklearn_aae._utils._random import make_generator
from sklearn_aae.networks import AAEModule
from sklearn_aae.training._batches import TableDataset

#: Rows that networks are tried on.
N_ROWS = 64
#: The networks that take part in the loss of a phase; in others, all do.
SUSPECTS = {"reconstruction": ("encoder", "decoder")}
NETWORKS = ("encoder", "decoder", "discriminator")
#: A network that cannot be copied, or that fails in one of these ways, is not known to be at fault.
FAILURES = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


def name_culprit(net: Any, dataset: object, phase: str) -> str:
    """Return "in" which network of the user's own NaN or infinities arise; empty if in none.

    Each is tried on finite inputs, with the weights that it has, or those that it began with if
    it has lost them.  ``phase`` is that whose loss was not finite first: a single own network
    in it is named as well where none gives itself away, as the one to look at.
    """
    recipe = net.module
    own = [name for name in NETWORKS if getattr(recipe, name, None) is not None]
    if not own or not isinstance(dataset, TableDataset):
        return ""
    for name in own:
        if _fails(net.module_, recipe, name, dataset):
            return f"in {_described(net.module_, name)}"
    suspects = [name for name in own if name in SUSPECTS.get(phase, NETWORKS)]
    return f"perhaps in {_described(net.module_, suspects[0])}" if len(suspects) == 1 else ""


def _described(module: AAEModule, name: str) -> str:
    """Return the name of a network and its class: the user's, which may be inside of others."""
    inside = [type(part) for part in getattr(module, name).modules()]
    of = {each: each.__module__.partition(".")[0] for each in inside}
    own = [each for each in inside if of[each] not in ("torch", "sklearn_aae")]
    given = [each for each in inside if of[each] != "sklearn_aae"]
    return f"{name} ({(own or given or inside)[0].__name__})"


@torch.no_grad()
def _fails(
    module: AAEModule, recipe: Callable[[], AAEModule], name: str, dataset: TableDataset
) -> bool:
    """Return whether a network gives anything but finite numbers."""
    network = getattr(module, name)
    x = dataset.gather(np.arange(min(N_ROWS, len(dataset))))
    k, generator = module.n_components, make_generator(0)
    try:
        network = copy.deepcopy(network).train()
        if not all(torch.isfinite(weights).all() for weights in _numbers(network)):
            network.load_state_dict(getattr(recipe(), name).state_dict())
        device = next((weights.device for weights in network.parameters()), x.device)
        if name == "encoder":
            noise = torch.randn(len(x), module.posterior.n_noise(k), generator=generator)
            inputs = module.posterior.inputs(x, noise)
        else:
            code = module.draw_codes(len(x), generator)
            as_inputs = "decoder_inputs" if name == "decoder" else "discriminator_inputs"
            inputs = getattr(module, as_inputs)(code, None)
        return not bool(torch.isfinite(network(inputs.to(device))).all())
    except FAILURES:
        return False


def _numbers(network: nn.Module) -> list[torch.Tensor]:
    return [weights for weights in network.state_dict().values() if weights.is_floating_point()]
