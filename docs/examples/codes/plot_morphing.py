"""
Morphing between rows
=====================

Two rows have two codes, and between the codes are others, which decode to rows that nobody
has seen. Whether those are plausible depends on whether the codes in between are ones that the
decoder knows: this is what the prior is for.
"""

# %%
# From one digit to another
# -------------------------
#
# Digits, with eight numbers for each image: enough for the strokes of a single one.

import numpy as np
from sklearn.datasets import load_digits

from sklearn_aae import AdversarialAutoencoder

X, y = load_digits(return_X_y=True)
X = X / 16
model = AdversarialAutoencoder(
    n_components=8, output="bernoulli", max_epochs=80, random_state=0
).fit(X)

# %%
# Codes that follow a standard normal lie in a shell, at about :math:`\sqrt{8}` from the
# origin: a straight line between two of them passes through the middle, where hardly any
# code is. A walk along the arc keeps its distance from the origin and stays among
# the codes.


def arc(start, stop, n_steps):
    """Walk from one code to another in equal steps of angle and length."""
    share = np.linspace(0, 1, n_steps)[:, None]
    lengths = np.linalg.norm(start), np.linalg.norm(stop)
    angle = np.arccos(np.clip(start @ stop / np.prod(lengths), -1, 1))
    direction = (
        np.sin((1 - share) * angle) * start / lengths[0]
        + np.sin(share * angle) * stop / lengths[1]
    ) / np.sin(angle)
    return direction * ((1 - share) * lengths[0] + share * lengths[1])


def typical(digit):
    """Return the image that is nearest to the mean of a digit's images."""
    rows = X[y == digit]
    return rows[((rows - rows.mean(axis=0)) ** 2).sum(axis=1).argmin()]


# %%
# On the left the codes walk, and what lies between two digits has strokes that move and bend.
# On the right the pixels of the same images are mixed in the same proportions: one image fades
# while the other appears. The first and the last image of each line are real.

import matplotlib.pyplot as plt

pairs = [(0, 6), (6, 4), (4, 9), (9, 7), (7, 1), (1, 8), (8, 3), (3, 5)]
N_STEPS = 9


def by_codes(ends):
    """Walk from the code of the first image to that of the second."""
    return model.inverse_transform(arc(*model.transform(ends), N_STEPS))


def by_pixels(ends):
    """Mix the two images."""
    share = np.linspace(0, 1, N_STEPS)[:, None]
    return (1 - share) * ends[0] + share * ends[1]


def tile(lines):
    """Put images of 8 × 8 pixels, line by line, into one image."""
    images = np.pad(
        lines.reshape(len(lines), -1, 8, 8), ((0, 0), (0, 0), (1, 1), (1, 1))
    )
    return images.swapaxes(1, 2).reshape(10 * len(lines), -1)


figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
for ax, way in zip(axes, [by_codes, by_pixels], strict=True):
    lines = []
    for pair in pairs:
        ends = np.stack([typical(digit) for digit in pair])
        lines.append(np.concatenate([ends[:1], way(ends), ends[1:]]))
    ax.imshow(tile(np.stack(lines)), cmap="gray_r", vmin=0, vmax=1)
    for edge in (10, 10 * (N_STEPS + 1)):
        ax.axvline(edge - 0.5, color="tab:red", linewidth=1)
    ax.set_title("codes walk" if way is by_codes else "pixels fade", size=10)
    ax.axis("off")
plt.show()

# %%
# Along a spiral
# --------------
#
# Under the prior ``"swiss_roll"`` codes lie along a line that is rolled up. A walk along it
# passes every kind of digit, and is all there is to know about an image here: its place on one
# line.

roll = AdversarialAutoencoder(
    prior="swiss_roll", lr=2e-3, max_epochs=80, random_state=0
).fit(X)

n_images = 60
t = np.sqrt((np.arange(n_images) + 0.5) / n_images)
turn = 2 * np.pi * roll.prior_.turns * t
line = np.stack([np.cos(turn), np.sin(turn)], axis=1)
line *= roll.prior_.radius * t[:, None]
images = roll.inverse_transform(line)

figure, (left, right) = plt.subplots(
    1, 2, figsize=(10, 4.4), width_ratios=[4, 6], layout="constrained"
)
left.plot(*line.T, color="#c8c8c8", linewidth=7, zorder=0)
for digit in range(10):
    codes = roll.transform(X[y == digit])
    left.scatter(*codes.T, s=6, linewidths=0, label=digit)
left.set(xlim=(-3.5, 3.5), ylim=(-3.5, 3.5), aspect="equal")
left.set_title("codes of the digits along the line", size=10)
right.imshow(tile(images.reshape(6, 10, 64)), cmap="gray_r", vmin=0, vmax=1)
right.set_title("decoded along the line, from its centre outwards", size=10)
figure.legend(loc="outside lower left", ncols=10, frameon=False, markerscale=2)
for ax in (left, right):
    ax.axis("off")
plt.show()
