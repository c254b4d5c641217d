"""Tables in and out: as levels and float32 matrices, and back; no torch here."""

from sklearn_aae.encoding._containers import Container, check_numeric_columns, describe_non_finite
from sklearn_aae.encoding._layout import Layout, Span
from sklearn_aae.encoding._scaling import Scaler
from sklearn_aae.encoding._table_encoder import TableEncoder

__all__ = [
    "Container",
    "Layout",
    "Scaler",
    "Span",
    "TableEncoder",
    "check_numeric_columns",
    "describe_non_finite",
]
