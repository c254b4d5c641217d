"""
Clusters of digits, and what stands for them
============================================

Clusters and their prototypes beside those of k-means and of a Gaussian mixture.
"""

# %%
# Ten clusters
# ------------

import matplotlib.pyplot as plt
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
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
# A prototype is the cluster decoded without any style: a digit as the model would write it
# by default. The means of k-means and of the mixture are averages of pixels.

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
