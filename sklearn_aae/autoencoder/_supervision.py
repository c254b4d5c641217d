"""What ``supervision`` makes of ``y``: checks, and labels for rows, codes and draws."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_aae.autoencoder._labels import learn_classes, read_labels
from sklearn_aae.autoencoder._protocols import LabelledModel
from sklearn_aae.networks import Classes
from sklearn_aae.priors import Prior

#: What to set where ``y`` has no effect, by the method that got it.
REMEDIES = {
    "sample": 'Pass y=None, or fit with supervision="decoder" (or "prior") and labels.',
    "inverse_transform": 'Pass y=None, or fit with supervision="decoder" and labels.',
    "reconstruct": 'Pass y=None, or fit with supervision="decoder" and labels.',
    "impute": 'Pass y=None, or fit with supervision="decoder" and labels.',
}


def check_prior(prior: Prior, n_components: int, n_classes: int) -> None:
    """Raise ValueError unless a prior has modes that classes can be assigned to."""
    n_modes = prior.count_modes(n_components)
    if not n_modes:
        raise ValueError(
            f'supervision="prior" needs a prior with modes, and {prior!r} has none: use '
            '"mixture", "swiss_roll", "categorical" or a product with one of them, or '
            'supervision="decoder", which takes any prior.'
        )
    if prior.learns:
        raise ValueError(
            f'supervision="prior" needs a prior whose modes stay where they are, and {prior!r} '
            'moves them to where codes are: use "mixture", "swiss_roll" or "categorical".'
        )
    if n_modes < n_classes:
        raise ValueError(
            f'supervision="prior" needs a mode for each of the {n_classes} classes, and {prior!r} '
            f"has {n_modes} in n_components={n_components}; use for example "
            f"priors.Mixture(n_modes={n_classes})."
        )


def training_labels(
    model: LabelledModel, y: Any, X: Any, *, reset: bool, classes: Any = None
) -> np.ndarray | None:
    """Return the encoded labels that a fit trains with; None without supervision.

    The model learns its classes and how often they occur.

    Parameters
    ----------
    model : AdversarialAutoencoder
        The estimator.
    y : array-like of shape (n_samples,) or None
        What the user passed.
    X : array-like of shape (n_samples, n_features)
        The rows.
    reset : bool
        Whether classes of an earlier fit are forgotten.
    classes : array-like or None, default=None
        The classes to come, as ``partial_fit`` takes them.

    Returns
    -------
    ndarray of shape (n_samples,), int64, or None
        The labels, -1 where there is none.

    Raises
    ------
    ValueError
        If labels are missing, unusable or of an unknown class.
    """
    if reset:
        model.__dict__.pop("classes_", None)
        model.__dict__.pop("_class_counts", None)
    if model.supervision is None:
        return None
    if y is None:
        raise ValueError(
            f"supervision={model.supervision!r} requires y to be passed, but the target y is None. "
            "Pass labels (NaN or None for rows without one), or set supervision=None."
        )
    known = getattr(model, "classes_", None)
    if known is None and classes is not None:
        known = learn_classes(classes)
    labels = read_labels(y, classes=known, X=X)
    counts = np.bincount(labels.encoded + 1, minlength=len(labels.classes) + 1)[1:]
    model.classes_ = labels.classes
    model._class_counts = getattr(model, "_class_counts", 0) + counts
    return labels.encoded


def refuse_labels(y: Any, method: str, supervision: str | None) -> None:
    """Raise ValueError if labels were passed where they have no effect."""
    if y is not None:
        raise ValueError(
            f"{method} got y, but the model was fitted with supervision={supervision!r}, where it "
            f"takes no labels. {REMEDIES[method]}"
        )


def labels_to_decode(model: LabelledModel, y: Any, method: str, n_rows: int) -> np.ndarray | None:
    """Return encoded labels for the decoder of a fitted model.

    Parameters
    ----------
    model : AdversarialAutoencoder
        The fitted model.
    y : scalar, array-like of shape (n_rows,) or None
        A label for all rows or one for each.
    method : str
        Who asks, for the message.
    n_rows : int
        Number of rows.

    Returns
    -------
    ndarray of shape (n_rows,), int64, or None
        Labels, -1 where there is none; None if the decoder reads no labels.

    Raises
    ------
    ValueError
        If there are labels and the decoder reads none, more or fewer than rows, or one of
        no known class.
    """
    if not model.net_.module_.decodes_labels:
        refuse_labels(y, method, model._fitted_supervision)
        return None
    return _encoded(y, model.classes_, n_rows)


def labels_to_score(model: LabelledModel, y: Any, n_rows: int) -> np.ndarray | None:
    """Return encoded labels for scoring rows; None if the decoder reads no labels.

    Pipelines and searches hand over ``y`` whatever the model makes of it, so that labels that
    are not needed are no error here.
    """
    return _encoded(y, model.classes_, n_rows) if model.net_.module_.decodes_labels else None


def classes_to_draw(model: LabelledModel, y: Any, n_samples: int, density: Any) -> Classes | None:
    """Return the classes of draws of a fitted model; None if nothing depends on them.

    Raises
    ------
    ValueError
        If there are labels and the model knows no classes, or they choose modes of the
        prior and a density takes its place.
    """
    supervision = model._fitted_supervision
    if supervision is None:
        refuse_labels(y, "sample", supervision)
        return None
    if supervision == "prior":
        if y is None:
            return None
        if density is not None:
            raise ValueError(
                'y goes not with density where supervision="prior": the class is a part of the '
                "prior, whose place density takes. Fit a density to the codes of the class."
            )
    return Classes(_encoded(y, model.classes_, n_samples), model._class_counts)


def _encoded(y: Any, classes: np.ndarray, n_rows: int) -> np.ndarray:
    """Return encoded labels: one for all rows, one for each, or -1."""
    if _is_one_label(y):
        return np.repeat(read_labels([y], classes=classes).encoded, n_rows)
    encoded = read_labels(y, classes=classes).encoded
    if len(encoded) != n_rows:
        raise ValueError(f"y holds {len(encoded)} labels for {n_rows} rows; pass one for each.")
    return encoded


def count_draws(y: Any, n_samples: int) -> int:
    """Return how many rows to draw: as many as there are labels, if there are several."""
    if y is None or _is_one_label(y):
        return n_samples
    if not len(y):
        raise ValueError(
            "y holds no labels, so that there is nothing to draw; pass one label for all rows or "
            "one for each, or y=None."
        )
    if n_samples not in (1, len(y)):
        raise ValueError(
            f"y holds {len(y)} labels, and n_samples={n_samples}; leave n_samples out, or pass one "
            "label for all."
        )
    return len(y)


def _is_one_label(y: Any) -> bool:
    # Lists are not handed to numpy, which would look into their cells.
    return not isinstance(y, (list, tuple)) and np.ndim(y) == 0
