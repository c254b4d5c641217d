"""Tables in and out: as levels and float32 matrices, and back; no torch here."""

from sklearn_aae.encoding._columns import (
    BOOLEAN,
    CATEGORY,
    NUMBER,
    Column,
    label_booleans,
    read_column,
)
from sklearn_aae.encoding._containers import (
    Container,
    as_frame,
    check_numeric_columns,
    columns_of,
    describe_non_finite,
)
from sklearn_aae.encoding._dense import UnseenCells, dense_widths, unseen_cells
from sklearn_aae.encoding._levels import LevelScale
from sklearn_aae.encoding._scaling import CLIP, Scaler
from sklearn_aae.encoding._table_encoder import TableEncoder

__all__ = [
    "BOOLEAN",
    "CATEGORY",
    "CLIP",
    "NUMBER",
    "Column",
    "Container",
    "LevelScale",
    "Scaler",
    "TableEncoder",
    "UnseenCells",
    "as_frame",
    "check_numeric_columns",
    "columns_of",
    "dense_widths",
    "describe_non_finite",
    "label_booleans",
    "read_column",
    "unseen_cells",
]
