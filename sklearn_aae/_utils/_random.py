"""Seeds, torch generators and the fence around code that draws globally.

The package never reads or moves a global generator on its own account: every
draw comes from an explicit :class:`torch.Generator`.  Code that is not ours (a
user's network, a torch distribution) may know only the global generators; it
runs inside :func:`fenced`, which puts them back.
"""

from __future__ import annotations

import random
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

import numpy as np
import torch
from sklearn.utils import check_random_state

_FENCE = threading.RLock()


# Streams by the seed that they derive from.  The numbers are those that fitted models were
# made with: another number is another model for the same seed.


class ModelStream(IntEnum):
    """Streams under the seed of a model, and of the estimator that a model is made for."""

    INIT = 0
    TRAIN = 1
    SCALE = 2
    SPLIT = 3
    STOP = 4
    USER = 5
    SAMPLE = 6
    IMPUTE = 7
    SHARES = 8
    COMPONENTS = 9
    HIDDEN = 10
    REPORT = 11
    MARGINALS = 12
    NEIGHBORS = 16


class DrawStream(IntEnum):
    """Streams under the seed of one call of ``sample`` or ``impute``."""

    CELLS = 0
    DENSITY = 1
    IDENTIFIERS = 2


class RowStream(IntEnum):
    """Streams of rows that do not fit into memory, under the seed of what is fitted to them."""

    SAMPLE = 32
    ORDER = 33


class NetworkStream(IntEnum):
    """Streams under the seed of a model's networks."""

    ENCODER = 0
    DECODER = 1
    DISCRIMINATOR = 2
    HEAD = 3
    START = 4
    CATEGORY_DISCRIMINATOR = 16
    STYLE_DISCRIMINATOR = 17
    STYLE_DECODER = 18
    EMBEDDING = 19


class EpochStream(IntEnum):
    """Streams under the seed of training and the number of the epoch."""

    ORDER = 0
    NOISE = 1
    PRIOR = 2
    LABELLED = 3
    LABELLED_NOISE = 4
    FLAGS = 5
    HIDDEN = 6


class DetectorStream(IntEnum):
    """Streams under the seed of a detector."""

    HOLD_OUT = 0
    MODEL = 1
    SCALES = 2
    TRAINING_SCORES = 3
    SCALER = 4
    DRIFT = 6
    RULES = 7
    REPORT = 8


class EnsembleStream(IntEnum):
    """Streams under the seed of a detector's networks and of what surrounds them."""

    COLUMNS = 0
    ROWS = 1
    WEIGHTS = 2
    TRAINING = 3
    TRIMMING = 4
    STORED = 5
    PRIOR = 6
    AUTOREGRESSIVE = 7
    SAMPLE = 8


class TrainerStream(IntEnum):
    """Streams under the seed of an ensemble's training."""

    BATCHES = 0
    NOISE = 1


class ReportStream(IntEnum):
    """Streams under the seed of a report on a training."""

    ROWS = 0
    DRAWS = 1
    MORE = 2


class MetricStream(IntEnum):
    """Streams under the seed of a figure of merit."""

    DRAWS = 0
    COMPARISON = 1
    ROWS = 2


def draw_seed(random_state: int | np.random.RandomState | None) -> int:
    """Return one seed: from ``random_state``, or fresh from the system if it is None.

    ``check_random_state(None)`` would hand out numpy's global generator, so None
    is answered with entropy of the operating system instead.
    """
    if random_state is None:
        return secrets.randbits(31)
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def resolve_seed(random_state: Any, fallback: Any) -> int:
    """Return a seed from ``random_state``, or from ``fallback`` if it is None."""
    return draw_seed(fallback if random_state is None else random_state)


def derive_seed(seed: int, *key: int) -> int:
    """Return the seed of the stream ``key`` under ``seed``; streams do not overlap."""
    sequence = np.random.SeedSequence(seed, spawn_key=key)
    return int(sequence.generate_state(1, np.uint64)[0] >> 1)


def make_generator(seed: int, device: str | torch.device = "cpu") -> torch.Generator:
    """Return a torch generator on ``device`` that starts from ``seed``."""
    return torch.Generator(device=device).manual_seed(seed)


def as_numpy(generator: torch.Generator) -> np.random.Generator:
    """Return a generator of numpy that goes on from one of torch."""
    seed = torch.randint(2**62, (), generator=generator, device=generator.device)
    return np.random.default_rng(int(seed))


def parts_of(
    generator: torch.Generator | Sequence[torch.Generator], n_rows: int
) -> Iterator[tuple[slice, torch.Generator]]:
    """Yield which rows each generator draws for: all, or as many as each of the others."""
    generators = [generator] if isinstance(generator, torch.Generator) else generator
    each = n_rows // len(generators)
    for i, own in enumerate(generators):
        yield slice(i * each, (i + 1) * each), own


@contextmanager
def fenced(seed: int, device: str | torch.device = "cpu") -> Iterator[None]:
    """Seed the global generators for a block and put them back afterwards.

    One block at a time: concurrent fits in several threads wait for each other
    here, otherwise they would draw from one another's streams.
    """
    on_cuda = torch.device(device).type == "cuda"
    with _FENCE:
        python, numpy, cpu = random.getstate(), np.random.get_state(), torch.get_rng_state()
        cuda = torch.cuda.get_rng_state(device) if on_cuda else None
        try:
            random.seed(seed)
            np.random.seed(seed % 2**32)
            torch.default_generator.manual_seed(seed)
            if on_cuda:
                torch.cuda.default_generators[torch.device(device).index or 0].manual_seed(seed)
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)
            torch.set_rng_state(cpu)
            if cuda is not None:
                torch.cuda.set_rng_state(cuda, device)
