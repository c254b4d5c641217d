"""A training step recorded once as a CUDA graph and replayed for every batch.

On a GPU the kernels of a step take less time than Python needs to launch them.  A graph
launches all of them in one call; in return it reads and writes the same memory
every time, so batches are copied to where it reads.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import torch

from sklearn_aae.training._batches import Batch

#: Steps of every shape of batch that are taken without a graph first: libraries choose their
#: kernels and allocate their workspaces then, which a recording must not do.
WARM_UP = 3


class StepResult(NamedTuple):
    """What a step leaves behind, on the device."""

    #: The loss of each phase.
    losses: torch.Tensor
    #: Output of the decoder in the reconstruction phase.
    params: torch.Tensor | None


Walk = Callable[[Batch], StepResult]
Record = Callable[[Callable[[], StepResult]], tuple[StepResult, Callable[[], object]]]

#: Of each tensor of a batch, None for those that it lacks.
Shape = tuple[torch.Size | None, ...]


class _Recording(NamedTuple):
    #: Where the recording reads.
    batch: Batch
    result: StepResult
    replay: Callable[[], object]


def record_cuda(walk: Callable[[], StepResult]) -> tuple[StepResult, Callable[[], object]]:
    """Record a function as a CUDA graph; return the result, and what computes it again."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = walk()
    return result, graph.replay


def on_side_stream(walk: Callable[[], StepResult]) -> StepResult:
    """Run a function as a recording will run it, away from the default stream."""
    current = torch.cuda.current_stream()
    new_stream: Callable[[], torch.cuda.Stream] = torch.cuda.Stream
    side = new_stream()
    side.wait_stream(current)
    with torch.cuda.stream(side):
        result = walk()
    current.wait_stream(side)
    return result


class GraphedStep:
    """Takes steps by replaying a recording, one for every shape of batch.

    ``walk`` takes a step on a batch, all of it on the device; ``record`` turns a function
    into its result and what repeats it; ``warm_up`` calls a function before it is recorded.
    If the step cannot be recorded, a warning says so once and steps are taken without.
    """

    def __init__(
        self,
        walk: Walk,
        record: Record = record_cuda,
        warm_up: Callable[[Callable[[], StepResult]], StepResult] = on_side_stream,
    ) -> None:
        self.walk, self.record, self.warm_up = walk, record, warm_up
        self.recordings: dict[Shape, _Recording] = {}
        self.steps: Counter[Shape] = Counter()
        self.gave_up = False

    def __call__(self, batch: Batch) -> StepResult:
        """Take a step; the next one may overwrite what is returned."""
        if self.gave_up:
            return self.walk(batch)
        # Rows with labels beside a batch can become fewer, or end, while it stays as large.
        shape = tuple(None if tensor is None else tensor.shape for tensor in batch)
        if shape not in self.recordings:
            self.steps[shape] += 1
            if self.steps[shape] <= WARM_UP:
                result: StepResult = self.warm_up(lambda: self.walk(batch))
                return result
            if not self._make_recording(shape, batch):
                return self.walk(batch)
        recording = self.recordings[shape]
        for own, tensor in zip(recording.batch, batch, strict=True):
            if own is not None and tensor is not None:
                own.copy_(tensor)
        recording.replay()
        return recording.result

    def _make_recording(self, shape: Shape, batch: Batch) -> bool:
        own = Batch._make(None if tensor is None else tensor.clone() for tensor in batch)
        try:
            result, replay = self.record(lambda: self.walk(own))
        except RuntimeError as error:
            self.gave_up = True
            warnings.warn(
                "the training step cannot be recorded as a CUDA graph, so training goes on "
                "without one, several times slower on small networks. A network of your own "
                "must not wait for the device in forward (as .item(), .cpu() or "
                f"printing a value do). The error was: {error}",
                UserWarning,
                stacklevel=2,
            )
            return False
        self.recordings[shape] = _Recording(own, result, replay)
        return True
