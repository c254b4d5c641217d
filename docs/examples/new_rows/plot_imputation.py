"""
Filling missing cells
=====================

A model of the rows is also a model of what is missing in them.
:meth:`~sklearn_aae.AdversarialAutoencoder.impute` fills numbers, categories and flags in one
go: with the best single guesses, or with draws, which scatter more as the cells do. Beside
it stand :class:`~sklearn.impute.KNNImputer` and :class:`~sklearn.impute.IterativeImputer`.
"""

# %%
# A table with holes
# ------------------
#
# Made-up flats: rents depend on area, district and furniture, and every sixth cell of
# 1000 further flats is taken out at random.

import numpy as np
import pandas as pd

DISTRICTS = ["harbour", "hill", "mill", "north", "old town"]


def make_flats(n, seed):
    """Return rows of a table in which every column has to do with others."""
    rng = np.random.default_rng(seed)
    district = rng.choice(5, n, p=[0.15, 0.2, 0.25, 0.25, 0.15])
    rooms = 1 + rng.binomial(
        5, np.array([0.15, 0.5, 0.3, 0.35, 0.2])[district]
    )
    area = np.round(12 + 21 * rooms * rng.lognormal(0, 0.15, n)).astype(int)
    built = np.array([2012, 1965, 1978, 1990, 1895])[district]
    built = np.minimum(built + rng.normal(0, 7, n), 2024).astype(int)
    furnished = rng.random(n) < np.where(rooms < 3, 0.45, 0.08)
    heating = np.where(built > 1985, "pump", "gas").astype(object)
    heating[(built < 1985) & (rng.random(n) < 0.3)] = "district"
    rate = np.array([19, 16, 11, 10, 17])[district] + 4 * furnished
    rent = rate * area**0.92 * rng.lognormal(0, 0.12, n)
    return pd.DataFrame(
        {
            "district": np.array(DISTRICTS, dtype=object)[district],
            "rooms": rooms,
            "area": area,
            "built": built,
            "furnished": furnished,
            "heating": heating,
            "rent": np.round(rent, -1).astype(int),
        }
    )


flats = make_flats(4000, seed=0)
train, truth = flats[:3000], flats[3000:].reset_index(drop=True)
hidden = np.random.default_rng(1).random(truth.shape) < 1 / 6
holes = truth.astype(
    {"rooms": float, "area": float, "built": float, "rent": float}
).astype({"furnished": object})
holes = holes.mask(hidden)
print(holes.head().to_string())

# %%
# One call
# --------
#
# The model has not seen a missing cell in training and fills them all the same. What
# was there stays as it was, and the types are those of the training table.

from sklearn_aae import AdversarialAutoencoder

aae = AdversarialAutoencoder(n_components=6, random_state=0).fit(train)
filled = {"AAE": aae.impute(holes)}
print(filled["AAE"].head().to_string())

# %%
# Beside scikit-learn's imputers
# ------------------------------
#
# These take numbers only: categories go in as one column for each level, numbers
# standardised, and the way back has to be written by hand.

from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer

categories = ["district", "furnished", "heating"]
numbers = ["rooms", "area", "built", "rent"]
centre, spread = train[numbers].mean(), train[numbers].std()


def to_numbers(table):
    """Return a matrix; all columns of a category are missing where it is."""
    parts = [(table[numbers].astype(float) - centre) / spread]
    for name in categories:
        texts = table[name].map(str)
        one_hot = pd.DataFrame(
            {f"{name}={label}": texts == label for label in labels[name]}
        )
        parts.append(one_hot.astype(float).where(table[name].notna()))
    return pd.concat(parts, axis=1)


def from_numbers(matrix):
    """Return the table that a matrix stands for."""
    table = matrix[numbers] * spread + centre
    for name in categories:
        block = matrix[[f"{name}={label}" for label in labels[name]]]
        table[name] = block.idxmax(axis=1).str.partition("=")[2]
    return table


labels = {name: sorted(train[name].map(str).unique()) for name in categories}
for imputer in (KNNImputer(), IterativeImputer(random_state=0, max_iter=20)):
    imputer.set_output(transform="pandas").fit(to_numbers(train))
    name = type(imputer).__name__
    filled[name] = from_numbers(imputer.transform(to_numbers(holes)))


def errors(table):
    """Return how far the filled cells of each column are from the truth."""
    found = {}
    for j, name in enumerate(truth):
        real, guess = truth[name][hidden[:, j]], table[name][hidden[:, j]]
        if name in categories:
            found[name] = np.mean(guess.map(str) != real.map(str))
        else:
            found[name] = np.mean(np.abs(guess - real)) / spread[name]
    return pd.Series(found)


table = pd.DataFrame({name: errors(rows) for name, rows in filled.items()})
print(table.round(3).to_string())

# %%
# Absolute errors of numbers are in standard deviations of the column, those of categories
# are the share of wrong guesses. Lines through all columns, which is what the iterative
# imputer fits, do not know districts. Near neighbours do, and come close to the model; they
# need the whole training table for it, and they know no more than the guess.

import matplotlib.pyplot as plt

GREY, BLUE, ORANGE, GREEN = "#b0b0b0", "#0072B2", "#E69F00", "#009E73"
plt.rcParams.update(
    {
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": "#9a9a9a",
        "axes.titlelocation": "left",
        "axes.titlesize": 10,
        "xtick.labelsize": 8,
        "ytick.labelsize": 9,
        "legend.frameon": False,
    }
)
figure, ax = plt.subplots(figsize=(7.5, 3.6), layout="constrained")
order = numbers + categories
ax.hlines(
    order,
    table.loc[order].min(axis=1),
    table.loc[order].max(axis=1),
    color="#dddddd",
    lw=3,
    zorder=1,
)
for name, colour in zip(table, [BLUE, ORANGE, GREEN], strict=True):
    ax.scatter(table.loc[order, name], order, s=55, color=colour, label=name)
ax.invert_yaxis()
ax.axhline(len(numbers) - 0.5, color=GREY, lw=0.8, ls=":")
ax.set_xlim(0)
ax.tick_params(axis="y", length=0)
ax.spines["left"].set_visible(False)
ax.set_xlabel("error of the filled cells")
figure.legend(loc="outside upper center", ncols=3)
plt.show()

# %%
# Guesses and draws
# -----------------
#
# Now all but the area is gone. The best guess for the rent is the middle of what it may be:
# right for a prediction, wrong for everything that depends on the spread.
# ``method="draw"`` draws one of the rents that are possible, together with a district
# and the rest that go with it. The less is known of a row, the fewer of the draws are of
# much weight, and the more of them pay: ``n_draws`` is 32 unless said otherwise.

some = truth.head(400)
only_area = holes.head(400).copy()
only_area["area"] = some["area"]
only_area[[name for name in holes if name != "area"]] = None
guessed = aae.impute(only_area, n_draws=200)
drawn = aae.impute(only_area, method="draw", random_state=0)

figure, axes = plt.subplots(
    1, 3, figsize=(9, 3.6), layout="constrained", sharex=True, sharey=True
)
palette = [BLUE, "#56B4E9", ORANGE, GREEN, "#CC79A7"]
for ax, title, rows in zip(
    axes,
    ["the truth", 'method="mode"', 'method="draw"'],
    [some, guessed, drawn],
    strict=True,
):
    for district, colour in zip(DISTRICTS, palette, strict=True):
        part = rows[rows["district"] == district]
        ax.scatter(
            part["area"],
            part["rent"],
            s=14,
            color=colour,
            lw=0,
            label=district,
        )
    ax.set_title(f"{title}: deviation {rows['rent'].std():.0f}")
    ax.set_xlabel("area (known)")
axes[0].set_ylabel("rent")
axes[0].set_xlim(10, 170)
handles, names = axes[0].get_legend_handles_labels()
figure.legend(
    handles, names, loc="outside upper center", ncols=5, markerscale=2
)
plt.show()

# %%
# Multiple imputation
# -------------------
#
# In most tables cells are not missing at random. Here most rents of large flats are not
# told, and the mean of those that are is too low. Draws correct that, as far as the
# columns that are known explain what is missing, and draws with other seeds say how sure
# the corrected figure is: Rubin's rules add the variance between the tables to that within.

untold = np.random.default_rng(2).random(len(truth)) < np.where(
    truth["rooms"] > 2, 0.7, 0.1
)
told = truth.astype({"rent": float}).mask(
    np.outer(untold, truth.columns == "rent")
)
means, within = [], []
for seed in range(5):
    rents = aae.impute(told, method="draw", random_state=seed)["rent"]
    means.append(rents.mean())
    within.append(rents.var() / len(rents))
total = np.mean(within) + (1 + 1 / len(means)) * np.var(means, ddof=1)
print(f"rents that are told:   {told['rent'].mean():.0f}")
print(f"after imputation:      {np.mean(means):.0f} ± {1.96 * total**0.5:.0f}")
print(f"truth of these flats:  {truth['rent'].mean():.0f}")
