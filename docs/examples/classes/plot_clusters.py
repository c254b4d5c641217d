"""
Clusters of digits, and what stands for them
============================================

Clusters and their prototypes beside those of k-means and of a Gaussian mixture.
"""

# %%
# Ten clusters
# ------------

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, make_circles
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

from sklearn_aae import AAEClusterer

X, y = load_digits(return_X_y=True)
X = X / 16
models = {
    "AAEClusterer": AAEClusterer(10, random_state=1),
    "KMeans": KMeans(10, n_init=10, random_state=0),
    "GaussianMixture": GaussianMixture(10, random_state=0),
}
labels = {name: model.fit_predict(X) for name, model in models.items()}
for name, found in labels.items():
    print(f"{name:16} adjusted Rand index {adjusted_rand_score(y, found):.2f}")

# %%
# What stands for a cluster
# -------------------------
#
# A prototype is the cluster decoded in the mean style of its rows: a digit as the model would
# write it by default. The means of k-means and of the mixture are averages of pixels.

prototypes = {
    "AAEClusterer": models["AAEClusterer"].cluster_prototypes_,
    "KMeans": models["KMeans"].cluster_centers_,
    "GaussianMixture": models["GaussianMixture"].means_,
}
figure, axes = plt.subplots(3, 10, figsize=(8, 3))
for row, (name, images) in zip(axes, prototypes.items(), strict=True):
    for axis, image in zip(row, images, strict=True):
        axis.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        axis.set_axis_off()
    row[0].set_title(name, fontsize=9, loc="left")
plt.show()

# %%
# New rows
# --------
#
# ``predict`` assigns rows that were not in ``fit``, and ``predict_proba`` says how sure
# that is: rows between clusters are the ones to look at.

probabilities = models["AAEClusterer"].predict_proba(X)
unsure = probabilities.max(axis=1).argsort()[:10]
figure, axes = plt.subplots(1, 10, figsize=(8, 1.2))
for axis, i in zip(axes, unsure, strict=True):
    axis.imshow(X[i].reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
    first, second = probabilities[i].argsort()[::-1][:2]
    axis.set_title(f"{first} or {second}?", fontsize=8)
    axis.set_axis_off()
plt.show()

# %%
# Clusters that are no lumps
# --------------------------
#
# A ring around another: whatever clusters the network begins with, agreement of neighbours
# does not turn them into rings. ``init="spectral"`` teaches it those of the graph of
# neighbours first. What it has learned holds for any point, which spectral clustering alone
# does not say.

rings, _ = make_circles(500, factor=0.4, noise=0.05, random_state=0)
line = np.linspace(-1.4, 1.4, 60)
plane = np.array([[a, b] for b in line for a in line])
figure, axes = plt.subplots(1, 2, figsize=(8, 4), sharex=True, sharey=True)
for axis, init in zip(axes, ("random", "spectral"), strict=True):
    model = AAEClusterer(2, init=init, random_state=0).fit(rings)
    shades = model.predict_proba(plane)[:, 1].reshape(60, 60)
    axis.contourf(line, line, shades, levels=10, cmap="coolwarm", alpha=0.4)
    axis.scatter(*rings.T, c=model.labels_, cmap="coolwarm", s=8)
    axis.set_title(f'init="{init}"')
    axis.set_aspect("equal")
plt.show()
