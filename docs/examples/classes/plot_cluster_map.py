"""
A map of clusters
=================

Two dimensions in which every cluster has an embedding of its own.
"""

# %%
# Heads of clusters
# -----------------
#
# With ``head_distance``, a row lies at :math:`W y + z`: the embedding of its cluster, plus a
# style of two components that follows a standard normal distribution. Places nearer to
# each other than ``head_distance`` are pushed apart, so clusters do not overlap.

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from sklearn_aae import AAEClusterer

X, y = load_digits(return_X_y=True)
X = X / 16
model = AAEClusterer(10, n_components=2, head_distance=6.0, random_state=0)
where = model.fit(X).transform(X)
principal = PCA(2).fit_transform(X)

figure, axes = plt.subplots(1, 2, figsize=(10, 5), layout="constrained")
for axis, title, points in zip(
    axes, ["cluster heads", "PCA"], [where, principal], strict=True
):
    axis.scatter(*points.T, c=y, cmap="tab10", s=6)
    axis.set_title(title)
for center, image in zip(
    model.cluster_embedding_, model.cluster_prototypes_, strict=True
):
    picture = OffsetImage(image.reshape(8, 8), cmap="gray_r", zoom=2.5)
    axes[0].add_artist(AnnotationBbox(picture, center, pad=0.1))
plt.show()

# %%
# Colours are the digits, which the model was not told. The pictures are prototypes, at the
# embeddings of their clusters.
#
# A walk through a cluster
# ------------------------
#
# Around an embedding, the style says how a digit is written. What lies at a point of the map is
# decoded from the code: a one-hot cluster and a style.

step = np.linspace(-2, 2, 7)
category = np.argmax(model.estimator_.transform(X[:1])[:, :10])
codes = np.zeros((49, 12))
codes[:, category] = 1
codes[:, 10:] = [(a, b) for b in step[::-1] for a in step]
rows = model.estimator_.inverse_transform(codes)
canvas = rows.reshape(7, 7, 8, 8).swapaxes(1, 2).reshape(56, 56)
plt.figure(figsize=(4, 4))
plt.imshow(
    canvas, cmap="gray_r", vmin=0, vmax=1, extent=[-2.3, 2.3, -2.3, 2.3]
)
plt.xlabel("first component of the style")
plt.ylabel("second")
plt.show()
