"""The skorch net whose training step has three phases and three optimizers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import EarlyStopping as SkorchEarlyStopping
from skorch.callbacks import EpochTimer, PrintLog
from torch import nn

from sklearn_aae._utils._random import EpochStream, derive_seed, make_generator
from sklearn_aae._utils._threads import MIN_ROWS, SMALL_WORK, torch_threads
from sklearn_aae.exceptions import NonFiniteLossError
from sklearn_aae.outputs import LevelHead
from sklearn_aae.posteriors import CodeNorm
from sklearn_aae.training._adversarial_loss import AdversarialLoss
from sklearn_aae.training._batches import TableDataset, TrainBatches, ValidationBatches
from sklearn_aae.training._callbacks import (
    StopTraining,
    copy_state,
    has_listener,
    restore_state,
)
from sklearn_aae.training._inference import encode
from sklearn_aae.training._phases import PHASES, Phase, mean_cell_loss
from sklearn_aae.training._stepping import Stepper, make_stepper

#: Training rows on which the head is calibrated after training (standard deviations to
#: about 1.6 %), as long as that takes no more multiplications than this; at least the
#: least (to about 4.4 %): on a wide network 2048 rows are many steps of training.
CALIBRATION_ROWS, LEAST_CALIBRATION_ROWS = 2048, 256
CALIBRATION_WORK = 2**30


class _NonFiniteEpoch(Exception):  # noqa: N818 (never leaves this module)
    """A loss of the epoch is NaN or infinite."""


class AAENet(NeuralNet):
    """Adversarial training of an :class:`AAEModule`, as a skorch net.

    ``train_step`` walks a tuple of phases; each has a loss, the parts of the
    module that it trains and an optimizer of its own.  Everything else is
    skorch's: callbacks, history, ``partial_fit``, ``set_params``, pickling.

    Parameters
    ----------
    module : callable
        Returns an :class:`AAEModule`.
    criterion : type, default=AdversarialLoss
        The losses of phases 2 and 3.
    phases : tuple of Phase, default=PHASES
        What a training step does, in order.
    seed : int, default=0
        Seeds the order of rows, prior draws and posterior noise of every epoch.
    optimizer, optimizer_disc, optimizer_gen : type, default=torch.optim.Adam
        Optimizers of the three phases; their parameters are set with
        ``optimizer__*``, ``optimizer_disc__*`` and ``optimizer_gen__*``.
    optimizer_class, optimizer_heads : type, default=torch.optim.Adam
        Optimizers of the phases that classifier and clusterer add.
    train_batches : type, default=TrainBatches
        Makes the batches of an epoch.
    lr : float, default=1e-3
        Learning rate of every optimizer that is not given one of its own.
    **kwargs : dict
        Further parameters of :class:`skorch.NeuralNet`, with these defaults:
        ``dataset=TableDataset``, ``train_split=None``, ``verbose=0``.

    Attributes
    ----------
    optimizer_names : list of str
        The optimizers in use.
    interrupted_ : bool
        Whether the last training was cut short by Ctrl-C.
    diverged_ : bool
        Whether it ended in a non-finite loss, after which the weights of the
        last finite epoch were put back.

    Notes
    -----
    A prior that learns is shown codes of training rows before every epoch but the
    first, and when training is over.

    Callbacks see ``on_batch_begin``, ``on_grad_computed`` (once a phase) and
    ``on_batch_end`` for every batch.  Losses of single batches are kept in the
    history while it trains, and only if a callback listens to batches.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_aae import AdversarialAutoencoder
    >>> aae = AdversarialAutoencoder(max_epochs=3, random_state=0).fit(load_iris().data)
    >>> type(aae.net_).__name__, len(aae.net_.history)
    ('AAENet', 3)
    """

    def __init__(
        self,
        module: Any,
        criterion: Any = AdversarialLoss,
        *,
        phases: tuple = PHASES,
        seed: int = 0,
        optimizer: Any = torch.optim.Adam,
        optimizer_disc: Any = torch.optim.Adam,
        optimizer_gen: Any = torch.optim.Adam,
        optimizer_class: Any = torch.optim.Adam,
        optimizer_heads: Any = torch.optim.Adam,
        train_batches: Any = TrainBatches,
        lr: float = 1e-3,
        **kwargs: Any,
    ) -> None:
        self.phases = phases
        self.seed = seed
        self.optimizer_disc = optimizer_disc
        self.optimizer_gen = optimizer_gen
        self.optimizer_class = optimizer_class
        self.optimizer_heads = optimizer_heads
        self.train_batches = train_batches
        kwargs = {"dataset": TableDataset, "train_split": None, "verbose": 0, **kwargs}
        super().__init__(module, criterion, optimizer=optimizer, lr=lr, **kwargs)

    callbacks_: list

    #: Share of the posterior's input noise in the epochs to come; a schedule may lower it.
    noise_share_: float = 1.0

    #: How steps are taken while a training runs.
    _stepper: Stepper | None = None

    #: The number of epochs and the state after them that an interrupt goes back to.
    _last_state: tuple[int, dict[str, Any] | None] | None = None

    #: How many epochs the history will have after a training that nothing cuts short.
    _n_epochs_wanted: int = 0

    @property
    def optimizer_names(self) -> list[str]:
        """Names of the optimizers that the phases use, in order."""
        return list(dict.fromkeys(phase.optimizer for phase in self.phases))

    def get_default_callbacks(self) -> list:
        """Return the timer and, if verbose, the log; losses are recorded by the net itself.

        Returns
        -------
        list of tuple
            Names and callbacks.
        """
        log = [("print_log", PrintLog())] if self.verbose else []
        return [("epoch_timer", EpochTimer()), *log]

    def replace_callbacks(self, callbacks: list) -> None:
        """Set the callbacks of the training to come, on an initialised net.

        Parameters
        ----------
        callbacks : list
            As the constructor takes them.
        """
        self.callbacks = callbacks
        self._initialize_callbacks()

    def drop_callbacks(self, callbacks: list) -> None:
        """Forget callbacks; the others keep what they recorded.

        Parameters
        ----------
        callbacks : list
            Some of those set last.
        """
        gone = {id(callback) for callback in callbacks}
        self.callbacks = [item for item in self.callbacks if id(item) not in gone]
        self.callbacks_ = [item for item in self.callbacks_ if id(item[1]) not in gone]

    def initialize_optimizer(self, *args: Any, **kwargs: Any) -> AAENet:
        """Make one optimizer, with a state of its own, for each phase.

        Parameters
        ----------
        *args, **kwargs : object
            Not used; skorch passes none.

        Returns
        -------
        self : AAENet
            The net.

        Raises
        ------
        ValueError
            If a phase has nothing to train.
        """
        for name in self.optimizer_names:
            trained = {
                parameter_name: parameter
                for phase in self.phases
                if phase.optimizer == name
                for parameter_name, parameter in phase.named_parameters(self.module_)
            }
            if not trained:
                parts = [phase.parts for phase in self.phases if phase.optimizer == name]
                raise ValueError(f"nothing to train in {parts}: no parameter requires a gradient.")
            groups, parameters = self.get_params_for_optimizer(name, trained.items())
            parameters.setdefault("lr", self.lr)
            factory = getattr(self, name)
            if factory is torch.optim.Adam:
                parameters.setdefault("fused", _can_fuse(trained.values()))
            setattr(self, f"{name}_", factory(*groups, **parameters))
        return self

    def get_iterator(self, dataset: Any, training: bool = False) -> Any:
        """Return the batches of a data set: shuffled with noise, or in order without.

        Parameters
        ----------
        dataset : TableDataset
            The rows.
        training : bool, default=False
            Whether the batches are for training.

        Returns
        -------
        iterable
            The batches of an epoch.
        """
        device = torch.device(self.device)
        if training:
            return self.train_batches(dataset, self.batch_size, self.module_, self.seed, device)
        return ValidationBatches(dataset, self.batch_size, device)

    def get_loss(
        self, y_pred: torch.Tensor, y_true: Any, X: Any = None, training: bool = False
    ) -> torch.Tensor:
        """Return the reconstruction loss: the target of an autoencoder is its input.

        Parameters
        ----------
        y_pred : Tensor of shape (n_samples, n_params)
            Output of the decoder.
        y_true : object
            Not used.
        X : Tensor of shape (n_samples, n_features) or dict
            The rows on the network's scale; with labels, the module's arguments.
        training : bool, default=False
            Not used.

        Returns
        -------
        Tensor of shape ()
            Mean loss of a cell.
        """
        rows = X["x"] if isinstance(X, dict) else X
        return mean_cell_loss(self.module_.head, y_pred, rows)

    def train_step(self, batch: tuple, **fit_params: Any) -> dict[str, Any]:
        """Train each phase on the batch in turn.

        Parameters
        ----------
        batch : tuple of (Batch, Tensor)
            The mini-batch and, for skorch, its target.
        **fit_params : dict
            Not used.

        Returns
        -------
        dict
            ``loss`` and ``y_pred`` (of the reconstruction) and ``losses``, those of
            all phases in order, as tensors on the device; the next step may overwrite
            them.
        """
        stepper = self._stepper or Stepper(self)

        def watch(phase: Phase) -> None:
            self.notify(
                "on_grad_computed",
                named_parameters=list(phase.named_parameters(self.module_)),
                batch=batch,
                training=True,
            )

        watched = has_listener(self, "on_grad_computed")
        losses, params = stepper.take(batch[0], watch if watched else None)
        return {"loss": losses[0], "y_pred": params, "losses": losses}

    def run_single_epoch(
        self, iterator: Any, training: bool, prefix: str, step_fn: Any, **fit_params: Any
    ) -> None:
        """Run an epoch; losses stay on the device and are read once, at its end.

        Parameters
        ----------
        iterator : iterable or None
            The batches; None skips the epoch.
        training : bool
            Whether the module is trained.
        prefix : {"train", "valid"}
            Prefix of what is recorded.
        step_fn : callable
            ``train_step`` or ``validation_step``.
        **fit_params : dict
            Passed on to ``step_fn``.
        """
        if iterator is None:
            return
        if training:
            iterator.epoch = len(self.history)
            iterator.noise_share = self.noise_share_
            if self.module_.prior.learns and len(self.history) > 1:
                self._update_prior(iterator.dataset)
            if self._stepper is not None:
                self._stepper.prepare_epoch()
        self._set_training(training)
        listened = has_listener(self, "on_batch_begin", "on_batch_end")
        names = [f"{prefix}_{phase.name}_loss" for phase in self.phases] if training else []
        # One table for the epoch: thousands of small tensors that live until its end
        # would keep the heap between them from being returned.
        losses = torch.zeros(len(iterator), max(1, len(names)), device=self.device)
        sizes = []
        for row, batch in zip(losses, iterator, strict=True):
            if listened:
                self.notify("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch, **fit_params)
            row.copy_(step["losses"] if training else step["loss"])
            sizes.append(len(batch[1]))
            if listened:
                self._record_batch(prefix, names, row, sizes[-1])
                if step["y_pred"] is not None:
                    # The next step may write to the same buffer; callbacks may keep it.
                    step["y_pred"] = step["y_pred"].clone()
                self.notify("on_batch_end", batch=batch, training=training, **step)
        if not listened:
            # Checkpoint, for one, reads the last batch's figures without listening.
            self.history.new_batch()
            self._record_batch(prefix, names, row, sizes[-1])
        self._record_epoch(names, losses, sizes, prefix)

    def _record_batch(self, prefix: str, names: list[str], losses: torch.Tensor, size: int) -> None:
        values = losses.tolist()
        self.history.record_batch(f"{prefix}_loss", values[0])
        for name, loss in zip(names, values, strict=False):
            self.history.record_batch(name, loss)
        self.history.record_batch(f"{prefix}_batch_size", size)

    def _record_epoch(
        self, names: list[str], losses: torch.Tensor, sizes: list[int], prefix: str
    ) -> None:
        weights = np.asarray(sizes) / sum(sizes)
        means = weights @ losses.double().cpu().numpy()
        name = f"{prefix}_loss"
        self.history.record(name, float(means[0]))
        for phase_loss, mean in zip(names, means.tolist(), strict=False):
            self.history.record(phase_loss, mean)
        earlier = [row[name] for row in list(self.history)[:-1] if name in row]
        self.history.record(f"{name}_best", self.history[-1, name] < min(earlier, default=math.inf))
        self.history.record(f"{prefix}_batch_count", len(sizes))
        if not np.isfinite(means).all():
            raise _NonFiniteEpoch

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Keep the epoch's state: what an interrupt or a divergence goes back to.

        Parameters
        ----------
        net : AAENet
            The net itself.
        **kwargs : dict
            Not used.
        """
        # After the last epoch, what it left behind is in the net itself.
        last = len(self.history) >= self._n_epochs_wanted
        self._last_state = len(self.history), None if last else copy_state(self)

    def fit_loop(self, X: Any, y: Any = None, epochs: int | None = None, **kwargs: Any) -> AAENet:
        """Run epochs, and leave whole ones behind whatever ends them.

        Parameters
        ----------
        X : ndarray or TableDataset
            The rows.
        y : object, default=None
            Not used.
        epochs : int or None, default=None
            Number of epochs; None for ``max_epochs``.
        **kwargs : dict
            Passed on to skorch.

        Returns
        -------
        self : AAENet
            The net.

        Raises
        ------
        NonFiniteLossError
            If a loss is NaN or infinite in the first epoch.
        """
        self.interrupted_ = self.diverged_ = False
        self._last_state = None
        self._n_epochs_wanted = len(self.history) + (self.max_epochs if epochs is None else epochs)
        if len(self.history):  # a net that goes on training can go back to where it was
            self._last_state = len(self.history), copy_state(self)
        try:
            with torch_threads(1 if self._is_small() else None):
                self._stepper = make_stepper(self)
                super().fit_loop(X, y, epochs, **kwargs)
        except StopTraining:
            pass
        except KeyboardInterrupt:
            self.interrupted_ = not self._stopped_by_callback()
            if self.interrupted_:
                self._back_to_last_epoch()
        except _NonFiniteEpoch:
            if self._last_state is None:
                raise NonFiniteLossError(
                    "a loss became NaN or infinite in the first epoch: lower lr, or check "
                    "the table for extreme values (scaling='quantile' bounds them)."
                ) from None
            self.diverged_ = True
            self._back_to_last_epoch()
        finally:
            self._last_state = None
            if self._stepper is not None:
                self._stepper.close()
                self._stepper = None
            for row in self.history:
                row["batches"] = []
        self.module_.eval()
        return self

    def calibrate(self, dataset: TableDataset) -> None:
        """Let head and prior estimate, on training rows, what the steps do not learn.

        Parameters
        ----------
        dataset : TableDataset
            The training rows; at most 2048 of them are read.
        """
        # Spread over the table, which may be sorted.
        weights = sum(parameter.numel() for parameter in self.module_.parameters())
        most = np.clip(CALIBRATION_WORK // weights, LEAST_CALIBRATION_ROWS, CALIBRATION_ROWS)
        rows = np.linspace(0, len(dataset) - 1, min(len(dataset), int(most))).astype(int)
        with torch.no_grad(), torch_threads(1 if len(rows) < MIN_ROWS else None):
            device = torch.device(self.device)
            x, labels = dataset.gather(rows).to(device), dataset.labels_of(rows, device)
            self._measure_codes(x)
            self.module_.head.calibrate(self.module_(x, labels=labels), x)
        if self.module_.prior.learns:
            self._update_prior(dataset, last=True)

    def _update_prior(self, dataset: TableDataset, *, last: bool = False) -> None:
        """Show the prior codes of training rows, drawn as the adversary sees them."""
        module = self.module_
        generator = make_generator(derive_seed(self.seed, len(self.history), EpochStream.PRIOR))
        rows = torch.randperm(len(dataset), generator=generator)[:CALIBRATION_ROWS]
        n_noise = module.posterior.n_noise(module.n_components)
        noise = torch.randn(len(rows), n_noise, generator=generator) if n_noise else None
        was_training = module.training
        module.eval()
        with torch.no_grad(), torch_threads(1):
            x = dataset.gather(rows.numpy()).to(self.device)
            codes = module.encode(x, None if noise is None else noise.to(self.device))
            module.prior.update(codes.double().cpu(), generator, last=last)
        module.train(was_training)

    def _measure_codes(self, x: torch.Tensor) -> None:
        encoder = self.module_.encoder
        if isinstance(encoder, nn.Sequential) and isinstance(encoder[-1], CodeNorm):
            encoder[-1].measure(encoder[:-1](x))

    def encode_rows(self, dataset: TableDataset) -> np.ndarray:
        """Return the codes of a data set, in float64 around a float32 pass.

        Parameters
        ----------
        dataset : TableDataset
            The rows.

        Returns
        -------
        ndarray of shape (n_samples, n_components), float64
            Codes.
        """
        was_training = self.module_.training
        self.module_.eval()
        codes = encode(
            self.module_,
            lambda rows: dataset.gather(np.arange(rows.start, rows.stop)).numpy(),
            len(dataset),
            torch.device(self.device),
            np.dtype(np.float32),
        )
        self.module_.train(was_training)
        return codes.astype(np.float64)

    def _is_small(self) -> bool:
        """Return whether one thread trains as fast as several, and repeatably.

        The batched products of heads over levels are split among threads in a way that
        changes their last bit, whatever their size.
        """
        if isinstance(self.module_.head, LevelHead):
            return True
        weights = max((p.numel() for p in self.module_.parameters()), default=0)
        return self.batch_size < 2 * MIN_ROWS or self.batch_size * weights < SMALL_WORK

    def _stopped_by_callback(self) -> bool:
        # skorch's EarlyStopping also stops with KeyboardInterrupt.
        return any(
            isinstance(callback, SkorchEarlyStopping) and callback.misses_ >= callback.patience
            for _, callback in self.callbacks_
        )

    def _back_to_last_epoch(self) -> None:
        n_epochs = 0
        if self._last_state is not None:
            n_epochs, state = self._last_state
            if state is not None:
                restore_state(self, state)
        del self.history[n_epochs:]


def _can_fuse(parameters: Any) -> bool:
    return all(p.is_floating_point() and p.device.type in ("cpu", "cuda") for p in parameters)
