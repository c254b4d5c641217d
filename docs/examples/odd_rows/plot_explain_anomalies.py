"""
Explaining single anomalies
===========================

Which columns make a row anomalous, and what the model expected to see there.
"""

# %%
# Fit on ordinary rows
# --------------------
#
# Measurements of benign tumours; the malignant ones stay for later.

import pandas as pd
from sklearn.datasets import load_breast_cancer

from sklearn_aae import AAEOutlierDetector

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
benign = X[y == 1]
detector = AAEOutlierDetector(random_state=0).fit(benign)

# %%
# Break one cell
# --------------
#
# The mean radius of a row is given in the wrong unit: half of what it was.

row = benign.iloc[[10]].copy()
true_value = row["mean radius"].item()
row["mean radius"] = true_value / 2
print("was", true_value, "is", row["mean radius"].item())
print(
    "score before and after:",
    detector.score_samples(benign.iloc[[10]]),
    detector.score_samples(row),
)

# %%
# One wrong cell among thirty need not be enough to flag a row: some benign tumours are odder as
# a whole. The explanation finds it all the same. What was expected follows from
# the rest of the row, perimeter and area above all, and not from the column's mean.

pd.DataFrame(detector.explain(row, top=3)[0])

# %%
# The picture of it
# -----------------
#
# What each column adds to the row's anomaly score, with the cell and what was expected.

import matplotlib.pyplot as plt

from sklearn_aae.inspection import ContributionDisplay

ContributionDisplay.from_estimator(detector, row)
plt.show()

# %%
# Many rows at once
# -----------------
#
# A point for each of the malignant rows in each column, the columns that set them apart most
# first: it is high cells that do.

ContributionDisplay.from_estimator(detector, X[y == 0])
plt.show()
