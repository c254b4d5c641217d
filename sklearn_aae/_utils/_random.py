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
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from sklearn.utils import check_random_state

_FENCE = threading.RLock()


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
