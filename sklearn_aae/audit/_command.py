"""The work of ``python -m sklearn_aae``: a model and an audit of a table, written and told."""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_aae import AdversarialAutoencoder, __version__
from sklearn_aae.audit._judged import judge_synthetic
from sklearn_aae.audit._rows import Counts, RowAudit
from sklearn_aae.audit._table import AuditTable
from sklearn_aae.exceptions import IdentifierWarning
from sklearn_aae.inspection._compared import read_cells
from sklearn_aae.inspection._page_data import oddest_rows
from sklearn_aae.inspection._reconstruction import explained_variance
from sklearn_aae.inspection._report_data import ReportData
from sklearn_aae.metrics import SyntheticReport, code_information, prior_draws, prior_gap

N_PRIOR_DRAWS = 50_000
N_SHOWN = 5


@dataclass(frozen=True)
class Audit:
    """Everything that is written or printed.

    Attributes
    ----------
    table : AuditTable
        The table.
    model : AdversarialAutoencoder
        The model.
    rows : RowAudit
        What the detector says of its rows.
    synthetic : pandas DataFrame of shape (n_synthetic, n_columns)
        Rows drawn from the model.
    codes, prior : ndarray of shape (n, n_components), float64
        Codes of the rows, and draws of the prior.
    history : dict of list of float
        The model's losses by epoch.
    fit : str
        How much of the rows the model keeps, in words.
    gap : float
        How far the codes are from the prior, against chance.
    synthetic_report : SyntheticReport or None
        How good synthetic rows of such a model are; None for a small table.
    counts : Counts
        Of all rows, of which the table may only be some.
    """

    table: AuditTable
    model: AdversarialAutoencoder
    rows: RowAudit
    synthetic: Any
    codes: np.ndarray
    prior: np.ndarray
    history: dict[str, list[float]]
    fit: str
    gap: float
    synthetic_report: SyntheticReport | None
    counts: Counts


def fit_model(
    rows: Any, n_components: int | None, n_columns: int, *, progress: bool, **parameters: Any
) -> AdversarialAutoencoder:
    """Fit a model to a frame, or to rows in batches, perhaps with a bar of progress."""
    # As many components as columns would reconstruct every row and find none unusual.
    half = (n_columns + 1) // 2
    model = AdversarialAutoencoder(n_components or min(4, half), **parameters)
    if progress:
        from sklearn.callback import ProgressBar

        # Without rich there is no bar.
        with contextlib.suppress(ImportError):
            model.set_callbacks(ProgressBar())
    # The bar is of this fit alone, and a file holds no callbacks.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IdentifierWarning)  # the summary names them
        result: AdversarialAutoencoder = model.fit(rows).set_callbacks()
        return result


def audit_table(
    table: AuditTable,
    model: AdversarialAutoencoder,
    rows: RowAudit,
    *,
    synthetic: Any,
    seed: int,
) -> Audit:
    """Return what a model says of a table, beside what a detector says of its rows."""
    frame = table.frame
    # The gap looks at 1000 rows; of a sorted table the first ones would not do.
    some = frame.sample(min(1000, len(frame)), random_state=seed % 2**32)
    codes = np.asarray(model.transform(frame), dtype=np.float64)
    if table.is_numeric:
        fit = f"{_explained(model, frame):.1%} of the variance reconstructed"
    else:
        carried = code_information(model, some, random_state=seed)
        left = -model.score_samples(frame).mean()
        fit = f"the code carries {carried:.1f} nats per row and leaves {left:.1f}"
    return Audit(
        table=table,
        model=model,
        rows=rows,
        synthetic=synthetic,
        codes=codes,
        prior=prior_draws(model.prior_, N_PRIOR_DRAWS, codes.shape[1], seed),
        history=model.history_,
        fit=fit,
        gap=prior_gap(model, some, random_state=seed),
        synthetic_report=judge_synthetic(table, model, seed),
        counts=Counts(0, 0).with_rows(rows),
    )


def _explained(model: AdversarialAutoencoder, frame: Any) -> float:
    """Return which part of the variance of known cells is reconstructed, on average."""
    rows, back = (
        table.to_numpy(dtype=np.float64, na_value=np.nan)
        for table in (frame, model.reconstruct(frame))
    )
    known = ~(np.isnan(rows) | np.isnan(back))
    columns = ((rows[:, [j]][k], back[:, [j]][k]) for j, k in enumerate(known.T) if k.any())
    shares = np.array([explained_variance(*column)[0] for column in columns])
    shares = shares[np.isfinite(shares)]
    return float(shares.mean()) if len(shares) else 1.0


# ---------------------------------------------------------------------- the output


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def report_data(audit: Audit) -> ReportData:
    table, frame = audit.table, audit.table.frame
    n_columns, n_components = frame.shape[1], audit.codes.shape[1]
    tables = {"table": frame, "expected": audit.rows.expected, "synthetic": audit.synthetic}
    cells, facts = read_cells(tables)
    return ReportData(
        title=table.title,
        subtitle=f"{_plural(audit.counts.n_rows, 'row')} × {_plural(n_columns, 'column')} in "
        f"{_plural(n_components, 'component')}   ·   "
        f"{audit.fit}   ·   "
        f"prior gap {audit.gap:.2f} (up to 1 could be chance)",
        footer=f"sklearn_aae {__version__}",
        row_ids=list(frame.index),
        rows=cells["table"],
        expected=cells["expected"],
        contributions=audit.rows.contributions,
        scores=audit.rows.scores,
        flagged=audit.rows.flagged,
        synthetic=cells["synthetic"],
        codes=audit.codes,
        prior=audit.prior,
        history=audit.history,
        is_identifier=table.is_identifier(),
        **facts,
    )


def _clipped(text: str, width: int = 30) -> str:
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1] + "…"


def summarise(audit: Audit, seconds: float, written: list[Path]) -> None:
    """Print what was fitted, found and written."""
    frame = audit.table.frame
    size = f"{_plural(audit.counts.n_rows, 'row')} x {_plural(frame.shape[1], 'column')}"
    print(f"{audit.table.title}: {size}")
    print(f"{_plural(audit.codes.shape[1], 'component')} fitted in {seconds:.1f} s")
    print(audit.fit.replace("the variance", "the columns' variance is"))
    print(f"prior gap {audit.gap:.2f} (up to 1, the codes could be draws of the prior)")
    for name in frame.columns[audit.table.is_identifier()]:
        drawn = "have new cells" if name in audit.table.new_identifiers() else "repeat its cells"
        print(
            f"{_clipped(name)!r} may be an identifier, with almost as many levels as rows: scores "
            f"leave it out, synthetic rows {drawn}; consider dropping it"
        )
    print_rows(audit.rows, audit.table, audit.counts)
    print("\nwrote " + "\n      ".join(str(path) for path in written))


def print_rows(rows: RowAudit, table: AuditTable, counts: Counts | None = None) -> None:
    """Print how many rows are flagged, and the most unusual ones; ``counts`` are of all rows."""
    found = Counts(0, 0).with_rows(rows) if counts is None else counts
    how = "by networks that were not trained on the row"
    if found.n_rows > len(rows.scores):
        how = "as if the row were new"
    print(
        f"{found.n_flagged:,} of {_plural(found.n_rows, 'row')} flagged: p-values of at "
        f"most {rows.detector.alpha:g}, each {how}"
    )
    _print_unusual(rows, table)


def _print_unusual(rows: RowAudit, audited: AuditTable) -> None:
    print("\nmost unusual rows")
    frame = audited.frame
    names = frame.columns
    worst = oddest_rows(rows.scores, rows.p_values)[:N_SHOWN]
    order = rows.order[worst]
    width = max(len(names[j]) for j in order.ravel())
    cells, expected = (
        [
            audited.texts(table.iloc[worst], columns, missing="missing", short=True)
            for columns in order.T
        ]
        for table in (frame, rows.expected)
    )
    ids = None if audited.id is None else audited.id.astype(str).to_numpy()
    for i, row in enumerate(worst):
        named = "" if ids is None else f" ({_clipped(ids[row])})"
        print(
            f"  row {frame.index[row]}{named}, score {rows.scores[row]:.4g}, "
            f"p-value {rows.p_values[row]:.2g}"
        )
        for k, j in enumerate(order[i]):
            own, likely = cells[k][i], expected[k][i]
            said = "as expected" if own == likely else f"expected {_clipped(likely)}"
            print(
                f"    {rows.shares[row, k]:5.0%}  {names[j]:<{width}}  {_clipped(own):<11} {said}"
            )
