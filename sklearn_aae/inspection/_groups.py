"""Rows by label: what ``y`` of the displays colours."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_consistent_length
from sklearn.utils.multiclass import type_of_target

from sklearn_aae._utils._compat import import_extra
from sklearn_aae.encoding import LabelCells, read_label_cells
from sklearn_aae.inspection._style import PALETTE, colors_of

#: Keywords of a scatter that say how values become colours.
OF_VALUES = ("cmap", "norm", "vmin", "vmax", "colorizer", "plotnonfinite")
#: Colour maps of fewer colours, in a list, are for classes: one for each.
MOST_LISTED = 64


class Group(NamedTuple):
    """Rows that are drawn alike: their name in the legend, which they are, if they have labels."""

    label: str
    rows: np.ndarray
    labelled: bool = True


def refuse_colors(kwargs: dict[str, Any]) -> None:
    """Raise TypeError for the names that other libraries have for ``y``.

    One colour as matplotlib's ``c`` is its ``color``.
    """
    if "c" in kwargs and "color" not in kwargs and _colors().is_color_like(kwargs["c"]):
        kwargs["color"] = kwargs.pop("c")
    for name in ("hue", "c"):
        if name in kwargs:
            raise TypeError(
                f"{name}= is no keyword of this display: pass labels or values of the rows as y=, "
                "and one colour for all of them as color=."
            )


def _colors() -> Any:
    return import_extra("matplotlib.colors", "plot")


def read_labels(y: Any, rows: np.ndarray) -> LabelCells | None:
    """Return the labels of rows, or None if there are none."""
    if y is None:
        return None
    labels = read_label_cells(y)
    check_consistent_length(rows, labels.missing)
    return labels


def groups_of(
    cells: LabelCells | None, n_rows: int, name: str
) -> tuple[list[Group], np.ndarray | None]:
    """Return the classes, or one class and the values of y; rows without a label are last."""
    if cells is None:
        return [Group(name, np.ones(n_rows, dtype=bool))], None
    labels, missing = cells
    rest = [Group("unlabelled", missing, labelled=False)] if missing.any() else []
    if not len(labels):
        return rest, None
    classes, indices = np.unique(labels, return_inverse=True)
    numeric = np.issubdtype(labels.dtype, np.number)
    if numeric and (type_of_target(labels) == "continuous" or len(classes) > len(PALETTE)):
        return [Group(name, ~missing), *rest], labels
    own = np.full(len(missing), -1)
    own[~missing] = indices
    return [Group(str(label), own == i) for i, label in enumerate(classes)] + rest, None


def class_colors(groups: list[Group], values: Any, kwargs: dict[str, Any]) -> list[Any]:
    """Return a colour for each group, of the palette or of ``cmap`` for classes."""
    cmap = kwargs.get("cmap")
    if cmap is None or values is not None:
        return colors_of(len(groups))
    cmap = import_extra("matplotlib", "plot").colormaps[cmap] if isinstance(cmap, str) else cmap
    if isinstance(getattr(cmap, "colors", None), (list, tuple)) and cmap.N < MOST_LISTED:
        return [cmap(i % cmap.N) for i in range(len(groups))]
    n_classes = max(2, sum(group.labelled for group in groups))
    return [cmap(i / (n_classes - 1)) for i in range(len(groups))]
