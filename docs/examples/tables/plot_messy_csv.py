"""
A messy CSV, cleaned by nobody
==============================

Files of real offices have semicolons and decimal commas, a line of units, days before
months, codes with leading zeros, words for what is missing, and prices that end on a grid.
``python -m sklearn_aae`` reads such a file as it is, and writes synthetic rows in the
same way. From Python, columns of text that is not text are read for what they are.
"""

# %%
# The file
# --------
#
# Made-up orders of furniture. Postcodes begin with zeros, discounts are mostly 0 and
# else a multiple of 5, hours are booked in quarters and not always, and where no scale was at
# hand somebody wrote ``n/a`` for the weight. The encoding is that of Excel in Europe.

import tempfile
from pathlib import Path

import numpy as np

PRICES = {"Regal": 120, "Tisch": 260, "Stühle": 75, "Lampe": 39}
WEIGHTS = {"Regal": 25, "Tisch": 32, "Stühle": 6, "Lampe": 2}
POSTCODES = ["01067", "04109", "10115", "20095", "50667", "80331"]


def comma(number, decimals):
    """Write 1234.5 as 1.234,50."""
    text = f"{number:,.{decimals}f}"
    return text.translate(str.maketrans(",.", ".,"))


def make_file(n, seed):
    """Return a file of orders as text."""
    rng = np.random.default_rng(seed)
    lines = [
        "order;date;postcode;item;pieces;price;weight;discount;hours",
        ";dd.mm.yyyy;;;;EUR;kg;%;h",
    ]
    for i in range(n):
        item = rng.choice(list(PRICES), p=[0.3, 0.2, 0.4, 0.1])
        day = np.datetime64("2024-01-01") + rng.integers(366)
        pieces = 1 + rng.poisson(3.0 if item == "Stühle" else 0.3)
        off = 0 if rng.random() < 0.7 else rng.choice([5, 10, 15, 20])
        price = PRICES[item] * pieces * (1 - off / 100)
        price *= rng.lognormal(0, 0.05)
        weight = WEIGHTS[item] * pieces * rng.lognormal(0, 0.1)
        hours = rng.integers(1, 5 + 4 * pieces) / 4
        cells = [
            f"{i + 1:05d}",
            day.item().strftime("%d.%m.%Y"),
            rng.choice(POSTCODES),
            item,
            str(pieces),
            comma(price, 2),
            "n/a" if rng.random() < 0.06 else comma(weight, 1),
            str(off),
            "" if rng.random() < 0.1 else comma(hours, 2),
        ]
        lines.append(";".join(cells))
    return "\r\n".join(lines) + "\r\n"


folder = Path(tempfile.mkdtemp())
path = folder / "orders.csv"
path.write_text(make_file(800, seed=0), encoding="cp1252", newline="")
print(path.read_text(encoding="cp1252")[:360])

# %%
# On the command line
# -------------------
#
# ``python -m sklearn_aae orders.csv --id order``, called from here, with fewer epochs
# than it would take by itself. Its first line says how the file was read; what it had to guess,
# here that the second line holds units, it says on the error stream. Orders are named by their
# numbers, which the model does not see.

from sklearn_aae.__main__ import main

out = folder / "report"
options = ["--id", "order", "--out", str(out), "--epochs", "50"]
main([str(path), *options])

# %%
# Synthetic rows are written as the file writes its own, with the holes where real ones have
# theirs:

synthetic = (out / "synthetic.csv").read_text(encoding="utf-8")
print("\n".join(synthetic.splitlines()[:8]))

# %%
# In Python
# ---------
#
# ``read_csv`` needs to be told of separator and units, and leaves dates, prices and weights as
# text. That is no harm: a column of text whose cells are all dates of one format, or
# all numbers, is modelled as such and comes back as text. ``text`` of the layout says what was
# found. Postcodes are categories because of their zeros, items because they are words.

import pandas as pd

from sklearn_aae import TableEncoder

orders = pd.read_csv(
    path, sep=";", skiprows=[1], dtype=str, encoding="cp1252"
).drop(columns="order")
encoder = TableEncoder().fit(orders)
for span in encoder.layout_.spans:
    print(f"{span.name:9} {span.kind:9} {span.n_levels:3} {span.text}")

# %%
# Pieces and discounts stay categories: numbers in text of no more than 20 levels might be codes.
# Cast them, or leave the file to the command line, where numbers without leading
# zeros are always numbers. The round trip is exact to the letter:

back = encoder.inverse_transform(encoder.transform(orders))
print(back.equals(orders))

# %%
# Both tables beside each other
# -----------------------------

import io

import matplotlib.pyplot as plt

tables = {
    "orders.csv": orders,
    "synthetic.csv": pd.read_csv(io.StringIO(synthetic), sep=";", dtype=str),
}
fig, axes = plt.subplots(1, 2, figsize=(9, 4), sharex=True, sharey=True)
for ax, (title, table) in zip(axes, tables.items(), strict=True):
    numbers = table[["price", "weight"]].apply(
        lambda column: pd.to_numeric(
            column.str.replace(".", "").str.replace(",", "."),
            errors="coerce",
        )
    )
    for item, rows in numbers.groupby(table["item"]):
        ax.scatter(rows["price"], rows["weight"], s=8, label=item)
    ax.set(title=title, xlabel="price (EUR)")
axes[0].set_ylabel("weight (kg)")
axes[0].legend()
fig.tight_layout()
