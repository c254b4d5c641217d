"""Weights, gradients and Adam's moments of a whole net in a few flat buffers.

A step on small layers is dozens of kernels on tensors of a few thousand numbers, and
each call costs more than its arithmetic.  With all parameters of an optimizer next to
each other, Adam is one call instead of one for every tensor.
"""

from __future__ import annotations

from typing import TypeGuard

import torch
from torch import nn

from sklearn_aae.training._fused_adam import FusedAdam
from sklearn_aae.training._protocols import Net

#: 64 bytes in float32, a cache line.
ALIGNMENT = 16

MOMENTS = ("exp_avg", "exp_avg_sq")


class FlatParameters:
    """Parameters in one buffer and their gradients in another, until ``release``.

    Parameters
    ----------
    parameters : list of torch.nn.Parameter
        Of one dtype and device; they follow each other and become views of ``values``.
    alignment : int, default=16
        Parameters start at multiples of so many numbers.
    """

    def __init__(self, parameters: list[nn.Parameter], alignment: int = ALIGNMENT) -> None:
        self.parameters = parameters
        self.starts: dict[nn.Parameter, int] = {}
        size = 0
        for parameter in self.parameters:
            self.starts[parameter] = size
            size += -(-parameter.numel() // alignment) * alignment
        first = self.parameters[0]
        self.values = torch.zeros(size, dtype=first.dtype, device=first.device)
        self.gradients = torch.zeros_like(self.values)
        self.views = [self.view(self.values, parameter) for parameter in self.parameters]
        self.grads = [self.view(self.gradients, parameter) for parameter in self.parameters]
        for parameter, view in zip(self.parameters, self.views, strict=True):
            view.copy_(parameter.detach())
            parameter.data = view

    def view(self, buffer: torch.Tensor, parameter: nn.Parameter, offset: int = 0) -> torch.Tensor:
        """Return a parameter's part of a buffer that starts at ``offset`` of ``values``."""
        start = self.starts[parameter] - offset
        return buffer[start : start + parameter.numel()].view(parameter.shape)

    def span(self, parameters: list[nn.Parameter]) -> slice | None:
        """Return where the parameters lie if they follow each other, else None.

        None, too, if there are none.
        """
        if not parameters or not all(parameter in self.starts for parameter in parameters):
            return None
        everything = list(self.starts.values())
        offsets = sorted(self.starts[parameter] for parameter in parameters)
        first = everything.index(offsets[0])
        after = first + len(offsets)
        if everything[first:after] != offsets:
            return None
        return slice(offsets[0], everything[after] if after < len(everything) else len(self.values))

    def release(self) -> None:
        """Give every parameter storage of its own again."""
        for parameter, view in zip(self.parameters, self.views, strict=True):
            if parameter.data_ptr() == view.data_ptr():
                parameter.data = torch.empty_like(view)
                with torch.no_grad():
                    # A write that torch counts: whoever keeps a copy sees that it is old.
                    parameter.copy_(view)
            parameter.grad = None


class FlatStorage(FlatParameters):
    """Keeps all that a net trains in one buffer, until ``release``.

    Parameters and gradients become views, and so do the moments of every optimizer
    that :class:`FlatAdam` can stand in for.  Whoever reads them or writes to them in
    place (callbacks, checkpoints, ``load_state_dict``) notices nothing.

    Parameters
    ----------
    net : AAENet
        An initialised net whose parameters share one dtype and device.
    watched : bool, default=False
        Whether gradients may be replaced before an optimizer's step: then every
        optimizer takes its own.
    """

    def __init__(self, net: Net, watched: bool = False) -> None:
        super().__init__(_trained(net))
        self.attach_gradients()
        self.adams: dict[str, FlatAdam] = {}
        for name in net.optimizer_names:
            optimizer = net.optimizers_[name]
            span = self.span([p for group in optimizer.param_groups for p in group["params"]])
            if span is not None and not watched and FlatAdam.can_replace(optimizer):
                self.adams[name] = FlatAdam(optimizer, self, span)

    @staticmethod
    def fits(net: Net) -> bool:
        """Return whether all that the net trains is of one dtype on one device."""
        kinds = {(p.dtype, p.device, p.layout) for p in _trained(net)}
        return len(kinds) == 1

    def is_intact(self, net: Net) -> bool:
        """Return whether nobody has frozen a parameter or given a tensor other storage."""
        return (
            list(map(id, _trained(net))) == list(map(id, self.parameters))
            and all(
                parameter.data_ptr() == view.data_ptr() and parameter.dtype == view.dtype
                for parameter, view in zip(self.parameters, self.views, strict=True)
            )
            and all(stand_in.is_intact() for stand_in in self.adams.values())
        )

    def attach_gradients(self) -> None:
        """Make every parameter's gradient its view."""
        for parameter, grad in zip(self.parameters, self.grads, strict=True):
            parameter.grad = grad

    def release(self) -> None:
        """Give every tensor storage of its own again."""
        for stand_in in self.adams.values():
            stand_in.release()
        super().release()


class FlatAdam:
    """One fused update of all parameters of a :class:`torch.optim.Adam`.

    Options are read from the optimizer's group at every step, so schedules act;
    moments are views in its state, so checkpoints see them.

    Parameters
    ----------
    optimizer : torch.optim.Adam
        The optimizer to stand in for.
    storage : FlatStorage
        Where its parameters are.
    span : slice
        The part of the storage that is theirs.
    """

    def __init__(self, optimizer: torch.optim.Adam, storage: FlatStorage, span: slice) -> None:
        self.optimizer = optimizer
        (self.group,) = optimizer.param_groups
        self.adam = FusedAdam(storage.values[span], storage.gradients[span])
        device = storage.values.device
        #: A rate that a captured graph reads; on the CPU a number is quicker.
        self.rate = torch.zeros((), device=device) if device.type == "cuda" else None
        self._rate_there: float | None = None
        self.states: dict[torch.Tensor, dict[str, torch.Tensor]] = {}
        for parameter in self.group["params"]:
            views = {
                name: storage.view(buffer, parameter, span.start)
                for name, buffer in zip(MOMENTS, self.adam.moments, strict=True)
            }
            earlier = optimizer.state.get(parameter)
            if earlier:
                self.adam.step_count.copy_(earlier["step"])
                for name, view in views.items():
                    view.copy_(earlier[name])
            self.states[parameter] = {"step": self.adam.step_count, **views}
        optimizer.state.update(self.states)

    @staticmethod
    def can_replace(optimizer: torch.optim.Optimizer) -> TypeGuard[torch.optim.Adam]:
        """Return whether the stand-in does exactly what the optimizer would."""
        if type(optimizer) is not torch.optim.Adam or len(optimizer.param_groups) != 1:
            return False
        (group,) = optimizer.param_groups
        counts = {float(state["step"]) for state in optimizer.state.values()}
        return (
            bool(group["fused"])
            and not group["amsgrad"]
            and not isinstance(group["lr"], torch.Tensor)
            # Parameters that joined later are behind the others.
            and len(optimizer.state) in (0, len(group["params"]))
            and len(counts) <= 1
            and steps_by_itself(optimizer)
        )

    def update_rate(self) -> None:
        """Copy the group's learning rate to where a captured graph reads it."""
        if self.rate is not None and self._rate_there != self.group["lr"]:
            self._rate_there = self.group["lr"]
            self.rate.fill_(self._rate_there)

    def step(self) -> None:
        """Update the parameters by their gradients."""
        group = self.group
        self.adam.step(
            group["lr"] if self.rate is None else self.rate,
            group["betas"],
            eps=group["eps"],
            weight_decay=group["weight_decay"],
            maximize=group["maximize"],
        )

    def is_intact(self) -> bool:
        """Return whether the optimizer still has the state and the options it had."""
        return (
            len(self.optimizer.param_groups) == 1
            and self.optimizer.param_groups[0] is self.group
            and all(
                self.optimizer.state.get(parameter, {}).get(name) is tensor
                for parameter, state in self.states.items()
                for name, tensor in state.items()
            )
            and steps_by_itself(self.optimizer)
        )

    def release(self) -> None:
        """Give the optimizer's state storage of its own."""
        for parameter, state in self.states.items():
            if self.optimizer.state.get(parameter) is state:
                self.optimizer.state[parameter] = {
                    name: tensor.clone() for name, tensor in state.items()
                }


def steps_by_itself(optimizer: torch.optim.Optimizer) -> bool:
    """Return whether nobody watches the optimizer's steps.

    Schedulers of torch replace its ``step`` by one that counts; hooks want to be called.
    """
    hooks = (optimizer._optimizer_step_pre_hooks, optimizer._optimizer_step_post_hooks)
    return "step" not in vars(optimizer) and not any(hooks)


def _trained(net: Net) -> list[nn.Parameter]:
    """Return the parameters that the net's phases train, each once, in order."""
    parameters: dict[nn.Parameter, None] = {}
    for phase in net.phases:
        parameters |= dict.fromkeys(p for _, p in phase.named_parameters(net.module_))
    return list(parameters)
