"""
Odd entries in a journal
========================

Which of a quarter's bookings should somebody look at, and why? A table of accounts,
departments, users, currencies, amounts and days, with two sorts of odd entries [1]_:

- *global* ones hold a value that is rare by itself, such as an account that nobody uses;
- *local* ones hold nothing but common values, in a combination that never occurs.
"""

# %%
# A journal
# ---------
#
# Each department books to its own accounts; amounts depend on the account, currencies on the
# department. Hugo works for two departments.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

DEPARTMENTS = {
    "sales": (["4000", "4010", "4400"], ["ada", "ben", "cem"]),
    "purchasing": (["5000", "5010"], ["dora", "emil", "hugo"]),
    "payroll": (["6000", "6010"], ["finn"]),
    "facilities": (["6300", "6310", "6320"], ["gia", "hugo"]),
}
CURRENCIES = {
    "sales": ["EUR", "USD"],
    "purchasing": ["EUR", "CNY"],
    "payroll": ["EUR", "EUR"],
    "facilities": ["EUR", "EUR"],
}
TYPICAL_AMOUNT = {
    "4000": 900, "4010": 60, "4400": 12_000, "5000": 2_500, "5010": 150,
    "6000": 3_800, "6010": 700, "6300": 85, "6310": 1_400, "6320": 9_000,
}  # fmt: skip


def entries(n_rows, rng):
    """Return ordinary entries."""
    names = list(DEPARTMENTS)
    department = rng.choice(names, n_rows, p=[0.45, 0.25, 0.1, 0.2])
    account = [rng.choice(DEPARTMENTS[name][0]) for name in department]
    amount = np.array([TYPICAL_AMOUNT[number] for number in account])
    return pd.DataFrame(
        {
            "account": account,
            "department": department,
            "user": [rng.choice(DEPARTMENTS[name][1]) for name in department],
            "currency": [
                rng.choice(CURRENCIES[name], p=[0.8, 0.2])
                for name in department
            ],
            "amount": (amount * np.exp(0.5 * rng.normal(size=n_rows))).round(
                2
            ),
            "day": rng.choice(
                pd.date_range("2025-01-01", "2025-03-31"), n_rows
            ),
        }
    )


# %%
# Of a quarter's 8,000 entries, 6,000 have been audited. Among the others, 30 are odd by a single
# value, and 30 have the account and the amount of another department.

rng = np.random.default_rng(0)
audited, new = entries(6000, rng), entries(2000, rng)
truth = np.repeat(["ordinary", "global", "local"], [1940, 30, 30])

new.loc[1940:1949, "account"] = "9999"
new.loc[1950:1959, "currency"] = "CHF"
new.loc[1960:1969, "amount"] = (100 * new.loc[1960:1969, "amount"]).round(2)
for row in range(1970, 2000):
    elsewhere = new[:1940][new.department[:1940] != new.department[row]]
    taken = elsewhere.iloc[rng.integers(len(elsewhere))]
    new.loc[row, ["account", "amount"]] = taken[["account", "amount"]]

new.iloc[[0, 1940, 1970]]

# %%
# Score the frame as it is
# ------------------------

from sklearn_aae import AAEOutlierDetector

detector = AAEOutlierDetector(random_state=0).fit(audited)
scores = detector.score_samples(new)

# %%
# The detector reads text, numbers and dates. An isolation forest needs numbers: indicators of the
# categories, and days since the first one.

from sklearn.compose import make_column_transformer
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder


def days_since_start(frame):
    return (frame - pd.Timestamp("2025-01-01")) / pd.Timedelta(1, "D")


forest = make_pipeline(
    make_column_transformer(
        (
            OneHotEncoder(handle_unknown="ignore", sparse_output=False),
            ["account", "department", "user", "currency"],
        ),
        (FunctionTransformer(days_since_start), ["day"]),
        remainder="passthrough",
    ),
    IsolationForest(random_state=0),
).fit(audited)


def quality(scores):
    figures = {}
    for sort in ("global", "local"):
        some = np.isin(truth, ["ordinary", sort])
        figures[f"AUROC {sort}"] = roc_auc_score(
            truth[some] == sort, -scores[some]
        )
    figures["average precision"] = average_precision_score(
        truth != "ordinary", -scores
    )
    return figures


# %%
# The forest looks at one column at a time, and all values of a local anomaly are common. Even a new
# account is nothing to it: an indicator that fit never saw is left out.

pd.DataFrame(
    {
        "AAEOutlierDetector": quality(scores),
        "IsolationForest": quality(forest.score_samples(new)),
    }
).T.round(3)

# %%
# Which entries to look at
# ------------------------
#
# A p-value is the rank of a score among the rows that ``fit`` held out. Those of
# ordinary entries are spread evenly; odd ones are small. ``select`` picks entries such that on
# average one in ten at most is a false alarm (Benjamini and Hochberg).

p = detector.p_values(new)
selected = detector.select(new, fdr=0.1)
print(pd.crosstab(truth, selected, rownames=["entry"], colnames=["selected"]))

bins = np.linspace(0, 1, 41)
plt.hist(
    [p[truth == sort] for sort in ("ordinary", "global", "local")],
    bins,
    stacked=True,
    label=["ordinary", "global", "local"],
    color=["#a6cee3", "#e69f00", "#d55e00"],
)
plt.xlabel("p-value")
plt.ylabel("new entries")
plt.legend()
plt.show()

# %%
# Nothing can be more unlikely than a rank of one in 500, so ``select`` is careful; by scores alone,
# nearly all odd entries come first:

first = np.argsort(scores)[:60]
print((truth[first] != "ordinary").sum(), "of the first 60 are odd")

# %%
# Why they are odd
# ----------------
#
# The column that contributes most, the cell, and what the detector expected there, given the rest
# of the entry.

shown = [1941, 1951, 1962, 1971, 1972]
new.loc[shown]

# %%

pd.DataFrame(
    [row[0] for row in detector.explain(new.loc[shown], top=1)], index=shown
)[["column", "value", "expected", "share"]].round(2)

# %%
# Over all odd entries: rare values are put down to their own columns, and the contradiction between
# account and department mostly to the account.

odd = new[truth != "ordinary"]
parts = detector.score_contributions(odd).clip(min=0)
shares = pd.DataFrame(
    parts / parts.sum(axis=1, keepdims=True), columns=new.columns
)
shares.groupby(truth[truth != "ordinary"]).mean().T.plot.barh(
    color=["#e69f00", "#d55e00"]
)
plt.xlabel("mean share of an odd entry's anomaly score")
plt.tight_layout()
plt.show()

# %%
# .. [1] M. Schreyer, T. Sattarov, C. Schulze, B. Reimer, D. Borth, "Detection of Accounting
#    Anomalies in the Latent Space using Adversarial Autoencoder Neural Networks",
#    arXiv:1908.00734, 2019.
