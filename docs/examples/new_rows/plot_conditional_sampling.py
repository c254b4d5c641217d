"""
Rows that meet conditions
=========================

:meth:`~sklearn_aae.AdversarialAutoencoder.sample` takes ``conditions``: a value, a list of
values or a range for any columns. The other columns follow as they do in the model's rows
that happen to meet the conditions.
"""

# %%
# A table of used cars
# --------------------
#
# Made up: electric cars are young and dear, diesels run far, and prices fall with age and
# mileage.

import numpy as np
import pandas as pd

FUELS = ["petrol", "diesel", "hybrid", "electric"]


def make_cars(n, seed):
    """Return rows of a table in which every column has to do with others."""
    rng = np.random.default_rng(seed)
    age = np.minimum(rng.gamma(2.2, 3, n), 20)
    young = np.exp(-age / 4)
    pull = np.column_stack(
        [0.8 + 0 * age, 0.03 * age, 1.6 * young - 0.9, 3 * young - 1.6]
    )
    fuel = (pull + rng.gumbel(size=(n, 4))).argmax(axis=1)
    size = rng.choice(3, n, p=[0.4, 0.4, 0.2])
    yearly = rng.lognormal(9.35, 0.35, n) * np.array([1, 1.6, 1.1, 0.95])[fuel]
    mileage = yearly * (age + 0.3)
    new = np.array([17, 27, 44])[size] * np.array([1, 1.1, 1.25, 1.5])[fuel]
    price = new * np.exp(
        -0.11 * age - 1.5e-6 * mileage + rng.normal(0, 0.13, n)
    )
    return pd.DataFrame(
        {
            "fuel": np.array(FUELS, dtype=object)[fuel],
            "size": np.array(["small", "medium", "large"], dtype=object)[size],
            "year": 2024 - age.astype(int),
            "mileage": mileage.astype(int),
            "owners": 1 + rng.poisson(age / 6),
            "price": np.round(1000 * price, -2).astype(int),
        }
    )


from sklearn_aae import AdversarialAutoencoder

cars = make_cars(4000, seed=0)
aae = AdversarialAutoencoder(n_components=6, random_state=0).fit(cars)

# %%
# A value, a list, a range
# ------------------------
#
# A tuple is a range with both ends in it; None stands for no end.

rows = aae.sample(
    4,
    conditions={
        "fuel": ["electric", "hybrid"],
        "year": (2016, 2020),
        "price": (None, 20_000),
    },
    random_state=0,
)
print(rows.to_string())

# %%
# Conditions on later columns reach the earlier ones
# --------------------------------------------------
#
# Columns are drawn from left to right, and the price is the last. To overwrite it in
# finished rows would be simple and wrong: cheap cars would look like all others. Instead
# each proposed row counts by how likely the model is to go on to such a price, and is kept
# or dropped accordingly. What comes out are the model's own rows with that price; the dark
# outlines are these, filtered from a large sample.

import matplotlib.pyplot as plt

GREY, BLUE, ORANGE = "#b0b0b0", "#0072B2", "#D55E00"
plt.rcParams.update(
    {
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": "#9a9a9a",
        "axes.titlelocation": "left",
        "axes.titlesize": 10,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "legend.frameon": False,
    }
)
wanted = {
    "price up to 8,000": {"price": (None, 8_000)},
    "price from 40,000": {"price": (40_000, None)},
}
colours = [BLUE, ORANGE]
anything = aae.sample(40_000, random_state=1)
drawn = [
    aae.sample(1500, conditions=conditions, random_state=2)
    for conditions in wanted.values()
]
filtered = [
    anything[anything["price"] <= 8_000],
    anything[anything["price"] >= 40_000],
]

figure, axes = plt.subplots(2, 2, figsize=(9, 5.6), layout="constrained")
edges = {
    "year": np.arange(2003.5, 2025),
    "mileage": np.arange(0, 400_001, 16_000),
}
for ax, name in zip(axes[0], edges, strict=True):
    for some, others, colour in zip(drawn, filtered, colours, strict=True):
        ax.hist(
            some[name], edges[name], density=True, color=colour, alpha=0.55
        )
        ax.hist(
            others[name],
            edges[name],
            density=True,
            histtype="step",
            color="#333333",
            lw=1.1,
        )
    ax.set(title=name, yticks=[])
axes[0, 1].xaxis.set_major_formatter(lambda km, _: f"{km / 1000:.0f}k")
for ax, name in zip(axes[1], ["fuel", "size"], strict=True):
    labels = list(dict.fromkeys(cars[name].sort_values()))
    for k, (some, others) in enumerate(zip(drawn, filtered, strict=True)):
        places = np.arange(len(labels)) + 0.4 * k - 0.2
        for table, style in [
            (some, {"color": colours[k], "alpha": 0.55}),
            (others, {"fill": False, "ec": "#333333", "lw": 1.1}),
        ]:
            share = table[name].value_counts(normalize=True)
            ax.bar(places, share.reindex(labels, fill_value=0), 0.36, **style)
    ax.set_xticks(range(len(labels)), labels)
    ax.set_title(name)
    ax.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
handles = [
    plt.Rectangle((0, 0), 1, 1, color=colour, alpha=0.55, label=label)
    for colour, label in zip(colours, wanted, strict=True)
]
handles.append(
    plt.Rectangle(
        (0, 0), 1, 1, fill=False, ec="#333333", lw=1.1, label="filtered"
    )
)
figure.legend(handles=handles, loc="outside upper center", ncols=3)
plt.show()

# %%
# The better test is a classifier that sees whole rows. It is to tell the rows drawn under a
# condition from the filtered ones; 0.5 means that it cannot.

from sklearn_aae.metrics import table_c2st

for label, some, others in zip(wanted, drawn, filtered, strict=True):
    area = table_c2st(others, some, random_state=0)
    print(f"{label}: area {area.score:.3f} with {len(others)} filtered rows")

# %%
# What hardly ever happens
# ------------------------
#
# At most 100 rows are proposed for each that is asked for. Where that is not enough, the
# error says how rare such rows are in the model's eyes; what the training rows do not have
# at all is refused before anything is drawn.

for conditions in (
    {"fuel": "electric", "year": (None, 2006), "price": (60_000, None)},
    {"fuel": "hydrogen"},
    {"price": (9_000, 8_000)},
):
    try:
        aae.sample(100, conditions=conditions, random_state=0)
    except ValueError as error:
        print(f"{conditions}\n    {error}")
