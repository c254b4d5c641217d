"""The detector: scores, thresholds, p-values and explanations of anomalous rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from sklearn.frozen import FrozenEstimator
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import check_is_fitted

from sklearn_aae._utils._bases import BaseEstimator, CallbackSupportMixin, OutlierMixin
from sklearn_aae._utils._compat import Interval, Options, StrOptions, _fit_context, with_callbacks
from sklearn_aae._utils._guard import leaves_no_trace
from sklearn_aae._utils._random import DetectorStream, derive_seed
from sklearn_aae._utils._threads import torch_threads
from sklearn_aae.autoencoder import AdversarialAutoencoder
from sklearn_aae.autoencoder._parameters import CHECKPOINT, as_device
from sklearn_aae.detection._blocks import of_blocks
from sklearn_aae.detection._calibration import CROSS, HELD_OUT, Calibration, RowPlan, n_held_out
from sklearn_aae.detection._conformal import ConformalMixin
from sklearn_aae.detection._cross import score_out_of_fold
from sklearn_aae.detection._explaining import ExplainingMixin
from sklearn_aae.detection._fitting import (
    FittedModel,
    fit_autoregressive,
    fit_ensemble,
    from_fitted,
    usual_rows,
)
from sklearn_aae.detection._kinds import check_kind
from sklearn_aae.detection._levels import know_level_costs
from sklearn_aae.detection._overflow import anomaly_scores
from sklearn_aae.detection._progress import Progress, n_tasks
from sklearn_aae.detection._report import report_on
from sklearn_aae.detection._rules import with_rules
from sklearn_aae.detection._sampled import in_memory
from sklearn_aae.detection._settings import plan_of, settings_of
from sklearn_aae.detection._single import (
    ADVICE,
    advice_on_columns,
    check_estimator,
    read_as_estimator,
)
from sklearn_aae.detection._threshold import ThresholdMixin
from sklearn_aae.detection.ensemble import EnsemblePlan
from sklearn_aae.detection.scores import (
    AUTOREGRESSION,
    OF_CLEAN,
    SCORES,
    Score,
    kinds_with,
)
from sklearn_aae.encoding import Container, KeptRows, NumbersReader, as_frame, open_features
from sklearn_aae.encoding._batches import takes_streams
from sklearn_aae.encoding._identifiers import AUTO, KEEP, Identifiers
from sklearn_aae.rules import Rule, Rules
from sklearn_aae.rules._options import SHARE, check_rules, columns_in, with_keys
from sklearn_aae.rules._table import RuleTable
from sklearn_aae.training import Checkpoint, TrainingHTMLMixin, checkpoint_of, warn_of
from sklearn_aae.typing import FilePath, Layers

#: Rows on which the parts of a score are put on one scale.
SCALE_ROWS = 400
#: Training rows that are scored in fit when no share of them is asked for.
SCORED_ROWS = 500


class AAEOutlierDetector(
    TrainingHTMLMixin,
    CallbackSupportMixin,
    ThresholdMixin,
    ConformalMixin,
    ExplainingMixin,
    OutlierMixin,
    BaseEstimator,
):
    r"""Anomaly detection with an ensemble of small adversarial autoencoders.

    ``fit`` trains several small adversarial autoencoders [1]_ at once, each on a random
    half of the rows and with the three phases of :class:`AdversarialAutoencoder`, while
    outlying rows are left out.  From what they say about a row, any of several
    kinds of score follows: :meth:`score_samples`.  Every score is inductive: it depends on
    no other row that is scored.

    Read more in the :ref:`User Guide <anomalies>`.

    Parameters
    ----------
    kind : str, default="default"
        The score behind ``predict``, ``decision_function`` and the threshold:

        - ``"default"``: a soft maximum of likelihood, distances to references and how far out
          the farthest cell is; with ``contamination=0`` of the last two alone,
        - ``"model"``: the same without stored rows, from the networks alone,
        - ``"likelihood"``: minus log density of the row given its code, in nats,
        - ``"autoregressive"``: the same by the chain rule, each column given the code and
          the columns before it.  Trains networks of its own, so that only a detector
          with this ``kind`` has it; all others come from every fit,
        - ``"marginal"``: the same of each column by itself,
        - ``"reconstruction"``: squared error of scaled columns,
        - ``"reference"``: distances to stored training rows,
        - ``"latent"``: minus log prior density of the code,
        - ``"discriminator"``: minus the discriminator's logit,
        - ``"mode_divergence"``: reconstruction error and distance to the prior's mode,
          after Schreyer et al.,
        - ``"gpnd"``: density along and across the decoder's manifold, after Pidhorskyi
          et al.,
        - ``"rules"``: what the rules that a row breaks say of it, in nats; of a detector
          that has some.
    contamination : "auto" or float, default="auto"
        Where the threshold lies: ``"auto"`` so that a share ``alpha`` of normal rows is
        flagged, by the calibrating rows; a float in (0, 0.5] so that this share of the
        training rows is flagged; 0 says that the training rows are all normal: then
        none is left out of training, the nearest of them decide what is normal, and the
        threshold is that of ``"auto"``.
    alpha : float, default=0.05
        The share of normal rows that the threshold flags, in (0, 1).  Needs at
        least ``1 / alpha - 1`` calibrating rows; with fewer, no row is flagged and a warning
        says so; if none is held out by ``calibration="split"``, the threshold is the quantile
        ``alpha`` of the training rows' scores.
    calibration : {"auto", "cross", "split"}, default="auto"
        Which rows calibrate p-values and the threshold, by scores of detectors that were
        not trained on them:

        - ``"split"``: about a tenth of the rows, at most 499, which ``fit`` holds out; none of
          fewer than 100;
        - ``"cross"``: every row that is trained on, by cross-fitting: three more detectors are
          trained without a third of the rows each, and score these; beside them up to 5,000 rows
          beyond the 4,096 that are trained on.  Fit takes four times as long;
        - ``"auto"``: ``"cross"`` for fewer than 100 rows, else ``"split"``.
    rules : {"auto", "find"}, None or list of Rule, default="auto"
        Rules of the training rows, such as ``Order("start", "end")`` or
        ``Determines("zone", "borough")``, which later rows may break: a broken rule enters
        the kinds "default" and "rules" with :math:`-\log\frac{k + 1}{n + 2}`, if ``k`` of
        ``n`` training rows break it.  ``"auto"`` looks for rules in frames
        (:func:`~sklearn_aae.rules.find_rules`), ``"find"`` in arrays, too; None is for no rules.
    estimator : AdversarialAutoencoder or FrozenEstimator, default=None
        A model to take the place of the ensemble: it is cloned and fitted, or used as
        it is if it comes as ``FrozenEstimator(fitted)``.  Then the parameters from
        ``n_estimators`` to ``device`` have no effect.
    n_estimators : int, default=4
        Members of the ensemble.
    n_components : int, default=8
        Width of the widest code; members have widths between 2 and this.
    hidden_layer_sizes : int or tuple of int, default=(64, 32)
        Widths of the encoders' hidden layers, beside a linear path; decoders mirror
        them.
    adversarial_weight : float, default=0.3
        Learning rate of the third phase as a multiple of ``lr``; 0 leaves phases 2 and
        3 out.
    max_epochs : int or "auto", default="auto"
        Passes of a member over its rows.  ``"auto"`` takes 300 steps whatever the
        table: anomalies are learned late.
    batch_size : int, default=64
        Rows of each member in a step; more than 64 only as far as a member has rows.
    lr : float, default=1.5e-2
        Learning rate (Adam); it rises over the first 20 steps and falls along a cosine.
    device : str or torch.device, default="auto"
        Where to train and score; ``"auto"`` is the CPU, which small networks keep
        busy enough.
    handle_unknown : {"surprise", "error"}, default="surprise"
        What becomes of a category that ``fit`` did not see: it is scored, and is
        surprising, or it is an error.
    handle_missing : {"surprise", "error"}, default="surprise"
        What becomes of a missing cell in a column that had none in ``fit``: it is scored
        as something that none of the rows had, or it is an error.
    random_state : int, RandomState or None, default=None
        Seeds everything; an int makes ``fit`` repeat bit by bit on one machine.
    verbose : int, default=0
        Whether ``fit`` prints a line for every tenth of the steps, with the losses of the
        three phases.
    checkpoint : str, path or None, default=None
        Folder in which ``fit`` keeps what the same call goes on from if its process is killed, as
        in :class:`AdversarialAutoencoder`; an ``estimator`` without one of its own gets it, too.
    identifiers : {"auto", "keep"}, default="auto"
        What becomes of columns of a frame that tell its rows apart (text that is different in
        each, whole numbers that count them): with ``"auto"`` they are named in a warning, and
        contribute 0; with ``"keep"`` they are columns like others.  Those that ``rules`` name are
        kept, all are with an ``estimator``, and arrays are not searched.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns seen in ``fit``.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, if they were all strings.
    offset_ : float
        The threshold: rows with a lower score are outliers.
    threshold_source_ : {"cross", "held-out", "training"}
        Whether ``offset_`` comes from out-of-fold scores or held-out rows, so that it keeps
        its level on new rows, or from the scores of the training rows.
    n_held_out_ : int
        Rows that were held out for p-values: none if all rows calibrate.
    held_out_indices_ : ndarray of shape (`n_held_out_`,), int
        Their positions in the table that ``fit`` was given.
    training_p_values_ : ndarray of shape (n_samples,), float64
        The p-values that ``fit``'s rows, in their order, have among the other calibrating rows; NaN
        for rows that do not calibrate: :meth:`p_values` has those of rows beyond the ones
        that calibrate, but rows that ``calibration="split"`` trains on have none.
    rules_ : Rules
        The rules, with how many training rows keep and break each; ``not_searched`` says what was
        not looked for.
    history_ : dict of ndarray
        Losses of the three phases by step; empty if ``estimator`` was given.
    ensemble_ : torch.nn.Module or None
        The fitted ensemble; each tensor has an axis of members first.
    estimator_ : AdversarialAutoencoder or None
        The fitted model, if ``estimator`` was given.
    training_report_ : TrainingReport
        What the training says of itself: figures, each with a verdict and a remedy; see
        :ref:`training_report`.

    See Also
    --------
    AdversarialAutoencoder : One larger model, for codes, samples and reconstructions.
    sklearn.ensemble.IsolationForest : Random trees; the same methods and signs.

    Notes
    -----
    The detector stores some training rows as references (up to 1,088 for each member, 2,112 with
    ``contamination=0``) and for explanations (up to 1,000), and the calibrating rows, for groups
    and drift; so a pickle of it holds data.

    There is no parameter ``callbacks``: the members are trained as one, without a skorch net
    whose epochs a callback could watch.  Callbacks of scikit-learn are set with
    ``set_callbacks``, a progress bar for instance, and told of every tenth of the steps;
    those of skorch belong to an ``estimator=AdversarialAutoencoder(callbacks=...)``.

    References
    ----------
    .. [1] A. Makhzani, J. Shlens, N. Jaitly, I. Goodfellow, B. Frey, "Adversarial
       Autoencoders", arXiv:1511.05644, 2015.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn_aae import AAEOutlierDetector
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> detector = AAEOutlierDetector(random_state=0).fit(X[y == 1])
    >>> bool((detector.predict(X[y == 0]) == -1).mean() > 0.7)
    True
    >>> detector.score_samples(X[:3], kind="likelihood").shape
    (3,)
    """

    _parameter_constraints: dict[str, Any] = {
        "kind": [StrOptions(set(SCORES))],
        "contamination": [
            StrOptions({"auto"}),
            Interval(Real, 0, 0.5, closed="right"),
            Options(Real, {0}),
        ],
        "alpha": [Interval(Real, 0, 1, closed="neither")],
        "calibration": [StrOptions({"auto", "cross", "split"})],
        "rules": "no_validation",  # check_rules says what is wrong with it
        "estimator": "no_validation",  # check_estimator says what is wrong with it
        "n_estimators": [Interval(Integral, 1, None, closed="left")],
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "adversarial_weight": [Interval(Real, 0, None, closed="left")],
        "max_epochs": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "device": "no_validation",
        "handle_unknown": [StrOptions({"surprise", "error"})],
        "handle_missing": [StrOptions({"surprise", "error"})],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "checkpoint": CHECKPOINT,
        "identifiers": [StrOptions({AUTO, KEEP})],
    }

    _reader: NumbersReader
    _container: Container
    # Files of format 1 have none.
    _identifiers = Identifiers()
    rules_: Rules
    #: The least share of the training rows that has to keep a given rule.
    _rule_share: float | None = SHARE
    _model: FittedModel
    _scores: dict[str, Score]

    def __init__(
        self,
        kind: str = "default",
        *,
        contamination: float | str = "auto",
        alpha: float = 0.05,
        calibration: str = "auto",
        rules: str | Iterable[Rule] | None = "auto",
        estimator: AdversarialAutoencoder | FrozenEstimator | None = None,
        n_estimators: int = 4,
        n_components: int = 8,
        hidden_layer_sizes: Layers = (64, 32),
        adversarial_weight: float = 0.3,
        max_epochs: int | str = "auto",
        batch_size: int = 64,
        lr: float = 1.5e-2,
        device: str | torch.device = "auto",
        handle_unknown: str = "surprise",
        handle_missing: str = "surprise",
        random_state: Any = None,
        verbose: int = 0,
        checkpoint: FilePath | None = None,
        identifiers: str = "auto",
    ) -> None:
        self.kind = kind
        self.contamination = contamination
        self.alpha = alpha
        self.calibration = calibration
        self.rules = rules
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.adversarial_weight = adversarial_weight
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.lr = lr
        self.device = device
        self.handle_unknown = handle_unknown
        self.handle_missing = handle_missing
        self.random_state = random_state
        self.verbose = verbose
        self.checkpoint = checkpoint
        self.identifiers = identifiers

    def __sklearn_tags__(self) -> Any:
        """Return the capabilities that scikit-learn asks about."""
        tags = super().__sklearn_tags__()
        # A model that is given reads numbers.
        takes = self.estimator is None
        tags.input_tags.allow_nan = tags.input_tags.categorical = tags.input_tags.string = takes
        return tags

    # -------------------------------------------------------------- fitting

    @leaves_no_trace
    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> AAEOutlierDetector:
        """Train the ensemble, store references and set the threshold.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            Rows, some of which may be anomalies; at least 2.  Of rows that need not fit into
            memory, a pyarrow Dataset or a polars LazyFrame, a sample is taken (:ref:`scale`).
        y : object, default=None
            Not used.

        Returns
        -------
        self : AAEOutlierDetector
            The fitted detector.

        Raises
        ------
        ValueError
            If a parameter or the table is not usable; the message names it.
        TypeError
            If ``estimator`` is neither an AdversarialAutoencoder nor a frozen one.
        """
        check_estimator(self.estimator, self.kind)
        check_rules(self.rules)
        X = in_memory(X, self.random_state)
        reader, table = self._open(X)
        with checkpoint_of(self, X) as checkpoint:
            self._fit(X, y, reader, table, checkpoint)
        warn_of(self.training_report_)
        return self

    def _fit(
        self, X: Any, y: Any, reader: NumbersReader, table: Any, checkpoint: Checkpoint
    ) -> None:
        """Fit to a table that was opened."""
        seed = checkpoint.seed(self.random_state)
        cross = self.calibration == "cross" or (
            self.calibration == "auto" and not n_held_out(len(table))
        )
        plan_rows = RowPlan.cross if cross else RowPlan.split
        plan = plan_rows(len(table), derive_seed(seed, DetectorStream.HOLD_OUT))
        tasks = (1 + len(plan.folds)) * n_tasks(self.estimator, self.kind)
        task = self._init_callback_context(max_subtasks=tasks)
        task.call_on_fit_task_begin(estimator=self, X=X, y=y)
        progress = Progress(self, task, X, self.verbose, checkpoint)
        with torch_threads(1), torch.no_grad():
            training = plan_of(self, len(plan.training))
            rows = self._learn(reader, table, plan.training, training, seed, progress)
            self._known_kind(None)
            self._training_scores = self._score_training(rows, plan.training, seed)
            found = score_out_of_fold(self, table, plan, training, seed, progress)
            found.append(self._score_kinds(rows[plan.calibrating]))
        self._calibrate(X if as_frame(X) is not None else table, plan, found, cross)
        self._set_offset(self.contamination, self.alpha)
        if self._identifiers and self.rules is not None:
            own = RuleTable(_safe_indexing(X, plan.training))
            self.rules_ = with_keys(self.rules_, self._identifiers.labels, own)
        self.training_report_ = report_on(self, rows, plan, seed)
        task.call_on_fit_task_end(estimator=self, X=X, y=y, reconstruction_attributes=dict)

    def _learn(
        self,
        reader: NumbersReader,
        table: Any,
        chosen: np.ndarray,
        training: EnsemblePlan,
        seed: int,
        progress: Progress,
    ) -> np.ndarray:
        """Learn all that scores need from chosen rows; return the table's rows as numbers."""
        self._reader, self.estimator_ = self._fit_reader(
            reader, table, chosen, seed, progress.context
        )
        rows = self._reader.numbers(table, strict=False)
        scaled = self._reader.transform(rows[chosen])
        self._fit_model(scaled, training, derive_seed(seed, DetectorStream.MODEL), progress)
        self._model.blocks = getattr(self._reader, "blocks", ())
        rng = np.random.default_rng(derive_seed(seed, DetectorStream.SCALES))
        n_rows = training.excerpt.n_rows if training.excerpt else len(table)
        has_levels = bool(np.any(getattr(self._reader, "is_level", False)))
        usual = usual_rows(self._model.inliers, scaled, n_rows, has_levels=has_levels)
        normal = rng.permutation(usual)[:SCALE_ROWS]
        know_level_costs(self._model, self._reader, scaled[normal], n_rows)
        evidence = self._model.evidence(scaled[normal])
        kinds = kinds_with(self._model.provides | getattr(self._reader, "provides", set()))
        scores = SCORES | OF_CLEAN if self.contamination == 0 else SCORES
        self._scores = {kind: scores[kind]().fit(evidence) for kind in kinds}
        return rows

    def _calibrate(self, X: Any, plan: RowPlan, found: list[dict[Any, Any]], cross: bool) -> None:
        """Keep the scores of the folds and of the calibrating rows."""
        held_out = plan.calibrating[:0] if cross else np.sort(plan.calibrating)
        self.n_held_out_, self.held_out_indices_ = len(held_out), held_out
        index = np.concatenate([*plan.folds, plan.calibrating]).astype(np.intp)
        self._calibration = Calibration(
            source=CROSS if cross else HELD_OUT,
            index=index,
            rows=KeptRows.of(_safe_indexing(X, index)),
            scores={kind: np.concatenate([own[kind] for own in found]) for kind in self._scores},
            n_beyond=len(plan.calibrating),
        )
        self.training_p_values_ = self._calibration.own_p_values(self.kind, len(X))

    def _open(self, X: Any) -> tuple[NumbersReader, Any]:
        """Return what reads tables like this one, and the table, without identifiers."""
        # A model that is given knows columns of its own.
        how = self.identifiers if self.estimator is None else KEEP
        self._identifiers = Identifiers.of(X, how, columns_in(self.rules))
        X = self._identifiers.hide(X)
        if self.estimator is not None:  # which is one of numbers
            with advice_on_columns(self):
                return NumbersReader.open(self, X, advice=ADVICE)
        return open_features(
            self,
            X,
            strict=self.handle_unknown == "error",
            refuse_missing=self.handle_missing == "error",
        )

    def _fit_reader(
        self, reader: NumbersReader, table: Any, training: np.ndarray, seed: int, context: Any
    ) -> tuple[NumbersReader, Any]:
        """Return the reader, fitted, and the fitted model if one was given."""
        self._container = getattr(reader, "container", None) or Container.of(table)
        estimator = None
        if self.estimator is not None:
            reader, estimator = read_as_estimator(self, table, training, seed, context)
        else:
            reader.fit(table, training, derive_seed(seed, DetectorStream.SCALER))
            reader = self._identifiers.spare(reader)
        rule_seed = derive_seed(seed, DetectorStream.RULES)
        reader, self.rules_ = with_rules(
            reader,
            self._container,
            self.rules,
            table,
            training,
            rule_seed,
            self._rule_share,
            spared=self._identifiers.labels,
        )
        return reader, estimator

    def _fit_model(
        self, scaled: np.ndarray, plan: EnsemblePlan, seed: int, progress: Progress
    ) -> None:
        """Fit the networks, or take the estimator's, and what surrounds them."""
        trimming = self.contamination != 0
        if self.estimator_ is not None:
            module = self.estimator_.net_.module_
            self._model = from_fitted(scaled, seed, module, trimming=trimming, excerpt=plan.excerpt)
            self.ensemble_, self.history_ = None, self._model.losses
            return
        settings = settings_of(self)
        device = "cpu" if self.device == "auto" else as_device(self.device)
        watch = progress.watch("ensemble")
        model = fit_ensemble(
            scaled,
            seed,
            settings,
            plan,
            device=device,
            trimming=trimming,
            watch=watch,
            saved=progress.saved,
        )
        if SCORES[self.kind]().needs == AUTOREGRESSION:
            watch = progress.watch("autoregressive ensemble")
            model.autoregressive = fit_autoregressive(
                model, scaled, seed, settings, plan, watch=watch, saved=progress.saved
            )
        self._model, self.ensemble_, self.history_ = model, model.networks, model.losses

    def _score_kinds(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Return the scores of rows, by kind."""

        def scores(found: Any, n: int) -> dict[str, np.ndarray]:
            return {kind: -anomaly_scores(own, found)[:n] for kind, own in self._scores.items()}

        parts = self._of_blocks(rows, scores)
        return {
            kind: np.concatenate([np.empty(0), *(part[kind] for part in parts)])
            for kind in self._scores
        }

    def _score_training(self, rows: np.ndarray, training: np.ndarray, seed: int) -> np.ndarray:
        """Return sorted scores of the training rows, as new rows: all, or a choice of them.

        A share of the training rows means all rows that ``fit`` was given.
        """
        if self.contamination in ("auto", 0) and len(training) > SCORED_ROWS:
            rng = np.random.default_rng(derive_seed(seed, DetectorStream.TRAINING_SCORES))
            rows = rows[np.sort(rng.choice(training, SCORED_ROWS, replace=False))]
        return np.sort(self._score(rows, self.kind))

    # ----------------------------------------------------------------- scores

    def _check_rows(self, X: Any) -> np.ndarray:
        """Return the numbers of a table to score, or raise naming the culprit."""
        return self._reader.numbers(self._read(X))

    def _read(self, X: Any) -> Any:
        with advice_on_columns(self):
            return self._reader.read(self, self._identifiers.hide(X))

    def _of_blocks(self, rows: np.ndarray, function: Callable[[Any, int], Any]) -> list[Any]:
        """Return, for each block of validated rows, a function of their evidence and number."""
        return of_blocks(self._model, self._reader, rows, function)

    def _score(self, rows: np.ndarray, kind: str) -> np.ndarray:
        score = self._scores[kind]
        parts = self._of_blocks(rows, lambda found, n: anomaly_scores(score, found)[:n])
        return -np.concatenate(parts)

    def _known_kind(self, kind: str | None, among: Collection[str] = SCORES) -> str:
        kind = self.kind if kind is None else kind
        check_kind(kind, among, self._scores, self.estimator_)
        return kind

    @takes_streams
    def score_samples(self, X: Any, kind: str | None = None) -> np.ndarray:
        """Return how normal rows are; higher is more normal.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            Rows; of a Dataset or LazyFrame, record batches are returned (:ref:`scale`).
        kind : str or None, default=None
            Any of the kinds ("autoregressive" only if it is the constructor's, "rules" only of a
            detector that has some); None for that of the constructor.

        Returns
        -------
        ndarray of shape (n_samples,), float64
            Scores.

        Raises
        ------
        NotFittedError
            If the detector is not fitted.
        ValueError
            If the kind is not known, or needs what the detector lacks: networks that were not
            trained, rules, stored rows, or a prior with a density.
        """
        check_is_fitted(self)
        kind = self._known_kind(kind)
        return self._score(self._check_rows(X), kind)

    @takes_streams
    def decision_function(self, X: Any) -> np.ndarray:
        """Return scores less the threshold; negative for outliers.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            Rows; of a Dataset or LazyFrame, record batches are returned (:ref:`scale`).

        Returns
        -------
        ndarray of shape (n_samples,), float64
            ``score_samples(X) - offset_``.
        """
        result: np.ndarray = self.score_samples(X) - self.offset_
        return result

    @takes_streams
    def predict(self, X: Any) -> np.ndarray:
        """Return -1 for outliers and +1 for inliers.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            Rows; of a Dataset or LazyFrame, record batches are returned (:ref:`scale`).

        Returns
        -------
        ndarray of shape (n_samples,), int
            Labels.
        """
        return np.where(self.decision_function(X) < 0, -1, 1)
