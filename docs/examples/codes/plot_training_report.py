"""
Did my model train? What a training says of itself
==================================================

After every fit, ``training_report_`` has cheap figures of the training, each with a verdict and
a remedy. What failed is a warning of its own as well, which a script can catch and a test can turn
into an error. Here the same table is fitted well, and spoilt in four ways.
"""

# %%
# A training that went well
# -------------------------

import warnings

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from sklearn.datasets import load_wine
from sklearn.preprocessing import scale
from torch import nn

from sklearn_aae import AdversarialAutoencoder
from sklearn_aae.exceptions import TrainingWarning
from sklearn_aae.inspection import LossCurveDisplay

X = scale(load_wine().data)
model = AdversarialAutoencoder(random_state=0).fit(X)
model.training_report_

# %%
# In a notebook the report is part of the diagram that stands for a fitted model. A line is found by
# its name, and ``failed`` has those whose verdict is "warn": none here.

report = model.training_report_
print(report["reconstruction"].figure, report["reconstruction"].verdict)
print(report.failed)

# %%
# Trainings that did not
# ----------------------
#
# A learning rate that is a thousand times too high, an adversary that is worth three hundred times
# what rows are worth, a discriminator without a gradient, and an encoder whose columns
# repeat each other: none of these raises an error, and all losses are finite.


class Blind(nn.Linear):
    """A discriminator whose gradients are zero."""

    def forward(self, x):
        return super().forward(x) * 0


class Repeats(nn.Linear):
    """An encoder whose columns are all the same."""

    def forward(self, x):
        return super().forward(x)[:, :1].repeat(1, self.out_features)


changes = {
    "defaults": {},
    "lr x 1000": {"lr": 1.0},
    "adversary x 300": {"adversarial_weight": 300.0},
    "blind discriminator": {"discriminator": Blind},
    "repeated codes": {"encoder": Repeats},
}
models = {}
for name, change in changes.items():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", TrainingWarning)
        models[name] = AdversarialAutoencoder(random_state=0, **change).fit(X)
    for warning in caught:
        print(f"{name}: {warning.category.__name__}\n    {warning.message}\n")

# %%
# One warning for each fit, of its first cause; what may follow from it is a note in the report.
#
# All reports side by side
# ------------------------
#
# Green lines are as they should be, yellow ones worth knowing, red ones failed. The losses alone
# would not have told: with a blind discriminator they are those of the good training, and with
# repeated codes they fall, too. With a thousandfold rate they are far above the picture.

names = [line.name for line in report]
verdicts, figures = np.zeros((2, len(names), len(models)))
for j, spoilt in enumerate(models.values()):
    for i, line in enumerate(map(spoilt.training_report_.__getitem__, names)):
        verdicts[i, j] = ["ok", "note", "warn"].index(line.verdict)
        figures[i, j] = line.figure

figure, (left, right) = plt.subplots(
    1, 2, figsize=(12, 4.6), width_ratios=(1, 1.7), layout="constrained"
)
for name, spoilt in models.items():
    style = "--" if name.startswith("blind") else "-"
    left.plot(spoilt.history_["reconstruction_loss"], style, label=name)
left.set(xlabel="epoch", ylabel="reconstruction loss", ylim=(0, 1.6))
left.legend(fontsize="small")
colors = ListedColormap(["#b7e1c0", "#fbe7a1", "#f2a7a0"])
right.imshow(verdicts, cmap=colors, vmin=0, vmax=2, aspect="auto")
for (i, j), value in np.ndenumerate(figures):
    right.text(j, i, f"{value:.2g}", ha="center", va="center")
right.set_xticks(range(len(models)), [n.replace(" ", "\n", 1) for n in models])
right.set_yticks(range(len(names)), names)
right.tick_params(length=0)
plt.show()

# %%
# What to do with it
# ------------------
#
# Each failed line names its remedy. In a script that nobody watches, let what failed stop it: the
# model is then as it was before the call.

with warnings.catch_warnings():
    warnings.simplefilter("error", TrainingWarning)
    try:
        AdversarialAutoencoder(lr=1.0, random_state=0).fit(X)
    except TrainingWarning as failure:
        print(f"stopped by {type(failure).__name__}")

# %%
# The course of the losses by itself, of the model that went well. What the report does not know is
# whether the codes serve your purpose: score what comes after them, with rows that were held out.

LossCurveDisplay.from_estimator(model)
plt.show()
