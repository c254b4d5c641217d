"""
Coming from CTGAN, TVAE or SDV
==============================

The same job, line by line: fit a synthesizer to a mixed-type table, draw rows, draw rows
that meet conditions, judge them, keep the model. The left-hand code of each pair is only
shown, not run; neither package is needed here.
"""

# %%
# Fit and draw
# ------------
#
# .. code-block:: python
#
#    from ctgan import CTGAN  # TVAE alike
#
#    model = CTGAN(epochs=300)
#    model.fit(train, discrete_columns=["fuel", "owner", "serviced"])
#    synthetic = model.sample(1000)
#
# .. code-block:: python
#
#    from sdv.metadata import Metadata
#    from sdv.single_table import CTGANSynthesizer
#
#    metadata = Metadata.detect_from_dataframe(train)
#    model = CTGANSynthesizer(metadata, epochs=300)
#    model.fit(train)
#    synthetic = model.sample(num_rows=1000)
#
# Here the types of the frame are the metadata, and there are no epochs to choose:

import numpy as np
import pandas as pd

from sklearn_aae import AdversarialAutoencoder


def make_cars(n, seed):
    """Return rows of used cars."""
    rng = np.random.default_rng(seed)
    age = np.minimum(rng.gamma(2.2, 3, n), 20)
    electric = rng.random(n) < 0.5 * np.exp(-age / 4)
    serviced = rng.random(n) < np.where(age < 6, 0.8, 0.35)
    price = 26 * np.exp(-0.14 * age + 0.4 * electric + 0.1 * serviced)
    cars = pd.DataFrame(
        {
            "fuel": np.where(electric, "electric", "petrol"),
            "owner": rng.choice(["dealer", "private"], n, p=[0.4, 0.6]),
            "sold": pd.Timestamp("2024-06-30")
            - pd.to_timedelta((age * 365).astype(int), unit="D"),
            "serviced": serviced,
            "price": np.round(1000 * price * rng.lognormal(0, 0.12, n), -2),
        }
    )
    cars["serviced"] = cars["serviced"].astype("boolean")
    cars.loc[rng.random(n) < 0.1, "serviced"] = pd.NA
    return cars


cars = make_cars(3000, seed=0)
train, held_out = cars[:2000], cars[2000:]
model = AdversarialAutoencoder(n_components=6, random_state=0).fit(train)
synthetic = model.sample(1000, random_state=1)
print(synthetic.head().to_string())

# %%
# Missing cells and dates need no preparation: they are drawn like all other cells, and the
# types are those of the training table.

print(synthetic.dtypes.to_string())

# %%
# If a number is really a label, say so; the counterpart of ``discrete_columns`` is
# ``categorical_features``, which takes labels, positions or a mask. What is text, a
# category or a boolean need not be named.
#
# Conditions
# ----------
#
# .. code-block:: python
#
#    model.sample(100, condition_column="fuel", condition_value="electric")  # CTGAN
#
#    from sdv.sampling import Condition  # SDV
#
#    model.sample_from_conditions([Condition(num_rows=100, column_values={"fuel": "electric"})])
#
# CTGAN's condition raises the probability of the value and promises no more; SDV rejects
# rows, or gives fewer. Here every row meets the conditions, on as many columns
# as you like, of any kind, with ranges and lists:

wanted = {
    "fuel": "electric",
    "sold": (pd.Timestamp("2018-01-01"), None),
    "price": (15_000, 25_000),
}
some = model.sample(500, conditions=wanted, random_state=0)
print(some.describe(include="all").loc[["unique", "min", "max"]].to_string())

# %%
# Judge
# -----
#
# .. code-block:: python
#
#    from sdv.evaluation.single_table import evaluate_quality
#
#    evaluate_quality(held_out, synthetic, metadata)  # column shapes, column pair trends
#
# The report here has the same two scores (a test of this package compares them with
# SDMetrics), and what they do not show: whether a classifier can tell the rows from real
# ones, whether models can be trained on them, and whether training rows are repeated.

from sklearn_aae.metrics import synthetic_report

report = synthetic_report(
    train, synthetic, held_out, target="price", random_state=0
)
print(report)

# %%
# And what they do not do
# -----------------------
#
# CTGAN and TVAE only draw. The same fitted model here also compresses rows to codes,
# rates them, says which cell is odd, and fills holes. Two cars that were made up to be wrong,
# an old one that is dear and a new one that is cheap, and one that is not:

odd = held_out.head(3).copy()
odd["price"] = [21_000.0, 900.0, 18_000.0]
odd["sold"] = pd.to_datetime(
    ["2007-05-02", "2023-11-20", "2021-03-01"]
).astype(train["sold"].dtype)
parts = pd.DataFrame(model.score_contributions(odd), columns=odd.columns)
print(odd.to_string(index=False))
print()
print(parts.round(1).to_string(index=False))

# %%
# How unusual each cell is given its code and the cells before it, as a picture: nats above
# the mean of held-out rows.

import matplotlib.pyplot as plt
from matplotlib.colors import LinearSegmentedColormap

usual = model.score_contributions(held_out).mean(axis=0)
excess = parts.to_numpy() - usual
colours = LinearSegmentedColormap.from_list("heat", ["#ffffff", "#D55E00"])
figure, ax = plt.subplots(figsize=(7.5, 2.2), layout="constrained")
image = ax.imshow(excess, cmap=colours, vmin=0, vmax=30, aspect="auto")
for (i, j), _ in np.ndenumerate(excess):
    cell = odd.iloc[i, j]
    text = f"{cell:%Y-%m-%d}" if isinstance(cell, pd.Timestamp) else str(cell)
    ax.text(j, i, text, ha="center", va="center", size=9)
ax.set_xticks(range(odd.shape[1]), odd.columns)
ax.xaxis.tick_top()
ax.set_yticks([])
ax.tick_params(length=0)
ax.spines[:].set_visible(False)
figure.colorbar(image, label="nats above usual", ticks=[0, 10, 20, 30])
plt.show()

# %%
# Settings
# --------
#
# .. list-table::
#    :header-rows: 1
#    :widths: 34 36 30
#
#    * - CTGAN, TVAE
#      - here
#      -
#    * - ``embedding_dim=128``
#      - ``n_components=8``
#      - width of the code
#    * - ``generator_dim``, ``compress_dims``
#      - ``hidden_layer_sizes``
#      -
#    * - ``epochs=300``, ``batch_size=500``
#      - ``max_epochs="auto"``, ``batch_size="auto"``
#      - from the number of rows
#    * - ``discrete_columns``, metadata
#      - ``categorical_features="from_dtype"``
#      -
#    * - ``set_random_state(0)``
#      - ``random_state=0``
#      - repeats bit by bit
#    * - ``cuda=True``
#      - ``device="auto"``
#      -
#    * - ``pac``, ``log_frequency``
#      - not needed
#      - rows are drawn from a likelihood
#    * - ``model.save("m.pkl")``
#      - ``joblib.dump(model, "m.joblib")``
#      - as any estimator
#
# What has no counterpart: SDV's constraints (draw more rows and drop those that break a
# rule), several tables, sequences.
