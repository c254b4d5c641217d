"""Computed cells in the type of their column, as far as that holds them."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import narwhals as nw
import numpy as np

from sklearn_aae.encoding._cells import as_objects
from sklearn_aae.encoding._described import restore
from sklearn_aae.encoding._forms import Form
from sklearn_aae.encoding._number_types import as_stored
from sklearn_aae.encoding._text_columns import TextForm


def within(units: np.ndarray, storage: np.dtype) -> np.ndarray:
    """Return whole numbers in a type of these, the nearest one that it has for what is beyond."""
    if units.dtype.kind == "f":
        return as_stored(units, storage)
    ends = np.iinfo(storage)
    own = ends if units.dtype == object else np.iinfo(units.dtype)
    result: np.ndarray = np.clip(units, max(ends.min, own.min), min(ends.max, own.max))
    return result.astype(storage)


def within_years(units: np.ndarray, unit: str, form: Form) -> np.ndarray:
    """Return dates in a type of these, in years that Python's dates and text have."""
    of_python = isinstance(form, TextForm) or restore(form.dtype) in (np.dtype(object), nw.Object)
    if of_python and unit != "ns":  # which go less far
        ends = np.array(["0001-01-01T00:00:00", "9999-12-31T23:59:59"], f"M8[{unit}]")
        units = np.clip(units, *ends.astype(np.int64).tolist())
    return within(units, np.dtype(np.int64))


def as_decimals(units: np.ndarray, decimals: int, digits: int, form: Form) -> np.ndarray:
    """Return numbers in units of some decimal as Decimals of so many digits after the point.

    Of more digits where a number has more, and the type does not say how many there are.
    """
    most = _most(form, digits)

    def as_decimal(number: float) -> Decimal:
        whole: Fraction | int = Fraction(number) * Fraction(10) ** (digits - decimals)
        if most is None and units.dtype.kind != "f" and whole.denominator != 1:
            return Decimal(number).scaleb(-decimals)
        whole = round(whole)
        if most is not None:
            whole = max(-most, min(most, whole))
        return Decimal(whole).scaleb(-digits)

    return as_objects(map(as_decimal, units.tolist()))


def _most(form: Form, digits: int) -> int | None:
    """Return the largest Decimal that a type has, in units of a digit; None: there is no end."""
    dtype = restore(form.dtype)
    dtype = getattr(dtype, "pyarrow_dtype", dtype)
    if not hasattr(dtype, "precision"):
        return None
    most: int = 10 ** (dtype.precision - dtype.scale + digits) - 1
    return most
