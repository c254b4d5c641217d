"""From tables to float32 blocks and back; no torch here."""

from sklearn_aae.encoding._containers import Container, check_numeric_columns, describe_non_finite
from sklearn_aae.encoding._scaling import Scaler

__all__ = ["Container", "Scaler", "check_numeric_columns", "describe_non_finite"]
