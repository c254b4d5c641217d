"""What every estimator of the package shares: validation, training, forward passes."""

from __future__ import annotations

import copy
import functools
import math
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackSupportMixin
from skorch.callbacks import LRScheduler

from sklearn_aae._utils._guard import TrainingInterrupted
from sklearn_aae._utils._random import ModelStream, derive_seed, fenced
from sklearn_aae._utils._threads import torch_threads
from sklearn_aae.autoencoder._extension import Extension
from sklearn_aae.autoencoder._input import check_levels, check_numbers, fit_levels, needs_levels
from sklearn_aae.autoencoder._parameters import (
    BUILT_IN,
    CONSTRAINTS,
    as_device,
    as_sizes,
    auto_adversarial_weight,
    auto_batch_size,
    auto_epochs,
    auto_lr,
)
from sklearn_aae.autoencoder._supervision import check_prior
from sklearn_aae.encoding import Container, LevelScale, Scaler, TableEncoder
from sklearn_aae.exceptions import ConvergenceWarning
from sklearn_aae.networks import ModuleBuilder
from sklearn_aae.outputs import TableFacts, as_output
from sklearn_aae.posteriors import as_posterior
from sklearn_aae.priors import as_prior, find_prior
from sklearn_aae.training import (
    PHASES,
    RECONSTRUCTION,
    AAENet,
    EarlyStopping,
    LinearDecay,
    Phase,
    RowLosses,
    StepwiseDecay,
    TableDataset,
    TrainBatches,
    TrainingContext,
    encode,
    fixed_split,
    in_precision,
    map_chunks,
    split_table,
    user_callbacks,
)

#: Optimizers that play against each other.
ADVERSARIES = ("optimizer_disc", "optimizer_gen")

EARLY_STOPPING_FIGURES = ("valid_loss", "prior_gap", "validation_figure")


class BaseAAE(CallbackSupportMixin, BaseEstimator):
    """Shared by the estimators; not public.

    Private attributes of a fitted estimator: ``_seed`` (all streams derive from
    it), ``_encoder`` (of tables of mixed types, else None), ``_scaler`` (the network's
    scale), ``_container`` and ``_dtype`` (what came in), ``_built_with`` (the parameters
    that the networks were built with) and, with labels, ``_class_counts`` (of training rows).
    """

    _seed: int
    _scaler: Scaler | LevelScale
    _encoder: TableEncoder | None
    _container: Container
    _dtype: np.dtype
    _built_with: dict[str, Any]
    _n_rows_built_for: int
    classes_: np.ndarray
    _class_counts: np.ndarray

    #: What an estimator adds whose model this is; None for a model by itself.
    _extension: Extension | None = None

    _parameter_constraints: dict = CONSTRAINTS

    @property
    def device_(self) -> torch.device:
        """Where the networks are: the CPU, after loading on a machine without CUDA."""
        return torch.device(self.net_.device)

    # ------------------------------------------------------------------ input

    def _check_rows(self, X: Any, *, reset: bool) -> np.ndarray:
        """Return X as floats, or as levels if it is a table of mixed types.

        ``reset`` decides which, and learns the levels.
        """
        if reset:
            self._encoder = None
            if needs_levels(X, self.output, self.categorical_features):
                self._encoder, levels = fit_levels(self, X, self.categorical_features)
                return levels
        if self._encoder is None:
            return check_numbers(self, X, reset=reset)
        return check_levels(self, self._encoder, X)

    # --------------------------------------------------------------- training

    def _new_net(self, X: np.ndarray, seed: int) -> AAENet:
        """Return an initialised net for a table; its scale is kept for inference too."""
        mixed = self._encoder is not None
        output = as_output(self.output, mixed=mixed)
        scaler: Scaler | LevelScale
        if self._encoder is not None:
            layout = self._encoder.layout_
            scaler = LevelScale(layout)
            table = TableFacts(len(X), layout.n_levels == 1, layout)
        else:
            output.check(X)
            scaler = Scaler(self.scaling if output.scales else None)
            scaler.fit(X, derive_seed(seed, ModelStream.SCALE))
            table = TableFacts(len(X), scaler.constant_)
        device = as_device(self.device)
        prior = as_prior(self.prior, self.n_components)
        n_classes = 0 if self.supervision is None else len(self.classes_)
        if self.supervision == "prior":
            check_prior(prior, self.n_components, n_classes)
        builder = ModuleBuilder(
            table=table,
            n_components=self.n_components,
            prior=prior,
            posterior=as_posterior(self.posterior, mixed=mixed, prior=prior),
            output=output,
            hidden_layer_sizes=as_sizes(self.hidden_layer_sizes, "hidden_layer_sizes"),
            discriminator_layer_sizes=as_sizes(
                self.discriminator_layer_sizes, "discriminator_layer_sizes"
            ),
            activation=self.activation,
            seed=derive_seed(seed, ModelStream.INIT),
            encoder=self.encoder,
            decoder=self.decoder,
            discriminator=self.discriminator,
            supervision=self.supervision,
            n_classes=n_classes,
        )
        if self._extension is not None:
            builder = self._extension.extend(builder)
        self._n_rows_built_for = len(X)
        rates = self._rates()
        # Momentum of the past misleads whoever plays against an opponent that moves.
        betas = {f"{name}__betas": (0.5, 0.999) for name in ADVERSARIES if name in rates}
        if mixed:
            # At high rates and in few steps, the second moment has to follow quickly.
            betas["optimizer__betas"] = (0.9, 0.98)
        self._seed, self._scaler, self._dtype = seed, scaler, X.dtype
        self._built_with = {name: getattr(self, name) for name in BUILT_IN}
        return AAENet(
            builder,
            phases=self._phases(rates),
            train_batches=self._train_batches,
            seed=derive_seed(seed, ModelStream.TRAIN),
            lr=rates["optimizer"],
            device=str(device),
            verbose=int(self.verbose),
            dataset__scaler=scaler,
            **{f"{name}__lr": rate for name, rate in rates.items()},
            **betas,
        ).initialize()

    def _rates(self) -> dict[str, float]:
        """Return the learning rate of each optimizer."""
        lr = self.lr
        if lr == "auto":
            lr = auto_lr(self._n_rows_built_for, self._encoder is not None)
        rates = {"optimizer": lr}
        weight = self.adversarial_weight
        if weight == "auto":
            prior = find_prior(self.prior)
            weight = auto_adversarial_weight(prior, self._encoder is not None, self.supervision)
        if weight > 0:
            rates |= {"optimizer_disc": lr, "optimizer_gen": lr * weight}
        return rates if self._extension is None else rates | self._extension.rates(lr)

    def _phases(self, rates: dict[str, float]) -> tuple[Phase, ...]:
        plain = PHASES if "optimizer_gen" in rates else (RECONSTRUCTION,)
        return plain if self._extension is None else (*plain, *self._extension.phases)

    @property
    def _train_batches(self) -> type[TrainBatches]:
        return TrainBatches if self._extension is None else self._extension.train_batches

    def _schedule(self, n_samples: int) -> tuple[int, int]:
        """Return the batch size and the number of epochs of a fit."""
        mixed = self._encoder is not None
        batch = auto_batch_size(n_samples, mixed) if self.batch_size == "auto" else self.batch_size
        epochs = auto_epochs(n_samples, mixed) if self.max_epochs == "auto" else self.max_epochs
        return int(batch), int(epochs)

    def _net_to_go_on_with(self) -> AAENet:
        """Return a copy of the fitted net: a call that fails must not touch the original.

        Learning rates are those of the parameters as they are now.
        """
        for name, built in self._built_with.items():
            value = getattr(self, name)
            if value is not built and repr(value) != repr(built):
                raise ValueError(
                    f"{name} changed from {built!r} to {value!r} since the networks were built; "
                    "set warm_start=False and call fit to build others."
                )
        net = copy.deepcopy(self.net_)
        if list(self._rates()) != net.optimizer_names:
            raise ValueError(
                f"adversarial_weight={self.adversarial_weight} switches phases 2 and 3 on or off, "
                "which a fitted model cannot do; set warm_start=False and call fit."
            )
        self._set_rates(net)
        return net

    def _set_rates(self, net: AAENet) -> None:
        for name, rate in self._rates().items():
            for group in getattr(net, f"{name}_").param_groups:
                group["lr"] = rate

    def _train(
        self,
        net: AAENet,
        X: np.ndarray,
        seed: int,
        *,
        batch_size: int,
        max_epochs: int | None = None,
        context: TrainingContext | None = None,
        labels: np.ndarray | None = None,
        prepare: Callable[[TableDataset], None] | None = None,
    ) -> AAENet:
        """Train a net on rows; one epoch at constant rates if ``max_epochs`` is None.

        ``prepare`` is called with the rows to train on, once they are known.
        """
        full = max_epochs is not None
        scaler = net.dataset__scaler
        share = self.validation_fraction if full and self.early_stopping else None
        train, valid = split_table(X, labels, scaler, share, derive_seed(seed, ModelStream.SPLIT))
        if prepare is not None:
            prepare(train)
        own: list[Any] = [context] if context is not None else []
        user = user_callbacks(self.callbacks)
        plain = [item[1] if isinstance(item, tuple) else item for item in user]
        # A schedule of the user's takes the place of ours.
        if full and not any(isinstance(callback, LRScheduler) for callback in plain):
            own.append(LinearDecay() if self._encoder is None else StepwiseDecay())
        stop = []
        if valid is not None:
            stop = [EarlyStopping(self.n_iter_no_change, derive_seed(seed, ModelStream.STOP))]
        net.batch_size = batch_size
        net.max_epochs = max_epochs or 1
        net.train_split = functools.partial(fixed_split, valid=valid)
        net.replace_callbacks([*own, *user, *stop])
        if self._trains_foreign_code():
            with fenced(derive_seed(seed, ModelStream.USER, len(net.history)), net.device):
                net.partial_fit(train)
        else:
            net.partial_fit(train)
        if not len(net.history):
            raise KeyboardInterrupt  # before one epoch was finished: nothing to keep
        net.calibrate(train)
        # What belongs to this call alone must not stay behind in the fitted net: neither
        # its callbacks and data nor rates that a schedule, or the state of an earlier
        # epoch put back, has left low.
        self._set_rates(net)
        net.train_split = None
        net.drop_callbacks([*own, *stop])
        return net

    def _trains_foreign_code(self) -> bool:
        return any(
            network is not None for network in (self.encoder, self.decoder, self.discriminator)
        )

    def _fitted_attributes(self, net: AAENet) -> dict[str, Any]:
        """Return the public attributes that describe a trained net."""
        names = [f"train_{phase.name}_loss" for phase in net.phases]
        recorded = set().union(*net.history)
        names += [name for name in EARLY_STOPPING_FIGURES if name in recorded]
        # Epochs of a call that did not stop early have no such figures.
        history = {
            name.removeprefix("train_"): [row.get(name, math.nan) for row in net.history]
            for name in names
        }
        return {
            "net_": net,
            "prior_": net.module_.prior,
            "n_iter_": len(net.history),
            "history_": history,
            "loss_curve_": [row["train_loss"] for row in net.history],
            "interrupted_": bool(net.interrupted_),
        }

    def _finish(self, net: AAENet) -> None:
        """Assign the fitted attributes; then say what went wrong, if something did."""
        self.__dict__.update(self._fitted_attributes(net))
        if net.diverged_:
            warnings.warn(
                f"A loss became NaN or infinite in epoch {len(net.history) + 1}; the weights of "
                f"epoch {len(net.history)} were put back. Lower lr, or use scaling='quantile' if "
                "the table has extreme values.",
                ConvergenceWarning,
                stacklevel=4,
            )
        if net.interrupted_:
            raise TrainingInterrupted

    # --------------------------------------------------------- forward passes

    def _reader(self, X: np.ndarray, dtype: np.dtype) -> Callable[[slice], np.ndarray]:
        return lambda rows: self._scaler.transform(X[rows], dtype)

    def _encode(self, X: np.ndarray) -> np.ndarray:
        """Return the codes of checked rows: in their precision, of levels in float32."""
        dtype = np.dtype(np.float32) if self._encoder is not None else X.dtype
        with self._repeatable():
            return encode(self.net_.module_, self._reader(X, dtype), len(X), self.device_, dtype)

    def _decode(
        self,
        Z: np.ndarray,
        dtype: np.dtype,
        generator: torch.Generator | None = None,
        *,
        placed: bool = False,
        labels: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return rows for codes: the mean, or drawn if a generator is given.

        ``placed`` says that the codes lie where the decoder expects them, as draws of the
        prior do; else they are what ``transform`` gives.  ``labels`` are for decoders that
        read them.
        """
        module = self.net_.module_
        decoder = in_precision(module.decoder, Z.dtype)
        head = in_precision(module.head, Z.dtype)
        k = Z.shape[1]
        if labels is not None:
            levels = np.eye(module.conditioning.width, dtype=Z.dtype)
            Z = np.hstack([Z, levels[labels]])

        def rows_of(z: torch.Tensor) -> torch.Tensor:
            if not placed:
                code = module.posterior.place(z[:, :k])
                z = code if labels is None else torch.cat([code, z[:, k:]], dim=1)
            params = decoder(z)
            return head.mean(params) if generator is None else head.draw(params, generator)

        with self._repeatable():
            return map_chunks(
                rows_of,
                lambda part: Z[part],
                len(Z),
                [decoder],
                self.device_,
                lambda rows: self._scaler.inverse_transform(rows, dtype),
            )

    def _repeatable(self) -> AbstractContextManager[None]:
        """Cap threads where heads over levels would give other last bits with more."""
        return torch_threads(None if self._encoder is None else 1)

    def _wrap(
        self, rows: np.ndarray, *, like: Any = None, rng: np.random.Generator | None = None
    ) -> Any:
        """Return decoded rows in the container that ``fit`` saw.

        With ``rng``, cells are drawn within their levels.
        """
        if self._encoder is None:
            return self._container.wrap(rows, like=like)
        return self._encoder._from_levels(rows, rng, like=like)

    def _cell_losses(
        self,
        X: np.ndarray,
        *,
        sums: bool = False,
        codes: np.ndarray | None = None,
        labels: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return the loss of every cell of checked rows, or their sums, in float64.

        Given the rows' own codes, or ``codes`` in their place.  A decoder that reads labels
        gets ``labels``, and where there is none the row's likeliest.
        """
        labels = self._likeliest(X, labels, codes)
        losses = self._row_losses(X, codes)
        with self._repeatable():
            return losses.of_rows(labels) if sums else losses.of_cells(labels)

    def _likeliest(
        self, X: np.ndarray, labels: np.ndarray | None = None, codes: np.ndarray | None = None
    ) -> np.ndarray | None:
        """Return labels where those without one have the class that explains the row best.

        None if the decoder reads no labels.
        """
        if not self.net_.module_.decodes_labels:
            return None
        if labels is not None and (labels >= 0).all():
            return labels
        with self._repeatable():
            best = self._row_losses(X, codes).by_class(len(self.classes_)).argmin(axis=1)
        return best if labels is None else np.where(labels < 0, best, labels)

    def _row_losses(self, X: np.ndarray, codes: np.ndarray | None) -> RowLosses:
        read = self._reader(X, np.dtype(np.float64))
        return RowLosses(self.net_.module_, read, len(X), self.device_, codes)
