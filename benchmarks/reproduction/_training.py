"""What goes along with a long training: rates by phase, averages, checkpoints, progress."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from skorch.callbacks import Callback, LRScheduler
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

from benchmarks.reproduction._recipes import Recipe

#: Seconds that the processor had worked when an epoch ended.
PROCESSOR = "processor"


class Schedule(LRScheduler):
    """Rates of each phase, and how they and the noise of the inputs fall.

    The library puts its own schedule aside for any LRScheduler; skorch's could only move
    the rate of the first phase.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe

    def initialize(self) -> Schedule:
        """There is nothing to set up."""
        return self

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Do not build a scheduler."""

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Set rates and noise of the epoch that begins, whose row is in the history already."""
        done = (len(net.history) - 1) / self.recipe.epochs
        shares, factors = zip(*self.recipe.fall, strict=True)
        factor = float(np.interp(done, shares, factors))
        for name, rate in self.recipe.rates:
            if name in net.optimizer_names:
                for group in getattr(net, f"{name}_").param_groups:
                    group["lr"] = rate * factor
        if self.recipe.noise_fades:  # as by the library's own schedule
            net.noise_share_ = factor

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Rates are set when an epoch begins."""

    def on_batch_end(self, net: Any, training: bool = True, **kwargs: Any) -> None:
        """Rates are set when an epoch begins."""


class AveragedWeights(Callback):
    """Leave the mean of the weights at the ends of the last epochs, not the last weights.

    Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization",
    arXiv:1803.05407, 2018.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Forget earlier runs."""
        self.mean_ = AveragedModel(net.module_)

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Take the weights of the epoch in, if it is one of the last."""
        if len(net.history) > round(self.recipe.epochs * (1 - self.recipe.averaged)):
            self.mean_.update_parameters(net.module_)

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        """Put the mean in place."""
        if self.mean_.n_averaged:  # a training that was interrupted has none yet
            net.module_.load_state_dict(self.mean_.module.state_dict())
        del self.mean_

    def state_dict(self) -> dict[str, Any]:
        """Return the mean so far, for a checkpoint."""
        return self.mean_.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a mean of earlier."""
        self.mean_.load_state_dict(state)


class Checkpoint(Callback):
    """Keep weights, optimizers, averages and history in a file; go on from there if it exists.

    What an epoch draws depends on the seed and its number only, so a training that was
    killed and goes on ends as if it had never stopped.  The file is replaced in one move every so
    many epochs.  ``seed`` is of what networks of the benchmark's own, such as dropout, draw.
    """

    def __init__(self, path: str, epochs: int, every: int, seed: int | None) -> None:
        self.path, self.epochs, self.every, self.seed = path, epochs, every, seed

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Put back what was kept; only the epochs that are missing are left to do."""
        if not Path(self.path).exists():
            return
        state = torch.load(self.path, map_location="cpu", weights_only=True)
        for name, part in _parts(net).items():
            part.load_state_dict(state[name])
        for row in state["history"]:
            net.history.new_epoch()
            for name, value in row.items():
                net.history.record(name, value)
        net.max_epochs = self.epochs - len(net.history)

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Let the epoch's draws start from its own seed.

        The library keeps the global generators apart while it trains networks that are not
        its own.
        """
        if self.seed is not None:
            torch.manual_seed(1_000_003 * self.seed + len(net.history))

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Write the state, if it is time."""
        done = len(net.history)
        if done % self.every and done != self.epochs:
            return
        state = {name: part.state_dict() for name, part in _parts(net).items()}
        history = [
            {name: value for name, value in row.items() if name != "batches"} for row in net.history
        ]
        path = Path(self.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_suffix(".half")
        torch.save(state | {"history": history}, half)
        os.replace(half, path)


def _parts(net: Any) -> dict[str, Any]:
    names = ["module_", *(f"{name}_" for name in net.optimizer_names)]
    averages = {
        name: callback for name, callback in net.callbacks_ if isinstance(callback, AveragedWeights)
    }
    return {name: getattr(net, name) for name in names} | averages


class Progress(Callback):
    """A bar of epochs, with the losses of the last; the processor's time goes to the history."""

    def __init__(self, title: str, epochs: int) -> None:
        self.title, self.epochs = title, epochs

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Open the bar where a training goes on."""
        self.bar_ = tqdm(total=self.epochs, initial=len(net.history), desc=self.title, unit="epoch")

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Move the bar."""
        net.history.record(PROCESSOR, time.process_time())
        losses = {
            phase.name[:5]: f"{net.history[-1, f'train_{phase.name}_loss']:.3f}"
            for phase in net.phases
        }
        self.bar_.set_postfix(losses, refresh=False)
        self.bar_.update()

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        """Close the bar, which must not stay behind in the fitted net."""
        self.bar_.close()
        del self.bar_
