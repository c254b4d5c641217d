"""Says how far training is: to scikit-learn's callbacks and, if asked to, to the user."""

from __future__ import annotations

from typing import Any

from sklearn.frozen import FrozenEstimator

from sklearn_aae.detection.ensemble import EnsembleTrainer
from sklearn_aae.detection.scores import AUTOREGRESSION, SCORES
from sklearn_aae.training import Checkpoint, Part

#: Training is reported in so many parts.
PARTS = 10


def n_tasks(estimator: object, kind: str) -> int:
    """Return in how many parts a detector reports its fit; 0 if nothing is trained."""
    if estimator is not None:
        return 0 if isinstance(estimator, FrozenEstimator) else 1
    return PARTS * (2 if SCORES[kind]().needs == AUTOREGRESSION else 1)


class Progress:
    """Closes a task of scikit-learn's callbacks for every tenth of the steps of a training.

    Parameters
    ----------
    estimator : estimator
        Whose fit this is.
    context : sklearn.callback.CallbackContext
        The context of the fit.
    X : array-like
        The data of the fit, handed through.
    verbose : int
        Whether a line with the losses is printed for every tenth.
    checkpoint : Checkpoint
        That of the fit.
    part : str, default=""
        Which of several detectors is trained.
    """

    def __init__(
        self,
        estimator: object,
        context: Any,
        X: Any,
        verbose: int,
        checkpoint: Checkpoint,
        part: str = "",
    ) -> None:
        self.estimator, self.context, self.X, self.verbose = estimator, context, X, verbose
        self.checkpoint, self.part = checkpoint, part

    def of(self, part: str) -> Progress:
        """Return the same for one of several detectors that are trained."""
        return Progress(
            self.estimator, self.context, self.X, self.verbose, self.checkpoint, f"{part}, "
        )

    def watch(self, what: str) -> Progress:
        """Return itself, ready for a training called ``what``."""
        self.what, self.done = self.part + what, 0
        self._open()
        return self

    @property
    def saved(self) -> Part:
        """Where the state of the training that is watched is kept."""
        return self.checkpoint.part(self.what)

    def __call__(self, trainer: EnsembleTrainer) -> bool:
        """Note where a training is; return whether a callback asks it to stop."""
        n_steps = trainer.plan.n_steps
        while self.done < PARTS and PARTS * trainer.step >= (self.done + 1) * n_steps:
            self.done += 1
            if self.verbose:
                self._print(trainer)
            if self.task.call_on_fit_task_end(estimator=self.estimator, X=self.X):
                return True
            if self.done < PARTS:
                self._open()
        return False

    def _open(self) -> None:
        self.task = self.context.subcontext(task_name=f"{self.what}, a tenth of the steps")
        self.task.call_on_fit_task_begin(estimator=self.estimator, X=self.X)

    def _print(self, trainer: EnsembleTrainer) -> None:
        losses = zip(trainer.optimizers, trainer.losses[-1].tolist(), strict=True)
        shown = ", ".join(f"{name} {loss:.4f}" for name, loss in losses)
        name = type(self.estimator).__name__
        at = f"step {trainer.step} of {trainer.plan.n_steps}"
        print(f"[{name}] {self.what}, {at}: {shown}", flush=True)  # noqa: T201 (it was asked for)
