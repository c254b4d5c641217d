"""
Codes for a classifier, beside PCA
==================================

An :class:`~sklearn_aae.AdversarialAutoencoder` takes the place of PCA in a pipeline: both
compress images of handwritten digits to eight numbers, and a logistic regression reads the
digit from these.
"""

# %%
# Data and pipeline
# -----------------
#
# The digits have 64 pixels, of which those at the margin hardly vary. The pipelines drop
# these, standardise the others and differ in one step only.

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.feature_selection import VarianceThreshold
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_aae import AdversarialAutoencoder

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.3, stratify=y, random_state=0
)


def make_model(reducer):
    """Return a classifier on the codes of a transformer."""
    return Pipeline(
        [
            ("vary", VarianceThreshold(0.3**2)),
            ("scale", StandardScaler()),
            ("reduce", reducer),
            ("classify", LogisticRegression(max_iter=1000)),
        ]
    )


models = {
    "PCA": make_model(PCA(n_components=8, random_state=0)),
    "AAE": make_model(AdversarialAutoencoder(n_components=8, random_state=0)),
}
for model in models.values():
    model.fit(X_train, y_train)

# %%
# Accuracy and reconstruction
# ---------------------------
#
# Everything but the last step of each pipeline is a transformer that also goes back, from
# eight numbers to 64 pixels. The reconstruction error is the share of the pixels' variance
# that is lost on held-out images.

total = np.mean((X_test - X_train.mean(axis=0)) ** 2)
back = {}
for name, model in models.items():
    compress = model[:-1]
    back[name] = compress.inverse_transform(compress.transform(X_test))
    error = np.mean((X_test - back[name]) ** 2) / total
    print(
        f"{name}: accuracy {model.score(X_test, y_test):.3f}, reconstruction error {error:.3f}"
    )

# %%
# The same held-out digits, before and after:

import matplotlib.pyplot as plt

shown = [np.flatnonzero(y_test == digit)[0] for digit in range(10)]
rows = {"original": X_test, **back}
figure, axes = plt.subplots(
    len(rows), len(shown), figsize=(8, 2.7), layout="constrained"
)
for line, (name, images) in zip(axes, rows.items(), strict=True):
    line[0].set_ylabel(name)
    for ax, image in zip(line, images[shown], strict=True):
        ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
        ax.set(xticks=[], yticks=[])
figure.suptitle("Eight numbers per image, and back")
plt.show()

# %%
# What the codes look like
# ------------------------
#
# The first two of the eight components, coloured by digit. The autoencoder's codes are
# pushed towards a standard Gaussian in eight dimensions: every component should have mean 0
# and standard deviation 1, no matter what the pixels look like. The scale of PCA's
# components is that of the data.

figure, axes = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
for ax, (name, model) in zip(axes, models.items(), strict=True):
    Z = model[:-1].transform(X_test)
    points = ax.scatter(
        Z[:, 0], Z[:, 1], c=y_test, cmap="tab10", vmin=-0.5, vmax=9.5, s=12
    )
    spread = Z.std(axis=0)
    ax.set_title(
        f"{name}: standard deviations {spread.min():.2f} to {spread.max():.2f}"
    )
    ax.set(xlabel="component 1", ylabel="component 2")
    ax.set_aspect("equal", adjustable="datalim")
figure.colorbar(points, ax=axes, ticks=range(10), label="digit", shrink=0.8)
plt.show()
