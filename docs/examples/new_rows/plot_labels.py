"""
Labels: style beside content, and a mode for each class
=======================================================

``supervision`` says what class labels do to the model: the decoder reads them, which leaves
the style of a row for the code, or every class gets a part of the prior for itself. The user
guide has the :ref:`details <labels>`.
"""

# %%
# Style and content
# -----------------
#
# With ``supervision="decoder"`` the label is an input of the decoder, so the code does not have
# to say which digit an image shows. It is left with how the digit is written.

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

from sklearn_aae import AdversarialAutoencoder

X, y = load_digits(return_X_y=True)
X = X / 16
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.4, stratify=y, random_state=0
)
style = AdversarialAutoencoder(
    n_components=4,
    output="bernoulli",
    supervision="decoder",
    max_epochs=80,
    random_state=0,
).fit(X_train, y_train)

# %%
# Each column below has one style, and each line one class. On the left the styles are those of
# the held-out images in the top line: ``reconstruct(X, y=c)`` is "this row's style as class c".
# On the right they are draws from the prior, which :meth:`inverse_transform
# <sklearn_aae.AdversarialAutoencoder.inverse_transform>` decodes as class after class.

import matplotlib.pyplot as plt


def tile(lines):
    """Arrange lines of 8 × 8 images in one image, with margins."""
    images = np.stack(lines).reshape(len(lines), -1, 8, 8)
    framed = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    height, width = 10 * images.shape[0], 10 * images.shape[1]
    return framed.swapaxes(1, 2).reshape(height, width)


rng = np.random.default_rng(0)
real = X_test[:10]
drawn = rng.standard_normal((10, 4))  # the prior is standard normal
panels = {
    "styles of real images": [
        real,
        *(style.reconstruct(real, y=c) for c in range(10)),
    ],
    "styles drawn from the prior": [
        style.inverse_transform(drawn, y=c) for c in range(10)
    ],
}
figure, axes = plt.subplots(1, 2, figsize=(8, 4.6), layout="constrained")
for ax, (title, lines) in zip(axes, panels.items(), strict=True):
    ax.imshow(tile(lines), cmap="gray_r", vmin=0, vmax=1)
    ax.set(title=title, xticks=[], yticks=[], anchor="S")
axes[0].axhline(9.5, color="C3")
plt.show()

# %%
# Does the code know the class? A classifier on the codes tells it far less often than on the
# codes of a model without labels.

unsupervised = AdversarialAutoencoder(
    n_components=4, output="bernoulli", max_epochs=80, random_state=0
).fit(X_train)
for name, model in {
    'supervision="decoder"': style,
    "no labels": unsupervised,
}.items():
    classifier = SVC(C=10).fit(model.transform(X_train), y_train)
    accuracy = classifier.score(model.transform(X_test), y_test)
    print(f"{name:22} class told from the code: {accuracy:.2f}")

# %%
# A mode for each class
# ---------------------
#
# With ``supervision="prior"`` codes of a class are compared with draws of modes of their own, so
# the prior must have modes, as ``"mixture"`` has. Four out of five labels are hidden here: rows
# without one are compared with draws of the whole prior.

labels = y_train.astype(float)
labels[rng.random(len(labels)) > 0.2] = np.nan
modes = AdversarialAutoencoder(
    n_components=2, prior="mixture", supervision="prior", random_state=0
).fit(X_train, labels)

# %%
# Grey crosses are draws of the prior. Left, the training images: those with a label (full
# colour) lie in the mode of their digit, and most of those without one (pale) found
# theirs. Right, held-out images, none of whose labels the model knew.

import torch

draws = modes.prior_.sample(600, 2, torch.Generator().manual_seed(0)).numpy()
codes = {
    "training images": (modes.transform(X_train), y_train, labels),
    "held-out images": (modes.transform(X_test), y_test, y_test),
}
colours = plt.get_cmap("tab10")
figure, axes = plt.subplots(
    1, 2, figsize=(9, 4.6), layout="constrained", sharex=True, sharey=True
)
for ax, (title, (Z, classes, known)) in zip(axes, codes.items(), strict=True):
    ax.scatter(*draws.T, s=14, marker="x", color="0.8")
    for c in range(10):
        own = classes == c
        hidden = own & np.isnan(known.astype(float))
        shown = own & ~hidden
        ax.scatter(*Z[hidden].T, s=6, color=colours(c), alpha=0.35)
        ax.scatter(*Z[shown].T, s=9, color=colours(c), label=str(c))
    ax.set(title=title, xlim=(-3.2, 3.2), ylim=(-3.2, 3.2), aspect="equal")
axes[1].legend(
    title="digit", markerscale=2, loc="center left", bbox_to_anchor=(1, 0.5)
)
plt.show()

# %%
# ``sample(y=...)`` draws from the mode of a class. A classifier that was trained on other images
# than the model says how often a drawn digit is the one that was asked for.

asked = np.repeat(np.arange(10), 100)
judge = SVC(C=10).fit(X_test, y_test)
for name, model in {"decoder": style, "prior": modes}.items():
    images = model.sample(y=asked, noise=False, random_state=0)
    share = (judge.predict(images) == asked).mean()
    print(
        f'supervision="{name}": {share:.0%} of the draws are the digit asked for'
    )
