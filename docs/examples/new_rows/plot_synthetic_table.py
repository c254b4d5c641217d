"""
A synthetic table of mixed types
================================

Numbers, categories, text, dates and missing cells go into one model, and new rows of the
same kind come out. :func:`~sklearn_aae.metrics.synthetic_report` says how good they are,
beside what real rows reach, and two pictures show it.
"""

# %%
# The table
# ---------
#
# A made-up census in the manner of the Adult table: ages, hours of work that heap at 40,
# gains that are nearly always 0, an ordered and two plain categories, one of them
# with missing cells, a flag and a date.

import numpy as np
import pandas as pd

DEGREES = ["school", "vocational", "bachelor", "master", "doctorate"]
WORK = ["craft", "service", "sales", "office", "engineering", "management"]


def make_people(n, seed):
    """Return rows of a table in which every column has to do with others."""
    rng = np.random.default_rng(seed)
    age = np.clip(rng.gamma(5, 5, n) + 16, 17, 90).astype(int)
    female = rng.random(n) < 0.42
    talent = rng.standard_normal(n) - 0.8 * (age < 24)
    degree = np.digitize(talent, [-0.4, 0.4, 1.1, 1.8])
    # Engineers and managers have degrees, women are more often in the middle trades.
    pull = np.subtract.outer(1.2 * degree - 1, np.arange(6)) ** 2 / 3
    pull[:, 1:4] -= 0.9 * female[:, None]
    work = (rng.gumbel(size=(n, 6)) - pull).argmax(axis=1)
    married = rng.random(n) < 0.75 / (1 + np.exp(-(age - 29) / 4))
    free = rng.normal(41 - 7 * female + 4 * (work > 4), 10)
    hours = np.where(rng.random(n) < 0.45, 40, np.clip(free, 5, 80)).astype(
        int
    )
    wage = 0.7 * degree + 0.5 * work + 0.06 * (hours - 40) + married
    wage += 3 * (1 - np.exp(-(age - 16) / 12)) + rng.logistic(size=n)
    rich = wage > 6.2
    gain = np.round(np.exp(rng.normal(8 + 0.8 * rich, 0.8, n)), -2)
    gain[rng.random(n) > 0.06 + 0.15 * rich] = 0
    tenure = rng.random(n) ** 1.4 * (age - 16) * 365
    hired = np.datetime64("2024-06-30") - tenure.astype(int)
    people = pd.DataFrame(
        {
            "age": age,
            "sex": np.where(female, "Female", "Male"),
            "degree": pd.Categorical.from_codes(degree, DEGREES, ordered=True),
            "work": np.array(WORK, dtype=object)[work],
            "hours": hours,
            "married": married,
            "hired": hired.astype("M8[s]"),
            "gain": gain.astype(int),
            "income": np.where(rich, ">50K", "<=50K"),
        }
    )
    people.loc[rng.random(n) < 0.15 * (age < 30), ["work", "hired"]] = None
    return people


people = make_people(4500, seed=0)
real, held_out = people[:3000], people[3000:]
print(real.head().to_string())

# %%
# Fit and sample
# --------------
#
# Nothing has to be encoded or declared: types say what the columns are. The synthetic rows
# come back as a frame with the same types.

from sklearn_aae import AdversarialAutoencoder

aae = AdversarialAutoencoder(n_components=8, random_state=0).fit(real)
synthetic = aae.sample(len(real), random_state=1)
print(synthetic.head().to_string())
print()
print((synthetic.dtypes == real.dtypes).all())

# %%
# How good are they?
# ------------------
#
# The held-out rows took no part in the fit. They tell what real rows reach, and
# whether the synthetic ones are nearer to the training rows than new rows should be. The
# :ref:`user guide <tables_report>` says how to read each line.

from sklearn_aae.metrics import synthetic_report

report = synthetic_report(
    real, synthetic, held_out, target="income", random_state=0
)
print(report)

# %%
# Column by column
# ----------------
#
# Real rows are filled, synthetic ones are outlines. Heaps (40 hours), the
# spike at a gain of 0 and missing cells are reproduced like everything else, because
# the decoder knows each of them as a level of its own.

import matplotlib.pyplot as plt

from sklearn_aae.inspection import SyntheticComparisonDisplay

display = SyntheticComparisonDisplay(real, synthetic)
display.plot(columns=list(real.columns))
plt.show()

# %%
# Pair by pair
# ------------
#
# How much two columns depend on each other, for every pair, whatever their kinds: two
# alike pictures are two alike tables. Then the worst pairs of the report.

display.plot(kind="associations")
plt.show()

# %%

report.plot(measure="pair_trends", n_labels=12)
plt.show()

# %%
# A rule that no one wrote down
# -----------------------------
#
# Nobody is hired before 16: the earliest date falls as the age rises. The model was not
# told, and no column by itself shows it. It learns the edge, but as a statistician does: a
# few rows lie beyond it. Where a rule has to hold in every row, draw more than you need and
# drop those that break it.

display.plot(kind="pairs", columns=["age", "hired"], y="income")
plt.show()

for title, rows in {"real": real, "synthetic": synthetic}.items():
    early = pd.Timestamp("2024-06-30") - pd.to_timedelta(
        (rows["age"] - 16) * 365, unit="D"
    )
    print(f"{title}: {(rows['hired'] < early).mean():.1%} hired too young")
