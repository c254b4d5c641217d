"""
What is there to see? A tour of the displays
============================================

One call makes a picture of a fitted estimator. Displays work as scikit-learn's do: there is
``from_estimator``, and ``from_predictions`` where figures are enough; ``ax=`` says where to
draw, ``y=`` colours by label or value, other keywords go to matplotlib, and what was drawn is in
attributes that end with an underscore.
"""

# %%
# A model of a table
# ------------------
#
# Ten measurements of tumours and their diagnosis: numbers and a category.

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from sklearn_aae import AAEOutlierDetector, AdversarialAutoencoder
from sklearn_aae.inspection import (
    AnomalyScoreDisplay,
    ContributionDisplay,
    DriftDisplay,
    LatentSpaceDisplay,
    LatentTraversalDisplay,
    LossCurveDisplay,
    PValueDisplay,
    ReconstructionDisplay,
    SyntheticComparisonDisplay,
)

cancer = load_breast_cancer(as_frame=True)
table = cancer.data.filter(like="mean")
table = table.rename(columns=lambda name: name.removeprefix("mean "))
table["diagnosis"] = cancer.target.map({0: "malignant", 1: "benign"})
train, test = train_test_split(table, test_size=0.3, random_state=0)

model = AdversarialAutoencoder(4, max_epochs=40, random_state=0).fit(train)

# %%
# In a notebook a fitted estimator says what it is, in scikit-learn's own diagram: its
# networks, the course of its losses and the report on its training.

model

# %%
# Did the training go well, and do the codes lie where the prior has its draws?

figure, (left, right) = plt.subplots(
    1, 2, figsize=(11, 4.2), layout="constrained"
)
LossCurveDisplay.from_estimator(model, ax=left)
LatentSpaceDisplay.from_estimator(model, test, test["diagnosis"], ax=right)
plt.show()

# %%
# What does a component stand for? Codes walk along one component at a time, and what they
# are decoded to is written out.

LatentTraversalDisplay.from_estimator(model, components=[0, 1])
plt.show()

# %%
# Which columns come back from their codes?

ReconstructionDisplay.from_estimator(model, test)
plt.show()

# %%
# Rows that the model made
# ------------------------
#
# Column by column, from the best match to the worst; then a pair of columns, coloured by a
# third one. :func:`~sklearn_aae.metrics.synthetic_report` has the same in figures, and
# ``report.plot()`` shows these.

SyntheticComparisonDisplay.from_estimator(model, test, n_samples=400)
plt.show()

# %%

SyntheticComparisonDisplay.from_estimator(
    model,
    test,
    n_samples=400,
    kind="pairs",
    columns=["area", "concave points"],
    y="diagnosis",
    s=14,
)
plt.show()

# %%
# A detector
# ----------
#
# It learns benign tumours; how anomalous are others, and how sure is that?

is_benign = table["diagnosis"] == "benign"
numbers = table.drop(columns="diagnosis")
known, new = train_test_split(numbers[is_benign], random_state=0)
detector = AAEOutlierDetector(random_state=0).fit(known)
test = numbers.drop(index=known.index)
labels = table["diagnosis"][test.index]

figure, (left, right) = plt.subplots(
    1, 2, figsize=(11, 4.4), layout="constrained"
)
AnomalyScoreDisplay.from_estimator(detector, test, labels, ax=left)
PValueDisplay.from_estimator(detector, test, labels, ax=right)
plt.show()

# %%
# Why? Of one row: what each column adds to its score, the cell and what was expected there.

oddest = detector.score_samples(test).argmin()
ContributionDisplay.from_estimator(detector, test.iloc[[oddest]])
plt.show()

# %%
# Of many rows: a point for each, coloured by how high the cell is.

ContributionDisplay.from_estimator(detector, test[labels == "malignant"])
plt.show()

# %%
# And in time: benign tumours come in, and after 60 of them something happens to the
# measurement of texture.

later = new.copy()
later.iloc[60:, later.columns.get_loc("texture")] += 14
DriftDisplay.from_estimator(detector, later)
plt.show()
