"""
Networks of your own: convolutions
==================================

``encoder``, ``decoder`` and ``discriminator`` take functions that build a network for given
numbers of inputs and outputs. Everything else stays: three phases, prior, scores, pipelines.
"""

# %%
# An encoder and a decoder for images
# -----------------------------------
#
# Rows stay rows: the first layer makes images of them, the last one rows again. A function is
# asked for a network once, when :meth:`~sklearn_aae.AdversarialAutoencoder.fit` knows how wide
# the table is; that is all that it has to know of the package.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from torch import nn

from sklearn_aae import AdversarialAutoencoder
from sklearn_aae.metrics import prior_gap


def encoder(n_in, n_out):
    """Return a network from rows of 8 x 8 pixels to codes."""
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        nn.Conv2d(1, 16, 3, padding=1),
        nn.GELU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1),
        nn.GELU(),
        nn.Flatten(),
        nn.Linear(32 * 4 * 4, 128),
        nn.GELU(),
        nn.Linear(128, n_out),
    )


def decoder(n_in, n_out):
    """Return a network from codes to rows of 8 x 8 pixels."""
    return nn.Sequential(
        nn.Linear(n_in, 128),
        nn.GELU(),
        nn.Linear(128, 32 * 4 * 4),
        nn.GELU(),
        nn.Unflatten(1, (32, 4, 4)),
        nn.ConvTranspose2d(32, 16, 4, stride=2, padding=1),
        nn.GELU(),
        nn.Conv2d(16, 1, 3, padding=1),
        nn.Flatten(),
    )


X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X / 16, y, test_size=0.3, random_state=0
)

# %%
# Beside the default
# ------------------
#
# The same settings, five numbers for an image, forty passes over the table: the default's
# perceptrons, and convolutions.

settings = {
    "n_components": 5,
    "scaling": None,
    "max_epochs": 40,
    "random_state": 0,
}
models = {
    "perceptrons": AdversarialAutoencoder(**settings),
    "convolutions": AdversarialAutoencoder(
        encoder=encoder, decoder=decoder, **settings
    ),
}
for name, model in models.items():
    model.fit(X_train)
    error = (
        np.mean((model.reconstruct(X_test) - X_test) ** 2)
        / X_test.var(axis=0).mean()
    )
    neighbours = KNeighborsClassifier().fit(model.transform(X_train), y_train)
    accuracy = neighbours.score(model.transform(X_test), y_test)
    n_weights = sum(p.numel() for p in model.net_.module_.parameters())
    print(
        f"{name:12} {n_weights:7,} weights: {error:.2f} of the variance lost, "
        f"neighbours of codes right {accuracy:.3f}, distance to the prior over chance "
        f"{prior_gap(model, X_test):.2f}"
    )

# %%
# What they draw
# --------------

figure, axes = plt.subplots(2, 12, figsize=(9, 1.9))
for row, (name, model) in zip(axes, models.items(), strict=True):
    for axis, image in zip(
        row, model.sample(12, noise=False, random_state=1), strict=True
    ):
        axis.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        axis.set_axis_off()
    row[0].set_title(name, fontsize=9, loc="left")
plt.show()

# %%
# A network that does not fit says so, before anything is trained:


def without_flatten(n_in, n_out):
    return nn.Sequential(*list(decoder(n_in, n_out))[:-1])


try:
    AdversarialAutoencoder(
        encoder=encoder, decoder=without_flatten, **settings
    ).fit(X_train)
except ValueError as error:
    print(error)
