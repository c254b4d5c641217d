"""What every estimator of the package shares: validation, training, forward passes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

import numpy as np
from skorch.callbacks import LoadInitState, LRScheduler
from skorch.helper import predefined_split

from sklearn_aae._utils._bases import BaseEstimator, CallbackSupportMixin
from sklearn_aae._utils._guard import TrainingInterrupted
from sklearn_aae._utils._random import ModelStream, derive_seed, fenced
from sklearn_aae._utils._same import refuse_changes, snapshot
from sklearn_aae._utils._threads import Pace, torch_threads
from sklearn_aae.autoencoder._epochs import EpochsMixin
from sklearn_aae.autoencoder._input import find_identifiers, open_table
from sklearn_aae.autoencoder._keeper import RuleKeeper
from sklearn_aae.autoencoder._marginal_map import match_marginals
from sklearn_aae.autoencoder._net_params import net_arguments
from sklearn_aae.autoencoder._parameters import (
    BUILT_IN,
    CONSTRAINTS,
    as_device,
    as_sizes,
    auto_adversarial_weight,
)
from sklearn_aae.autoencoder._passes import PassesMixin
from sklearn_aae.autoencoder._protocols import Extension
from sklearn_aae.autoencoder._report import report_on
from sklearn_aae.autoencoder._run import Run
from sklearn_aae.autoencoder._shares import forget_shares, match_shares
from sklearn_aae.autoencoder._start import StartMixin
from sklearn_aae.autoencoder._supervision import check_prior
from sklearn_aae.autoencoder._unknown import settle
from sklearn_aae.encoding import Reader, TableFacts
from sklearn_aae.encoding._counts import WholeColumns
from sklearn_aae.encoding._identifiers import Identifiers
from sklearn_aae.networks import ModuleBuilder
from sklearn_aae.outputs import Output, as_output
from sklearn_aae.posteriors import as_posterior
from sklearn_aae.priors import as_prior, find_prior
from sklearn_aae.rules import Rules
from sklearn_aae.rules._options import with_keys
from sklearn_aae.rules._table import RuleTable
from sklearn_aae.training import (
    PHASES,
    RECONSTRUCTION,
    RESUMABLE,
    AAENet,
    EarlyStopping,
    FullRates,
    OwnCallback,
    Phase,
    Resuming,
    TableDataset,
    TrainBatches,
    TrainingHTMLMixin,
    change_full_rates,
    refuse_callbacks,
    split_table,
    warn_of,
)

#: Optimizers that play against each other.
ADVERSARIES = ("optimizer_disc", "optimizer_gen")


#: What to do about parameters that are built in.
START_AGAIN = "set warm_start=False and call fit to build others"


class Built(NamedTuple):
    """What the networks were built with, which a fit that goes on cannot change."""

    n_samples: int
    parameters: dict[str, Any]


class BaseAAE(
    TrainingHTMLMixin, EpochsMixin, StartMixin, PassesMixin, CallbackSupportMixin, BaseEstimator
):
    """Shared by the estimators; not public.

    Private attributes of a fitted estimator: ``_reader`` (reads tables, scales rows and hands
    them back), ``_keeper`` (of rules in drawn rows, if any), ``_identifiers`` (columns that are
    not modelled), ``_seed`` (all streams derive from it), ``_built`` (what the networks were
    built with) and, with labels, ``_class_counts`` (of training rows).

    Estimators that are made of a model use ``_read``, ``_new_net``, ``_net_to_go_on_with``,
    ``_schedule``, ``_train`` (which ``train_in_full`` calls), ``_finish``, ``_fitted_attributes``,
    ``_encode``, ``_decode``, the reader and the extension, and nothing else of it.
    """

    n_components: int
    prior: Any
    output: Any
    supervision: str | None
    categorical_features: Any
    handle_unknown: str
    handle_missing: str
    adversarial_weight: Any
    hidden_layer_sizes: Any
    discriminator_layer_sizes: Any
    posterior: Any
    activation: str
    discriminator: Any
    scaling: str | None
    max_epochs: Any
    batch_size: Any
    lr: Any
    callbacks: Any
    device: Any
    early_stopping: bool
    validation_fraction: float
    n_iter_no_change: int
    random_state: Any
    verbose: int
    net_params: Mapping[str, object] | None

    rules_: Rules
    _reader: Reader
    _keeper: RuleKeeper | None
    # Files of format 1 have none.
    _identifiers = Identifiers()
    _seed: int
    _built: Built
    classes_: np.ndarray
    _class_counts: np.ndarray
    net_: AAENet
    n_iter_: int
    interrupted_: bool

    #: What an estimator adds whose model this is; None for a model by itself.
    _extension: Extension | None = None

    _parameter_constraints: dict[str, Any] = CONSTRAINTS

    @property
    def _fitted_supervision(self) -> str | None:
        result: str | None = self._built.parameters["supervision"]
        return result

    # ------------------------------------------------------------------ input

    def _read(
        self,
        X: Any,
        *,
        reset: bool = False,
        caller: BaseEstimator | None = None,
        columns: WholeColumns | None = None,
    ) -> Any:
        """Return X as rows: numbers, or levels if it is a table of mixed types.

        A missing cell is NaN among numbers; what is unknown is -1 among levels.  ``reset``
        decides which, and learns the levels.  ``caller`` is the estimator that
        messages name, ``columns`` are those of all rows, if these are a sample.
        """
        caller = self if caller is None else caller
        if not reset:
            rows = self._reader.read(caller, self._identifiers.hide(X))
            # What the output could not have learned from it cannot judge either.
            as_output(self._built.parameters["output"], mixed=self._reader.is_mixed).check(rows)
            return rows
        # Whoever else trains the model has no rows to draw, and takes columns as they are.
        self._identifiers = find_identifiers(X, self) if caller is self else Identifiers()
        hidden = self._identifiers.hide(X)
        if columns is not None:
            columns.drop(self._identifiers.labels)
        self._reader, rows, self._keeper = open_table(caller, hidden, self, columns)
        self.rules_ = Rules() if self._keeper is None else self._keeper.rules
        if self._keeper is not None and self._identifiers:
            self.rules_ = with_keys(self.rules_, self._identifiers.labels, RuleTable(X))
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(caller, name):
                setattr(self, name, getattr(caller, name))
        return rows

    # --------------------------------------------------------------- training

    def _new_net(self, rows: np.ndarray, seed: int, beside: np.ndarray | None = None) -> AAENet:
        """Return an initialised net for a table that was read, with rare rows ``beside`` it."""
        output = as_output(self.output, mixed=self._reader.is_mixed)
        output.check(rows)
        scaling = self.scaling if output.scales else None
        own = derive_seed(seed, ModelStream.SCALE)
        table = self._reader.fit_scale(rows, scaling, own, beside)
        self._seed = seed
        self._built = Built(len(rows), {name: snapshot(getattr(self, name)) for name in BUILT_IN})
        builder = self._recipe(table, output, rows)
        rates = self._rates()
        arguments = {
            **{f"{name}__lr": rate for name, rate in rates.items()},
            # Low beta1 for adversarial optimizers, as in DCGAN.
            **{f"{name}__betas": (0.5, 0.999) for name in ADVERSARIES if name in rates},
            **self._defaults.optimizer,
        }
        result: AAENet = AAENet(
            builder if self._extension is None else self._extension.extend(builder),
            phases=self._phases(rates),
            train_batches=self._train_batches,
            seed=derive_seed(seed, ModelStream.TRAIN),
            lr=rates["optimizer"],
            device=str(as_device(self.device)),
            verbose=int(self.verbose),
            dataset__scaler=self._reader.scale,
            **net_arguments(arguments, self.net_params),
        ).initialize()
        return result

    def _recipe(self, table: TableFacts, output: Output, rows: np.ndarray) -> ModuleBuilder:
        """Return what networks for a table of these rows are made by."""
        prior = as_prior(self.prior, self.n_components)
        n_classes = 0 if self.supervision is None else len(self.classes_)
        if self.supervision == "prior":
            check_prior(prior, self.n_components, n_classes)
        return ModuleBuilder(
            table=table,
            n_components=self.n_components,
            prior=prior,
            posterior=as_posterior(self.posterior, mixed=self._reader.is_mixed, prior=prior),
            output=output,
            hidden_layer_sizes=as_sizes(self.hidden_layer_sizes, "hidden_layer_sizes"),
            discriminator_layer_sizes=as_sizes(
                self.discriminator_layer_sizes, "discriminator_layer_sizes"
            ),
            activation=self.activation,
            seed=derive_seed(self._seed, ModelStream.INIT),
            encoder=self.encoder,
            decoder=self.decoder,
            discriminator=self.discriminator,
            supervision=self.supervision,
            n_classes=n_classes,
            components=self._components(rows),
        )

    def _rates(self) -> dict[str, float]:
        """Return the learning rate of each optimizer."""
        lr, weight = self.lr, self.adversarial_weight
        if lr == "auto":
            lr = self._defaults.lr(self._built.n_samples)
        if weight == "auto":
            prior = find_prior(self.prior)
            n_near = self.n_components if self._starts_near_prior else None
            weight = auto_adversarial_weight(prior, self._reader.is_mixed, self.supervision, n_near)
        rates = {"optimizer": lr}
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
        auto = self._defaults
        batch = auto.batch_size(n_samples) if self.batch_size == "auto" else self.batch_size
        epochs = auto.max_epochs(n_samples) if self.max_epochs == "auto" else self.max_epochs
        return int(batch), int(epochs)

    def _net_to_go_on_with(self, advice: str = START_AGAIN) -> AAENet:
        """Return a copy of the fitted net: a call that fails must not touch the original."""
        if not self.net_.can_go_on:
            raise ValueError(
                "the model was loaded from a file that was saved with training=False, and has no "
                f"optimizers to go on with; save it with training=True, or {advice}."
            )
        refuse_changes(self, self._built.parameters, advice)
        net = self.net_.copied()
        if list(self._rates()) != net.optimizer_names:
            raise ValueError(
                f"adversarial_weight={self.adversarial_weight} switches phases 2 and 3 on or off, "
                f"which a fitted model cannot do; {advice}."
            )
        return net

    def _train(self, net: AAENet, rows: np.ndarray, run: Run) -> None:
        """Train a net on rows; what is unknown in them is as the model so far has it."""
        rows = settle(self, rows, run.labels)
        share = self.validation_fraction if run.in_full and self.early_stopping else None
        seed = derive_seed(self._seed, ModelStream.SPLIT)
        train, valid = split_table(rows, run.labels, self._reader.scale, share, seed)
        if run.prepare is not None:
            train = run.prepare(train)
        seed = derive_seed(self._seed, ModelStream.USER, len(net.history))
        forget_shares(net)
        with self._set_up(net, run, valid), torch_threads(net.n_threads(len(train))):
            with fenced(seed, net.device) if self._has_own_networks else nullcontext():
                net.partial_fit(train)
            if not len(net.history):  # before one epoch was finished: nothing to keep
                if net.interrupted_:
                    raise KeyboardInterrupt
                raise ValueError(
                    "a callback ended training before its first step, which leaves nothing to "
                    "keep; let it wait for on_batch_end or on_epoch_end."
                )
            try:
                with Pace().step():
                    self._calibrate(net, train, run, rows)
            except KeyboardInterrupt:  # what was trained is kept, and needs it
                net.interrupted_ = True
                self._calibrate(net, train, run, rows)
            net.training_report_ = report_on(self, net, train, valid, run)

    @property
    def _has_own_networks(self) -> bool:
        """Whether networks are the user's, which draw from the global generators."""
        return any(part is not None for part in (self.encoder, self.decoder, self.discriminator))

    def _calibrate(self, net: AAENet, train: TableDataset, run: Run, rows: np.ndarray) -> None:
        """Set what is estimated after training; shares of levels only of whole tables."""
        net.calibrate(train, ordered=run.in_full)
        forget_shares(net)
        if run.in_full:
            counts = None if self.supervision is None else self._class_counts
            seed = derive_seed(self._seed, ModelStream.SHARES)
            # Of a sample the encoder knows more than its rows say.
            match_shares(net, None if run.prepare is not None else train, seed, counts)
        match_marginals(self, net, rows, run)

    @contextmanager
    def _set_up(self, net: AAENet, run: Run, valid: TableDataset | None) -> Iterator[None]:
        """Give a net what belongs to one call alone, and take it away afterwards."""
        own: list[OwnCallback] = [] if run.context is None else [run.context]
        if valid is not None:
            seed = derive_seed(self._seed, ModelStream.STOP)
            own.append(EarlyStopping(self.n_iter_no_change, seed))
        net.batch_size, net.max_epochs = run.batch_size, run.n_epochs
        net.train_split = predefined_split(valid)
        user = net.take_callbacks(self.callbacks)
        plain = [item[1] if isinstance(item, tuple) else item for item in user]
        # A schedule of the user's takes the place of ours, and goes on in a later call.
        scheduled = any(isinstance(callback, LRScheduler) for callback in plain)
        change_full_rates(net, self._rates(), scheduled=scheduled)
        if not scheduled and run.in_full:
            own.append(self._defaults.schedule())
        elif not scheduled and any(isinstance(callback, LoadInitState) for callback in plain):
            own.append(FullRates())
        names = [(f"own_{type(callback).__name__}", callback) for callback in own]
        # Ours come first: what the user's put back at the end of training stays.
        net.replace_callbacks([*names, *user, *self._resuming(run, plain)])
        yield
        # A schedule, or the state of an earlier epoch put back, may have left rates low.
        change_full_rates(net, self._rates(), scheduled=scheduled)
        net.train_split = None
        net.drop_own_callbacks()

    def _resuming(self, run: Run, callbacks: list[Any]) -> list[tuple[str, OwnCallback]]:
        """Return what comes after the user's callbacks: the one that goes on from a checkpoint."""
        if run.checkpoint is None or not run.checkpoint.is_on:
            return []
        refuse_callbacks(callbacks, RESUMABLE)
        return [("own_Resuming", Resuming(run.checkpoint, self._has_own_networks))]

    def _fitted_attributes(self, net: AAENet) -> dict[str, Any]:
        """Return the public attributes that describe a trained net."""
        return {
            "net_": net,
            "n_iter_": len(net.history),
            "interrupted_": bool(net.interrupted_),
        }

    def _finish(self, net: AAENet) -> None:
        """Assign the fitted attributes; then say what went wrong, if something did."""
        self.__dict__.update(self._fitted_attributes(net))
        warn_of(net.training_report_)
        if net.interrupted_:
            raise TrainingInterrupted
