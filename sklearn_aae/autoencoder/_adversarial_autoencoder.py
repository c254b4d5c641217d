"""The model: compress, reconstruct, generate, score and explain rows of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Integral
from typing import Any, Literal, Self, overload

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sklearn_aae._utils._bases import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn_aae._utils._compat import _fit_context, with_callbacks
from sklearn_aae._utils._defaults import plain_defaults
from sklearn_aae._utils._guard import leaves_no_trace
from sklearn_aae._utils._random import (
    DrawStream,
    ModelStream,
    derive_seed,
    draw_seed,
    make_generator,
    resolve_seed,
)
from sklearn_aae.autoencoder._base import BaseAAE
from sklearn_aae.autoencoder._draws import (
    codes_of_density,
    decoder_draws,
    draw_masked,
    draw_within,
    level_head,
    sample_posterior,
)
from sklearn_aae.autoencoder._imputation import METHODS, fill_missing
from sklearn_aae.autoencoder._input import reads_levels
from sklearn_aae.autoencoder._kept_draws import draw_kept, warn_if_unseen
from sklearn_aae.autoencoder._parts import PartsMixin
from sklearn_aae.autoencoder._run import Run, train_in_full
from sklearn_aae.autoencoder._streamed import training_rows
from sklearn_aae.autoencoder._supervision import (
    classes_to_draw,
    count_draws,
    labels_to_decode,
    labels_to_score,
    training_labels,
)
from sklearn_aae.encoding import LevelsReader, check_matrix, is_ready
from sklearn_aae.encoding._batches import takes_streams
from sklearn_aae.encoding._containers import refuse_streams
from sklearn_aae.encoding._result_frames import frame_of_cells, labels_of
from sklearn_aae.networks import Classes
from sklearn_aae.outputs import Output
from sklearn_aae.posteriors import Posterior
from sklearn_aae.priors._wrapped import PriorLike
from sklearn_aae.rules import Rule
from sklearn_aae.training import checkpoint_of, state_dicts
from sklearn_aae.typing import Density, FilePath, Label, LabelT, Layers, Table, TableLike


class AdversarialAutoencoder(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, PartsMixin, BaseAAE
):
    r"""Adversarial autoencoder.

    One fitted model that compresses (:meth:`transform`), reconstructs
    (:meth:`inverse_transform`, :meth:`reconstruct`), generates (:meth:`sample`),
    scores (:meth:`score_samples`) and explains (:meth:`score_contributions`) rows
    of a table.  Each training step has three phases [1]_: a reconstruction step
    for encoder and decoder, a step in which the discriminator learns to tell codes
    from draws of the prior, and a step in which the encoder learns to fool it.

    Read more in the :ref:`User Guide <how_it_works>`.

    Parameters
    ----------
    n_components : int, default=2
        Width of the code.
    prior : str, Prior, distribution or callable, default="gaussian"
        What the codes should follow: ``"gaussian"`` (standard normal),
        ``"uniform"`` (on [-1, 1]), ``"mixture"`` (of Gaussians), ``"swiss_roll"``,
        ``"categorical"`` (corners of a simplex), ``"learned"`` (a mixture fitted to the
        codes), an object of :mod:`sklearn_aae.priors`, a
        :class:`torch.distributions.Distribution`, a frozen distribution of
        :mod:`scipy.stats` or a function ``(n, generator) -> (n, n_components)``; see
        :ref:`priors`.
    posterior : str or Posterior, default="auto"
        How the encoder's output becomes a code: ``"deterministic"``, ``"gaussian"``,
        ``"universal"`` (noise is an input of the encoder) or ``"channel"`` (codes of variance
        1 by construction, shrunk, plus fixed noise).  ``"auto"`` is deterministic for
        outputs over numbers, and for those over categories the channel if the prior is
        the standard normal or learned.
    output : str or Output, default="auto"
        The decoder's likelihood.  Over numbers: ``"gaussian"`` (squared error on scaled
        columns) or ``"bernoulli"`` (cross-entropy; columns in [0, 1]).  Over the levels
        of columns of any kind: ``"independent"`` given the code, or ``"autoregressive"``
        (given the code and the columns before).  ``"auto"`` is Gaussian if every column
        is a number, with missing cells or without, for arrays and frames alike, else
        autoregressive.
    supervision : {"prior", "decoder"} or None, default=None
        What ``y`` does.  None: nothing, since a ``Pipeline`` hands every step ``y``.
        ``"prior"``: codes of a class follow modes of their own of a prior that has modes
        ([1]_, section 2.3), those of unlabelled rows the whole prior.
        ``"decoder"``: the decoder reads the label beside the code, which is left with the
        style ([1]_, section 3).  See :ref:`labels`.
    hidden_layer_sizes : int or tuple of int, default=(256, 256)
        Widths of the encoder's hidden layers; the decoder mirrors them.
    discriminator_layer_sizes : int or tuple of int, default=(256, 256)
        Widths of the discriminator's hidden layers (leaky rectifiers, slope 0.2).
    activation : {"relu", "leaky_relu", "elu", "gelu", "silu", "tanh"}, default="gelu"
        Activation of the hidden layers of encoder and decoder.
    encoder, decoder, discriminator : None, torch.nn.Module or callable, default=None
        Networks of your own: an unfitted instance, which is copied and never
        trained in place, or a class or function ``(n_in, n_out) -> nn.Module``.  With
        labels the discriminator, and for ``supervision="decoder"`` the decoder, reads a
        column for each class and one for rows without a label after the code.
    init : {"pca", "random"}, default="pca"
        Where encoder and decoder start.  ``"pca"``: as the principal components of the
        scaled training rows (of the first call of :meth:`partial_fit`) and back, on a
        linear path that stays as it is, beside hidden layers that begin to count as they
        learn; the code has the prior's mean and spread from the start.  ``"random"``: as
        hidden layers with random weights alone, and so whatever ``init`` is for outputs other
        than the Gaussian, priors that squash codes (categorical and products with it) and an
        ``encoder`` or ``decoder`` of your own.
    adversarial_weight : float or "auto", default="auto"
        Learning rate of the third phase as a multiple of ``lr``.  ``"auto"`` is 0.3 for
        the standard normal and the learned prior, whose shape codes come to easily, and
        :math:`0.1\sqrt{k}` for fewer than 9 components that start as principal ones; 1 for
        priors over the corners of a simplex (categorical and products with it) and 0.6
        for all others; for outputs over categories 0.45, or 1 for corners.  With
        ``supervision`` it is 1 (``"prior"``) or 0.6 (``"decoder"``) at least.  0 switches
        phases 2 and 3 off, which leaves a plain autoencoder.
    categorical_features : "from_dtype" or array-like, default="from_dtype"
        Which columns are categories: by their type (categorical, boolean, text but for
        that which is all dates or numbers, see :class:`TableEncoder`), and besides the
        columns whose labels, positions or mask are given here.
    handle_unknown : {"unknown", "error"}, default="unknown"
        What becomes of a category that ``fit`` did not see: it is an unknown cell, which
        the networks read nothing of, or an error.
    handle_missing : {"unknown", "error"}, default="unknown"
        What becomes of missing cells.  With "unknown" they are modelled in columns that
        had some in ``fit``; elsewhere they are unknown cells.  "error" refuses missing cells
        in ``fit`` and afterwards, but in :meth:`impute`.
    rules : {"auto", "find"}, None or list of Rule, default="auto"
        Rules of the training rows that drawn rows are to keep: ``"auto"`` looks for them in frames
        (:func:`~sklearn_aae.rules.find_rules`), in less than a tenth of the time of training,
        ``"find"`` in arrays, too, or they are given, such as
        ``[Order("start", "end"), Determines("zone", "borough")]``.  Outputs over categories learn,
        of frames, a looked-up column, a total, or the higher of two columns by what the others
        leave open of it; others are put right in finished rows.  Drawn rows that still break what
        all training rows keep are drawn again, see the :ref:`User Guide <rules_drawn>`.  None draws
        rows that may break them.
    scaling : {"standard", "quantile", "minmax"} or None, default="standard"
        Scale on which the networks see the columns when the output is Gaussian
        (outputs over categories read levels instead, see :class:`TableEncoder`):
        unit variance, normal scores, [-1, 1], or as they are.  Undone on the way
        out.
    max_epochs : int or "auto", default="auto"
        Passes over the rows.  ``"auto"`` is :math:`4\sqrt{n}` between 80 and 150
        for :math:`n` rows, and from about 6,700 rows on as many as show the network
        a million rows, at least 20; a third of that, and :math:`112/\sqrt{k}` in place of 80,
        for :math:`k` components that start at principal components and follow the standard
        normal or the learned prior without supervision.  For outputs over categories as many
        as show the network :math:`\max(38000, 1300\sqrt{n})` rows, at least 2 and at most 80.
    batch_size : int or "auto", default="auto"
        Rows per mini-batch.  ``"auto"`` is the power of two nearest to
        :math:`2.5\sqrt{n}`, between 16 and 512.  Batches are cut to about equal
        sizes of at most this.  For outputs over categories 128 below 2000 rows, else 256.
    lr : float or "auto", default="auto"
        Learning rate (Adam).  ``"auto"`` is 1e-3, and for outputs over categories 2e-3
        below 2000 rows, else 4e-3.  It falls linearly over the second half of the epochs
        to a tenth (for outputs over categories, over the last seven tenths of the
        steps to zero), unless ``callbacks`` hold an ``LRScheduler``, which moves all
        optimizers in proportion.
    callbacks : list of skorch callbacks, default=None
        Used as they are, not copied.  One that cannot be copied, by scikit-learn's searches
        for instance, is passed as a class or as a function that returns it.
        For progress bars through pipelines and searches see :meth:`set_callbacks`.
    net_params : dict or None, default=None
        Words of skorch for the net: ``"optimizer"`` (of the reconstruction phase),
        ``"optimizer_disc"`` and ``"optimizer_gen"``, any optimizer of torch, and their
        parameters, as in ``{"optimizer": torch.optim.AdamW, "optimizer__weight_decay":
        1e-4}``.  What parameters of this class say is refused here, learning rates
        included.  An optimizer that is given keeps none of our settings but the rate.
    device : str or torch.device, default="auto"
        Where to train; ``"auto"`` is CUDA if present, else the CPU.
    early_stopping : bool, default=False
        Hold out ``validation_fraction`` of the rows and stop when they are no longer
        explained better: when their loss per column over its first value, plus .05 times the
        logarithm of their codes' distance to the prior over its 99 % null value where that
        is above 1, has not improved for ``n_iter_no_change`` epochs.  The best epoch's
        weights are put back.
    validation_fraction : float, default=0.1
        Share of the rows held out for early stopping; at least 20 rows.
    n_iter_no_change : int, default=10
        Epochs without improvement before training stops early.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the present weights and optimizer states, with
        the scale of the first fit.
    random_state : int, RandomState or None, default=None
        Seeds everything: an int makes ``fit`` and ``sample`` repeat bit by bit on
        one machine; None takes fresh entropy.  Global generators are never touched.
    verbose : int, default=0
        1 prints a line per epoch.
    checkpoint : str, path or None, default=None
        Folder in which ``fit`` keeps, every five seconds at most, a file of data that the same
        call goes on from if its process is killed, to the same weights bit by bit on the CPU; see
        :ref:`checkpoints`.  It is removed when ``fit`` ends.  ``partial_fit`` writes none.
    identifiers : {"auto", "keep"}, default="auto"
        What becomes of columns of a frame that tell its rows apart (text that is different in
        each, whole numbers that count them): with ``"auto"`` they are named in a warning and not
        modelled; they contribute 0 to scores, and :meth:`sample` draws new ones, the next numbers
        or text of the same pattern.  With ``"keep"`` they are columns like others.  Those that
        ``rules`` or ``categorical_features`` name are kept, and arrays are not searched.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns seen in ``fit``.
    rules_ : Rules
        The rules, counted over the training rows; none for arrays unless asked for.
        Its ``not_searched`` says what was left out of the search.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, if they were all strings.
    n_iter_ : int
        Number of epochs trained, over all calls.
    loss_curve_ : list of float
        Reconstruction loss per column of each epoch.
    history_ : dict of list
        Loss of each phase by epoch: ``"reconstruction_loss"``,
        ``"discriminator_loss"``, ``"generator_loss"``; with early stopping also
        ``"valid_loss"``, ``"prior_gap"`` and ``"validation_figure"``.
    explained_ratio_ : ndarray of shape (n_components,)
        For outputs over numbers: share of the variance of scaled rows that the decoder gives
        back from the first 1, 2, ... codes, with the others at the prior's mean; the last is
        the share that all codes explain.  It is measured on 256 training rows at most, and
        ``1024 // n_components`` of more than four components (64 at least).  ``fit`` from
        ``init="pca"`` ends with codes in the order of what each explains alone, if the prior
        is Gaussian or uniform; ``partial_fit`` leaves their order.
    classes_ : ndarray of shape (n_classes,)
        The classes, with ``supervision`` only.
    prior_ : Prior
        The prior as an object.
    device_ : torch.device
        Where the networks are.
    net_ : AAENet
        The fitted skorch net.
    interrupted_ : bool
        Whether training was cut short by Ctrl-C.
    training_report_ : TrainingReport
        What the last training says of itself: figures, each with a verdict and a remedy; see
        :ref:`training_report`.

    See Also
    --------
    sklearn.decomposition.PCA : The linear counterpart, without a prior.
    sklearn.mixture.GaussianMixture : A density with the same ``sample`` and
        ``score_samples``.

    Notes
    -----
    There is no ``sample_weight``: mini-batch training cannot honour the equivalence
    of weights and repeated rows that scikit-learn checks for.

    References
    ----------
    .. [1] A. Makhzani, J. Shlens, N. Jaitly, I. Goodfellow, B. Frey, "Adversarial
       Autoencoders", arXiv:1511.05644, 2015.
    .. [2] P. Ghosh, M. Sajjadi, A. Vergari, M. Black, B. Schölkopf, "From Variational to
       Deterministic Autoencoders", ICLR 2020.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn_aae import AdversarialAutoencoder
    >>> X = load_breast_cancer().data
    >>> aae = AdversarialAutoencoder(n_components=4, max_epochs=20, random_state=0).fit(X)
    >>> aae.transform(X).shape
    (569, 4)
    >>> aae.sample(5).shape
    (5, 30)
    >>> aae.score_samples(X[:3]).shape
    (3,)

    With labels, rows of a class, and a row as another class:

    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> aae = AdversarialAutoencoder(supervision="decoder", max_epochs=20, random_state=0)
    >>> aae.fit(X, y).sample(y=[0, 0, 1]).shape
    (3, 30)
    >>> aae.reconstruct(X[:3], y=1).shape
    (3, 30)
    """

    def __init__(
        self,
        n_components: int = 2,
        *,
        prior: PriorLike = "gaussian",
        posterior: str | type[Posterior] | Posterior = "auto",
        output: str | type[Output] | Output = "auto",
        supervision: str | None = None,
        hidden_layer_sizes: Layers = (256, 256),
        discriminator_layer_sizes: Layers = (256, 256),
        activation: str = "gelu",
        encoder: Callable[..., nn.Module] | None = None,
        decoder: Callable[..., nn.Module] | None = None,
        discriminator: Callable[..., nn.Module] | None = None,
        init: str = "pca",
        adversarial_weight: float | str = "auto",
        categorical_features: str | Sequence[Label] | np.ndarray = "from_dtype",
        handle_unknown: str = "unknown",
        handle_missing: str = "unknown",
        rules: str | Iterable[Rule] | None = "auto",
        scaling: str | None = "standard",
        max_epochs: int | str = "auto",
        batch_size: int | str = "auto",
        lr: float | str = "auto",
        callbacks: Sequence[object] | None = None,
        net_params: Mapping[str, object] | None = None,
        device: str | torch.device = "auto",
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: int = 0,
        checkpoint: FilePath | None = None,
        identifiers: str = "auto",
    ) -> None:
        self.n_components = n_components
        self.prior = prior
        self.posterior = posterior
        self.output = output
        self.supervision = supervision
        self.hidden_layer_sizes = hidden_layer_sizes
        self.discriminator_layer_sizes = discriminator_layer_sizes
        self.activation = activation
        self.encoder = encoder
        self.decoder = decoder
        self.discriminator = discriminator
        self.init = init
        self.adversarial_weight = adversarial_weight
        self.categorical_features = categorical_features
        self.handle_unknown = handle_unknown
        self.handle_missing = handle_missing
        self.rules = rules
        self.scaling = scaling
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.lr = lr
        self.callbacks = callbacks
        self.net_params = net_params
        self.device = device
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose
        self.checkpoint = checkpoint
        self.identifiers = identifiers

    def __sklearn_tags__(self) -> Any:
        """Return the capabilities that scikit-learn asks about."""
        tags = super().__sklearn_tags__()
        levels = reads_levels(self.output)
        # Codes of levels are float32 whatever the table holds.
        tags.transformer_tags.preserves_dtype = ["float32"] if levels else ["float64", "float32"]
        takes = levels is not False
        tags.target_tags.required = self.supervision is not None
        tags.input_tags.allow_nan = self.handle_missing != "error"
        tags.input_tags.categorical = tags.input_tags.string = takes
        return tags

    # -------------------------------------------------------------- fitting

    @leaves_no_trace
    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> AdversarialAutoencoder:
        """Fit the model to rows.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            The rows, at least 2: an array, a pandas or a polars frame, of columns of any
            kind and with missing cells.  A float32 array is not copied.  Rows that need not fit
            into memory are a pyarrow Dataset or a polars LazyFrame (:ref:`scale`).
        y : array-like of shape (n_samples,), default=None
            With ``supervision``, class labels: whole numbers, booleans or strings.  NaN,
            None and other missing cells are rows without a label; where there are none, so
            is -1, if at least two other classes occur.  Else not used; a ``Pipeline`` hands
            it to every step.

        Returns
        -------
        self : AdversarialAutoencoder
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter, the table or the labels are not usable; the message names it.
        UnsupportedColumnsError
            If a column is of no known kind, or no number where the output is over numbers
            (a ``ValueError``).
        """
        with training_rows(self, X) as source:
            warm = self.warm_start and hasattr(self, "net_")
            rows, beside = source.read(self, reset=not warm)
            net = self._net_to_go_on_with() if warm else None
            self.__dict__.pop("_class_counts", None)  # frequencies are those of the last fit
            labels = training_labels(self, y, rows, reset=not warm)
            start = None if net is None else state_dicts(net)
            with checkpoint_of(self, source.X, labels, start) as checkpoint:
                if net is None:
                    net = self._new_net(rows, checkpoint.seed(self.random_state), beside)
                batch, epochs = self._schedule(len(rows))
                run = Run(batch, epochs, labels=labels, checkpoint=checkpoint, beside=beside)
                run, data = source.planned(self, run), (source.sample, y)
                train_in_full(self, self, net, rows, run, data, self._fitted_attributes)
                self._finish(net)
        return self

    @leaves_no_trace
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any = None, classes: ArrayLike | None = None) -> Self:
        """Train one epoch on the given rows, at constant learning rates.

        The first call sets the scale, the classes and the networks; later calls keep them.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            The rows; at least 2 in the first call.
        y : array-like of shape (n_samples,), default=None
            With ``supervision``, class labels as in :meth:`fit`; else not used.
        classes : array-like of shape (n_classes,), default=None
            All classes that later calls may bring; None takes those of the first call.
            Not used after it, nor without ``supervision``.

        Returns
        -------
        self : AdversarialAutoencoder
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter, the table or the labels are not usable, or the table has another
            width, or the labels another class, than in the first call.
        """
        with training_rows(self, X) as source:
            first = not hasattr(self, "net_")
            rows, beside = source.read(self, reset=first)
            net = None if first else self._net_to_go_on_with()
            labels = training_labels(self, y, rows, reset=first, classes=classes)
            if net is None:
                net = self._new_net(rows, draw_seed(self.random_state), beside)
            batch, _ = self._schedule(len(rows))
            run = Run(batch, in_full=False, labels=labels, beside=beside)
            self._train(net, rows, source.planned(self, run))
            self._finish(net)
        return self

    # ------------------------------------------------------- compress, generate

    @takes_streams
    def transform(self, X: Any) -> np.ndarray:
        """Return the codes of rows.

        Deterministic, and on the prior's scale: the code itself, its mean for a
        Gaussian posterior, the code of variance 1 before shrinking and noise for a channel.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            Rows; of a Dataset or LazyFrame, record batches are returned (:ref:`scale`).

        Returns
        -------
        ndarray or frame of shape (n_samples, n_components)
            Codes, float32 for float32 rows and tables of mixed types, else float64; the
            container is that of ``set_output``.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        """
        check_is_fitted(self)
        return self._encode(self._read(X))

    def inverse_transform(self, Z: TableLike, y: Any = None) -> Table:
        """Return the expected rows for codes.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_components)
            Codes.
        y : scalar or array-like of shape (n_samples,), default=None
            With ``supervision="decoder"``, the class to decode as, of all codes or of each;
            else must be None.

        Returns
        -------
        ndarray or frame of shape (n_samples, n_features)
            Rows in the container that ``fit`` saw, with the index of ``Z`` if both are pandas
            frames: means (floats for arrays, in frames of the column's type), or for outputs
            over categories, medians of numbers and dates and likeliest categories, missing
            only where that is likelier than not.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If ``Z`` has another width, if the decoder reads labels and one is missing from
            ``y``, or if it does not and ``y`` is there.
        """
        check_is_fitted(self)
        like = Z
        if not is_ready(Z, self._n_features_out):
            Z = check_matrix(Z, "Z", dtype=[np.float64, np.float32])
        if Z.shape[1] != self._n_features_out:
            raise ValueError(
                f"Z has {Z.shape[1]} columns, but the code has {self._n_features_out} components."
            )
        labels = labels_to_decode(self, y, "inverse_transform", len(Z))
        if self.net_.module_.decodes_labels and (labels is None or (labels < 0).any()):
            raise ValueError(
                'inverse_transform needs y with supervision="decoder": the code has the style '
                "of a row, not its class. Pass a class for all codes or one for each."
            )
        rows = self._reader.hand_back(self._decode(Z, Z.dtype, labels=labels), like=like)
        return self._identifiers.fresh(rows, np.random.default_rng(self._seed))

    def reconstruct(self, X: Any, y: Any = None) -> Table:
        """Return rows as the model sees them: through the code and back.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            Rows.
        y : scalar or array-like of shape (n_samples,), default=None
            With ``supervision="decoder"``, the class to decode as, of all rows or of each:
            "this row's style as class c".  None, and missing labels, take the class of
            highest likelihood.  Else must be None.

        Returns
        -------
        ndarray or frame of shape (n_samples, n_features)
            Rows in the container that ``fit`` saw, with the index of ``X``; what is returned
            of each distribution is as in :meth:`inverse_transform`.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If a label is of no known class, or the decoder reads no labels.
        """
        check_is_fitted(self)
        rows = self._read(X)
        labels = self._likeliest(rows, labels_to_decode(self, y, "reconstruct", len(rows)))
        back = self._decode(self._encode(rows), rows.dtype, labels=labels)
        rng = np.random.default_rng(self._seed)
        return self._identifiers.put_back(self._reader.hand_back(back, like=X), X, rng)

    @plain_defaults()
    def sample(
        self,
        n_samples: int = 1,
        *,
        y: Any = None,
        conditions: Mapping[LabelT, object] | None = None,
        density: Density | None = None,
        noise: bool = True,
        random_state: Any = None,
    ) -> Table:
        """Draw new rows: codes from the prior, rows from the decoder.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows; not needed where ``y`` is an array.
        y : scalar or array-like, default=None
            With ``supervision``, the class of all rows, or one for each; ``n_samples``
            then is their number, or left out.  None, and missing labels, draw from the
            whole prior, and with ``supervision="decoder"`` classes by their frequency in
            training.
        conditions : dict or None, default=None
            What columns must be, by label (by position for arrays): a value, a list of
            values, a tuple ``(low, high)`` with both ends included (None for no bound), or
            None for a missing cell.  Rows are drawn from the model's distribution given
            the conditions, column by column; at most 100 are proposed for each.  For
            tables of mixed types only.
        density : object or None, default=None
            A distribution of codes to draw from in place of the prior: anything with
            scikit-learn's ``sample(n)`` that was fitted to what :meth:`transform` returns,
            for example ``GaussianMixture(16).fit(model.transform(X).astype(float))``
            ("ex-post density estimation" of Ghosh et al.).  It helps where codes miss the
            prior.
        noise : bool, default=True
            Whether rows are drawn from the decoder's distribution; of Gaussian outputs each
            column then has the distribution, decimals or grid of the training rows.  False
            returns what :meth:`inverse_transform` does (for pictures, say).
        random_state : int, RandomState or None, default=None
            None falls back on the estimator's ``random_state``: an int there
            repeats the same rows at every call, as in ``GaussianMixture``.

        Returns
        -------
        ndarray or frame of shape (n_samples, n_features)
            Rows in the container that ``fit`` saw, and of its types; means of arrays of
            numbers are floats.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If ``n_samples`` is not positive or not the number of labels, a label is of no
            known class, ``y`` is there and the model knows no classes, or a condition names
            an unknown column or level, an empty range, what a rule forbids, or what the model
            hardly ever draws.
        TypeError
            If ``density`` cannot be sampled.
        """
        check_is_fitted(self)
        check_scalar(n_samples, "n_samples", Integral, min_val=1)
        n_samples = count_draws(y, int(n_samples))
        classes = classes_to_draw(self, y, n_samples, density)
        seed = derive_seed(resolve_seed(random_state, self.random_state), ModelStream.SAMPLE)
        generator = make_generator(seed, self.device_)
        rng = np.random.default_rng(derive_seed(seed, DrawStream.CELLS)) if noise else None
        if conditions is not None and not isinstance(conditions, Mapping):
            raise TypeError(
                "conditions must be a dict of column labels and what the columns must be; got "
                f"{conditions!r}."
            )
        if conditions and (density is not None or not noise):
            raise ValueError("conditions go neither with density nor with noise=False.")
        self._identifiers.refuse(conditions or {})
        of_identifiers = np.random.default_rng(derive_seed(seed, DrawStream.IDENTIFIERS))
        codes = None
        if density is not None:
            k, own_seed = self._n_features_out, derive_seed(seed, DrawStream.DENSITY)
            drawn = torch.as_tensor(codes_of_density(density, n_samples, k, own_seed))
            codes = sample_posterior(self.net_.module_, drawn.to(self.device_), generator)
        elif self._keeper is not None and rng is not None and (conditions or self._keeper.asks):
            rows = self._draw_kept(n_samples, dict(conditions or {}), generator, rng, classes)
            return self._identifiers.fresh(rows, of_identifiers)
        rows = self._draw(n_samples, conditions or {}, generator, rng, classes, codes)
        return self._identifiers.fresh(rows, of_identifiers)

    def _draw_kept(
        self,
        n_samples: int,
        conditions: dict[Any, Any],
        generator: torch.Generator,
        rng: np.random.Generator,
        classes: Classes | None,
    ) -> Any:
        """Return drawn rows that keep the rules, drawing again what does not."""
        keeper, module = self._keeper, self.net_.module_
        assert keeper is not None
        direct = keeper.direct(conditions)
        warn_if_unseen(keeper, self._reader, module, direct, conditions)

        def draw(index: np.ndarray) -> tuple[Any, np.ndarray | None]:
            own = None if classes is None else classes.of(index)
            if direct or not keeper.pairs:
                drawn = self._draw(len(index), direct, generator, rng, own, asked=conditions)
                return keeper.mend(drawn, rng), None
            return draw_masked(self._reader, module, keeper.pairs, len(index), generator, rng, own)

        return draw_kept(draw, keeper, n_samples, conditions, rng)

    def _draw(
        self,
        n_samples: int,
        conditions: Mapping[Any, Any],
        generator: torch.Generator,
        rng: np.random.Generator | None,
        classes: Classes | None,
        codes: torch.Tensor | None = None,
        asked: Mapping[Any, Any] | None = None,
    ) -> Any:
        if conditions:
            return self._sample_within(n_samples, conditions, generator, rng, classes, asked)
        inputs = decoder_draws(self.net_.module_, n_samples, generator, classes, codes)
        noise = None if rng is None else generator
        rows = self._decode(
            inputs.cpu().numpy(),
            self._reader.dtype,
            noise,
            in_decoder_space=True,
            as_columns=noise is not None,
        )
        return self._reader.hand_back(rows, rng=rng)

    def _sample_within(
        self,
        n_samples: int,
        conditions: Mapping[Any, Any],
        generator: torch.Generator,
        rng: np.random.Generator | None,
        classes: Classes | None,
        asked: Mapping[Any, Any] | None,
    ) -> Any:
        level_head(self.net_.module_, "sample with conditions")
        assert isinstance(self._reader, LevelsReader)
        encoder = self._reader.encoder
        labels = [span.name for span in encoder.layout_.spans]
        shares = {name: encoder._level_shares(name, wanted) for name, wanted in conditions.items()}
        digits = draw_within(
            self.net_.module_,
            encoder.layout_,
            {labels.index(name): share for name, share in shares.items()},
            n_samples,
            generator,
            classes,
            () if self._keeper is None else self._keeper.pairs,
            asked,
        )
        levels = encoder.layout_.from_digits(digits.cpu().numpy())
        within = {labels.index(name): wanted for name, wanted in conditions.items()}
        return self._reader.in_own_words(encoder._from_levels(levels, rng, within=within))

    @plain_defaults()
    def impute(
        self,
        X: Any,
        *,
        y: Any = None,
        method: str = "mode",
        n_draws: int = 100,
        random_state: Any = None,
    ) -> Table:
        """Fill missing cells given the cells of the row that are there.

        In ``fit`` the columns may have missing cells or not.  Outputs over levels do it by
        importance sampling: codes are drawn from the posterior of the known cells, missing
        cells column by column, and a draw counts by how likely it makes the known ones.
        Outputs over numbers start from the columns' means; then the row is encoded, decoded,
        and its missing cells are replaced, twice, or once if many were missing in ``fit``.

        Parameters
        ----------
        X : frame or array-like of shape (n_samples, n_features)
            Rows with missing cells.
        y : scalar or array-like of shape (n_samples,), default=None
            With ``supervision="decoder"``, the class of all rows or of each.  Where there is
            none, classes are drawn by their frequency in training and weighed by the known
            cells.  Else must be None.
        method : {"mode", "mean", "draw"}, default="mode"
            ``"mode"``: the median of numbers and dates and the likeliest category, the
            best single guesses.  ``"mean"``: the level nearest to the mean in place of the
            median.  ``"draw"``: one draw, so that columns scatter like the true cells and not
            less, as guesses do; several calls with other seeds are multiple imputations.
            Outputs over numbers give their mean as the mode.
        n_draws : int, default=100
            Draws for each row, of outputs over levels; time is proportional to it.
        random_state : int, RandomState or None, default=None
            None falls back on the estimator's ``random_state``.

        Returns
        -------
        frame or ndarray of shape (n_samples, n_features)
            The rows in the container that ``fit`` saw, with the index of ``X``; cells that
            were there are as they were, also those of categories that ``fit`` did not see.
            A column has the type that it had in ``fit`` if that holds its known cells
            exactly, else a wider one.  A column that was all missing in ``fit`` stays so.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If a parameter is not usable, the table is not that of ``fit``, or no type of the
            library holds a known cell beside the filled ones.

        Examples
        --------
        >>> import numpy as np
        >>> import pandas as pd
        >>> from sklearn_aae import AdversarialAutoencoder
        >>> frame = pd.DataFrame({"size": ["s", "l"] * 50, "weight": [1.0, 9.0] * 50})
        >>> aae = AdversarialAutoencoder(output="autoregressive", random_state=0).fit(frame)
        >>> aae.impute(pd.DataFrame({"size": ["l", "s"], "weight": [np.nan, np.nan]}))
          size  weight
        0    l     9.0
        1    s     1.0
        """
        check_is_fitted(self)
        if method not in METHODS:
            raise ValueError(f"method must be one of {METHODS}, got {method!r}.")
        check_scalar(n_draws, "n_draws", Integral, min_val=1)
        seed = derive_seed(resolve_seed(random_state, self.random_state), ModelStream.IMPUTE)
        hidden = self._identifiers.hide(X)
        filled = fill_missing(self, hidden, y, method=method, n_draws=int(n_draws), seed=seed)
        return self._identifiers.put_back(filled, X, np.random.default_rng(seed))

    # ------------------------------------------------------------------- score

    @takes_streams
    def score_samples(self, X: Any, y: Any = None) -> np.ndarray:
        """Return how well the model explains each row; higher is more normal.

        Minus the sum over columns of the decoder's loss: squared errors of scaled
        columns, or nats where the output is a likelihood (of levels, for outputs over
        categories).

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            Rows; of a Dataset or LazyFrame, record batches are returned (:ref:`scale`).
        y : scalar or array-like of shape (n_samples,), default=None
            With ``supervision="decoder"``, the class of all rows or of each; None, and
            missing labels, take the class of highest likelihood.  Else not used.

        Returns
        -------
        ndarray of shape (n_samples,), float64
            Scores.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If a label is of no known class.
        """
        check_is_fitted(self)
        rows = self._read(X)
        return -self._cell_losses(rows, sums=True, labels=labels_to_score(self, y, len(rows)))

    @overload
    def score_contributions(
        self, X: Any, y: Any = ..., *, as_frame: Literal[False] = ...
    ) -> np.ndarray: ...

    @overload
    def score_contributions(self, X: Any, y: Any = ..., *, as_frame: Literal[True]) -> Table: ...

    @overload
    def score_contributions(
        self, X: Any, y: Any = ..., *, as_frame: bool
    ) -> np.ndarray | Table: ...

    @takes_streams
    def score_contributions(
        self, X: Any, y: Any = None, *, as_frame: bool = False
    ) -> np.ndarray | Table:
        """Return what each column contributes to a row's anomaly score.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            Rows; of a Dataset or LazyFrame, record batches are returned (:ref:`scale`).
        y : scalar or array-like of shape (n_samples,), default=None
            As in :meth:`score_samples`.
        as_frame : bool, default=False
            Whether to return a frame: of the library of ``X``, with its index; of pandas if
            ``X`` is an array.

        Returns
        -------
        ndarray or frame of shape (n_samples, `n_features_in_`), float64
            Loss of each cell; rows add up to ``-score_samples(X, y)``.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If a label is of no known class.
        """
        check_is_fitted(self)
        rows = self._read(X)
        cells = self._cell_losses(rows, labels=labels_to_score(self, y, len(rows)))
        return frame_of_cells(cells, labels_of(self), X) if as_frame else cells

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean of :meth:`score_samples`, so that searches run without a scorer.

        It grows with ``n_components`` and knows nothing of the prior:
        :func:`sklearn_aae.metrics.balanced_score` weighs reconstruction against
        the match of codes and prior.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            Rows.
        y : scalar or array-like of shape (n_samples,), default=None
            As in :meth:`score_samples`.

        Returns
        -------
        float
            Mean score.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If the rows are a stream, a LazyFrame say.
        """
        refuse_streams(X)
        return float(self.score_samples(X, y).mean())

    @property
    def _n_features_out(self) -> int:
        result: int = self.net_.module_.n_components
        return result
