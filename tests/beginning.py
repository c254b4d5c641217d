"""What a model with a head of categories is taught at first."""

from __future__ import annotations

from skorch.callbacks import Callback


class Beginning(Callback):
    """Keeps what the data set of the last training held when that began."""

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        Beginning.pseudo_labels, Beginning.n_epochs = X.pseudo_labels, X.n_pseudo_epochs
        Beginning.labels, Beginning.neighbors = X.labels, X.neighbors
        Beginning.directions = X.directions
