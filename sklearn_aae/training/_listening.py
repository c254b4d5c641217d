"""How a net treats its callbacks: as skorch does, several optimizers and Ctrl-C in mind."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

from numpy.typing import ArrayLike
from skorch import NeuralNet
from skorch.callbacks import Callback, Checkpoint, EpochTimer, LRScheduler, PrintLog

from sklearn_aae._utils._ranks import any_rank
from sklearn_aae._utils._signals import SignalWatch
from sklearn_aae.training._callbacks import Made, StopTraining, user_callbacks
from sklearn_aae.training._copying import EpochHistory, copy_to_train, lasting, without_own
from sklearn_aae.training._rates import follow, let_schedules_go_on


class ListeningNet(NeuralNet):
    """A skorch net whose callbacks end training in good order, and Ctrl-C as such."""

    interrupted_: bool

    callbacks_: list[tuple[str, Callback]]

    #: Whether training is to end when every callback has seen the epoch's end.
    stop_wanted_: bool = False

    #: What the user's callbacks were made from.
    _made: list[Made] = []

    #: Tells Ctrl-C from other interrupts while a call trains.
    _signals: SignalWatch | None = None

    def get_default_callbacks(self) -> list[tuple[str, object]]:
        # No PassthroughScoring: losses are recorded by the net itself.
        log = [("print_log", PrintLog())] if self.verbose else []
        return [("epoch_timer", EpochTimer()), *log]

    def take_callbacks(self, items: Sequence[object] | None) -> list[object]:
        """Return the user's callbacks; those made from classes or functions in earlier calls go on.

        Parameters
        ----------
        items : list, tuple or None
            What the user passed.

        Returns
        -------
        list
            Callbacks, or pairs of a name and a callback.
        """
        callbacks, self._made = user_callbacks(items, self._made)
        return callbacks

    def replace_callbacks(self, callbacks: list[object]) -> None:
        """Set the callbacks of the training to come, on an initialised net.

        As in skorch, callbacks that the net has already go on as they are.

        Parameters
        ----------
        callbacks : list
            As the constructor takes them.
        """
        known = {id(callback) for _, callback in self.callbacks_}
        self.callbacks = callbacks
        named = [
            (name, callback() if isinstance(callback, type) else callback)
            for name, callback in self._uniquely_named_callbacks()
        ]
        for _, callback in named:
            if id(callback) not in known:
                callback.initialize()
        self.callbacks_ = named

    def drop_own_callbacks(self) -> None:
        """Forget the callbacks of one call; the user's keep what they recorded."""
        self.callbacks = without_own(self.callbacks)
        self.callbacks_ = without_own(self.callbacks_)

    def copied(self, *, with_history: bool = False) -> Self:
        """Return a copy that trains on its own, and shares what no training changes.

        Callbacks are shared, which may be unfit for copying.

        Parameters
        ----------
        with_history : bool, default=False
            Whether it has a history of its own, to which a training of this net adds nothing.

        Returns
        -------
        ListeningNet
            A net with networks and optimizers of its own.
        """
        there = copy_to_train(self)
        # One that a callback has loaded is of skorch's type.
        if with_history or not isinstance(self.history, EpochHistory):
            there.history_ = EpochHistory(self.history)
        return there

    def __getstate__(self) -> dict[str, Any]:
        # Callbacks may pickle a net while it trains.
        try:
            state = lasting(super().__getstate__())
        except (pickle.PicklingError, AttributeError, TypeError):
            # skorch pickles networks apart, so that they may come back on another device, and
            # with pickle; classes of __main__ and local ones are for the one that pickles the
            # net, as joblib's workers do.
            state = lasting(self.__dict__)
        # Functions are often local, which pickle does not take.
        state["_made"] = [
            (given if given is made or isinstance(given, type) else None, made)
            for given, made in self._made
        ]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "__cuda_dependent_attributes__" in state:
            super().__setstate__(state)
        else:
            self.__dict__.update(state)

    def notify(self, method_name: str, **cb_kwargs: Any) -> None:
        """Tell the net and its callbacks of an event.

        Parameters
        ----------
        method_name : str
            The hook.
        **cb_kwargs : dict
            Its arguments.
        """
        getattr(self, method_name)(self, **cb_kwargs)
        for _, callback in self.callbacks_:
            if method_name == "on_train_begin" and isinstance(callback, LRScheduler):
                let_schedules_go_on(self)
            try:
                getattr(callback, method_name)(self, **cb_kwargs)
            except KeyboardInterrupt as error:
                self._end_in_order(method_name, error)
            if isinstance(callback, LRScheduler):
                follow(self, callback)
        if method_name == "on_epoch_end" and any_rank(self.stop_wanted_):
            raise StopTraining

    def _end_in_order(self, method_name: str, error: KeyboardInterrupt) -> None:
        """Do what an interrupt in a callback asks for: its own end of training, or Ctrl-C."""
        if self._signals is None or method_name == "on_train_begin":
            raise error
        if method_name == "on_train_end":
            # There is nothing left to end, and the other callbacks have work to do.
            self.interrupted_ |= self._signals.seen
            return
        raise error if self._signals.seen else StopTraining from error

    def partial_fit(
        self, X: Any, y: Any = None, classes: ArrayLike | None = None, **fit_params: Any
    ) -> Self:
        """Go on training, for ``max_epochs`` epochs or fewer if a callback ends it.

        Parameters
        ----------
        X : ndarray or TableDataset
            The rows.
        y : object, default=None
            Not used.
        classes : object, default=None
            Not used.
        **fit_params : dict
            ``epochs`` for another number of epochs.

        Returns
        -------
        self : ListeningNet
            The net.
        """
        with self._one_call():
            super().partial_fit(X, y, classes, **fit_params)
        return self

    @contextmanager
    def _one_call(self) -> Iterator[None]:
        """Tell apart who interrupts, and keep losses of batches until the call is over."""
        if self._signals is not None and self._signals.is_entered:
            yield
            return
        history, n_before = self.history, len(self.history)
        with SignalWatch() as self._signals:
            try:
                yield
            finally:
                self._signals = None
                # What checkpoints name files by is the last batch of the epoch they are of.
                read = any(isinstance(callback, Checkpoint) for _, callback in self.callbacks_)
                # Another history is one that a callback has loaded.
                first = n_before if self.history is history else 0
                for epoch in range(first, len(self.history)):
                    row = list.__getitem__(self.history, epoch)
                    row["batches"] = row["batches"][-1:] if read else []
