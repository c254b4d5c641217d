"""The clusterer: categories that nobody named."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from sklearn_aae._utils._bases import ClusterMixin
from sklearn_aae._utils._compat import Interval, StrOptions, _fit_context, with_callbacks
from sklearn_aae._utils._guard import leaves_no_trace
from sklearn_aae.autoencoder import AdversarialAutoencoder
from sklearn_aae.autoencoder._base import BaseAAE
from sklearn_aae.categories._base import (
    DOUBLE,
    TwoHeadedEstimator,
    embedding_of,
    heads_of,
)
from sklearn_aae.categories._neighbors import spectral_clusters
from sklearn_aae.encoding._batches import takes_streams
from sklearn_aae.typing import FilePath, Layers, Table


class AAEClusterer(ClusterMixin, TwoHeadedEstimator):
    r"""Clustering with an adversarial autoencoder.

    The encoder has two heads [1]_: the probabilities of the clusters, and a style.  The
    decoder reads both, so that what a cluster leaves open about a row is in the style.
    Two discriminators push the probabilities towards one-hot draws and the style towards
    the prior.  A fourth phase asks that neighbours belong to the same cluster, that small
    steps do not leave it, and that clusters are of about equal size [2]_ [3]_: on most tables
    that, more than the discriminators, is what finds clusters that people would name.

    Read more in the :ref:`User Guide <clustering>`.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters at most; one that ends up without rows comes last.
    n_components : int, default=2
        Width of the style.  A wide one holds what cluster a row is of as well.
    consistency : {"both", "neighbors", "adversarial"}, default="both"
        Where the cluster of a row should stay the same: at one of its nearest neighbours,
        within a small step in the direction that changes it most [3]_, or both; as in
        :class:`AAEClassifier`.
    consistency_weight : float, default=1.0
        Weight of that; 0 leaves clusters to the discriminator.
    n_neighbors : int, default=20
        Neighbours of a row (Euclidean distance of scaled columns, categories as columns of
        zeros and ones), among all rows of tables up to 65,536 and 16,384 at least of larger
        ones; no more than half of the rows that an average cluster has.
    init : {"random", "spectral"}, default="random"
        What clusters the encoder is taught in the first third of the epochs: none, or
        spectral clusters of the graph of neighbours [4]_, which may be of different size.
    head_distance : float or None, default=None
        If given, rows are embedded at :math:`W y + z`, with an embedding in the style's space
        for every cluster; embeddings nearer to each other than this are pushed apart.
        With ``n_components=2`` a map of the clusters.
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
        Rows per mini-batch, as in :class:`AdversarialAutoencoder`.
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
    labels_ : ndarray of shape (n_samples,), int64
        The cluster of each training row.
    cluster_prototypes_ : ndarray or frame of shape (n_clusters, n_features)
        The row that stands for each cluster: its corner, in the mean style of its training
        rows, decoded; in the container that ``fit`` saw.  Where clusters are clear, it is
        of its cluster for ``predict``, too; one without rows has no style.
    cluster_embedding_ : ndarray of shape (n_clusters, n_components) or None
        With ``head_distance``, the embeddings of the clusters (:math:`W`).
    n_features_in_ : int
        Number of columns seen in ``fit``.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, if they were all strings.
    estimator_ : AdversarialAutoencoder
        The fitted model.  Its code is the probabilities of categories, in an order of their
        own, then the style.
    n_iter_ : int
        Number of epochs trained.
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
    AAEClassifier : The same with some labels.
    sklearn.cluster.KMeans : Clusters as cells around means.
    sklearn.mixture.GaussianMixture : Clusters as normal distributions.

    Notes
    -----
    Clusters are of about equal size as far as neighbours allow; where some groups are many
    times larger than others, ask for more clusters than groups.

    References
    ----------
    .. [1] A. Makhzani, J. Shlens, N. Jaitly, I. Goodfellow, B. Frey, "Adversarial
       Autoencoders", arXiv:1511.05644, 2015, sections 5 and 6.
    .. [2] W. Van Gansbeke et al., "SCAN: Learning to Classify Images without Labels", ECCV
       2020.
    .. [3] W. Hu, T. Miyato, S. Tokui, E. Matsumoto, M. Sugiyama, "Learning Discrete
       Representations via Information Maximizing Self-Augmented Training", ICML 2017.
    .. [4] A. Ng, M. Jordan, Y. Weiss, "On Spectral Clustering: Analysis and an Algorithm",
       NIPS 2001.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from sklearn.metrics import adjusted_rand_score
    >>> from sklearn_aae import AAEClusterer
    >>> X, y = make_blobs(300, centers=3, random_state=1)
    >>> clusterer = AAEClusterer(3, max_epochs=40, random_state=0).fit(X)
    >>> adjusted_rand_score(y, clusterer.labels_) > 0.9
    True
    >>> clusterer.predict(clusterer.cluster_prototypes_)
    array([0, 1, 2])
    """

    n_clusters: int
    labels_: np.ndarray

    #: The category of each cluster.
    _order: np.ndarray
    _prototypes: np.ndarray
    cluster_embedding_: np.ndarray | None

    _parameter_constraints: dict[str, Any] = {
        **TwoHeadedEstimator._parameter_constraints,
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "init": [StrOptions({"random", "spectral"})],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        n_components: int = 2,
        consistency: str = "both",
        consistency_weight: float = 1.0,
        n_neighbors: int = 20,
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
        self.n_clusters = n_clusters
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

    @leaves_no_trace
    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> AAEClusterer:
        """Find clusters of rows.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            The rows, at least 2 and as many as clusters, of columns of any kind and with
            missing cells.
        y : object, default=None
            Not used.

        Returns
        -------
        self : AAEClusterer
            The fitted clusterer.

        Raises
        ------
        ValueError
            If a parameter or the table is not usable; the message names it.
        TypeError
            If ``estimator`` is no AdversarialAutoencoder.
        """
        model = self._new_model()
        rows = model._read(X, reset=True, caller=self)
        if len(rows) < self.n_clusters:
            raise ValueError(
                f"n_samples={len(rows)} should be >= n_clusters={self.n_clusters}: ask for fewer "
                "clusters."
            )
        k = int(self.n_clusters)  # True is a whole number, too, but no size of an array
        self._prepare_model(model, np.full(k, 1 / k))
        self._fit_model(model, X, y, rows, None)
        return self

    def _pseudo_labels(
        self, neighbors: np.ndarray, labels: np.ndarray | None, rng: np.random.Generator
    ) -> np.ndarray:
        if len(neighbors) < self.n_clusters:  # without those that are held back
            return np.full(len(neighbors), -1)
        return spectral_clusters(neighbors, self.n_clusters, rng)

    def _fitted_attributes(self, model: BaseAAE, rows: np.ndarray) -> dict[str, Any]:
        fitted = super()._fitted_attributes(model, rows)
        codes = model._encode(rows, DOUBLE)
        heads = heads_of(model)
        k = 0 if heads is None else heads.n_categories
        categories = codes[:, :k].argmax(axis=1) if k else np.zeros(len(codes), dtype=int)
        sizes = np.bincount(categories, minlength=int(self.n_clusters))
        order = np.argsort(sizes == 0, kind="stable")  # those without rows come last
        embeds = heads is not None and heads.head_distance is not None
        return fitted | {
            "_order": order,
            "labels_": np.argsort(order)[categories].astype(np.int64),
            "_prototypes": _prototypes(model, codes, categories, order, k),
            "cluster_embedding_": embedding_of(model)[order] if embeds else None,
        }

    @property
    def cluster_prototypes_(self) -> Table:
        """The row that stands for each cluster, in the container of the training rows."""
        rows: Table = self.estimator_._reader.hand_back(self._prototypes)
        return rows

    def _columns(self) -> np.ndarray:
        return self._order

    @takes_streams
    def predict(self, X: Any) -> np.ndarray:
        """Return the likeliest cluster of each row.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            Rows; of a Dataset or LazyFrame, record batches are returned (:ref:`scale`).

        Returns
        -------
        ndarray of shape (n_samples,), int64
            Clusters, as in ``labels_``.

        Raises
        ------
        NotFittedError
            If the clusterer is not fitted.
        """
        result: np.ndarray = self.predict_proba(X).argmax(axis=1)
        return result

    @takes_streams
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities of the clusters.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            Rows; of a Dataset or LazyFrame, record batches are returned (:ref:`scale`).

        Returns
        -------
        ndarray of shape (n_samples, n_clusters), float64
            Probabilities.

        Raises
        ------
        NotFittedError
            If the clusterer is not fitted.
        """
        check_is_fitted(self)
        rows = self.estimator_._read(X, caller=self)
        return self._probabilities(self.estimator_, rows)[:, self._order]


def _prototypes(
    model: BaseAAE, codes: np.ndarray, categories: np.ndarray, order: np.ndarray, k: int
) -> np.ndarray:
    """Return the row that stands for each category: its corner, in its rows' mean style.

    ``codes`` and ``categories`` are those of the rows; ``k`` columns of a code are categories.
    Without style a category may decode to where rows of another lie: a style that is wide
    enough tells them apart, too.
    """
    style = [
        codes[categories == category, k:].mean(axis=0)
        if (categories == category).any()
        else np.zeros(codes.shape[1] - k)
        for category in order
    ]
    reader = model._reader
    prototypes = np.hstack([np.eye(k)[order] if k else np.empty((len(order), 0)), style])
    prototypes = prototypes.astype(np.float32 if reader.is_mixed else reader.dtype)
    return model._decode(prototypes, reader.dtype)
