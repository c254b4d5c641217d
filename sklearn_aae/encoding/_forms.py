"""How a column came, so that decoded cells go back the same way."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import narwhals as nw
import numpy as np


@dataclass(frozen=True)
class Form:
    """The type of a column in its container.

    Attributes
    ----------
    dtype : object
        Of the column in its own library.
    marker : object
        What stood for a missing cell where the type allows several.
    """

    dtype: Any
    marker: Any = None

    def build(self, values: np.ndarray, missing: np.ndarray) -> Any:
        """Return a column of values (numbers, booleans, moments or labels)."""
        raise NotImplementedError


@dataclass(frozen=True)
class ArrayForm(Form):
    """A column of an array.

    Attributes
    ----------
    cell_type : type or None
        What the cells of an array of objects were, where they have to be converted.
    time_zone : tzinfo or None
        Of datetime objects.
    """

    cell_type: type | None = None
    time_zone: Any = None

    def build(self, values: np.ndarray, missing: np.ndarray) -> np.ndarray:
        """Return an array of the type that came in."""
        if self.dtype == object:
            return self._objects(values, missing)
        column = values.astype(self.dtype)
        if missing.any():
            column[missing] = "NaT" if self.dtype.kind in "mM" else np.nan
        return column

    def _objects(self, values: np.ndarray, missing: np.ndarray) -> np.ndarray:
        if values.dtype.kind in "mM":
            # Microseconds and days become objects of Python, nanoseconds would not.
            unit = np.datetime_data(values.dtype)[0]
            cells = values if unit == "D" else values.astype(f"{values.dtype.kind}8[us]")
            column = cells.astype(object)
            if self.time_zone is not None:
                utc = [
                    cell.replace(tzinfo=datetime.UTC).astimezone(self.time_zone) for cell in column
                ]
                column = _as_objects(utc)
        elif self.cell_type is Decimal and values.dtype != object:
            column = _as_objects([Decimal(str(value)) for value in values.tolist()])
        else:
            column = values.astype(object)
        column[missing] = self.marker
        return column


@dataclass(frozen=True)
class PandasForm(ArrayForm):
    """A column of a pandas-like frame.

    Attributes
    ----------
    backend : str
        The library, in narwhals' word.
    aware : bool
        Whether the type has a time zone.
    """

    backend: str = "pandas"
    aware: bool = False

    def build(self, values: np.ndarray, missing: np.ndarray) -> Any:
        """Return a series of the type that came in."""
        pd = nw.Implementation.from_string(self.backend).to_native_namespace()
        if self.dtype == object:
            return pd.Series(self._objects(values, missing), dtype=object)
        if values.dtype.kind in "mM":
            values = values.copy()
            values[missing] = "NaT"
            series = pd.Series(values)
            if self.aware:
                series = series.dt.tz_localize("UTC")
            return series.astype(self.dtype)
        if isinstance(self.dtype, np.dtype):
            return pd.Series(ArrayForm.build(self, values, missing), dtype=self.dtype)
        if values.dtype == object:
            values = values.copy()
            values[missing] = None
            return pd.Series(pd.array(values, dtype=self.dtype))
        column = pd.array(values, dtype=self.dtype)
        column[missing] = pd.NA
        return pd.Series(column)


@dataclass(frozen=True)
class NarwhalsForm(Form):
    """A column of a polars frame, or of any other library that narwhals knows.

    Attributes
    ----------
    backend : str
        The library, in narwhals' word.
    """

    backend: str = "polars"

    def build(self, values: np.ndarray, missing: np.ndarray) -> Any:
        """Return a series of the type that came in."""
        backend: Any = nw.Implementation.from_string(self.backend)
        if values.dtype == object:
            values = values.copy()
            values[missing] = None
            cells = values.tolist()
            as_text = self.dtype in (nw.String, nw.Categorical, nw.Enum)
            series = nw.new_series(
                "", cells, nw.String() if as_text else self.dtype, backend=backend
            )
            return series.cast(self.dtype) if as_text else series
        series = nw.new_series("", values, backend=backend)
        if values.dtype.kind == "M" and getattr(self.dtype, "time_zone", None) is not None:
            series = series.dt.replace_time_zone("UTC").dt.convert_time_zone(self.dtype.time_zone)
        series = series.cast(self.dtype)
        if not missing.any():
            return series
        gaps = nw.new_series("", [self.marker] * len(values), self.dtype, backend=backend)
        return gaps.zip_with(nw.new_series("", missing, backend=backend), series)


def _as_objects(cells: list) -> np.ndarray:
    column = np.empty(len(cells), dtype=object)
    column[:] = cells
    return column
