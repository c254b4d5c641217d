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


people = make_people(6000, seed=0)
real, held_out = people[:4000], people[4000:]
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
# Real rows are the grey areas, synthetic ones the blue outlines. Heaps (40 hours), the
# spike at a gain of 0 and missing cells are reproduced like everything else, because
# the decoder knows each of them as a level of its own.

import matplotlib.pyplot as plt
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.dates import YearLocator
from pandas.api.types import is_datetime64_any_dtype, is_integer_dtype

GREY, BLUE, ORANGE = "#cfcfcf", "#0072B2", "#D55E00"
plt.rcParams.update(
    {
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": "#9a9a9a",
        "axes.titlelocation": "left",
        "axes.titleweight": "bold",
        "axes.titlesize": 10,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "legend.frameon": False,
    }
)


def is_on_an_axis(column):
    """Return whether a column holds whole numbers or dates."""
    return is_integer_dtype(column) or is_datetime64_any_dtype(column)


def shares(column, labels):
    """Return the share of each label among the rows."""
    texts = column.astype(object).where(column.notna(), "missing").map(str)
    return texts.value_counts(normalize=True).reindex(labels, fill_value=0)


figure, axes = plt.subplots(3, 3, figsize=(9, 7), layout="constrained")
for ax, name in zip(axes.flat, real.columns, strict=True):
    both = pd.concat([real[name], synthetic[name]])
    if is_on_an_axis(real[name]):
        low, high = both.min(), both.max()
        if is_datetime64_any_dtype(both):
            edges = pd.date_range(low, high, 36)
        else:  # bins of whole numbers, or the histogram has teeth
            width = int(np.ceil((high - low) / 36))
            edges = np.arange(low, high + 2 * width, width) - 0.5
        ax.hist(real[name].dropna(), edges, color=GREY)
        ax.hist(
            synthetic[name].dropna(),
            edges,
            histtype="step",
            color=BLUE,
            lw=1.4,
        )
        ax.set_yticks([])
    else:
        order = getattr(both.dtype, "categories", sorted(set(both.dropna())))
        labels = [str(label) for label in order] + ["missing"] * both.hasnans
        places = range(len(labels))
        ax.barh(places, shares(real[name], labels), color=GREY)
        ax.barh(
            places,
            shares(synthetic[name], labels),
            fill=False,
            ec=BLUE,
            lw=1.4,
        )
        ax.set_yticks(places, labels)
        ax.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    ax.set_title(name)
axes[2, 0].xaxis.set_major_locator(YearLocator(20))
axes[2, 1].set_yscale("log")
axes[2, 1].set_title("gain (log counts)")
figure.legend(
    handles=[
        plt.Rectangle((0, 0), 1, 1, color=GREY, label="real"),
        plt.Rectangle(
            (0, 0), 1, 1, fill=False, ec=BLUE, lw=1.4, label="synthetic"
        ),
    ],
    loc="outside upper right",
    ncols=2,
)
plt.show()

# %%
# Pair by pair
# ------------
#
# One number for every pair, whatever the kinds of its columns: with :math:`I` the mutual
# information of both, cut into six bins where there are more values,
# :math:`\\sqrt{1 - e^{-2I}}`, which for normal variables is the size of their correlation.
# Below the diagonal it is that of the real table, above of the synthetic one: a good table
# makes the picture symmetric.

from itertools import combinations

from sklearn.metrics import mutual_info_score


def bins_of(column):
    """Return small whole numbers for the cells, -1 for missing ones."""
    if is_on_an_axis(column):
        edges = column.quantile(np.linspace(0, 1, 7)).unique()
        return pd.Series(np.searchsorted(edges, column)).where(
            column.notna().to_numpy(), -1
        )
    return pd.Series(pd.factorize(column)[0])


binned = [table.apply(bins_of) for table in (real, synthetic)]
k = real.shape[1]
ties = np.full((k, k), np.nan)
for i, j in combinations(range(k), 2):
    for place, table in zip([(j, i), (i, j)], binned, strict=True):
        information = mutual_info_score(table.iloc[:, i], table.iloc[:, j])
        ties[place] = np.sqrt(1 - np.exp(-2 * information))

figure, ax = plt.subplots(figsize=(6.2, 5.8), layout="constrained")
colours = LinearSegmentedColormap.from_list(
    "blues", ["#f4f7f9", BLUE, "#08304f"]
)
ax.imshow(ties, cmap=colours, vmin=0, vmax=1)
for (i, j), tie in np.ndenumerate(ties):
    if i != j:
        colour = "white" if tie > 0.4 else "#333333"
        ax.text(j, i, f"{tie:.2f}", ha="center", va="center", c=colour, size=8)
ax.axline((0, 0), slope=1, color=GREY, lw=1)
ax.set_xticks(range(k), real.columns, rotation=40, ha="right")
ax.set_yticks(range(k), real.columns)
ax.tick_params(length=0)
ax.spines[:].set_visible(False)
ax.set_title("below the diagonal: real; above: synthetic", weight="normal")
plt.show()

# %%
# A rule that no one wrote down
# -----------------------------
#
# Nobody is hired before 16: the earliest date falls as the age rises. The model was not
# told, and no column by itself shows it. It learns the edge, but as a statistician does: a
# few rows lie beyond it. Where a rule has to hold in every row, draw more than you need and
# drop those that break it.

figure, axes = plt.subplots(
    1, 2, figsize=(9, 3.8), layout="constrained", sharex=True, sharey=True
)
for ax, title, table in zip(
    axes, ["real", "synthetic"], [real, synthetic], strict=True
):
    for income, colour in {"<=50K": BLUE, ">50K": ORANGE}.items():
        part = table[table["income"] == income]
        ax.scatter(
            part["age"],
            part["hired"],
            s=5,
            c=colour,
            alpha=0.45,
            lw=0,
            label=income,
        )
    early = pd.Timestamp("2024-06-30") - pd.to_timedelta(
        (table["age"] - 16) * 365, unit="D"
    )
    broken = (table["hired"] < early).mean()
    ax.set_title(f"{title}: {broken:.1%} hired too young", weight="normal")
    ax.set_xlabel("age")
axes[0].set_ylabel("hired")
axes[1].legend(title="income", markerscale=3, loc="lower left")
plt.show()
