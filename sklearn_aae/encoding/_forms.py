"""How a column came, so that decoded cells go back the same way."""

from __future__ import annotations

import datetime
import zoneinfo
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import narwhals as nw
import numpy as np

from sklearn_aae.encoding._cells import as_objects
from sklearn_aae.encoding._described import Named, of_name, restore


@dataclass(frozen=True)
class Form:
    """The type of a column in its container.

    Attributes
    ----------
    dtype : object
        Of the column: one of numpy, or described.
    marker : object
        What stood for a missing cell where the type allows several things; by name, if pandas'.
    cell_type : type or Named or None
        What the numbers, dates or durations in a column of objects were.
    time_zone : tzinfo, str or None
        Of dates.
    """

    dtype: Any
    marker: Any = None
    cell_type: type | Named | None = None
    time_zone: Any = None

    def build(self, values: np.ndarray, missing: np.ndarray) -> Any:
        """Return a column of numbers, booleans, timestamps in UTC or labels."""
        raise NotImplementedError

    def as_cell(self, cell: Any) -> Any:
        """Return what a cell of a condition stands for."""
        return cell

    @property
    def zone(self) -> datetime.tzinfo | None:
        """The time zone of dates as an object."""
        if not isinstance(self.time_zone, str):
            result: datetime.tzinfo | None = self.time_zone
            return result
        try:
            return zoneinfo.ZoneInfo(self.time_zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError):
            # A fixed offset such as +01:00.
            return datetime.datetime.fromisoformat(f"2000-01-01T00:00{self.time_zone}").tzinfo

    def objects(self, values: np.ndarray, missing: np.ndarray) -> np.ndarray:
        """Return an array of Python's objects."""
        if values.dtype.kind in "mM":
            column = self._timestamps(values)
        elif self.cell_type in (Decimal, Fraction) and values.dtype != object:
            exact: Any = self.cell_type
            column = as_objects(exact(str(value)) for value in values.tolist())
        else:
            column = values.astype(object)
        column[missing] = of_name(self.marker)
        return column

    def _timestamps(self, values: np.ndarray) -> np.ndarray:
        zone = self.zone
        cells = self.utc_cells(values)
        return cells if zone is None else as_objects(cell.astimezone(zone) for cell in cells)

    def utc_cells(self, values: np.ndarray) -> np.ndarray:
        """Return dates or durations as objects; dates with a time zone in UTC.

        They are of the type that came in, so that nanoseconds stay: Timestamp and Timedelta
        of pandas, datetime64 and timedelta64.
        """
        own: Any = of_name(self.cell_type)
        letter, unit = values.dtype.kind, np.datetime_data(values.dtype)[0]
        if own is not None and issubclass(own, np.generic):
            return as_objects(values)
        if hasattr(own, "as_unit"):
            cells = as_objects(map(own, values))
        else:
            # Nanoseconds would become whole numbers.
            cells = values.astype(f"{letter}8[{'D' if unit == 'D' else 'us'}]").astype(object)
        if letter == "m" or self.time_zone is None:
            return cells
        return as_objects(cell.replace(tzinfo=datetime.UTC) for cell in cells)


@dataclass(frozen=True)
class ArrayForm(Form):
    """A column of an array."""

    def build(self, values: np.ndarray, missing: np.ndarray) -> np.ndarray:
        """Return an array of the type that came in."""
        if self.dtype == object:
            return self.objects(values, missing)
        if self.dtype.kind in "SU":
            return values.astype(self.dtype.kind)  # as long as cells are
        column = values.astype(self.dtype)
        if missing.any():
            column[missing] = "NaT" if self.dtype.kind in "mM" else np.nan
        return column


@dataclass(frozen=True)
class PandasForm(Form):
    """A column of a pandas-like frame.

    Attributes
    ----------
    backend : str
        The library, in narwhals' word.
    """

    backend: str = "pandas"

    def build(self, values: np.ndarray, missing: np.ndarray) -> Any:
        """Return a series of the type that came in."""
        pd = nw.Implementation.from_string(self.backend).to_native_namespace()
        dtype = restore(self.dtype)
        if self.dtype == np.dtype(object):
            return pd.Series(self.objects(values, missing), dtype=object)
        if values.dtype.kind in "mM":
            series = pd.Series(np.where(missing, np.array("NaT", values.dtype), values))
            if self.time_zone is not None:
                series = series.dt.tz_localize("UTC")
            return series.astype(dtype)
        if isinstance(dtype, np.dtype):
            return pd.Series(ArrayForm(dtype).build(values, missing))
        if values.dtype == object:
            return pd.Series(pd.array(_with_none(values, missing), dtype=dtype))
        column = pd.array(values, dtype=dtype)
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

    def build(self, values: np.ndarray, missing: np.ndarray) -> nw.Series[Any]:
        """Return a series of narwhals of the type that came in."""
        backend: Any = nw.Implementation.from_string(self.backend)
        dtype = restore(self.dtype)
        if dtype == nw.Object:
            cells = self.objects(values, missing).tolist()
            return nw.new_series("", cells, dtype, backend=backend)
        if values.dtype == object:
            cells = _with_none(values, missing).tolist()
            first = nw.String() if dtype in (nw.Categorical, nw.Enum) else dtype
            return nw.new_series("", cells, first, backend=backend).cast(dtype)
        series = nw.new_series("", values, backend=backend)
        if values.dtype.kind == "M" and self.time_zone is not None:
            series = series.dt.replace_time_zone("UTC").dt.convert_time_zone(self.time_zone)
        series = series.cast(dtype)
        if not missing.any():
            return series
        gaps = nw.new_series("", [of_name(self.marker)] * len(values), dtype, backend=backend)
        return gaps.zip_with(nw.new_series("", missing, backend=backend), series)


def _with_none(values: np.ndarray, missing: np.ndarray) -> np.ndarray:
    if not missing.any():
        return values
    cells = values.copy()
    cells[missing] = None
    return cells
