"""The classifier: categories learned from few labels, and from rows without any."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from sklearn_aae._utils._bases import ClassifierMixin
from sklearn_aae._utils._compat import StrOptions, _fit_context, with_callbacks
from sklearn_aae._utils._guard import leaves_no_trace
from sklearn_aae._utils._random import draw_seed
from sklearn_aae.autoencoder import AdversarialAutoencoder
from sklearn_aae.autoencoder._labels import Labels, learn_classes, read_labels
from sklearn_aae.categories._base import TwoHeadedEstimator, log_of
from sklearn_aae.categories._neighbors import spread_labels
from sklearn_aae.encoding._batches import takes_streams
from sklearn_aae.metrics._labelled import only_labelled
from sklearn_aae.typing import FilePath, Layers


class AAEClassifier(ClassifierMixin, TwoHeadedEstimator):
    r"""Semi-supervised classification with an adversarial autoencoder.

    The encoder has two heads [1]_: the probabilities of the classes, and a style.  The
    decoder reads both, so that what the classes leave open about a row is in the style.
    Two discriminators push the probabilities towards one-hot draws and the style towards
    the prior.  A fourth phase learns the classes from labelled rows, and that neighbours
    belong together from all rows.

    Read more in the :ref:`User Guide <few_labels>`.

    Parameters
    ----------
    n_components : int, default=8
        Width of the style.  A wide one reconstructs better; with a narrow one (2, say) the
        decoder has to use the class, so that classes can be written in any style.
    consistency : {"both", "neighbors", "adversarial"}, default="both"
        Where the class of a row should stay the same: at one of its nearest neighbours
        [2]_, within a small step in the direction that changes it most (virtual
        adversarial training [3]_), or both.  The step is 0.3 of the spread of the rows, the
        root of the summed variances of the columns; in tables of mixed types it is taken
        where the first layer has put the rows, at 0.6.
    consistency_weight : float, default=1.0
        Weight of that beside the cross-entropy of labelled rows; 0 leaves it out.
    n_neighbors : int, default=10
        Neighbours of a row (Euclidean distance of scaled columns, categories as columns of
        zeros and ones), among all rows of tables up to 65,536 and 16,384 at least of larger
        ones; no more than half of the rows that an average class has.
    init : {"random", "label_spreading"}, default="random"
        What the encoder is taught in the first third of the epochs of ``fit``: the labels
        that there are, or also labels for the other rows, spread along the graph of
        neighbours [4]_.
    head_distance : float or None, default=None
        If given, rows are embedded at :math:`W y + z`, with an embedding in the style's space
        for every class; embeddings nearer to each other than this are pushed apart.
        :meth:`transform` returns where rows lie.
    estimator : AdversarialAutoencoder or None, default=None
        The model to clone and train, for all that is no parameter here; its
        ``n_components`` and those that are parameters here are set.  Its prior is that of
        the style; ``adversarial_weight="auto"`` is 0.3, and 1 with
        ``head_distance``.  None takes one whose discriminators
        have hidden layers of (64, 64).
    hidden_layer_sizes : int or tuple of int, default=(128, 128)
        Widths of the encoder's hidden layers; the decoder mirrors them.
    max_epochs : int or "auto", default="auto"
        Passes over the rows.  ``"auto"`` is 80, and from 6,250 rows on as many as show the
        network half a million rows, at least 20; for tables of mixed types that of
        :class:`AdversarialAutoencoder`.
    batch_size : int or "auto", default="auto"
        Rows per mini-batch.  Beside it comes a batch of as many labelled rows, or all there
        are: few labels are seen in every step.
    lr : float or "auto", default="auto"
        Learning rate, as in :class:`AdversarialAutoencoder`.
    callbacks : list of skorch callbacks, default=None
        Used as they are, not copied.  One that cannot be copied, by scikit-learn's searches
        for instance, is passed as a class or as a function that returns it.
    device : str or torch.device, default="auto"
        Where to train; ``"auto"`` is CUDA if present, else the CPU.
    handle_unknown : {"unknown", "error"}, default="unknown"
        What becomes of a category that ``fit`` did not see: it is an unknown cell, which
        the networks read nothing of, or an error.
    handle_missing : {"unknown", "error"}, default="unknown"
        What becomes of missing cells.  With "unknown" they are modelled in columns that
        had some in ``fit``; elsewhere they are unknown cells.  "error" refuses missing cells
        in ``fit`` and afterwards.
    random_state : int, RandomState or None, default=None
        Seeds everything; an int makes ``fit`` repeat bit by bit on one machine.
    verbose : int, default=0
        1 prints a line per epoch.
    checkpoint : str, path or None, default=None
        Folder in which ``fit`` keeps what the same call goes on from if its process is killed, as
        in :class:`AdversarialAutoencoder`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes, in the type that they came in.
    n_features_in_ : int
        Number of columns seen in ``fit``.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, if they were all strings.
    estimator_ : AdversarialAutoencoder
        The fitted model.  Its code is the probabilities of the classes, then the style.
    n_iter_ : int
        Number of epochs trained, over all calls.
    loss_curve_ : list of float
        Reconstruction loss per column of each epoch.
    history_ : dict of list
        Loss of each phase by epoch: those of :class:`AdversarialAutoencoder`,
        ``"category_loss"`` and, with ``head_distance``, ``"repulsion_loss"``.
    interrupted_ : bool
        Whether training was cut short by Ctrl-C.
    training_report_ : TrainingReport
        What the last training says of itself: figures, each with a verdict and a remedy; see
        :ref:`training_report`.

    See Also
    --------
    AAEClusterer : The same without labels.
    sklearn.semi_supervised.LabelSpreading : Labels along a graph of neighbours.
    sklearn.semi_supervised.SelfTrainingClassifier : Any classifier on its own predictions.

    Notes
    -----
    Rows whose label is NaN, None or otherwise missing are unlabelled. Where no label is missing,
    rows of label -1 are so, if at least two other classes occur: {-1, 1} stays a problem of two
    classes. Beside missing labels, -1 is a class.

    Sizes of classes are taken from the labels, shrunk towards equal ones the more the fewer
    there are (James-Stein [5]_): the discriminator of classes draws from them, and mean
    probabilities are kept near them.  Choose rows to label at random, not by class.

    References
    ----------
    .. [1] A. Makhzani, J. Shlens, N. Jaitly, I. Goodfellow, B. Frey, "Adversarial
       Autoencoders", arXiv:1511.05644, 2015, section 4.
    .. [2] W. Van Gansbeke et al., "SCAN: Learning to Classify Images without Labels", ECCV
       2020.
    .. [3] T. Miyato et al., "Virtual Adversarial Training: A Regularization Method for
       Supervised and Semi-Supervised Learning", IEEE TPAMI 41(8), 2019.
    .. [4] D. Zhou, O. Bousquet, T. Lal, J. Weston, B. Schölkopf, "Learning with Local and
       Global Consistency", NIPS 2003.
    .. [5] J. Hausser, K. Strimmer, "Entropy Inference and the James-Stein Estimator", JMLR
       10, 2009.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_aae import AAEClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> few = y.copy()
    >>> few[y.size // 50 :: 2] = -1
    >>> classifier = AAEClassifier(max_epochs=40, random_state=0).fit(X, few)
    >>> classifier.predict_proba(X[:2]).shape
    (2, 3)
    >>> classifier.score(X, y) > 0.9
    True
    """

    classes_: np.ndarray

    _learns_labels = True

    _parameter_constraints: dict[str, Any] = {
        **TwoHeadedEstimator._parameter_constraints,
        "init": [StrOptions({"random", "label_spreading"})],
    }

    def __init__(
        self,
        n_components: int = 8,
        *,
        consistency: str = "both",
        consistency_weight: float = 1.0,
        n_neighbors: int = 10,
        init: str = "random",
        head_distance: float | None = None,
        estimator: AdversarialAutoencoder | None = None,
        hidden_layer_sizes: Layers = (128, 128),
        max_epochs: int | str = "auto",
        batch_size: int | str = "auto",
        lr: float | str = "auto",
        callbacks: Sequence[object] | None = None,
        device: str | torch.device = "auto",
        handle_unknown: str = "unknown",
        handle_missing: str = "unknown",
        random_state: Any = None,
        verbose: int = 0,
        checkpoint: FilePath | None = None,
    ) -> None:
        self.n_components = n_components
        self.consistency = consistency
        self.consistency_weight = consistency_weight
        self.n_neighbors = n_neighbors
        self.init = init
        self.head_distance = head_distance
        self.estimator = estimator
        self.hidden_layer_sizes = hidden_layer_sizes
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.lr = lr
        self.callbacks = callbacks
        self.device = device
        self.handle_unknown = handle_unknown
        self.handle_missing = handle_missing
        self.random_state = random_state
        self.verbose = verbose
        self.checkpoint = checkpoint

    # -------------------------------------------------------------- fitting

    @leaves_no_trace
    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any) -> AAEClassifier:
        """Fit the classifier to rows, some of them labelled.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            The rows, at least 2, of columns of any kind and with missing cells.
        y : array-like of shape (n_samples,)
            Labels: whole numbers, booleans, strings or other objects that sort; NaN, None or
            another missing cell for rows without one, or else -1 if at least two other
            classes occur.

        Returns
        -------
        self : AAEClassifier
            The fitted classifier.

        Raises
        ------
        ValueError
            If a parameter, the table or the labels are not usable; the message names it.
        TypeError
            If ``estimator`` is no AdversarialAutoencoder.
        """
        self._require_labels(y)
        model = self._new_model()
        rows = model._read(X, reset=True, caller=self)
        labels = _read(y, rows)
        self._prepare_model(model, class_weights(labels))
        self.classes_ = labels.classes
        self._fit_model(model, X, y, rows, labels.encoded)
        return self

    @leaves_no_trace
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, classes: ArrayLike | None = None) -> AAEClassifier:
        """Train one epoch on the given rows, at constant learning rates.

        The first call sets the scale, the networks, the classes and their sizes.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            The rows; at least 2 in the first call.
        y : array-like of shape (n_samples,)
            Labels as in :meth:`fit`; all may be missing, if the classes are known.
        classes : array-like of shape (n_classes,), default=None
            All classes that will occur, in the first call; None takes those in ``y``.

        Returns
        -------
        self : AAEClassifier
            The fitted classifier.

        Raises
        ------
        ValueError
            If a parameter, the table or the labels are not usable, or a label is of no class
            of the first call.
        """
        self._require_labels(y)
        first = not hasattr(self, "estimator_")
        model = self._new_model() if first else copy.copy(self.estimator_)
        rows = model._read(X, reset=first, caller=self)
        known = learn_classes(classes) if classes is not None else None
        if not first:
            if known is not None and known.tolist() != self.classes_.tolist():
                raise ValueError(
                    f"classes={known.tolist()} are not those of the first call: "
                    f"{self.classes_.tolist()}."
                )
            known = self.classes_
        labels = _read(y, rows, known)
        if first:
            self._prepare_model(model, class_weights(labels))
            self.classes_ = labels.classes
            net = self._new_net(model, rows, draw_seed(self.random_state))
        else:
            net = self._net_to_go_on_with(model)
        self._fit_further(model, net, X, rows, labels.encoded)
        return self

    def _pseudo_labels(
        self, neighbors: np.ndarray, labels: np.ndarray | None, rng: np.random.Generator
    ) -> np.ndarray:
        assert labels is not None
        return spread_labels(neighbors, labels)

    def _require_labels(self, y: Any) -> None:
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y "
                "is None."
            )

    # ------------------------------------------------------------- prediction

    @takes_streams
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities of the classes.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            Rows; of a Dataset or LazyFrame, record batches are returned (:ref:`scale`).

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            Probabilities, in the order of ``classes_``.

        Raises
        ------
        NotFittedError
            If the classifier is not fitted.
        """
        check_is_fitted(self)
        rows = self.estimator_._read(X, caller=self)
        return self._probabilities(self.estimator_, rows)

    @takes_streams
    def predict(self, X: Any) -> np.ndarray:
        """Return the likeliest class of each row.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            Rows; of a Dataset or LazyFrame, record batches are returned (:ref:`scale`).

        Returns
        -------
        ndarray of shape (n_samples,)
            Classes.

        Raises
        ------
        NotFittedError
            If the classifier is not fitted.
        """
        indices = self.predict_proba(X).argmax(axis=1)
        result: np.ndarray = self.classes_[indices]
        return result

    @takes_streams
    def decision_function(self, X: Any) -> np.ndarray:
        """Return how much speaks for each class.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            Rows; of a Dataset or LazyFrame, record batches are returned (:ref:`scale`).

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes), float64
            Of two classes, the logarithm of the odds of ``classes_[1]``; else the logarithms of
            the probabilities.  Finite: probabilities below 2.2e-308 count as that.

        Raises
        ------
        NotFittedError
            If the classifier is not fitted.
        """
        evidence = log_of(self.predict_proba(X), least=np.finfo(np.float64).tiny)
        return evidence[:, 1] - evidence[:, 0] if evidence.shape[1] == 2 else evidence

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Return the accuracy of predictions for the rows that have a label.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            Their labels; rows whose label is missing, or -1 where that is none of
            ``classes_``, do not count.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of rows.

        Returns
        -------
        float
            Share of the labelled rows whose class is predicted, in [0, 1].

        Raises
        ------
        NotFittedError
            If the classifier is not fitted.
        ValueError
            If no row has a label.

        See Also
        --------
        sklearn_aae.metrics.labelled_scorer : The same for any scorer of scikit-learn.
        """
        check_is_fitted(self)
        result: float = super().score(*only_labelled(X, y, sample_weight, self.classes_))
        return result


def _read(y: Any, rows: np.ndarray, classes: np.ndarray | None = None) -> Labels:
    return read_labels(y, classes=classes, X=rows, warn=True)


def class_weights(labels: Labels) -> np.ndarray:
    r"""Return the sizes of classes as shares, shrunk towards equal ones.

    :math:`\lambda / K + (1 - \lambda) \hat p_k` with
    :math:`\lambda = (1 - \sum \hat p_k^2) / ((n - 1) \sum (1/K - \hat p_k)^2)` in [0, 1]
    (Hausser and Strimmer 2009, equation 6).
    """
    k = len(labels.classes)
    counts = np.bincount(labels.encoded + 1, minlength=k + 1)[1:]
    n = counts.sum()
    shares = counts / max(n, 1)
    spread = ((1 / k - shares) ** 2).sum()
    if n < 2 or spread == 0:
        return np.full(k, 1 / k)
    shrinkage = min(1.0, (1 - (shares**2).sum()) / ((n - 1) * spread))
    result: np.ndarray = shrinkage / k + (1 - shrinkage) * shares
    return result
