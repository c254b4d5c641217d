"""Tables in and out: as levels and float32 matrices, and back; no torch here."""

from sklearn_aae.encoding._bulk import MOST_GROSS
from sklearn_aae.encoding._cells import is_missing
from sklearn_aae.encoding._columns import (
    BOOLEAN,
    CATEGORY,
    DATETIME,
    DURATION,
    EMPTY,
    NUMBER,
    Column,
    label_booleans,
    read_column,
)
from sklearn_aae.encoding._comparable import at_precision, is_rounding_noise, precisions_of
from sklearn_aae.encoding._containers import (
    Container,
    as_array,
    as_frame,
    as_plain,
    check_matrix,
    check_numeric_columns,
    columns_of,
    describe_non_finite,
)
from sklearn_aae.encoding._detector_readers import open_features
from sklearn_aae.encoding._kept_rows import KeptRows
from sklearn_aae.encoding._label_cells import LabelCells, read_label_cells
from sklearn_aae.encoding._layout import Layout, Span, TableFacts
from sklearn_aae.encoding._levels import LevelScale
from sklearn_aae.encoding._matrices import DATE, Matrices, read_matrices
from sklearn_aae.encoding._number_columns import Rounding, find_decimals
from sklearn_aae.encoding._readers import (
    FARTHEST,
    LevelsReader,
    NumbersReader,
    Reader,
    is_mixed,
    is_ready,
)
from sklearn_aae.encoding._scaling import FAR, Scaler
from sklearn_aae.encoding._table_encoder import TableEncoder
from sklearn_aae.encoding._text_columns import read_parsed

__all__ = [
    "BOOLEAN",
    "CATEGORY",
    "DATE",
    "DATETIME",
    "DURATION",
    "EMPTY",
    "FAR",
    "FARTHEST",
    "MOST_GROSS",
    "NUMBER",
    "Column",
    "Container",
    "KeptRows",
    "LabelCells",
    "Layout",
    "LevelScale",
    "LevelsReader",
    "Matrices",
    "NumbersReader",
    "Reader",
    "Rounding",
    "Scaler",
    "Span",
    "TableEncoder",
    "TableFacts",
    "as_array",
    "as_frame",
    "as_plain",
    "at_precision",
    "check_matrix",
    "check_numeric_columns",
    "columns_of",
    "describe_non_finite",
    "find_decimals",
    "is_missing",
    "is_mixed",
    "is_ready",
    "is_rounding_noise",
    "label_booleans",
    "open_features",
    "precisions_of",
    "read_column",
    "read_label_cells",
    "read_matrices",
    "read_parsed",
]
