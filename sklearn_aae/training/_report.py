"""What a training says of itself: lines with a figure, a verdict and a remedy; plain data."""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from types import FrameType
from typing import Any, overload

from sklearn_aae.exceptions import TrainingWarning

OK, NOTE, WARN = "ok", "note", "warn"


@dataclass(frozen=True)
class ReportLine:
    """One line of a :class:`TrainingReport`.

    Attributes
    ----------
    name : str
        What was looked at.
    figure : float
        The figure; NaN where the line is none.
    meaning : str
        What the figure is.
    verdict : {"ok", "note", "warn"}
        Whether it is as it should be, something to know, or a failure.
    remedy : str
        What to do about it; empty where there is nothing to do.
    warning : str
        Name of the class in :mod:`sklearn_aae.exceptions` that ``fit`` warned with; empty
        unless it did.
    """

    name: str
    figure: float
    meaning: str
    verdict: str
    remedy: str = ""
    warning: str = ""

    def shown(self) -> str:
        """Return the figure as text."""
        return "" if math.isnan(self.figure) else f"{self.figure:.3g}"


@dataclass(frozen=True, repr=False)
class TrainingReport(Sequence[Any]):
    """Figures of a training, each with a verdict and a remedy.

    A sequence of :class:`ReportLine`; a line is also found by its name.  It holds strings and
    floats alone, and no rows.

    Attributes
    ----------
    lines : tuple of ReportLine
        The lines.
    basis : str
        Which rows the figures are of.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_aae import AdversarialAutoencoder
    >>> report = AdversarialAutoencoder(random_state=0).fit(load_iris().data).training_report_
    >>> report.failed
    []
    >>> report["prior match"].verdict
    'ok'
    """

    lines: tuple[ReportLine, ...]
    basis: str = ""

    @overload
    def __getitem__(self, key: int | str) -> ReportLine: ...

    @overload
    def __getitem__(self, key: slice) -> tuple[ReportLine, ...]: ...

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, str):
            return self.lines[key]
        for line in self.lines:
            if line.name == key:
                return line
        raise KeyError(f"no line {key!r}; there are {[line.name for line in self.lines]}.")

    def __len__(self) -> int:
        return len(self.lines)

    def __iter__(self) -> Iterator[ReportLine]:
        return iter(self.lines)

    @property
    def failed(self) -> list[ReportLine]:
        """The lines whose verdict is "warn"."""
        return [line for line in self.lines if line.verdict == WARN]

    def __repr__(self) -> str:
        head = "Training report" + (f", on {self.basis}" if self.basis else "")
        rows = [(line.verdict, line.name, line.shown()) for line in self.lines]
        widths = [max((len(row[i]) for row in rows), default=0) for i in range(3)]
        text = [head]
        for (verdict, name, figure), line in zip(rows, self.lines, strict=True):
            start = f"  {verdict:<{widths[0]}}  {name:<{widths[1]}}  {figure:>{widths[2]}}"
            text.append(f"{start}  {line.meaning}")
            if line.remedy:
                text.append(f"{'':{widths[0] + 4}}{line.remedy}")
        return "\n".join(text)

    def _repr_html_(self) -> str:
        rows = "".join(
            "<tr>"
            + "".join(
                f"<td>{escape(cell)}</td>"
                for cell in (line.verdict, line.name, line.shown(), line.meaning, line.remedy)
            )
            + "</tr>"
            for line in self.lines
        )
        titles = "".join(f"<th>{t}</th>" for t in ("verdict", "what", "figure", "is", "remedy"))
        caption = "Training report" + (f", on {self.basis}" if self.basis else "")
        return f"<table><caption>{escape(caption)}</caption><tr>{titles}</tr>{rows}</table>"


def warn_of(report: TrainingReport | None) -> None:
    """Warn of each line that failed, by its own class, at the line of the caller's code."""
    known = {warning.__name__: warning for warning in TrainingWarning.__subclasses__()}
    for line in () if report is None else report.failed:
        said = f"{line.shown()} {line.meaning}".strip()
        message = f"{line.name}: {said}. {line.remedy}"
        warnings.warn(message, known[line.warning], stacklevel=_level_outside())


def _level_outside() -> int:
    """Return the level of the caller outside of the package and of scikit-learn."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and _is_inside(frame):
        level, frame = level + 1, frame.f_back
    return level


def _is_inside(frame: FrameType) -> bool:
    return frame.f_globals.get("__name__", "").partition(".")[0] in ("sklearn_aae", "sklearn")
