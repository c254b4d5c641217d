"""
How far a threshold can be trusted
==================================

Conformal p-values: what share of normal rows is flagged, before any label is seen.
"""

# %%
# The promise
# -----------
#
# The detector holds out some of its training rows. The p-value of a new row is its rank
# among them, so for normal rows the share with a p-value below 0.1 is about 0.1.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_blobs

from sklearn_aae import AAEOutlierDetector
from sklearn_aae.inspection import PValueDisplay

X, _ = make_blobs(6000, n_features=8, centers=4, random_state=0)
train, new = X[:3000], X[3000:]
detector = AAEOutlierDetector(random_state=0).fit(train)
print(detector.n_held_out_, "rows held out")

# %%
# Normal rows have uniform p-values, up to the scatter that the few held-out rows bring.
# Rows from elsewhere have small ones.

odd = np.random.default_rng(0).uniform(X.min(0), X.max(0), size=(500, 8))
rows = np.concatenate([new, odd])
kinds = ["new rows"] * len(new) + ["rows from elsewhere"] * len(odd)
PValueDisplay.from_estimator(detector, rows, kinds)
plt.show()

# %%
# Moving the threshold
# --------------------
#
# The level can be moved without another fit.

for alpha in (0.01, 0.05, 0.1):
    detector.set_threshold(alpha=alpha)
    print(
        f"alpha {alpha}: {(detector.predict(new) == -1).mean():.3f} of the new rows flagged"
    )

# %%
# Selecting at a false discovery rate
# -----------------------------------
#
# Among many rows at once, one in ten of those that are selected may be a false alarm.

mixed = np.concatenate([new[:1000], odd])
selected = detector.select(mixed, fdr=0.1)
false = selected[:1000].sum()
print(
    f"{selected.sum()} selected, {false} of them normal: {false / selected.sum():.3f}"
)
