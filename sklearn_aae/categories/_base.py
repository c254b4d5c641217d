"""What classifier and clusterer share: an autoencoder whose code begins with categories."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from functools import partial
from numbers import Integral, Real
from typing import Any, cast

import numpy as np
import torch
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from sklearn_aae._utils._bases import (
    BaseEstimator,
    CallbackSupportMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn_aae._utils._compat import Interval, StrOptions
from sklearn_aae._utils._random import ModelStream, derive_seed
from sklearn_aae._utils._same import refuse_changes, snapshot
from sklearn_aae.autoencoder import AdversarialAutoencoder
from sklearn_aae.autoencoder._base import BaseAAE
from sklearn_aae.autoencoder._input import reads_levels
from sklearn_aae.autoencoder._parameters import CONSTRAINTS
from sklearn_aae.autoencoder._run import Run, train_in_full
from sklearn_aae.categories._batches import LabelledDataset
from sklearn_aae.categories._neighbors import nearest_rows
from sklearn_aae.categories._phases import CategoryLoss, Heads, RepulsionLoss
from sklearn_aae.encoding._batches import takes_streams
from sklearn_aae.priors import Categorical, Product, find_prior
from sklearn_aae.training import (
    AAENet,
    Phase,
    TableDataset,
    TrainingHTMLMixin,
    TrainingReport,
    checkpoint_of,
)

#: Learning rates as multiples of ``lr``: of the generator, where the model says "auto", and of
#: the phases of the heads.  At equal rates the adversary unlearns what neighbours teach.
ADVERSARIAL_WEIGHT, HEADS_RATE = 0.3, 3.0

#: Weight of categories' sizes: nothing else keeps agreement of neighbours from making all rows
#: one category, but where labels, or clusters to begin with, and steps lead, sizes should not.
BALANCE, BALANCE_IF_LED = 3.0, 1.0

#: Share of the epochs that teach what the graph of neighbours says.
INIT_SHARE = 1 / 3

#: Of the model that is taken if none is given: two discriminators, each of few columns.
DISCRIMINATOR_LAYER_SIZES = (64, 64)

#: Parameters that are handed to the model under the same name.
HANDED_ON = (
    "hidden_layer_sizes",
    "max_epochs",
    "batch_size",
    "lr",
    "device",
    "callbacks",
    "handle_unknown",
    "handle_missing",
    "random_state",
    "verbose",
    "checkpoint",
)

#: What to do about one that was built in.
CALL_FIT = "call fit to build others"

#: Parameters of ours that a training which goes on cannot change.
BUILT_IN = (
    "n_components",
    "consistency",
    "consistency_weight",
    "init",
    "head_distance",
    "estimator",
)

DOUBLE = np.dtype(np.float64)


class TwoHeadedEstimator(
    TrainingHTMLMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    CallbackSupportMixin,
    BaseEstimator,
):
    """Shared by classifier and clusterer; not public.

    The model is ``estimator_``, whose code is the probabilities of ``_n_categories``
    categories and then the style; with one category, the style alone.
    """

    estimator: Any
    n_components: int
    consistency: str
    consistency_weight: float
    n_neighbors: int
    init: str
    head_distance: float | None
    handle_missing: str
    random_state: Any
    max_epochs: Any
    checkpoint: Any

    estimator_: AdversarialAutoencoder
    n_iter_: int
    interrupted_: bool

    #: What the networks and their phases were built with, by parameter.
    _built: dict[str, Any]

    #: Whether categories are learned from labels.
    _learns_labels: bool = False

    _parameter_constraints: dict[str, Any] = {
        **{name: CONSTRAINTS[name] for name in ("n_components", *HANDED_ON)},
        "consistency": [StrOptions({"both", "neighbors", "adversarial"})],
        "consistency_weight": [Interval(Real, 0, None, closed="left")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "head_distance": [Interval(Real, 0, None, closed="neither"), None],
        "estimator": "no_validation",  # _new_model says what is wrong with it
    }

    def __sklearn_tags__(self) -> Any:
        """Return the capabilities that scikit-learn asks about."""
        tags = super().__sklearn_tags__()
        levels = reads_levels(getattr(self.estimator, "output", "auto"))
        takes = levels is not False
        tags.input_tags.allow_nan = self.handle_missing != "error"
        tags.input_tags.categorical = tags.input_tags.string = takes
        return tags

    @property
    def net_(self) -> AAENet:
        """The fitted skorch net."""
        return self.estimator_.net_

    @property
    def device_(self) -> torch.device:
        """Where the networks are."""
        return self.estimator_.device_

    # ------------------------------------------------------------------ input

    def _new_model(self) -> AdversarialAutoencoder:
        """Return an unfitted model: the one given, or the default, with our parameters."""
        model = self.estimator
        if model is None:
            model = AdversarialAutoencoder(discriminator_layer_sizes=DISCRIMINATOR_LAYER_SIZES)
        if not isinstance(model, AdversarialAutoencoder):
            raise TypeError(f"estimator must be an AdversarialAutoencoder; got {model!r}.")
        # Its callbacks give way to ours, and may be unfit for copying.
        # Categories of a code whose first columns are principal components learn worse.
        model = clone(copy.copy(model).set_params(callbacks=None, init="random"))
        if model.get_params().get("supervision") is not None:
            raise ValueError(
                f"estimator={model!r} reads labels itself; {type(self).__name__} has a head for "
                "categories instead. Set its supervision=None."
            )
        result: AdversarialAutoencoder = model.set_params(
            **{name: getattr(self, name) for name in HANDED_ON}
        )
        return result

    # --------------------------------------------------------------- training

    def _prepare_model(self, model: BaseAAE, weights: np.ndarray) -> None:
        """Give a model two heads: categories of these sizes, and its own code as the style."""
        n_style = int(self.n_components)
        if len(weights) < 2:
            model.set_params(n_components=n_style)
            return
        style = find_prior(model.prior)
        if style.learns:
            raise ValueError(
                f"estimator has prior={style!r}, which is learned with the model; the style beside "
                'categories needs one that stays, for example "gaussian".'
            )
        model.set_params(
            n_components=len(weights) + n_style,
            prior=Product([(Categorical(weights), len(weights)), (style, n_style)]),
        )
        if model.adversarial_weight == "auto":
            # The style is all that tells rows of a category apart on a map: it is held harder.
            on_map = self.head_distance is not None
            model.set_params(adversarial_weight=1.0 if on_map else ADVERSARIAL_WEIGHT)
        model._extension = self._heads(weights)

    def _heads(self, weights: np.ndarray) -> Heads:
        """Return what categories of these sizes add to a model."""
        taught = self._learns_labels or self.init != "random"
        led = taught and self.consistency != "neighbors"
        loss = CategoryLoss(float(self.consistency_weight), BALANCE_IF_LED if led else BALANCE)
        phases = [Phase("category", "optimizer_class", ("encoder",), loss)]
        distance = None if self.head_distance is None else float(self.head_distance)
        if distance is not None:
            repulsion = RepulsionLoss(distance)
            phases.append(Phase("repulsion", "optimizer_heads", ("heads",), repulsion))
        return Heads(tuple(weights.tolist()), tuple(phases), HEADS_RATE, distance)

    def _fit_model(
        self, model: BaseAAE, X: Any, y: Any, rows: np.ndarray, labels: np.ndarray | None
    ) -> None:
        """Train a new model in full and make it ours."""
        with checkpoint_of(self, X, labels) as checkpoint:
            seed = checkpoint.seed(self.random_state)
            net = self._new_net(model, rows, seed)
            batch, epochs = self._schedule(model, len(rows))
            n_pseudo_epochs = math.ceil(INIT_SHARE * epochs)
            prepare = partial(self._labelled, model, X, rows, seed, n_pseudo_epochs)
            run = Run(batch, epochs, labels=labels, prepare=prepare, checkpoint=checkpoint)

            def attributes_of(net: AAENet) -> dict[str, Any]:
                there = copy.copy(model)
                there.__dict__.update(model._fitted_attributes(net))
                return self._fitted_attributes(there, rows)

            train_in_full(self, model, net, rows, run, (X, y), attributes_of)
            self.__dict__.update(attributes_of(net))
            self.estimator_._finish(net)

    def _new_net(self, model: BaseAAE, rows: np.ndarray, seed: int) -> AAENet:
        net = model._new_net(rows, seed)
        self._built = {name: snapshot(getattr(self, name)) for name in BUILT_IN}
        return net

    def _net_to_go_on_with(self, model: BaseAAE) -> AAENet:
        """Return a copy of a fitted model's net, at the rates of our parameters as they are."""
        refuse_changes(self, self._built, CALL_FIT)
        model.set_params(**{name: getattr(self, name) for name in HANDED_ON})
        return model._net_to_go_on_with(CALL_FIT)

    def _fit_further(
        self, model: BaseAAE, net: AAENet, X: Any, rows: np.ndarray, labels: np.ndarray | None
    ) -> None:
        """Train a net for one epoch and make its model ours."""
        batch, _ = self._schedule(model, len(rows))
        seed = derive_seed(net.seed, len(net.history))
        prepare = partial(self._labelled, model, X, rows, seed, 0)
        model._train(net, rows, Run(batch, in_full=False, labels=labels, prepare=prepare))
        model.__dict__.update(model._fitted_attributes(net))
        self.__dict__.update(self._fitted_attributes(model, rows))
        model._finish(net)

    def _schedule(self, model: BaseAAE, n_samples: int) -> tuple[int, int]:
        batch, epochs = model._schedule(n_samples)
        if self.max_epochs == "auto" and not model._reader.is_mixed:
            epochs = auto_epochs(n_samples)
        return batch, epochs

    def _fitted_attributes(self, model: BaseAAE, rows: np.ndarray) -> dict[str, Any]:
        """Return what is known once a model is fitted to rows."""
        names = ("n_iter_", "interrupted_")
        return {"estimator_": model, **{name: getattr(model, name) for name in names}}

    def _labelled(
        self,
        model: BaseAAE,
        X: Any,
        rows: np.ndarray,
        seed: int,
        n_pseudo_epochs: int,
        dataset: TableDataset,
    ) -> TableDataset:
        """Return the rows to train on with where their categories should be the same."""
        heads = heads_of(model)
        if heads is None:
            return dataset
        agree = self.consistency_weight > 0 and self.consistency != "adversarial"
        steps = self.consistency_weight > 0 and self.consistency != "neighbors"
        begin = self.init != "random" and n_pseudo_epochs > 0
        if not (agree or begin):
            return LabelledDataset(dataset, directions=steps)
        rng = np.random.default_rng(derive_seed(seed, ModelStream.NEIGHBORS))
        # More would reach into other categories.
        most = max(1, len(dataset) // (2 * heads.n_categories))
        features = dataset.of_own_rows(model._reader.features(X, rows))
        self._check_finite(features)
        neighbors = nearest_rows(features, min(self.n_neighbors, most), rng)
        own = None if dataset.labels is None else dataset.labels.numpy()
        return LabelledDataset(
            dataset,
            neighbors=neighbors if agree else None,
            directions=steps,
            pseudo_labels=self._pseudo_labels(neighbors, own, rng) if begin else None,
            n_pseudo_epochs=n_pseudo_epochs,
        )

    def _check_finite(self, features: np.ndarray) -> None:
        finite = np.isfinite(features).all(axis=0)
        if not finite.all():
            raise ValueError(
                f"{type(self).__name__} cannot scale the table: column {int(finite.argmin())} has "
                "values so extreme that they overflow. Divide it by a constant, or pass "
                "estimator=AdversarialAutoencoder(scaling='quantile')."
            )

    def _pseudo_labels(
        self, neighbors: np.ndarray, labels: np.ndarray | None, rng: np.random.Generator
    ) -> np.ndarray:
        """Return what rows are taught at first, -1 for nothing, given a graph of neighbours."""
        raise NotImplementedError

    # ------------------------------------------------------------- prediction

    def _probabilities(self, model: BaseAAE, rows: np.ndarray) -> np.ndarray:
        heads = heads_of(model)
        if heads is None:
            return np.ones((len(rows), 1))
        return model._encode(rows, DOUBLE)[:, : heads.n_categories]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities of the categories."""
        raise NotImplementedError

    @takes_streams
    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithms of what ``predict_proba`` gives.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            Rows; of a Dataset or LazyFrame, record batches are returned (:ref:`scale`).

        Returns
        -------
        ndarray of shape (n_samples, n_categories), float64
            Natural logarithms, in the order of ``predict_proba``; minus infinity for a
            probability that is 0 in floating point.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        """
        return log_of(self.predict_proba(X))

    @takes_streams
    def transform(self, X: Any) -> np.ndarray:
        r"""Return where rows lie.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            Rows; of a Dataset or LazyFrame, record batches are returned (:ref:`scale`).

        Returns
        -------
        ndarray or frame of shape (n_samples, n_features_out), float64
            With ``head_distance``, :math:`W y + z` in ``n_components`` columns; else the
            probabilities, as ``predict_proba`` gives them, and then the style.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        """
        check_is_fitted(self)
        # In float64, so that a row has the same probabilities alone and among others.
        codes = self.estimator_._encode(self.estimator_._read(X, caller=self), DOUBLE)
        heads = heads_of(self.estimator_)
        if heads is None:
            return codes
        k = heads.n_categories
        if heads.head_distance is not None:
            # Not a matrix product: the last bits of its rows depend on their number.
            weighted = zip(codes[:, :k].T, embedding_of(self.estimator_), strict=True)
            return sum((y[:, None] * w for y, w in weighted), codes[:, k:])
        return np.hstack([codes[:, :k][:, self._columns()], codes[:, k:]])

    def _columns(self) -> Any:
        """Return which category each column is of in ``predict_proba``."""
        return slice(None)

    @property
    def history_(self) -> dict[str, list[float]]:
        """Loss of each phase by epoch."""
        return self.estimator_.history_

    @property
    def loss_curve_(self) -> list[float]:
        """Reconstruction loss per column of each epoch."""
        return self.estimator_.loss_curve_

    @property
    def training_report_(self) -> TrainingReport:
        """What the last training says of itself: figures, each with a verdict and a remedy."""
        return self.estimator_.training_report_

    def _undoing(self) -> Callable[[], None] | None:
        return self.estimator_._undoing() if hasattr(self, "estimator_") else None

    @property
    def _n_features_out(self) -> int:
        heads = heads_of(self.estimator_)
        if heads is not None and heads.head_distance is not None:
            result: int = self.estimator_.net_.module_.n_components - heads.n_categories
            return result
        result = self.estimator_.net_.module_.n_components
        return result


def heads_of(model: BaseAAE) -> Heads | None:
    """Return what was added to a model of several categories."""
    return cast("Heads | None", model._extension)


def embedding_of(model: BaseAAE) -> np.ndarray:
    """Return the embedding of each category of a model with cluster heads."""
    embedding = model.net_.module_.heads.embedding
    result: np.ndarray = embedding.detach().cpu().numpy().astype(np.float64)
    return result


def log_of(probabilities: np.ndarray, least: float = 0.0) -> np.ndarray:
    """Return natural logarithms of probabilities, which are ``least`` at least."""
    with np.errstate(divide="ignore"):
        result: np.ndarray = np.log(np.maximum(probabilities, least))
        return result


def auto_epochs(n_samples: int) -> int:
    """Return the number of epochs of ``max_epochs="auto"`` for tables of numbers."""
    return round(max(20.0, min(80.0, 5e5 / n_samples)))
