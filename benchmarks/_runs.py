"""Figures of single runs: kept in a CSV as they come in, and summed up over seeds."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks._common import Row, write_csv

Key = tuple[str, ...]


class Runs:
    """The runs of a benchmark, in a CSV from which a later call takes up the work.

    Every run that is added is written at once: what a long call has measured when it is
    stopped is there for the next one, which only measures what is missing.

    Parameters
    ----------
    out : Path or None
        Folder of the CSV; None keeps the runs in memory only.
    name : str
        The file is ``out/NAME_runs.csv``.
    keys : sequence of str
        The columns that tell runs apart; all others are figures.
    """

    def __init__(self, out: Path | None, name: str, keys: Sequence[str]) -> None:
        self.out, self.name, self.keys = out, f"{name}_runs", tuple(keys)
        self._rows: dict[Key, Row] = {}
        path = out / f"{self.name}.csv" if out else None
        if path is not None and path.exists():
            with path.open(newline="", encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    typed = {k: v if k in keys else float(v or "nan") for k, v in row.items()}
                    self._rows[self.key(typed)] = typed

    def key(self, row: Mapping[str, object]) -> Key:
        """Return what identifies a run."""
        return tuple(str(row[name]) for name in self.keys)

    def __contains__(self, key: Iterable[object]) -> bool:
        return tuple(map(str, key)) in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, row: Row) -> None:
        """Take a run in, in place of an earlier one of the same key, and write the CSV."""
        key = self.key(row)
        # As text, which is what the CSV gives back.
        self._rows[key] = row | dict(zip(self.keys, key, strict=True))
        rows = self.rows()
        # A benchmark may have learnt new figures since the first runs.
        columns = dict.fromkeys(name for one in rows for name in one)
        full = [{name: one.get(name, np.nan) for name in columns} for one in rows]
        write_csv(self.out, self.name, full)

    def rows(self, *orders: Sequence[str]) -> list[Row]:
        """Return all runs; with orders of the keys' values, those named there, in these orders."""
        if not orders:
            return list(self._rows.values())
        places = [{value: i for i, value in enumerate(order)} for order in orders]
        found = [
            (tuple(place[value] for place, value in zip(places, key, strict=False)), row)
            for key, row in self._rows.items()
            if all(value in place for place, value in zip(places, key, strict=False))
        ]
        return [row for _, row in sorted(found, key=lambda pair: pair[0])]


def summarise(
    runs: Iterable[Row], keys: Sequence[str], figures: Mapping[str, str]
) -> Iterator[Row]:
    """Yield a row of "mean ± standard deviation" for every combination of keys.

    ``figures`` gives the format of each figure; one that no run of a group has is empty.
    """
    groups: dict[tuple, list[Row]] = {}
    for one in runs:
        groups.setdefault(tuple(one[key] for key in keys), []).append(one)
    for values, group in groups.items():
        row: Row = dict(zip(keys, values, strict=True))
        for figure, form in figures.items():
            measured = np.array([one.get(figure, np.nan) for one in group], dtype=float)
            row[figure] = "" if np.isnan(measured).all() else mean_and_spread(measured, form)
        yield row


def mean_and_spread(values: np.ndarray, form: str) -> str:
    """Return the mean and the standard deviation as text; of a single value, itself."""
    mean = form.format(values.mean())
    return f"{mean} ± {form.format(values.std(ddof=1))}" if len(values) > 1 else mean


def mean_of(runs: Iterable[Row], figure: str, **keys: str) -> float:
    """Return the mean of a figure over the runs of these keys; NaN if there are none."""
    values = [
        float(run.get(figure, np.nan))
        for run in runs
        if all(run[key] == value for key, value in keys.items())
    ]
    return float(np.mean(values)) if values else float("nan")
