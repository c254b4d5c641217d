"""After training: levels are drawn as often as the training rows have them."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.utils import gen_batches

from sklearn_aae._utils._random import make_generator
from sklearn_aae._utils._threads import torch_threads
from sklearn_aae.autoencoder._draws import MOST_ROWS, decoder_draws
from sklearn_aae.networks import Classes
from sklearn_aae.outputs._level_head import LevelHead
from sklearn_aae.training import AAENet, TableDataset

#: Rows that are drawn to see how often levels are, as long as that takes no more
#: multiplications than this; at least the least.
MOST_DRAWS, LEAST_DRAWS, WORK = 8192, 1024, 2**34


def forget_shares(net: AAENet) -> None:
    """Take back what an earlier fit's :func:`match_shares` added."""
    if isinstance(net.module_.head, LevelHead):
        with torch.no_grad():
            net.module_.head.shifts.zero_()


def match_shares(
    net: AAENet, train: TableDataset | None, seed: int, class_counts: np.ndarray | None
) -> None:
    """Let an output over levels draw each level as often as the training rows have it.

    None for these stands for all rows that the table's layout tells of.  ``class_counts`` are
    those of training rows with a label, None if there are no classes.
    """
    module, head = net.module_, net.module_.head
    if not isinstance(head, LevelHead):
        return
    generator = make_generator(seed, torch.device(net.device))
    decoder = (module.decoder, head)
    n_weights = sum(weights.numel() for part in decoder for weights in part.parameters())
    n_draws = int(np.clip(WORK // n_weights, LEAST_DRAWS, MOST_DRAWS))
    classes = None if class_counts is None else Classes(np.full(n_draws, -1), class_counts)
    with torch.no_grad(), torch_threads(1):
        counts = head.shift_rows.shares(head.layout).to(head.shifts.device)
        if train is not None:
            counts = torch.zeros_like(head.shifts, dtype=torch.int64)
            for rows in gen_batches(len(train), MOST_ROWS):
                digits = train.gather(np.arange(rows.start, rows.stop)).to(counts.device)
                counts += head.shift_rows.counts(digits)
        inputs = decoder_draws(module, n_draws, generator, classes)
        head.match_shares(module.decoder(inputs), counts, generator)
