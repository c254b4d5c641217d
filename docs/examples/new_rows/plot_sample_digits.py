"""
Drawing digits
==============

A model fitted on 8 × 8 images of handwritten digits draws new ones: a draw from the prior,
passed through the decoder, is an image.
"""

# %%
# Fit
# ---
#
# Pixels between 0 and 1 suit the Bernoulli output, whose loss is the cross-entropy of each
# pixel.

import numpy as np
from sklearn.datasets import load_digits

from sklearn_aae import AdversarialAutoencoder

X = load_digits().data / 16
est = AdversarialAutoencoder(
    n_components=8, output="bernoulli", random_state=0
)
est.fit(X)

# %%
# The reconstruction loss falls and levels out:

import matplotlib.pyplot as plt

from sklearn_aae.inspection import LossCurveDisplay

LossCurveDisplay.from_estimator(est)
plt.show()

# %%
# Sample
# ------
#
# Left, 64 real images; in the middle, the same images compressed to eight numbers and back;
# right, images of draws from the prior, which no one wrote. ``noise=False`` gives the
# decoder's mean; with noise, every pixel of a Bernoulli output would be black or white.

real = X[:64]
panels = {
    "real": real,
    "reconstructed": est.reconstruct(real),
    "sampled": est.sample(64, noise=False, random_state=0),
}


def tile(images):
    """Arrange 64 images of 8 × 8 pixels as one of 80 × 80, with a margin."""
    framed = np.pad(
        images.reshape(8, 8, 8, 8), ((0, 0), (0, 0), (1, 1), (1, 1))
    )
    return framed.swapaxes(1, 2).reshape(80, 80)


figure, axes = plt.subplots(1, 3, figsize=(9, 3.3), layout="constrained")
for ax, (name, images) in zip(axes, panels.items(), strict=True):
    ax.imshow(tile(images), cmap="gray_r", vmin=0, vmax=1)
    ax.set_title(name)
    ax.axis("off")
plt.show()

# %%
# From one digit to another
# -------------------------
#
# If the codes fill the prior without holes, what lies between two codes decodes to
# something digit-like as well. Each line goes from one real image to another in equal steps.

steps = np.linspace(0, 1, 8)[:, None]
Z = est.transform(X[:16])
paths = [
    (1 - steps) * start + steps * stop
    for start, stop in zip(Z[:8], Z[8:], strict=True)
]
between = est.inverse_transform(np.concatenate(paths))

figure, ax = plt.subplots(figsize=(3.3, 3.3), layout="constrained")
ax.imshow(tile(between), cmap="gray_r", vmin=0, vmax=1)
ax.set_title("from left to right")
ax.axis("off")
plt.show()

# %%
# The images that the model finds least usual
# -------------------------------------------
#
# :meth:`~sklearn_aae.AdversarialAutoencoder.score_samples` is low for images that the decoder
# cannot reproduce, and :meth:`~sklearn_aae.AdversarialAutoencoder.score_contributions` says in
# which pixels it fails. The lower line shows these contributions, dark where they are large.

order = np.argsort(est.score_samples(X))[:8]
parts = est.score_contributions(X[order])

figure, axes = plt.subplots(2, 8, figsize=(8, 2.2), layout="constrained")
for column, image, part in zip(axes.T, X[order], parts, strict=True):
    column[0].imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
    column[1].imshow(part.reshape(8, 8), cmap="Reds", vmin=0, vmax=parts.max())
for ax in axes.ravel():
    ax.set(xticks=[], yticks=[])
plt.show()
