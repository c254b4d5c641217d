"""
Rules that nobody wrote down
============================

Journeys end after they start, zones lie in one borough, totals add up.
:func:`~sklearn_aae.rules.find_rules` finds such rules in a table;
they test later rows, explain anomalies, and are kept in rows that a model draws.
"""

# %%
# A table of journeys, made here. Nothing says what its columns have to do with each other.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd


def make_trips(n_rows, seed):
    rng = np.random.default_rng(seed)
    seconds = rng.integers(0, 31 * 86_400, n_rows)
    start = pd.Timestamp("2024-03-01") + pd.to_timedelta(seconds, "s")
    zone = rng.integers(0, 24, n_rows)
    fare, tip = (
        rng.gamma(3, 600, n_rows).astype(int) / 100,
        rng.integers(0, 900, n_rows) / 100,
    )
    fee = rng.choice([0.5, 1.0, 2.75], n_rows, p=[0.6, 0.3, 0.1])
    return pd.DataFrame(
        {
            "start": start,
            "end": start
            + pd.to_timedelta(60 + rng.gamma(2, 400, n_rows).astype(int), "s"),
            "zone": [f"zone {z:02}" for z in zone],
            "borough": np.array(["Bronx", "Brooklyn", "Manhattan", "Queens"])[
                zone % 4
            ],
            "fare": fare,
            "tip": tip,
            "total": (fare + tip + fee).round(2),
        }
    )


trips, later = make_trips(1500, 0), make_trips(500, 1)
trips.head(3)

# %%
# Find
# ----
# Each rule says how many rows keep it, and in how many it would hold by chance: with every
# column shuffled by itself.

from sklearn_aae.rules import find_rules

rules = find_rules(trips)
rules

# %%
# Test
# ----
# Without any model, rules are a test of later rows. Here some of these go wrong.

wrong = later[:60].copy()
wrong.loc[:19, "end"] = wrong.loc[:19, "start"] - pd.Timedelta("5min")
wrong.loc[20:39, "borough"] = wrong.loc[20:39, "borough"].map(
    {
        "Bronx": "Queens",
        "Queens": "Bronx",
        "Brooklyn": "Manhattan",
        "Manhattan": "Brooklyn",
    }
)
wrong.loc[40:, "total"] += 0.13
pd.Series(
    rules.check(wrong).share, name="share of rows that break it"
).to_frame()

# %%
# Detect and explain
# ------------------
# The detector looks for rules in its training rows. What networks hardly see, a cell that is
# usual by itself and contradicts another one, breaks a rule; the reason says which.

from sklearn_aae import AAEOutlierDetector

detectors = {
    "with rules": AAEOutlierDetector(random_state=0).fit(trips),
    "rules=None": AAEOutlierDetector(rules=None, random_state=0).fit(trips),
}
for row in (0, 20, 40):
    reason = detectors["with rules"].explain(wrong.iloc[[row]], top=1)[0][0]
    print(f"{reason.column}: {reason.value}; {reason.rule}")

# %%

fig, axes = plt.subplots(
    1, 2, figsize=(9, 3), sharey=True, layout="constrained"
)
for ax, (name, detector) in zip(axes, detectors.items(), strict=True):
    usual, odd = (
        -detector.score_samples(rows) for rows in (later[60:], wrong)
    )
    bins = np.linspace(0, max(usual.max(), odd.max()), 40)
    ax.hist(usual, bins, density=True, alpha=0.6, label="usual rows")
    ax.hist(odd, bins, density=True, alpha=0.6, label="rows that break a rule")
    ax.set(title=name, xlabel="anomaly score", yticks=[])
axes[0].legend()

# %%
# Draw
# ----
# A model looks for rules in frames, too, and draws rows that keep them. Of the end of a journey
# it learns how long after the start it is, so that durations are right in a span of a month.

from sklearn_aae import AdversarialAutoencoder

drawn = {
    name: AdversarialAutoencoder(max_epochs=8, random_state=0, **choice)
    .fit(trips)
    .sample(1000, random_state=0)
    for name, choice in (("with rules", {}), ("rules=None", {"rules": None}))
}
pd.DataFrame({name: rules.check(rows).share for name, rows in drawn.items()})

# %%

fig, ax = plt.subplots(figsize=(6, 3), layout="constrained")
bins = np.linspace(-120, 120, 121)
for name, rows in {"real": later, **drawn}.items():
    minutes = (rows["end"] - rows["start"]).dt.total_seconds() / 60
    ax.hist(minutes, bins, density=True, histtype="step", label=name)
ax.set(xlabel="minutes from start to end", yticks=[])
ax.legend()

# %%
# Keep
# ----
# Rules are a list that can be edited, and kept as JSON beside the data.

from sklearn_aae.rules import Order, Rules

mine = Rules([rule for rule in rules if isinstance(rule, Order)])
print(mine.to_json())
