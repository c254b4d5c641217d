"""
The shape of the codes: one picture per prior
=============================================

The prior is the shape that the adversary gives to the codes of all rows together. This example
fits the same model to handwritten digits under seven priors in the plane, and shows where the
codes of *held-out* digits lie and what the decoder makes of every place.
"""

# %%
# Fit
# ---
#
# Seven models that differ in one argument. To keep the page quick to build, encoder and decoder
# are half as wide as by default, and a third of the epochs at twice the rate have to do.
# ``scaling="minmax"`` gives all pixels one unit; unit variance would blow up those at the
# margin, which hold ink in a few images only.

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sklearn_aae import AdversarialAutoencoder, priors

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.3, stratify=y, random_state=0
)

shapes = {
    '"gaussian"': "gaussian",
    '"uniform"': "uniform",
    "Ball()": priors.Ball(),
    '"mixture"': "mixture",
    'Mixture(layout="grid")': priors.Mixture(layout="grid"),
    '"swiss_roll"': "swiss_roll",
    '"learned"': "learned",
}
models = {
    name: AdversarialAutoencoder(
        n_components=2,
        prior=prior,
        hidden_layer_sizes=(128, 128),
        scaling="minmax",
        lr=2e-3,
        max_epochs=50,
        random_state=0,
    ).fit(X_train)
    for name, prior in shapes.items()
}

# %%
# Codes over the density of the prior
# -----------------------------------
#
# Grey is the prior, dark where it is dense; the dots are codes of digits that the model has
# not seen. Nobody told it about the colours: petals and grid have about as many modes as there
# are digits, and still a mode may hold two digits, or a digit two modes. The learned prior is
# the one that came to the codes, instead of the codes to it.

import matplotlib.pyplot as plt
import torch


def window(model):
    """Return half the width of a square that holds the prior's draws."""
    draws = model.prior_.sample(2000, 2, torch.Generator().manual_seed(0))
    return 1.2 * np.quantile(np.abs(draws.numpy()), 0.99)


def density(model, half, n=240):
    """Return the prior's density on a grid of n × n places."""
    axis = torch.linspace(-half, half, n)
    grid = torch.cartesian_prod(axis, axis).flip(1)
    return model.prior_.log_prob(grid).exp().reshape(n, n).numpy()


def panels(draw):
    """Call a function on every model and an axes of its own."""
    figure, axes = plt.subplots(2, 4, figsize=(10, 5.4), layout="constrained")
    for ax, (name, model) in zip(axes.flat, models.items(), strict=False):
        half = window(model)
        draw(ax, model, half)
        ax.set_title(name, fontsize=10)
        ax.set(xlim=(-half, half), ylim=(-half, half), aspect="equal")
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_color("#cccccc")
    axes.flat[-1].axis("off")
    return figure, axes.flat[-1]


def draw_codes(ax, model, half):
    """Show codes of held-out digits over the prior's density."""
    shade = density(model, half) ** 0.5  # so that thin parts show
    extent = (-half, half, -half, half)
    ax.imshow(
        shade,
        extent=extent,
        origin="lower",
        cmap="Greys",
        vmin=0,
        vmax=2.2 * np.quantile(shade, 0.98),
        interpolation="bilinear",
    )
    ax.scatter(
        *model.transform(X_test).T, c=y_test, cmap="tab10", s=7, linewidths=0
    )


figure, rest = panels(draw_codes)
for digit in range(10):
    rest.scatter([], [], color=plt.get_cmap("tab10")(digit), label=digit)
rest.legend(
    title="digit", ncols=2, loc="center", frameon=False, title_fontsize=10
)
plt.show()

# %%
# How close is the match?
# -----------------------
#
# :func:`~sklearn_aae.metrics.c2st` is the area under the ROC curve of a classifier that tells
# held-out codes from prior draws (0.5 is perfect), and :func:`~sklearn_aae.metrics.prior_gap`
# the energy distance over what chance makes of it (up to 1 is chance). Thin modes are hard to
# hit: a classifier sees every code that lies beside them, while a distance hardly does.
# The adversary of two Gaussian codes pulls less by default than the others' do, so that codes hold
# more of the rows and lie a little wider than the prior (``adversarial_weight``). What is lost is
# the share of variance that does not come back from two numbers.

from sklearn_aae.metrics import c2st, prior_draws, prior_gap

total = ((X_test - X_test.mean(axis=0)) ** 2).sum()
print(f"{'prior':24}{'c2st':>6}{'gap':>6}{'lost':>6}")
for name, model in models.items():
    codes = model.transform(X_test)
    draws = prior_draws(model.prior_, *codes.shape, seed=0)
    area = c2st(codes, draws, random_state=0)
    gap = prior_gap(model, X_test, random_state=0)
    lost = ((X_test - model.reconstruct(X_test)) ** 2).sum() / total
    print(f"{name:24}{area:6.2f}{gap:6.2f}{lost:6.2f}")

# %%
# What the decoder shows
# ----------------------
#
# Each image is a draw of the prior, decoded, at about the place where it lies. Where the prior
# has no mass there is nothing to see: no row will ever be drawn from there.

N_CELLS = 14


def draw_decoded(ax, model, half):
    """Show decoded draws of the prior, one for each cell that has some."""
    draws = prior_draws(model.prior_, 6000, 2, seed=1)
    cells = np.floor((draws + half) / (2 * half) * N_CELLS).astype(int)
    inside = ((cells >= 0) & (cells < N_CELLS)).all(axis=1)
    draws, cells = draws[inside], cells[inside]
    centers = (cells + 0.5) / N_CELLS * 2 * half - half
    order = np.argsort(((draws - centers) ** 2).sum(axis=1))
    # The first row of every cell is the draw nearest to its centre.
    _, first, counts = np.unique(
        cells[order], axis=0, return_index=True, return_counts=True
    )
    chosen = order[first[counts >= 4]]
    canvas = np.zeros((8 * N_CELLS, 8 * N_CELLS))
    images = model.inverse_transform(draws[chosen]).reshape(-1, 8, 8)
    for (column, row), image in zip(cells[chosen], images, strict=True):
        top = 8 * (N_CELLS - 1 - row)
        canvas[top : top + 8, 8 * column : 8 * column + 8] = image
    ax.imshow(canvas, extent=(-half, half) * 2, cmap="gray_r", vmin=0, vmax=16)


panels(draw_decoded)
plt.show()
