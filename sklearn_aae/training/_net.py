"""The skorch net whose training step has three phases and three optimizers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

import numpy as np
import torch
from torch import nn
from torch.optim import Optimizer

from sklearn_aae._utils._random import EpochStream, derive_seed, make_generator
from sklearn_aae._utils._ranks import send_from_first
from sklearn_aae._utils._spread import spread_over
from sklearn_aae._utils._threads import MIN_ROWS, SMALL_WORK, TRAINING_WORK, torch_threads
from sklearn_aae.exceptions import NonFiniteLossError
from sklearn_aae.networks import AAEModule
from sklearn_aae.outputs._level_head import LevelHead
from sklearn_aae.posteriors._channel import CodeNorm
from sklearn_aae.training._adversarial_loss import AdversarialLoss
from sklearn_aae.training._batches import Batch, TableDataset, TrainBatches, ValidationBatches
from sklearn_aae.training._callbacks import (
    StopTraining,
    copy_state,
    has_listener,
    reads_batches,
    restore_state,
)
from sklearn_aae.training._copying import EpochHistory, copy_net
from sklearn_aae.training._culprit import name_culprit
from sklearn_aae.training._distributed import agree_on_epoch
from sklearn_aae.training._epoch import EpochFigures
from sklearn_aae.training._flags import match_flags
from sklearn_aae.training._inference import encode
from sklearn_aae.training._listening import ListeningNet
from sklearn_aae.training._ordering import explain_codes
from sklearn_aae.training._phases import PHASES, Phase, mean_cell_loss
from sklearn_aae.training._protocols import Net
from sklearn_aae.training._report import TrainingReport
from sklearn_aae.training._stepping import StepOutput, Stepper, make_stepper

#: Training rows on which the head is calibrated after training (standard deviations to
#: about 1.6 %), as long as that takes no more multiplications than this; at least the
#: least (to about 4.4 %): on a wide network 2048 rows are many steps of training.
CALIBRATION_ROWS, LEAST_CALIBRATION_ROWS = 2048, 256
CALIBRATION_WORK = 2**30


class _NonFiniteEpoch(Exception):  # noqa: N818 (never leaves this module)
    """A loss of the epoch is NaN or infinite: first that of the phase that it is made with."""


class AAENet(ListeningNet):
    """Adversarial training of an :class:`AAEModule`, as a skorch net.

    ``train_step`` goes through a tuple of phases; each has a loss, the parts of the
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
    optimizers_ : dict
        Each of them, by name.
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

    ``train_step`` returns ``loss`` and ``y_pred`` of the reconstruction and ``losses``,
    those of all phases in order, as tensors on the device that the next step may overwrite.

    A user's ``LRScheduler`` moves the rates of ``optimizer``, and those of the other optimizers
    in proportion.  A callback that raises ``KeyboardInterrupt`` ends training; if it was
    Ctrl-C that raised it, ``interrupted_`` says so.

    Training ends with whole epochs, whatever ends it, save that a callback may end the
    first before it is whole; it raises
    :class:`~sklearn_aae.exceptions.NonFiniteLossError` if a loss is NaN or infinite in the
    first.

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
        module: Callable[..., AAEModule],
        criterion: type[torch.nn.Module] = AdversarialLoss,
        *,
        phases: tuple[Phase, ...] = PHASES,
        seed: int = 0,
        optimizer: type[torch.optim.Optimizer] = torch.optim.Adam,
        optimizer_disc: type[torch.optim.Optimizer] = torch.optim.Adam,
        optimizer_gen: type[torch.optim.Optimizer] = torch.optim.Adam,
        optimizer_class: type[torch.optim.Optimizer] = torch.optim.Adam,
        optimizer_heads: type[torch.optim.Optimizer] = torch.optim.Adam,
        train_batches: type[TrainBatches] = TrainBatches,
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

    #: Share of the posterior's input noise in the epochs to come; a schedule may lower it.
    noise_share_: float = 1.0

    #: The learning rates of each optimizer's groups that schedules begin at.
    full_rates_: dict[str, list[float]]

    #: Epochs that the present call has begun, and how many it is to have.
    epochs_begun_: int = 0
    epochs_wanted_: int = 1

    #: Epochs of the call that a checkpoint has brought back before it trains.
    epochs_done_: int = 0

    #: What the first codes explain of the rows' variance, after training on numbers.
    explained_ratio_: np.ndarray | None = None

    #: The user's own network that made a loss NaN or infinite in the last training, if known.
    culprit_: str = ""

    #: What the last training says of itself.
    training_report_: TrainingReport | None = None

    #: How columns of numbers are drawn, after training on them by an estimator that draws.
    marginals_: Any = None

    #: How steps are taken while a training runs.
    _stepper: Stepper | None = None

    #: The number of epochs and the state after them that an interrupt goes back to.
    _last_state: tuple[int, dict[str, Any] | None] | None = None

    @property
    def optimizer_names(self) -> list[str]:
        """Names of the optimizers that the phases use, in order."""
        return list(dict.fromkeys(phase.optimizer for phase in self.phases))

    @property
    def can_go_on(self) -> bool:
        """Whether it has optimizers, which a file may leave out."""
        return all(hasattr(self, f"{name}_") for name in self.optimizer_names)

    @property
    def optimizers_(self) -> dict[str, Optimizer]:
        """These optimizers, by name."""
        return {name: getattr(self, f"{name}_") for name in self.optimizer_names}

    def __deepcopy__(self, memo: dict[int, Any]) -> AAENet:
        """Return a copy that nothing was pickled for, unlike skorch's."""
        return copy_net(self, memo)

    def initialize_history(self) -> AAENet:
        self.history_ = EpochHistory()
        return self

    def initialize_optimizer(self, *args: Any, **kwargs: Any) -> AAENet:
        # One optimizer, with a state of its own, for each phase.
        if not any(True for phase in self.phases for _ in phase.named_parameters(self.module_)):
            parts = list(dict.fromkeys(part for phase in self.phases for part in phase.parts))
            raise ValueError(f"nothing to train in {parts}: no parameter requires a gradient.")
        for name in self.optimizer_names:
            phases = [phase for phase in self.phases if phase.optimizer == name]
            trained = _named(phase.named_parameters(self.module_) for phase in phases)
            # What is frozen as a whole steps nowhere, and may be unfrozen by a callback.
            trained = trained or _named(phase.all_parameters(self.module_) for phase in phases)
            # No optimizer takes an empty list.
            if not trained:
                nothing = torch.zeros(0, device=self.device)
                trained = {"nothing": nn.Parameter(nothing, requires_grad=False)}
            groups, parameters = self.get_params_for_optimizer(name, trained.items())
            parameters.setdefault("lr", self.lr)
            factory = getattr(self, name)
            if factory is torch.optim.Adam:
                parameters.setdefault("fused", _can_fuse(trained.values()))
            setattr(self, f"{name}_", factory(*groups, **parameters))
        self.full_rates_ = {
            name: [float(group["lr"]) for group in optimizer.param_groups]
            for name, optimizer in self.optimizers_.items()
        }
        return self

    def get_iterator(
        self, dataset: TableDataset, training: bool = False
    ) -> TrainBatches | ValidationBatches:
        device = torch.device(self.device)
        if training:
            return self.train_batches(dataset, self.batch_size, self.module_, self.seed, device)
        return ValidationBatches(dataset, self.batch_size, device)

    def get_loss(
        self,
        y_pred: torch.Tensor,
        y_true: object,
        X: torch.Tensor | dict[str, torch.Tensor],
        training: bool = False,
    ) -> torch.Tensor:
        # The target of an autoencoder is its input; with labels, X is the module's arguments.
        rows = X["x"] if isinstance(X, dict) else X
        return mean_cell_loss(self.module_.head, y_pred, rows)

    def train_step(self, batch: tuple[Batch, torch.Tensor], **fit_params: Any) -> StepOutput:
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
        self,
        iterator: TrainBatches | ValidationBatches | None,
        training: bool,
        prefix: str,
        step_fn: Callable[..., StepOutput],
        **fit_params: Any,
    ) -> None:
        # Unlike skorch's, it reads losses from the device once, at the epoch's end.
        if iterator is None:
            return
        if training:
            self._begin_epoch(cast(TrainBatches, iterator))
        self._set_training(training)
        listened = has_listener(self, "on_batch_begin", "on_batch_end")
        phases = self.phases if training else ()
        figures = EpochFigures(self.history, prefix, phases, len(iterator), self.device)
        try:
            for batch in iterator:
                if listened:
                    self.notify("on_batch_begin", batch=batch, training=training)
                step = step_fn(batch, **fit_params)
                figures.add(step["losses"] if training else step["loss"], len(batch[1]))
                if listened:
                    figures.record_batch()
                    if step["y_pred"] is not None:
                        # The next step may write to the same buffer; callbacks may keep it.
                        step["y_pred"] = step["y_pred"].clone()
                    self.notify("on_batch_end", batch=batch, training=training, **step)
        except StopTraining:
            # A callback cuts the epoch short, which may be the only one.
            if figures.sizes and not figures.record():
                raise _NonFiniteEpoch(figures.failed_phase()) from None
            raise
        if not listened:
            # Checkpoint, for one, reads the last batch's figures without listening.
            several = any(reads_batches(callback) for _, callback in self.callbacks_)
            figures.record_batches(None if several else 1)
        if not figures.record():
            raise _NonFiniteEpoch(figures.failed_phase())

    def _begin_epoch(self, batches: TrainBatches) -> None:
        """Tell batches, prior and stepper that an epoch of training begins."""
        batches.epoch = len(self.history)
        batches.noise_share = self.noise_share_
        if self.module_.prior.learns and len(self.history) > 1:
            self._update_prior(batches.dataset)
        agree_on_epoch(self, batches.dataset)
        if self._stepper is not None:
            self._stepper.prepare_epoch()

    def on_epoch_begin(self, net: Net, **kwargs: Any) -> None:
        super().on_epoch_begin(net, **kwargs)
        self.epochs_begun_ += 1

    def on_epoch_end(self, net: Net, **kwargs: Any) -> None:
        # What an interrupt or a divergence goes back to; after the last epoch, what it left
        # behind is in the net itself.
        last = self.epochs_begun_ >= self.epochs_wanted_
        self._last_state = len(self.history), None if last else copy_state(self)

    def fit_loop(
        self,
        X: np.ndarray | TableDataset,
        y: object = None,
        epochs: int | None = None,
        **kwargs: Any,
    ) -> AAENet:
        self.interrupted_ = self.diverged_ = self.stop_wanted_ = False
        self.culprit_ = ""
        self.epochs_begun_, self.epochs_done_ = self.epochs_done_, 0
        self.epochs_wanted_ = self.max_epochs if epochs is None else epochs
        self._last_state = None
        if len(self.history):  # a net that goes on training can go back to where it was
            self._last_state = len(self.history), copy_state(self)
        with self._one_call():
            try:
                with torch_threads(self.n_threads(len(X))):
                    self._stepper = make_stepper(self)
                    super().fit_loop(X, y, self.epochs_wanted_ - self.epochs_begun_, **kwargs)
            except StopTraining:
                self._keep_what_was_learned()
            except KeyboardInterrupt:
                self.interrupted_ = True
                self._back_to_last_epoch()
            except _NonFiniteEpoch as failure:
                in_first = self._last_state is None
                if not in_first:
                    self.diverged_ = True
                    self._back_to_last_epoch()
                self.culprit_ = name_culprit(self, X, str(failure))
                if in_first:
                    own = f", {self.culprit_}" if self.culprit_ else ""
                    raise NonFiniteLossError(
                        f"a loss became NaN or infinite in the first epoch{own}: lower lr, or "
                        "check the table for extreme values (scaling='quantile' bounds them)."
                    ) from None
            finally:
                self._last_state = None
                if self._stepper is not None:
                    self._stepper.close()
                    self._stepper = None
        self.module_.eval()
        return self

    def n_threads(self, n_rows: int) -> int | None:
        """Return how many threads a training, and what belongs to it, may use.

        One where training gains nothing by a second, two where more would split products in
        a way that changes their last bit.

        Parameters
        ----------
        n_rows : int
            How many rows are trained on.

        Returns
        -------
        int or None
            1, 2, or None for as many as there are.
        """
        # The batched products of heads over levels change with threads, whatever their size.
        n_at_once = min(self.batch_size, n_rows)
        if isinstance(self.module_.head, LevelHead) or n_at_once < 2 * MIN_ROWS:
            return 1
        work = n_at_once * max((p.numel() for p in self.module_.parameters()), default=0)
        if work < TRAINING_WORK:
            return 1
        return 2 if work < SMALL_WORK else None

    def calibrate(self, dataset: TableDataset, *, ordered: bool = False) -> None:
        """Let head and prior estimate, on training rows, what the steps do not learn.

        Parameters
        ----------
        dataset : TableDataset
            The training rows; at most 2048 of them are read.
        ordered : bool, default=False
            Whether codes get the order of what each explains, where their order is open.
        """
        weights = sum(parameter.numel() for parameter in self.module_.parameters())
        most = int(np.clip(CALIBRATION_WORK // weights, LEAST_CALIBRATION_ROWS, CALIBRATION_ROWS))
        rows = spread_over(len(dataset), most)
        with torch.no_grad(), torch_threads(1 if len(rows) < MIN_ROWS else None):
            device = torch.device(self.device)
            x, labels = dataset.gather(rows).to(device), dataset.labels_of(rows, device)
            encoder = self.module_.encoder
            if isinstance(encoder, nn.Sequential) and isinstance(encoder[-1], CodeNorm):
                encoder[-1].measure(encoder[:-1](x))
            if not isinstance(self.module_.head, LevelHead):
                self.explained_ratio_ = explain_codes(self, x, labels, most, ordered=ordered)
            self.module_.head.calibrate(self.module_(x, labels=labels), x)
        if self.module_.prior.learns:
            self._update_prior(dataset, last=True)
        match_flags(self, dataset, rows)
        if not self.interrupted_:  # nobody waits for the processes of a job that was interrupted
            send_from_first(*self.module_.state_dict().values())

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

    def _keep_what_was_learned(self) -> None:
        """Keep whole epochs; where a callback has ended the first, that part of it."""
        if self._last_state is None:
            whole = bool(self.history) and "train_loss" in self.history[-1]
        else:
            whole = len(self.history) == self._last_state[0]
        if not whole:
            self._back_to_last_epoch()

    def _back_to_last_epoch(self) -> None:
        n_epochs = 0
        if self._last_state is not None:
            n_epochs, state = self._last_state
            if state is not None:
                restore_state(self, state)
        del self.history[n_epochs:]


def _named(several: Iterable[Iterable[tuple[str, nn.Parameter]]]) -> dict[str, nn.Parameter]:
    """Return parameters by name, each once."""
    names = {parameter: name for pairs in several for name, parameter in pairs}
    return {name: parameter for parameter, name in names.items()}


def _can_fuse(parameters: Iterable[nn.Parameter]) -> bool:
    return all(p.is_floating_point() and p.device.type in ("cpu", "cuda") for p in parameters)
