"""All measures of a synthetic table on one page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from sklearn_aae._utils._random import derive_seed, draw_seed
from sklearn_aae.inspection import SyntheticScoresDisplay
from sklearn_aae.metrics._distances import MixedDistance
from sklearn_aae.metrics._table_fidelity import (
    constant_columns,
    missing_of,
    outside_of,
    shapes_of,
    trends_of,
)
from sklearn_aae.metrics._table_models import Task, area_of, efficacy_of
from sklearn_aae.metrics._table_privacy import copies_of, dcr_of, near_copies_of
from sklearn_aae.metrics._table_rules import as_plain, breaks_of, newly_broken, rules_of
from sklearn_aae.metrics._table_score import TableScore
from sklearn_aae.metrics._tables import read_tables
from sklearn_aae.rules import Rules
from sklearn_aae.typing import Label, TableLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Folds of the classifier two-sample test.
CV = 3
#: Scores whose details are by column.
BY_COLUMN = frozenset(
    f"{role}{name}"
    for role, names in {
        "": ("column_shapes", "missing_cells", "outside_range"),
        "held_out_": ("shapes", "missing_cells", "outside_range"),
    }.items()
    for name in names
)
#: How many of the worst columns and pairs are named, of those left out, and of their labels.
N_WORST = 3
N_LEFT_OUT = 10
LABEL_LENGTH = 24


@dataclass(frozen=True, repr=False)
class SyntheticReport:
    """What :func:`synthetic_report` found.

    Parameters
    ----------
    n_rows : dict of str to int
        Rows of "real", "synthetic" and "held_out".
    target : label or None
        The column that was predicted.
    column_shapes, pair_trends : TableScore
        Synthetic rows against the real rows that they were made from.
    constant_columns : tuple
        Labels of the columns that are constant in the real rows, but for rounding noise:
        their pairs are left out.
    held_out_shapes, held_out_trends : TableScore
        The same for the held-out rows: what other real rows reach.
    missing_cells, held_out_missing_cells : TableScore
        Share of cells that are missing in the synthetic and in the held-out rows, in all and
        by column.
    outside_range, held_out_outside_range : TableScore
        Share of their numbers and dates that are beyond the range of the column's training
        cells, in all and by column; NaN where there are none.
    c2st : TableScore
        Synthetic rows against the held-out ones.
    ml_efficacy : TableScore or None
        Models of the target; None without one.
    dcr, copy_share, near_copies : TableScore
        Whether rows are repeated.
    rules : Rules
        What the real rows have in common (:func:`~sklearn_aae.rules.find_rules`); keys aside,
        which say nothing about single rows.
    broken_rules, held_out_broken_rules : TableScore
        Share of the synthetic and of the held-out rows that break any of them, and that break
        each.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_aae.metrics import synthetic_report
    >>> X = load_iris().data
    >>> report = synthetic_report(X[::3], X[1::3], X[2::3], random_state=0)
    >>> report.column_shapes.score > 0.8
    True
    """

    n_rows: dict[str, int]
    target: Label | None
    column_shapes: TableScore
    pair_trends: TableScore
    constant_columns: tuple[Label, ...]
    held_out_shapes: TableScore
    held_out_trends: TableScore
    missing_cells: TableScore
    held_out_missing_cells: TableScore
    outside_range: TableScore
    held_out_outside_range: TableScore
    c2st: TableScore
    ml_efficacy: TableScore | None
    dcr: TableScore
    copy_share: TableScore
    near_copies: TableScore
    rules: Rules
    broken_rules: TableScore
    held_out_broken_rules: TableScore

    @property
    def failures(self) -> list[str]:
        """What speaks against the synthetic rows, worst first.

        The rules that at most 0.5 % of the held-out rows break, and more of the synthetic ones.
        """
        return newly_broken(self.broken_rules, self.held_out_broken_rules)

    @property
    def verdict(self) -> str:
        """Either "passes", or "fails" and for how many reasons."""
        n = len(self.failures)
        return f"fails: {n} rule{'s' if n > 1 else ''} broken" if n else "passes"

    def to_dict(self) -> dict[str, object]:
        """Return everything as dictionaries of plain values, as JSON wants them.

        Returns
        -------
        dict
            One entry per attribute; a score is ``{"score": ..., "details": {...}}``,
            with labels as text and pairs nested, ``details[first][second]``.  Labels of
            the same text, as 1 and "1", are told apart by their ``repr``.
        """
        texts = _texts(list(self.column_shapes.details))
        plain: dict[str, Any] = {
            "n_rows": dict(self.n_rows),
            "target": None if self.target is None else texts[self.target],
            "constant_columns": [texts[label] for label in self.constant_columns],
            "rules": as_plain(self.rules),
            "verdict": self.verdict,
            "failures": self.failures,
        }
        for name, value in vars(self).items():
            if isinstance(value, TableScore):
                details = dict(value.details)
                if name.endswith("trends"):
                    details = _nested(details, texts)
                elif name in BY_COLUMN:
                    details = {texts[label]: share for label, share in details.items()}
                elif name == "c2st":
                    details = {str(fold): area for fold, area in details.items()}
                plain[name] = {"score": value.score, "details": details}
            elif name not in plain:
                plain[name] = value
        return plain

    def plot(self, ax: Axes | None = None, **kwargs: Any) -> SyntheticScoresDisplay:
        """Draw how well each column, or pair of columns, does beside held-out real rows.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            Passed on to :meth:`SyntheticScoresDisplay.plot`, ``measure`` and ``n_labels`` among
            them.

        Returns
        -------
        SyntheticScoresDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If a keyword has a value that is not known.
        MissingExtraError
            If matplotlib is needed and not installed.
        """
        return SyntheticScoresDisplay(self).plot(ax, **kwargs)

    def __repr__(self) -> str:
        rows = list(self._rows())
        width = max(len(row[0]) for row in rows)
        lines = [
            f"{label:<{width}}  {value:>9}  {real:>8}  {best}" for label, value, real, best in rows
        ]
        return "\n".join([self._title(), *lines, *self._worst()])

    def _repr_html_(self) -> str:
        header, *body = [[escape(cell) for cell in row] for row in self._rows()]
        lines = ["<tr>" + "".join(f"<th>{cell}</th>" for cell in header) + "</tr>"]
        lines += ["<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in body]
        worst = "<br>".join(escape(line) for line in self._worst())
        return (
            f"<table><caption>{escape(self._title())}</caption>{''.join(lines)}</table>"
            f"<p>{worst}</p>"
        )

    def _title(self) -> str:
        counts = {role: f"{n:,}" for role, n in self.n_rows.items()}
        return (
            f"{counts['synthetic']} synthetic rows, made from {counts['real']} real ones, "
            f"beside {counts['held_out']} held-out real ones"
        )

    def _rows(self) -> Iterator[tuple[str, ...]]:
        """Yield label, figure, figure of real rows, and what is good."""
        yield "", "synthetic", "real", "good"
        for label, score, real in (
            ("column shapes", self.column_shapes, self.held_out_shapes),
            ("pair trends", self.pair_trends, self.held_out_trends),
        ):
            yield label, _figure(score.score), _figure(real.score), "near real; 1 is most alike"
        shares = (
            f"{score.score:.2%}" for score in (self.missing_cells, self.held_out_missing_cells)
        )
        yield "missing cells", *shares, "near real"
        shares = (
            _share(score.score) for score in (self.outside_range, self.held_out_outside_range)
        )
        yield "outside training range", *shares, "no more than real"
        area = _figure(self.c2st.score)
        yield "C2ST area", area, "", "near 0.5: not told from real; 1: always"
        if self.ml_efficacy is not None:
            details = self.ml_efficacy.details
            label = f"ML efficacy ({_short(self.target)}, {details['measure']})"
            figures = (_figure(details[role]) for role in ("synthetic", "real"))
            yield label, *figures, "near real, that is, trained on real rows"
        nearer = _figure(self.dcr.score)
        yield "nearer to training (DCR)", nearer, "", "near 0.5; 1: repeats training rows"
        for label, score in (("exact copies", self.copy_share), ("near copies", self.near_copies)):
            shares = (f"{score.details[role]:.2%}" for role in ("synthetic", "held_out"))
            yield label, *shares, "no more than real"
        if len(self.rules):
            scores = self.broken_rules, self.held_out_broken_rules
            shares = (f"{score.score:.2%}" for score in scores)
            yield "rows that break rules", *shares, "no more than real"

    def _worst(self) -> Iterator[str]:
        columns = [(_short(name), score) for name, score in self.column_shapes.details.items()]
        yield f"worst columns: {_lowest(columns)}"
        pairs = [
            (f"{_short(first)} × {_short(second)}", score)
            for (first, second), score in self.pair_trends.details.items()
        ]
        if pairs:
            yield f"worst pairs: {_lowest(pairs)}"
        left_out = [_short(name) for name in self.constant_columns]
        if left_out:
            more = f" and {len(left_out) - N_LEFT_OUT} more" if len(left_out) > N_LEFT_OUT else ""
            yield f"constant, pairs left out: {', '.join(left_out[:N_LEFT_OUT])}{more}"
        gaps = self._missing_shares()
        if gaps:
            yield f"missing cells, for those in real: {', '.join(gaps)}"
        if len(self.rules):
            broken, real = self.broken_rules.details, self.held_out_broken_rules.details
            worst = [
                f"{' '.join(map(_short, rule.split()))} {broken[rule]:.2%} for {real[rule]:.2%}"
                for rule in self.failures[:N_WORST]
            ]
            if worst:
                yield f"broken rules, for those in real: {', '.join(worst)}"
            yield f"verdict by {len(self.rules)} rules: {self.verdict}"

    def _missing_shares(self) -> list[str]:
        """Return the shares of missing cells of the columns in which they differ most."""
        real = self.held_out_missing_cells.details
        gaps = {name: abs(share - real[name]) for name, share in self.missing_cells.details.items()}
        worst = sorted((name for name in gaps if gaps[name] > 0), key=lambda name: -gaps[name])
        return [
            f"{_short(name)} {self.missing_cells.details[name]:.2%} for {real[name]:.2%}"
            for name in worst[:N_WORST]
        ]


def synthetic_report(
    real: TableLike,
    synthetic: TableLike,
    held_out: TableLike | None,
    *,
    target: Label | None = None,
    random_state: Any = None,
) -> SyntheticReport:
    """Judge a synthetic table by every measure of this package.

    Fidelity (:func:`column_shapes`, :func:`pair_trends`, :func:`table_c2st`, shares of
    missing cells and of cells outside the training range), use
    (:func:`ml_efficacy`) and whether training rows are repeated (:func:`dcr`,
    :func:`copy_share`, :func:`near_copies`), and whether rules of the real rows
    (:func:`~sklearn_aae.rules.find_rules`) hold, where it can be had beside the figure
    that held-out real rows reach.  Printing the report shows all of it.

    Parameters
    ----------
    real, synthetic, held_out : frame or array-like of shape (n_rows, n_columns)
        Real rows that the synthetic ones were made from, the synthetic rows, and
        real rows that nothing was made from: split the table before fitting.
        pandas, polars, another eager frame that narwhals knows, or arrays.
    target : label, default=None
        A column to predict; its position for arrays.  None leaves that out.
    random_state : int, RandomState or None, default=None
        Seeds all draws; None takes fresh entropy.

    Returns
    -------
    SyntheticReport
        The scores with their details.

    Raises
    ------
    TypeError
        If a column is of another kind in another table.
    ValueError
        If the columns differ, hold infinite cells, a table has fewer than 3 rows, or
        ``target`` is unknown or takes a single value.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_aae.metrics import synthetic_report
    >>> X = load_iris().data
    >>> made = np.random.default_rng(0).permuted(X[::2], axis=0)  # columns by themselves
    >>> print(synthetic_report(X[::2], made, X[1::2], random_state=0))
    75 synthetic rows, made from 75 real ones, beside 75 held-out real ones
                              synthetic      real  good
    column shapes                 1.000     0.930  near real; 1 is most alike
    pair trends                   0.661     0.933  near real; 1 is most alike
    ...
    """
    tables = read_tables(min_rows=CV, real=real, synthetic=synthetic, held_out=held_out)
    task = None if target is None else Task.of(tables, target)  # before minutes of work
    seed = draw_seed(random_state)
    seeds = [derive_seed(seed, i) % 2**32 for i in range(3)]
    distance = MixedDistance(tables)
    rules = rules_of(real, derive_seed(seed, 3) % 2**32)
    return SyntheticReport(
        n_rows={role: len(rows) for role, rows in tables.rows.items()},
        target=target,
        column_shapes=shapes_of(tables, "synthetic"),
        pair_trends=trends_of(tables, "synthetic"),
        constant_columns=constant_columns(tables),
        held_out_shapes=shapes_of(tables, "held_out"),
        held_out_trends=trends_of(tables, "held_out"),
        missing_cells=missing_of(tables, "synthetic"),
        held_out_missing_cells=missing_of(tables, "held_out"),
        outside_range=outside_of(tables, "synthetic"),
        held_out_outside_range=outside_of(tables, "held_out"),
        c2st=area_of(tables, "held_out", CV, seeds[0]),
        ml_efficacy=None if task is None else efficacy_of(task, seeds[1]),
        dcr=dcr_of(tables, distance, seeds[2]),
        copy_share=copies_of(tables),
        near_copies=near_copies_of(tables, distance),
        rules=rules,
        broken_rules=breaks_of(rules, synthetic),
        held_out_broken_rules=breaks_of(rules, held_out),
    )


def _figure(value: float) -> str:
    return "undefined" if np.isnan(value) else f"{value:.3f}"


def _short(label: Any) -> str:
    text = str(label)
    return text if len(text) <= LABEL_LENGTH else text[: LABEL_LENGTH - 1] + "…"


def _share(value: float) -> str:
    return "undefined" if np.isnan(value) else f"{value:.2%}"


def _lowest(scores: list[tuple[str, float]]) -> str:
    defined = [(score, name) for name, score in scores if not np.isnan(score)]
    worst = sorted(defined, key=lambda item: item[0])[:N_WORST]
    return ", ".join(f"{name} {score:.3f}" for score, name in worst) or "none is defined"


def _texts(labels: list[Any]) -> dict[Any, str]:
    """Return a text for each label, all of them different."""
    texts: dict[Any, str] = {}
    taken: set[str] = set()
    plain = Counter(map(str, labels))
    for label in labels:
        text = str(label) if plain[str(label)] == 1 else repr(label)
        while text in taken:
            text += "'"
        texts[label] = text
        taken.add(text)
    return texts


def _nested(details: dict[Any, Any], texts: dict[Any, str]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for (first, second), score in details.items():
        nested.setdefault(texts[first], {})[texts[second]] = score
    return nested
