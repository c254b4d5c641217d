"""
A detector that is put away and opened next month
=================================================

One file of data: what is in it, what it weighs, and the same scores after it was opened.
"""

# %%
# Fit and save
# ------------
#
# A detector learns what bookings usually look like. Its file holds weights, labels,
# thresholds and reference rows, and no code.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import sklearn_aae


def bookings(n_rows, seed, wrong=0):
    """Return bookings; the last ones have amounts of another account."""
    rng = np.random.default_rng(seed)
    account = rng.choice(["rent", "travel", "office"], n_rows)
    usual = {"rent": 1200.0, "travel": 300.0, "office": 40.0}
    amount = np.array([usual[name] for name in account])
    amount *= rng.lognormal(0, 0.2, n_rows)
    if wrong:
        amount[-wrong:] = rng.permutation(amount[-wrong:]) * 8
    days = pd.to_timedelta(rng.integers(0, 30, n_rows), "D")
    return pd.DataFrame(
        {
            "account": account,
            "amount": amount.round(2),
            "day": pd.Timestamp("2024-05-01") + days,
        }
    )


may = bookings(1500, seed=0)
detector = sklearn_aae.AAEOutlierDetector(random_state=0).fit(may)
folder = Path(tempfile.mkdtemp())
sklearn_aae.save(detector, folder / "may.aae")

# %%
# What is in the file
# -------------------
#
# ``describe`` reads the file and builds nothing of it; the command line calls it
# ``python -m sklearn_aae inspect may.aae``.

from sklearn_aae.persistence import describe

print("\n".join(describe(folder / "may.aae").splitlines()[:8]))

# %%
# What one ships
# --------------
#
# Reference rows are training rows. A file for others may leave them out, and what
# only training needs.

choices = {
    "whole": {},
    "without training": {"training": False},
    "without references": {"training": False, "references": False},
}
sizes = {}
for name, options in choices.items():
    sklearn_aae.save(detector, folder / "some.aae", **options)
    sizes[name] = (folder / "some.aae").stat().st_size / 1e3

# %%
# Open it and score June
# ----------------------
#
# Scores, p-values and reasons are those of the detector that was saved, bit for bit.

june = bookings(400, seed=1, wrong=12)
loaded = sklearn_aae.load(folder / "may.aae")
assert (loaded.score_samples(june) == detector.score_samples(june)).all()

scores = loaded.score_samples(june)
odd = np.arange(len(june)) >= len(june) - 12
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.5))
left.barh(list(sizes), list(sizes.values()), color="0.6")
left.set_xlabel("size of the file, kB")
right.scatter(june["amount"][~odd], scores[~odd], s=8, label="usual")
right.scatter(june["amount"][odd], scores[odd], s=16, label="wrong amounts")
right.axhline(loaded.offset_, color="k", linewidth=1)
right.set_xscale("log")
right.set_xlabel("amount")
right.set_ylabel("score; flagged below the line")
right.legend()
figure.tight_layout()
plt.show()

worst = int(scores.argmin())
print(june.iloc[worst].to_dict())
print(loaded.explain(june.iloc[[worst]], top=1)[0][0])
