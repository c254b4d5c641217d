"""One training over several processes: each takes its part of every batch."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import NamedTuple

import torch
from torch import distributed as dist
from torch import nn

from sklearn_aae._utils._ranks import RANKS, Ranks
from sklearn_aae._utils._spread import spread_over
from sklearn_aae.training._batches import Batch, TableDataset, batch_edges
from sklearn_aae.training._phases import PHASES
from sklearn_aae.training._protocols import Net

#: What ``torchrun`` tells the processes that it starts.
ENVIRONMENT = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")

#: Rows that processes compare with each other.
N_COMPARED = 256

BATCH_NORM = nn.modules.batchnorm._BatchNorm


@contextmanager
def distributed(*, timeout: float | None = None) -> Iterator[Ranks]:
    """Let every training in the block be one training of all processes of the job.

    Start the script with ``torchrun``.  Each process makes the same calls with the same table and
    the same ``random_state``, takes its part of every batch, and ends with the same
    model; ``batch_size`` is that of all processes together.  Losses and weights are, up to
    rounding, those of one process.

    Parameters
    ----------
    timeout : float or None, default=None
        Seconds after which a process that does not answer counts as lost; None for torch's
        default.  It is that of a process group that this block starts, not of one that is there.

    Yields
    ------
    ranks : Ranks
        Its ``rank`` is the number of this process, and its ``size`` how many there are.

    Raises
    ------
    ValueError
        If the script was not started by ``torchrun`` and there is no process group.  Calls of
        ``fit`` in the block raise it, in all processes, if rows, parameters or seeds
        differ, or the model cannot be trained so: classifiers, clusterers and networks with
        batch norms of torch's.
    LostProcessError
        By ``fit`` in the block, if another process has ended.

    See Also
    --------
    AdversarialAutoencoder : Its ``checkpoint`` is written by the first process and read by all.

    Notes
    -----
    Without this block, a process group changes nothing.  Ensembles of a detector, and what
    is not training, every process computes for itself.  The row groups of a Dataset of Parquet
    files are shared out; all other tables every process reads whole.

    Examples
    --------
    In a script that ``torchrun --nproc-per-node 2 script.py`` runs::

        with sklearn_aae.training.distributed() as ranks:
            model = AdversarialAutoencoder(random_state=0, checkpoint="jobs").fit(table)
        if ranks.rank == 0:
            sklearn_aae.save(model, "model.aae")
    """
    with _process_group(timeout):
        ranks = Ranks()
        token = RANKS.set(ranks)
        try:
            yield ranks
        finally:
            RANKS.reset(token)


@contextmanager
def _process_group(timeout: float | None) -> Iterator[None]:
    """Start a process group by what ``torchrun`` says, and end it, unless there is one."""
    if not dist.is_available():
        raise ValueError("this build of torch has no torch.distributed; install another.")
    if dist.is_initialized():
        yield
        return
    missing = [name for name in ENVIRONMENT if name not in os.environ]
    if missing:
        raise ValueError(
            f"there is no process group, and {', '.join(missing)} not set in the environment: "
            "start the script with torchrun --nproc-per-node N SCRIPT, or call "
            "torch.distributed.init_process_group first."
        )
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    wait = None if timeout is None else timedelta(seconds=timeout)
    dist.init_process_group(backend, timeout=wait)
    try:
        yield
    finally:
        dist.destroy_process_group()


# ------------------------------------------------------------------------------ a step


def part_of(batch: Batch, rows: slice) -> Batch:
    """Return some rows of a batch."""
    parts = {
        name: value[rows]
        for name, value in batch._asdict().items()
        if value is not None and name != "noise"
    }
    noise = None if batch.noise is None else batch.noise[:, rows]
    return batch._replace(noise=noise, **parts)


def add_up(
    ranks: Ranks, weight: float, loss: torch.Tensor, gradients: list[torch.Tensor]
) -> torch.Tensor:
    """Make gradients those of the whole batch, in place, and return its loss."""
    whole = torch.cat([loss.reshape(1), *(gradient.flatten() for gradient in gradients)])
    whole *= weight
    ranks.add(whole)
    parts = torch.split(whole[1:], [gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))
    return whole[0]


# ------------------------------------------------------------------ what processes agree on


class _Fact(NamedTuple):
    #: What is compared, and what to do where it differs.
    name: str
    remedy: str


FACTS = (
    _Fact(
        "parameters, or in epochs that are trained already",
        "fit the same estimator in each, with a checkpoint folder that all of them can read",
    ),
    _Fact("seeds", "set random_state to an int: None draws another seed in each"),
    _Fact("rows", "give each the same table, with its rows in the same order"),
    _Fact("weights", "give each the same parameters, and callbacks that do the same in each"),
)


def agree_on_epoch(net: Net, dataset: TableDataset) -> None:
    """Let processes go on with the same prior; raise in all unless all train the same net.

    Raises
    ------
    ValueError
        If nets or rows differ, or if the net cannot be trained so.
    """
    ranks = RANKS.get()
    if ranks is None:
        return
    _check_net(net)
    least = min(end - start for start, end in batch_edges(len(dataset), net.batch_size))
    if least < ranks.size:
        raise ValueError(
            f"a batch has {least} rows, fewer than the {ranks.size} processes that share it: raise "
            f"batch_size={net.batch_size}, which is that of all processes together, or start fewer."
        )
    prior = net.module_.prior
    if prior.learns and len(net.history) > 1 and isinstance(prior, nn.Module):  # it has moved
        ranks.send(prior.state_dict().values())
    settings = (net.batch_size, net.epochs_wanted_, len(net.history))
    index = spread_over(len(dataset), N_COMPARED)
    rows = [dataset.gather(index)]
    rows += [] if dataset.labels is None else [dataset.labels]
    facts = [
        _hash([repr(settings).encode()]),
        net.seed,
        _hash([str(len(dataset)).encode(), *map(_bytes, rows)]),
        _hash(map(_bytes, net.module_.state_dict().values())),
    ]
    everywhere = ranks.gather(torch.tensor(facts))
    for fact, same in zip(FACTS, (everywhere == everywhere[0]).all(dim=0), strict=True):
        if not same:
            raise ValueError(
                f"the processes of this training differ in their {fact.name}: {fact.remedy}."
            )


def _check_net(net: Net) -> None:
    known = {phase.loss for phase in PHASES}
    foreign = [phase.name for phase in net.phases if phase.loss not in known]
    if foreign:
        raise ValueError(
            f"the phases {foreign} of classifier and clusterer are not trained over several "
            "processes; fit it outside of distributed()."
        )
    for name, layer in net.module_.named_modules():
        if isinstance(layer, BATCH_NORM) and not isinstance(layer, nn.SyncBatchNorm):
            raise ValueError(
                f"{name} is a batch norm, whose statistics would be those of one process's rows: "
                "use a LayerNorm or, on GPUs, torch.nn.SyncBatchNorm."
            )


def _bytes(tensor: torch.Tensor) -> bytes:
    return tensor.detach().cpu().numpy().tobytes()


def _hash(parts: Iterable[bytes]) -> int:
    digest = hashlib.blake2b(digest_size=7)  # fits an int64
    for part in parts:
        digest.update(part)
    return int.from_bytes(digest.digest(), "big")
