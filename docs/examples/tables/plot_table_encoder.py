"""
Any table, as numbers and back
==============================

:class:`~sklearn_aae.TableEncoder` turns text, categories, dates, flags and missing cells into
float32 columns for any estimator, and back into the table. It is what the model itself reads
tables with, and is useful without it.
"""

# %%
# A table that no estimator takes
# -------------------------------
#
# Made-up bike rentals: a date, a kind of weather, a station among many, a flag, two numbers,
# and holes.

import numpy as np
import pandas as pd


def make_rentals(n, seed):
    """Return rows of rentals by hour."""
    rng = np.random.default_rng(seed)
    hour = rng.integers(0, 365 * 24, n)
    day, clock = np.divmod(hour, 24)
    season = -np.cos(2 * np.pi * day / 365)
    station = rng.zipf(1.6, n).clip(max=40)
    weather = rng.choice(3, n, p=[0.55, 0.3, 0.15])
    warmth = 11 + 9 * season + 4 * np.sin((clock - 9) / 24 * 2 * np.pi)
    warmth = np.round(warmth - 3 * weather + rng.normal(0, 3, n), 1)
    busy = np.exp(-((clock - 17.5) ** 2) / 12) + 0.7 * np.exp(
        -((clock - 8) ** 2) / 4
    )
    mean = (
        40 * (0.15 + busy) * (1.3 + season) * np.array([1, 0.8, 0.3])[weather]
    )
    rentals = pd.DataFrame(
        {
            "start": np.datetime64("2023-01-01T00", "s")
            + (hour * 3600).astype("m8[s]"),
            "station": np.array([f"S{k:03d}" for k in range(41)], object)[
                station
            ],
            "weather": np.array(["dry", "cloudy", "rain"], object)[weather],
            "warmth": warmth,
            "weekend": day % 7 < 1,
            "count": rng.poisson(mean / np.sqrt(station)),
        }
    )
    rentals["station"] = rentals["station"].astype("category")
    for name in ("weather", "warmth"):
        rentals.loc[rng.random(n) < 0.08, name] = None
    return rentals


rentals = make_rentals(6000, seed=0)
count = rentals.pop("count")
print(rentals.head().to_string())
print()
print(rentals.dtypes.to_string())

# %%
# There and back
# --------------
#
# Numbers are standardised, categories one-hot (in digits beyond 64 levels), dates become
# calendar digits, and missing cells a column of their own.

from sklearn_aae import TableEncoder

encoder = TableEncoder().set_output(transform="pandas").fit(rentals)
matrix = encoder.transform(rentals)
wide = [name for name in matrix if not name.startswith("station")]
print(matrix[wide].head(3).round(2).T.to_string())
print()
print(f"{rentals.shape[1]} columns became {matrix.shape[1]}")

# %%
# The way back gives the table: types, categories, missing cells, and here every value.

back = encoder.inverse_transform(matrix)
pd.testing.assert_frame_equal(back, rentals)

# %%
# Before any estimator
# --------------------
#
# In a pipeline it stands where a ``ColumnTransformer`` with a list of columns for each kind
# would. A network or a linear model needs every bit of it:

from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline

X_train, X_test, y_train, y_test = train_test_split(
    rentals, np.sqrt(count), random_state=0
)
models = {
    "Ridge": make_pipeline(TableEncoder(), Ridge()),
    "MLPRegressor": make_pipeline(
        TableEncoder(),
        MLPRegressor(
            hidden_layer_sizes=(64, 64),
            early_stopping=True,
            max_iter=600,
            random_state=0,
        ),
    ),
}

for name, model in models.items():
    model.fit(X_train, y_train)
    print(f"{name}: R² {model.score(X_test, y_test):.3f}")

# %%
# What the columns say
# --------------------
#
# ``get_feature_names_out`` names every column of the matrix, and so every coefficient: the
# largest of the linear model, coloured by the column of the table that they come from.

import matplotlib.pyplot as plt

ridge = models["Ridge"]
names = ridge[0].get_feature_names_out()
coefficients = pd.Series(ridge[1].coef_, names)
top = coefficients[coefficients.abs().nlargest(14).index].sort_values()
palette = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9"]
colour = dict(zip(rentals.columns, palette, strict=True))
figure, ax = plt.subplots(figsize=(7.5, 4.2), layout="constrained")
ax.barh(
    top.index,
    top,
    color=[colour[name.partition("_")[0]] for name in top.index],
)
ax.axvline(0, color="#9a9a9a", lw=0.8)
ax.spines[["top", "right", "left"]].set_visible(False)
ax.spines["bottom"].set_color("#9a9a9a")
ax.tick_params(axis="y", length=0, labelsize=9)
ax.set_xlabel("coefficient (rentals, square root)")
ax.legend(
    handles=[
        plt.Rectangle((0, 0), 1, 1, color=value, label=name)
        for name, value in colour.items()
    ],
    frameon=False,
    loc="lower right",
)
plt.show()
