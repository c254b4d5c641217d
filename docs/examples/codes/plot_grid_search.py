"""
Choosing width and prior by grid search
=======================================

Which settings are best depends on what the codes are for. This example chooses them twice:
by the accuracy of a classifier behind the model, and, without labels, by a scorer that
weighs reconstruction against the match of codes and prior.
"""

# %%
# By the accuracy of the classifier behind
# ----------------------------------------
#
# Parameters of the model are those of a pipeline step like any other. Networks and
# training are kept small here; a search of your own would leave ``max_epochs`` at its default.

import pandas as pd
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline

from sklearn_aae import AdversarialAutoencoder

X, y = load_digits(return_X_y=True)
X = X[:, X.std(axis=0) > 0.3]  # pixels at the margin hardly vary
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.3, stratify=y, random_state=0
)

short = AdversarialAutoencoder(
    n_components=8,
    hidden_layer_sizes=(128,),
    max_epochs=20,
    batch_size=64,
    random_state=0,
)
pipeline = Pipeline(
    [("aae", short), ("classify", LogisticRegression(max_iter=1000))]
)
search = GridSearchCV(
    pipeline,
    {
        "aae__hidden_layer_sizes": [(32,), (128,)],
        "aae__prior": ["gaussian", "uniform"],
    },
    cv=3,
)
search.fit(X_train, y_train)

table = pd.DataFrame(search.cv_results_)
table = table.pivot(
    index="param_aae__hidden_layer_sizes",
    columns="param_aae__prior",
    values="mean_test_score",
)
print(table.round(3).to_string())
print()
print(f"chosen: {search.best_params_}")
print(f"accuracy on held-out images: {search.score(X_test, y_test):.3f}")

# %%
# Without labels
# --------------
#
# :meth:`~sklearn_aae.AdversarialAutoencoder.score` is minus the reconstruction loss. It is
# what ``GridSearchCV`` uses if it is given no scorer, and it is blind to where the codes lie:
# it has no reason to want an adversary at all.
# :func:`~sklearn_aae.metrics.balanced_score` adds how well a classifier tells codes from
# prior draws. Its best possible value is 0.
#
# ``adversarial_weight`` is the setting on which the two disagree. A weight of 0 switches the
# adversary off.

from sklearn_aae.metrics import balanced_score


def reconstruction_score(estimator, X, y=None):
    """Score as the estimator does by itself."""
    return estimator.score(X)


weights = [0.0, 0.1, 0.3, 1.0]
search = GridSearchCV(
    short,
    {"adversarial_weight": weights},
    scoring={
        "reconstruction": reconstruction_score,
        "balanced": balanced_score,
    },
    refit="balanced",
    cv=3,
)
search.fit(X_train)
print(f"chosen by the balanced score: {search.best_params_}")

# %%
# The estimator that was refitted is ready for use:

print(
    f"balanced score on held-out images: {balanced_score(search.best_estimator_, X_test):.3f}"
)

# %%
# Both scores for every weight, with the spread over the three folds:

import matplotlib.pyplot as plt

figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
for ax, name in zip(axes, ["reconstruction", "balanced"], strict=True):
    ax.errorbar(
        range(len(weights)),
        search.cv_results_[f"mean_test_{name}"],
        yerr=search.cv_results_[f"std_test_{name}"],
        marker="o",
        capsize=3,
    )
    ax.set_xticks(range(len(weights)), weights)
    ax.set(
        xlabel="adversarial_weight",
        ylabel="score, higher is better",
        title=name,
    )
plt.show()
