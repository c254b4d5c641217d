"""Matrix products by oneDNN, which uses all of a processor where torch's own library may not.

MKL multiplies with half the width of registers on processors of other makers: on these,
products in single precision take twice as long as oneDNN's, which torch has on board for networks
that it compiles.  Like MKL's, they do not depend on whether there are one or two threads (tests).
"""

from __future__ import annotations

import platform
from typing import NamedTuple

import torch

#: Multiplications of a product from which oneDNN is quicker, and of a gradient of weights, which
#: is copied to its place.
LEAST_WORK, LEAST_WORK_OF_GRADIENT = 2**22, 2**25


class Activation(NamedTuple):
    """What is done to a product where it is made, by oneDNN's name and with its parameters."""

    name: str
    parameters: list[float]


NOTHING = Activation("none", [])


def can_multiply(weight: torch.Tensor) -> bool:
    """Return whether oneDNN multiplies by such weights, and is what is quicker if they are many."""
    return (
        weight.device.type == "cpu"
        and weight.dtype == torch.float32
        and platform.machine().lower() in ("x86_64", "amd64")
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")  # torch may be built without it
    )


def multiply(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    activation: Activation = NOTHING,
) -> torch.Tensor:
    """Return the activation of ``x @ weight.T + bias``."""
    product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, *activation, "")
    return product
