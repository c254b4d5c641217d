"""Tensors and networks as torch writes them into files, wherever their owner is stored."""

from __future__ import annotations

import io
from typing import Any

import torch


class StoredByTorch:
    """What is pickled as the bytes that torch makes of it, as skorch does.

    Other ways of storing estimators, such as skops, know no tensors.
    """

    def __getstate__(self) -> dict[str, Any]:
        """Return all attributes as bytes."""
        buffer = io.BytesIO()
        torch.save(self.__dict__, buffer)
        return {"stored": buffer.getvalue()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take attributes from bytes."""
        stored = io.BytesIO(state["stored"])
        self.__dict__.update(torch.load(stored, weights_only=False))
