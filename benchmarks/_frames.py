"""The mixed-type tables of the benchmarks of generation, conditions and imputation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from pandas.api import types
from sklearn.model_selection import train_test_split

from benchmarks._tables import some_rows

#: Columns that are predicted where a table has them; otherwise its last one is.
TARGETS = ("income", "survived", "species")
#: Larger tables are cut to a random choice of this many rows, in short runs of fewer.
MAX_ROWS, SHORT_ROWS = 50_000, 600
MIN_ROWS = 50
#: A number with more distinct values is predicted by regression, as in ``ml_efficacy``.
MAX_CLASSES = 10
#: How a date is written that is taken for one: ISO 8601, with or without a time of day.
DATE = r"\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?"


@dataclass(frozen=True)
class Mixed:
    """A table of mixed types."""

    name: str
    frame: pd.DataFrame
    #: The column that is predicted.
    target: str
    #: Columns that were dropped, and the ones that they repeat.
    repeats: dict[str, str] = field(default_factory=dict)

    def split(self, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return training rows and the 30 % that are held out."""
        train, test = train_test_split(self.frame, test_size=0.3, random_state=seed)
        return train.reset_index(drop=True), test.reset_index(drop=True)

    def __str__(self) -> str:
        n_rows, n_columns = self.frame.shape
        text = f"{self.name}: {n_rows} rows, {n_columns} columns, target {self.target}"
        dropped = ", ".join(f"{name} repeats {other}" for name, other in self.repeats.items())
        return f"{text}; dropped: {dropped}" if dropped else text


def folder(
    path: Path, *, short: bool = False, keep_repeats: bool = False, only: str = ""
) -> Iterator[Mixed]:
    """Yield a table for every ``.csv`` and ``.csv.gz`` file below a folder, or the one named."""
    files: dict[str, Path] = {}
    for file in sorted([*path.rglob("*.csv"), *path.rglob("*.csv.gz")]):
        name = file.name.removesuffix(".gz").removesuffix(".csv")
        if name in files:
            raise ValueError(f"{file} and {files[name]} have the same name; rename one of them.")
        files[name] = file
    for name in [only] if only else files:
        frame = read(files[name])
        if frame.shape[1] < 2 or len(frame) < MIN_ROWS:
            print(f"skipped {files[name].name}: fewer than 2 columns or {MIN_ROWS} rows")
            continue
        most = SHORT_ROWS if short else MAX_ROWS
        if len(frame) > most:
            frame = frame.iloc[some_rows(len(frame), most)].reset_index(drop=True)
        target = next((column for column in TARGETS if column in frame), frame.columns[-1])
        repeats = {} if keep_repeats else find_repeats(frame, target)
        yield Mixed(name, frame.drop(columns=list(repeats)), target, repeats)


def read(file: Path) -> pd.DataFrame:
    """Read a CSV; text columns whose cells are all dates become dates."""
    frame = pd.read_csv(file, skipinitialspace=True).dropna(axis="columns", how="all")
    for name, column in frame.items():
        present = column.dropna()
        if types.is_string_dtype(present) and present.str.fullmatch(DATE).all():
            frame[name] = pd.to_datetime(column, format="ISO8601")
    return frame


def find_repeats(frame: pd.DataFrame, target: str) -> dict[str, str]:
    """Return columns that repeat another one-to-one, and that other column.

    Two columns repeat each other if equal cells of one are equal in the other and the
    reverse, missing cells included.  The target stays, otherwise the first one does.
    Columns with more distinct cells than half the number of rows are left alone: that two
    columns without ties agree in this sense says nothing.
    """
    kept: dict[bytes, str] = {}
    repeats: dict[str, str] = {}
    for name in [target, *frame.columns.drop(target)]:
        # Numbered in the order of first appearance: the same for columns that agree.
        codes, levels = pd.factorize(frame[name], use_na_sentinel=False)
        if len(levels) > len(frame) / 2:
            continue
        first = kept.setdefault(codes.tobytes(), name)
        if first != name:
            repeats[name] = first
    return repeats


def is_number(column: pd.Series) -> bool:
    """Whether the cells lie on an axis: numbers and dates, but not booleans."""
    if types.is_bool_dtype(column):
        return False
    return types.is_numeric_dtype(column) or types.is_datetime64_any_dtype(column)


def is_class(target: pd.Series) -> bool:
    """Whether a target is predicted by a classifier."""
    return not is_number(target) or target.nunique() <= MAX_CLASSES


def as_floats(column: pd.Series) -> np.ndarray:
    """Return numbers as they are and dates as seconds, with NaN for missing cells."""
    if types.is_datetime64_any_dtype(column):
        return ((column - pd.Timestamp(0)) / pd.Timedelta(seconds=1)).to_numpy(np.float64)
    return column.to_numpy(np.float64, na_value=np.nan)


def from_floats(values: np.ndarray, like: pd.Series) -> pd.Series:
    """Return numbers in the type of another column: the inverse of ``as_floats``."""
    if types.is_datetime64_any_dtype(like):
        times = pd.to_timedelta(values, unit="s") + pd.Timestamp(0)
        return pd.Series(times, name=like.name).astype(like.dtype)
    if types.is_integer_dtype(like):
        values = np.round(values)
    dtype = "float64" if np.isnan(values).any() else like.dtype
    return pd.Series(values, name=like.name).astype(dtype)
