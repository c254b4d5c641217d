"""How often missing numbers are drawn: as often as there are."""

from __future__ import annotations

import numpy as np
import torch

from sklearn_aae._utils._random import EpochStream, derive_seed, make_generator
from sklearn_aae.outputs._flagged_head import FlaggedHead
from sklearn_aae.training._batches import TableDataset
from sklearn_aae.training._protocols import Net

#: Prior draws that shares of missing cells are set right by, to about 3 %.
FLAG_DRAWS = 8192


@torch.no_grad()
def match_flags(net: Net, dataset: TableDataset, rows: np.ndarray) -> None:
    """Let missing numbers, if there are any, be drawn as often, with labels as of these rows."""
    module, head, device = net.module_, net.module_.head, torch.device(net.device)
    if not isinstance(head, FlaggedHead):
        return
    generator = make_generator(derive_seed(net.seed, EpochStream.FLAGS), device)
    labels = dataset.labels_of(np.resize(rows, FLAG_DRAWS), device)
    codes = module.draw_codes(FLAG_DRAWS, generator, labels)
    params = module.decoder(module.decoder_inputs(codes, labels))
    head.match_shares(params)
