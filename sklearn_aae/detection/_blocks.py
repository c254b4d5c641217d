"""Scores of many rows: blocks of them, side by side in threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from sklearn_aae._utils._threads import in_workers, keep_freed_memory, torch_threads
from sklearn_aae.detection._evidence import EnsembleEvidence
from sklearn_aae.detection._fitting import FittedModel
from sklearn_aae.detection._rules import RuledReader
from sklearn_aae.encoding import NumbersReader
from sklearn_aae.training import is_known

#: Blocks of fewer rows than these altogether are faster one after the other.
LEAST_ROWS = 4096


def of_blocks(
    model: FittedModel,
    reader: NumbersReader,
    rows: np.ndarray,
    function: Callable[[EnsembleEvidence, int], Any],
) -> list[Any]:
    """Return, for each block of validated rows, a function of their evidence and number.

    Products are taken over blocks of one number of rows, the last one is padded: their last
    bits depend on how many rows there are, and not on which they are.
    """
    block, most = model.block_rows()
    parts = [rows[start : start + most] for start in range(0, len(rows), most)]
    found: list[Any] = [None] * len(parts)

    def of_part(i: int) -> None:
        part = parts[i]
        scaled = reader.transform(part)
        padding = ((0, -len(part) % block), (0, 0))
        with torch.no_grad():
            evidence = model.evidence(np.pad(scaled, padding, mode="edge"))
            if isinstance(reader, RuledReader):
                evidence.rule_cells = np.pad(reader.rule_cells(part), padding, mode="edge")
            found[i] = function(evidence, len(part))

    networks = model.networks
    # A single model's networks are one module within.
    module: Any = getattr(networks, "module", networks)
    apart = networks.columns.device.type == "cpu" and is_known(module)
    workers = torch.get_num_threads() if apart and len(rows) >= LEAST_ROWS else 1
    keep_freed_memory()
    with torch_threads(1):
        # What models keep from one call to the next is there after the first block.
        in_workers(of_part, range(len(parts))[:1], 1)
        in_workers(of_part, range(len(parts))[1:], workers)
    return found
