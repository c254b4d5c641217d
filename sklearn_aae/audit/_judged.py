"""How good a model's synthetic rows are, beside rows that it did not see."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.base import clone

from sklearn_aae import AdversarialAutoencoder
from sklearn_aae.audit._table import AuditTable
from sklearn_aae.metrics import SyntheticReport, synthetic_report

#: Of so many rows and more there is a report, by a model of at most so many, and of these every
#: fourth is held out.
LEAST, MOST, HELD_OUT = 100, 4000, 4


def judge_synthetic(
    table: AuditTable, model: AdversarialAutoencoder, seed: int
) -> SyntheticReport | None:
    """Return the report on a model of the same settings without some rows.

    None where there are too few rows, or the measures cannot use them.
    """
    frame = table.frame
    if len(frame) < LEAST:
        return None
    rows = np.random.default_rng(seed % 2**32).permutation(len(frame))[:MOST]
    held_out, training = (
        frame.iloc[np.sort(part)] for part in (rows[::HELD_OUT], np.delete(rows, np.s_[::HELD_OUT]))
    )
    with warnings.catch_warnings():
        # The model itself has said what there was to say of such a training.
        warnings.simplefilter("ignore")
        synthetic = clone(model).fit(training).sample(len(training))
    try:
        return synthetic_report(training, synthetic, held_out, random_state=seed % 2**32)
    except (TypeError, ValueError):
        # A column without cells in one part, say: the audit is worth having without this.
        return None
