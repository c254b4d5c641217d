"""What every estimator of the package shares: validation, training, forward passes."""

from __future__ import annotations

import copy
import functools
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.callback import CallbackSupportMixin
from sklearn.utils.validation import validate_data
from skorch.callbacks import Callback, LRScheduler

from sklearn_aae._parameters import (
    BUILT_IN,
    CONSTRAINTS,
    as_device,
    as_sizes,
    auto_batch_size,
    auto_epochs,
)
from sklearn_aae._random import derive_seed, draw_seed, fenced
from sklearn_aae.encoding import Container, Scaler, check_numeric_columns, describe_non_finite
from sklearn_aae.exceptions import ConvergenceWarning
from sklearn_aae.networks import ModuleBuilder
from sklearn_aae.outputs import as_output
from sklearn_aae.posteriors import as_posterior
from sklearn_aae.priors import as_prior
from sklearn_aae.training import (
    PHASES,
    RECONSTRUCTION,
    AAENet,
    EarlyStopping,
    LinearDecay,
    TableDataset,
    TrainingContext,
    encode,
    in_precision,
    map_chunks,
)

#: Streams under the estimator's seed.
INIT, TRAIN, SCALE, SPLIT, STOP, USER, SAMPLE = range(7)

EARLY_STOPPING_FIGURES = ("valid_loss", "prior_gap", "validation_figure")

#: Fewer rows say too little about the match of codes to the prior.
MIN_VALIDATION_ROWS = 20


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C, after at least one finished epoch; the estimator is fitted up to there."""


def leaves_no_trace(method: Callable) -> Callable:
    """Decorate a fitting method so that a failed call leaves ``__dict__`` as it was."""

    @functools.wraps(method)
    def guarded(self: Any, *args: Any, **kwargs: Any) -> Any:
        before = self.__dict__.copy()
        try:
            return method(self, *args, **kwargs)
        except TrainingInterrupted:
            raise
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    return guarded


class BaseAAE(CallbackSupportMixin, BaseEstimator):
    """Shared by the estimators; not public.

    Private attributes of a fitted estimator: ``_seed`` (all streams derive from
    it), ``_scaler`` (the network's scale), ``_container`` and ``_dtype`` (what came in)
    and ``_built_with`` (the parameters that the networks were built with).
    """

    _seed: int
    _scaler: Scaler
    _container: Container
    _dtype: np.dtype
    _built_with: dict[str, Any]

    _parameter_constraints: dict = CONSTRAINTS

    @property
    def device_(self) -> torch.device:
        """Where the networks are: the CPU, after loading on a machine without CUDA."""
        return torch.device(self.net_.device)

    # ------------------------------------------------------------------ input

    def _check_rows(self, X: Any, *, reset: bool) -> np.ndarray:
        """Return X as a float32 or float64 array, or raise naming the culprit."""
        named = hasattr(self, "feature_names_in_")
        if not reset and not named and is_ready(X, self.n_features_in_):
            return X
        check_numeric_columns(X, type(self).__name__)
        try:
            return validate_data(
                self,
                X,
                reset=reset,
                dtype=[np.float64, np.float32],
                ensure_min_samples=2 if reset else 1,
            )
        except ValueError as error:
            culprit = describe_non_finite(X) if "NaN" in str(error) or "inf" in str(error) else ""
            if culprit:
                raise ValueError(f"{error}\n{culprit}") from error
            raise

    def _check_settings(self) -> None:
        if not isinstance(self.categorical_features, str) and len(self.categorical_features):
            raise ValueError(
                f"categorical_features={self.categorical_features!r}: columns of categories are "
                "not supported yet; encode them first (OneHotEncoder in a ColumnTransformer)."
            )

    # --------------------------------------------------------------- training

    def _new_net(self, X: np.ndarray, seed: int) -> AAENet:
        """Return an initialised net for a table; its scale is kept for inference too."""
        output = as_output(self.output)
        output.check(X)
        scaler = Scaler(self.scaling if output.scales else None)
        scaler.fit(X, derive_seed(seed, SCALE))
        device = as_device(self.device)
        builder = ModuleBuilder(
            constant=scaler.constant_,
            n_components=self.n_components,
            prior=as_prior(self.prior, self.n_components),
            posterior=as_posterior(self.posterior),
            output=output,
            hidden_layer_sizes=as_sizes(self.hidden_layer_sizes, "hidden_layer_sizes"),
            discriminator_layer_sizes=as_sizes(
                self.discriminator_layer_sizes, "discriminator_layer_sizes"
            ),
            activation=self.activation,
            seed=derive_seed(seed, INIT),
            encoder=self.encoder,
            decoder=self.decoder,
            discriminator=self.discriminator,
        )
        rates = self._rates()
        # Momentum of the past misleads whoever plays against an opponent that moves.
        betas = {f"{name}__betas": (0.5, 0.999) for name in rates if name != "optimizer"}
        self._seed, self._scaler, self._dtype = seed, scaler, X.dtype
        self._built_with = {name: getattr(self, name) for name in BUILT_IN}
        return AAENet(
            builder,
            phases=PHASES if self.adversarial_weight > 0 else (RECONSTRUCTION,),
            seed=derive_seed(seed, TRAIN),
            lr=self.lr,
            device=str(device),
            verbose=int(self.verbose),
            dataset__scaler=scaler,
            **{f"{name}__lr": rate for name, rate in rates.items()},
            **betas,
        ).initialize()

    def _rates(self) -> dict[str, float]:
        """Return the learning rate of each optimizer."""
        rates = {"optimizer": self.lr}
        if self.adversarial_weight > 0:
            rates |= {"optimizer_disc": self.lr, "optimizer_gen": self.lr * self.adversarial_weight}
        return rates

    def _schedule(self, n_samples: int) -> tuple[int, int]:
        """Return the batch size and the number of epochs of a fit."""
        batch = auto_batch_size(n_samples) if self.batch_size == "auto" else self.batch_size
        epochs = auto_epochs(n_samples) if self.max_epochs == "auto" else self.max_epochs
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

    def _split(self, X: np.ndarray, scaler: Scaler, seed: int, hold_out: bool) -> tuple:
        """Return the data sets to train on and, if asked for, to validate on."""
        if not hold_out:
            return TableDataset(X, scaler=scaler), None
        n_valid = math.ceil(self.validation_fraction * len(X))
        if n_valid < MIN_VALIDATION_ROWS or len(X) - n_valid < 2:
            raise ValueError(
                f"early_stopping=True needs at least {MIN_VALIDATION_ROWS} rows to validate on "
                f"and 2 to train on; validation_fraction={self.validation_fraction} of "
                f"{len(X)} rows gives {n_valid} and {len(X) - n_valid}. Change "
                "validation_fraction or set early_stopping=False."
            )
        order = np.random.default_rng(derive_seed(seed, SPLIT)).permutation(len(X))
        return (
            TableDataset(X, scaler=scaler, rows=order[n_valid:]),
            TableDataset(X, scaler=scaler, rows=order[:n_valid]),
        )

    def _user_callbacks(self) -> list:
        """Return clones of the user's skorch callbacks: skorch would change the originals."""
        callbacks = []
        for item in self.callbacks or []:
            name, callback = item if isinstance(item, (tuple, list)) else (None, item)
            callback = callback() if isinstance(callback, type) else clone(callback, safe=False)
            if not isinstance(callback, Callback):
                raise TypeError(
                    "callbacks must be skorch callbacks or (name, callback) pairs, got "
                    f"{item!r}; callbacks of scikit-learn go to set_callbacks."
                )
            callbacks.append(callback if name is None else (name, callback))
        return callbacks

    def _train(
        self,
        net: AAENet,
        X: np.ndarray,
        seed: int,
        *,
        batch_size: int,
        max_epochs: int | None = None,
        context: TrainingContext | None = None,
    ) -> AAENet:
        """Train a net on rows; one epoch at constant rates if ``max_epochs`` is None."""
        full = max_epochs is not None
        scaler = net.dataset__scaler
        train, valid = self._split(X, scaler, seed, hold_out=full and self.early_stopping)
        own: list[Any] = [context] if context is not None else []
        user = self._user_callbacks()
        plain = [item[1] if isinstance(item, tuple) else item for item in user]
        # A schedule of the user's takes the place of ours.
        if full and not any(isinstance(callback, LRScheduler) for callback in plain):
            own.append(LinearDecay())
        stop = []
        if valid is not None:
            stop = [EarlyStopping(self.n_iter_no_change, derive_seed(seed, STOP))]
        net.batch_size = batch_size
        net.max_epochs = max_epochs or 1
        net.train_split = functools.partial(_fixed_split, valid=valid)
        net.replace_callbacks([*own, *user, *stop])
        if self._trains_foreign_code():
            with fenced(derive_seed(seed, USER, len(net.history)), net.device):
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
        """Return the codes of validated rows, in their precision."""
        return encode(
            self.net_.module_,
            self._reader(X, X.dtype),
            len(X),
            self.device_,
            X.dtype,
        )

    def _decode(
        self, Z: np.ndarray, dtype: np.dtype, generator: torch.Generator | None = None
    ) -> np.ndarray:
        """Return rows for codes: the mean, or drawn if a generator is given."""
        module = self.net_.module_
        decoder = in_precision(module.decoder, Z.dtype)
        head = in_precision(module.head, Z.dtype)

        def rows_of(z: torch.Tensor) -> torch.Tensor:
            params = decoder(z)
            return head.mean(params) if generator is None else head.draw(params, generator)

        return map_chunks(
            rows_of,
            lambda part: Z[part],
            len(Z),
            [decoder],
            self.device_,
            lambda rows: self._scaler.inverse_transform(rows, dtype),
        )

    def _cell_losses(self, X: np.ndarray, *, sums: bool = False) -> np.ndarray:
        """Return the loss of every cell of validated rows, or their sums, in float64."""
        # float32 sums differ between one row and a batch by more than scikit-learn's
        # checks (and a threshold) bear.
        double = np.dtype(np.float64)
        module = self.net_.module_
        encoder, decoder, head = (
            in_precision(part, double) for part in (module.encoder, module.decoder, module.head)
        )

        def losses_of(x: torch.Tensor) -> torch.Tensor:
            losses = head.cell_losses(decoder(module.posterior.mode(encoder(x))), x)
            return losses.sum(dim=1) if sums else losses

        read = self._reader(X, double)
        return map_chunks(losses_of, read, len(X), [encoder, decoder], self.device_)


def _fixed_split(dataset: TableDataset, y: Any = None, valid: Any = None, **kwargs: Any) -> tuple:
    return dataset, valid


def is_ready(X: Any, n_columns: int) -> bool:
    """Return whether rows are an array that needs no conversion, and no message either.

    What scikit-learn's checks find in good arrays takes them several times as long as
    it takes a small network to encode a row.
    """
    if type(X) is not np.ndarray or X.dtype not in (np.float64, np.float32) or X.ndim != 2:
        return False
    if len(X) == 0 or X.shape[1] != n_columns:
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(X.sum()))


def resolve_seed(random_state: Any, fallback: Any) -> int:
    """Return a seed from ``random_state``, or from ``fallback`` if it is None."""
    return draw_seed(fallback if random_state is None else random_state)
