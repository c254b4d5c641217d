"""Figures of single runs: kept in a CSV as they come in, and summed up over seeds."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks._common import Row, write_csv

Key = tuple[str, ...]


class Runs:
    """The runs of a benchmark, in ``folder/PREFIX_runs.csv``; without a folder in memory only.

    Every run that is added is written at once: what a long call has measured when it is
    stopped is there for the next one, which only measures what is missing.  ``keys`` are the
    columns that tell runs apart; all others are figures.  With ``resume=False`` earlier runs stay
    in the file, but are none of this call's.
    """

    def __init__(
        self, folder: Path | None, prefix: str, keys: Sequence[str], *, resume: bool = True
    ) -> None:
        self.folder, self.name, self.keys = folder, f"{prefix}_runs", tuple(keys)
        path = folder / f"{self.name}.csv" if folder else None
        known = read_runs(path, keys) if path is not None and path.exists() else []
        earlier: dict[Key, Row] = {self.key(row): row for row in known}
        self._rows, self._others = (earlier, {}) if resume else ({}, earlier)

    def key(self, row: Mapping[str, object]) -> Key:
        """Return what identifies a run."""
        return tuple(str(row[name]) for name in self.keys)

    def __contains__(self, key: Iterable[object]) -> bool:
        return tuple(map(str, key)) in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, *rows: Row) -> None:
        """Take runs in, in place of earlier ones of the same keys, and write the CSV."""
        for row in rows:
            key = self.key(row)
            # As text, which is what the CSV gives back.
            self._rows[key] = row | dict(zip(self.keys, key, strict=True))
        everything = (self._others | self._rows).values()
        # A benchmark may have learnt new figures since the first runs.
        columns = dict.fromkeys(name for one in everything for name in one)
        full = [{name: one.get(name, np.nan) for name in columns} for one in everything]
        write_csv(self.folder, self.name, full)

    def measure(
        self, key: Sequence[object], figures: Callable[[], Row], *, again: bool = False
    ) -> None:
        """Add the figures of a run, unless they are there already."""
        if again or key not in self:
            self.add(dict(zip(self.keys, key, strict=True)) | figures())

    def rows(self, *orders: Sequence[str]) -> list[Row]:
        """Return all runs; with orders of the keys' values, those named there, in these orders."""
        if not orders:
            return list(self._rows.values())
        positions = [{value: i for i, value in enumerate(order)} for order in orders]
        found = [
            (tuple(position[value] for position, value in zip(positions, key, strict=False)), row)
            for key, row in self._rows.items()
            if all(value in position for position, value in zip(positions, key, strict=False))
        ]
        return [row for _, row in sorted(found, key=lambda pair: pair[0])]


def read_runs(path: Path, keys: Sequence[str]) -> list[Row]:
    """Return the runs of a file: keys as text, figures as numbers."""
    with path.open(newline="", encoding="utf-8") as file:
        return [
            {name: value if name in keys else float(value or "nan") for name, value in row.items()}
            for row in csv.DictReader(file)
        ]


def groups_of(runs: Iterable[Row], keys: Sequence[str]) -> dict[tuple, list[Row]]:
    """Return the runs of every combination of keys, in the order of appearance."""
    groups: dict[tuple, list[Row]] = {}
    for one in runs:
        groups.setdefault(tuple(one[key] for key in keys), []).append(one)
    return groups


def summarise(
    runs: Iterable[Row], keys: Sequence[str], figures: Mapping[str, str], ddof: int = 1
) -> Iterator[Row]:
    """Yield a row of "mean ± standard deviation" for every combination of keys.

    ``figures`` gives the format of each figure; one that no run of a group has is empty.
    """
    for values, group in groups_of(runs, keys).items():
        row: Row = dict(zip(keys, values, strict=True))
        for figure, form in figures.items():
            measured = np.array([one.get(figure, np.nan) for one in group], dtype=float)
            known = not np.isnan(measured).all()
            row[figure] = mean_and_spread(measured, form, ddof) if known else ""
        yield row


def mean_and_spread(values: np.ndarray, form: str, ddof: int = 1) -> str:
    """Return the mean and the standard deviation as text; of a single value, itself."""
    mean = form.format(values.mean())
    return f"{mean} ± {form.format(values.std(ddof=ddof))}" if len(values) > 1 else mean


def mean_by_seed(runs: Iterable[Row], figure: str) -> np.ndarray:
    """Return the mean of a figure over all runs of each seed."""
    by_seed = groups_of(runs, ["seed"]).values()
    return np.array([np.mean([one[figure] for one in group]) for group in by_seed])


def mean_of(runs: Iterable[Row], figure: str, **keys: str) -> float:
    """Return the mean of a figure over the runs of these keys; NaN if there are none."""
    values = [
        float(run.get(figure, np.nan))
        for run in runs
        if all(run[key] == value for key, value in keys.items())
    ]
    return float(np.mean(values)) if values else float("nan")
