"""
A study with Optuna that prunes by epochs
=========================================

Optuna tries settings of a pipeline one after the other and learns from each where to look
next. Trials that fall behind end in the middle of training: a callback reports the loss on
held-out rows after each epoch.
"""

# %%
# The objective
# -------------
#
# Six codes are to give back the pixels of handwritten digits. What varies is the width of the
# networks, the learning rate and the size of a batch. With ``early_stopping=True`` a tenth of
# the training rows is held out, and its loss after each epoch is in the history: Optuna
# compares trials by it, epoch by epoch.

import numpy as np
import optuna
from sklearn.datasets import load_digits
from sklearn.feature_selection import VarianceThreshold
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from skorch.callbacks import Callback

from sklearn_aae import AdversarialAutoencoder

X_train, X_test = train_test_split(
    load_digits().data, test_size=0.3, random_state=0
)


class Pruning(Callback):
    """Reports the loss of each epoch, and ends trials that fall behind."""

    def __init__(self, trial):
        self.trial = trial

    def on_epoch_end(self, net, **kwargs):
        n_epochs = len(net.history)
        self.trial.report(net.history[-1, "valid_loss"], n_epochs)
        if self.trial.should_prune():
            raise optuna.TrialPruned(f"after {n_epochs} epochs")


def make_pipeline_for(trial, callbacks=None):
    """Return the pipeline with the settings of a trial."""
    width = trial.suggest_int("width", 16, 256, log=True)
    model = AdversarialAutoencoder(
        n_components=6,
        hidden_layer_sizes=(width, width),
        lr=trial.suggest_float("lr", 1e-4, 1e-1, log=True),
        batch_size=trial.suggest_categorical("batch_size", [32, 128]),
        max_epochs=12,
        early_stopping=True,
        callbacks=callbacks,
        random_state=0,
    )
    return make_pipeline(VarianceThreshold(0.3**2), model)


def objective(trial):
    """Return the least loss on held-out rows."""
    pipeline = make_pipeline_for(trial, [Pruning(trial)]).fit(X_train)
    return min(pipeline[-1].history_["valid_loss"])


# %%
# The study
# ---------
#
# After the first five trials, whoever has a loss above the median of the earlier ones after as
# many epochs is pruned, from the second epoch on. A study with ``storage=`` in a database is
# shared by as many processes and machines as call ``optimize`` on it.

optuna.logging.set_verbosity(optuna.logging.WARNING)
study = optuna.create_study(
    sampler=optuna.samplers.TPESampler(seed=0),
    pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=2),
)
study.optimize(objective, n_trials=12)

for trial in study.trials:
    epochs = len(trial.intermediate_values)
    loss = trial.intermediate_values[epochs]
    print(
        f"{trial.number:2d} {trial.state.name:8s} {epochs:2d} epochs "
        f"loss {loss:.3f} {trial.params}"
    )

# %%
# What was saved, and what was found
# ----------------------------------
#
# The best settings make a pipeline again: what was suggested once is fixed in a
# ``FixedTrial``, and is trained for as many epochs as the defaults beside it.

trained = sum(len(trial.intermediate_values) for trial in study.trials)
print(f"{trained} of {12 * len(study.trials)} epochs were trained")

best = make_pipeline_for(optuna.trial.FixedTrial(study.best_params))
best[-1].set_params(max_epochs="auto", early_stopping=False)
default = make_pipeline(
    VarianceThreshold(0.3**2),
    AdversarialAutoencoder(n_components=6, random_state=0),
)
for name, pipeline in {"best of the study": best, "defaults": default}.items():
    codes = pipeline.fit(X_train).transform(X_test)
    rows = pipeline[:-1].transform(X_test)
    errors = rows - pipeline[-1].inverse_transform(codes)
    explained = (
        1 - np.square(errors).sum() / np.square(rows - rows.mean(0)).sum()
    )
    print(f"{name}: {explained:.2f} of the pixels' variance explained")
