"""Audit a table: ``python -m sklearn_aae [TABLE] [--out DIR]``.

Fits :class:`~sklearn_aae.AdversarialAutoencoder` and :class:`~sklearn_aae.AAEOutlierDetector`
to a table of numbers, categories, text, booleans, dates and missing cells, and writes

- ``scores.csv``: a line per row with what the detector says of it;
- ``codes.csv``: the rows, compressed;
- ``synthetic.csv``: new rows drawn from the model, of the table's columns and types;
- ``report.png``: all of this on one page.

The columns of ``scores.csv``:

- ``score``: higher is more normal;
- ``p_value``: the score's rank among about a tenth of the rows, which are held out; empty
  in tables of fewer than 100 rows, where none are;
- ``flag``: whether the score lies below the threshold, which ``--alpha`` of all normal rows
  do (one in twenty, if nothing else is said);
- ``held_out``: whether the row was held out.  The p-values of these rows are those of new
  rows, which are at most ``alpha`` in a share ``alpha`` of normal rows.  The other rows
  were trained on, which can make them look more normal than new ones: theirs promise nothing;
- ``column_k``, ``share_k``, ``value_k``, ``expected_k`` for k = 1, 2, 3: the columns that
  contribute most to the row's badness, their shares of it, the cells, and what the detector
  expected there, given the rest of the row.

The table is CSV or Parquet; without one, scikit-learn's breast cancer table is taken.
Columns of text whose cells are all ISO dates (``2020-01-31``, perhaps with a time of day)
are dates, and empty cells are missing; what is written has dates, decimals and booleans as
in the file.  Text with almost as many levels as rows, names or numbers of customers say, is
taken for a category too, and mentioned: synthetic rows repeat its cells, and the detector
leaves it out, because cells that no two rows share say nothing of a row.
A first CSV column without a name (what pandas writes for an index) names the rows, and
so does the index of a Parquet file; other rows are numbered from 0.  Files of an
earlier run in the same folder are overwritten.  Exit status: 0, or 2 where the table
or an argument cannot be used (infinite cells, fewer than two rows).
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_aae import AdversarialAutoencoder, __version__
from sklearn_aae._utils._compat import import_extra
from sklearn_aae.audit._cell_forms import FLOAT_FORMAT
from sklearn_aae.audit._rows import RowAudit, audit_rows, fit_detector
from sklearn_aae.audit._table import AuditTable, as_numbers, read_table
from sklearn_aae.exceptions import MissingExtraError
from sklearn_aae.inspection._report import ReportData, draw_report
from sklearn_aae.metrics import code_information, prior_draws, prior_gap

PROGRAM = "python -m sklearn_aae"
#: Cells of the table, whose decimals end before doubles' digits do.
CELL_FORMAT = "%.15g"
N_PRIOR_DRAWS = 50_000
N_SHOWN = 5


def main(argv: list[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv : list of str, default=None
        Arguments; None takes those of the process.

    Returns
    -------
    int
        Exit status: 0, or 2 after an error that the user can mend, which is one line
        on stderr.

    Raises
    ------
    SystemExit
        By argparse, after ``--help`` or for arguments that it cannot read.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn_aae.__main__ import main
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     main(["--out", folder, "--epochs", "1", "--quiet"])
    0
    """
    options = _parser().parse_args(argv)
    try:
        # Before the fit: to learn of it afterwards would waste the user's time.
        import_extra("matplotlib", "plot")
        table = read_table(options.table)
        options.out.mkdir(parents=True, exist_ok=True)
        started = time.perf_counter()
        model = _fit(table.frame, options)
        seconds = time.perf_counter() - started
        detector = fit_detector(
            table,
            alpha=options.alpha,
            max_epochs=options.epochs or "auto",
            random_state=options.seed,
        )
    except (MissingExtraError, OSError, ValueError) as error:
        print(f"{PROGRAM}: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    audit = _audit(model, audit_rows(detector, table), table, options)
    written = _write(audit, options.out)
    if not options.quiet:
        _summarise(audit, seconds, written)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Fit an adversarial autoencoder and a detector to a table of numbers, "
        "categories, text, booleans, dates and missing cells; write how unusual each row is and "
        "why, codes, synthetic rows and a one-page report.",
    )
    parser.add_argument(
        "table",
        nargs="?",
        type=Path,
        metavar="TABLE",
        help="CSV or Parquet file (default: scikit-learn's breast cancer table)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("sklearn_aae_report"),
        metavar="DIR",
        help="folder to write to (default: %(default)s)",
    )
    parser.add_argument(
        "--components",
        type=_count,
        metavar="N",
        help="width of the code (default: half the columns, at most 4)",
    )
    parser.add_argument(
        "--samples", type=_count, metavar="N", help="synthetic rows (default: as many as the table)"
    )
    parser.add_argument(
        "--alpha",
        type=_level,
        default=0.05,
        metavar="A",
        help="share of normal rows to flag (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="seed (default: 0)")
    parser.add_argument(
        "--epochs", type=_count, metavar="N", help="passes over the rows (default: auto)"
    )
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    parser.add_argument("--version", action="version", version=f"sklearn_aae {__version__}")
    return parser


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {value}")
    return value


def _level(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"must be above 0 and below 1, got {text}")
    return value


# ----------------------------------------------------------------------- the audit


def _fit(frame: Any, options: argparse.Namespace) -> AdversarialAutoencoder:
    # As many components as columns would reconstruct every row and find none unusual.
    half = (frame.shape[1] + 1) // 2
    model = AdversarialAutoencoder(
        options.components or min(4, half),
        max_epochs=options.epochs or "auto",
        random_state=options.seed,
    )
    if not options.quiet and sys.stdout.isatty():
        from sklearn.callback import ProgressBar

        # Without rich there is no bar.
        with contextlib.suppress(ImportError):
            model.set_callbacks(ProgressBar())
    return model.fit(frame)


def _audit(
    model: AdversarialAutoencoder, rows: RowAudit, table: AuditTable, options: argparse.Namespace
) -> Any:
    """Return everything that is written or printed, under one roof."""
    frame = table.frame
    synthetic = _synthetic(model, table, options.samples or len(frame))
    # The gap looks at 1000 rows; of a sorted table the first ones would not do.
    some = frame.sample(min(1000, len(frame)), random_state=options.seed % 2**32)
    codes = np.asarray(model.transform(frame), dtype=np.float64)
    if table.is_numeric:
        fit = f"{_explained(model, frame):.1%} of the variance reconstructed"
    else:
        carried = code_information(model, some, random_state=options.seed)
        left = -model.score_samples(frame).mean()
        fit = f"the code carries {carried:.1f} nats per row and leaves {left:.1f}"
    return argparse.Namespace(
        table=table,
        frame=frame,
        rows=rows,
        synthetic=synthetic,
        numbers=as_numbers([frame, rows.expected, synthetic]),
        is_identifier=table.is_identifier(),
        codes=codes,
        prior=prior_draws(model.prior_, N_PRIOR_DRAWS, codes.shape[1], options.seed),
        history=model.history_,
        fit=fit,
        gap=prior_gap(model, some, random_state=options.seed),
    )


def _explained(model: AdversarialAutoencoder, frame: Any) -> float:
    """Return which part of the columns' variance is reconstructed, on average."""
    rows, back = (
        np.asarray(table, dtype=np.float64) for table in (frame, model.reconstruct(frame))
    )
    varies = np.ptp(rows, axis=0) > 0
    unexplained = ((rows - back) ** 2).mean(axis=0)[varies] / rows.var(axis=0)[varies]
    return 1 - float(unexplained.mean()) if varies.any() else 1.0


def _synthetic(model: AdversarialAutoencoder, table: AuditTable, n_rows: int) -> Any:
    """Return drawn rows in which whole-number columns are whole."""
    from pandas.api.types import is_integer_dtype

    drawn = model.sample(n_rows)
    if table.is_numeric:
        # A model of numbers draws floats only; one of mixed types keeps the types.
        for name, dtype in table.frame.dtypes.items():
            if is_integer_dtype(dtype):
                drawn[name] = drawn[name].round().astype(np.int64)
    return drawn


# ---------------------------------------------------------------------- the output


def _write(audit: Any, folder: Path) -> list[Path]:
    pandas = import_extra("pandas", "table")
    index, rows = audit.frame.index, audit.rows
    scores = {
        "score": rows.scores,
        "p_value": rows.p_values,
        "flag": rows.flagged,
        "held_out": rows.held_out,
    }
    for k, (columns, shares) in enumerate(zip(rows.order.T, rows.shares.T, strict=True), start=1):
        scores[f"column_{k}"] = audit.frame.columns.to_numpy()[columns]
        scores[f"share_{k}"] = shares
        scores[f"value_{k}"] = audit.table.texts(audit.frame, columns, CELL_FORMAT)
        scores[f"expected_{k}"] = audit.table.texts(rows.expected, columns)
    names = [f"component_{i}" for i in range(audit.codes.shape[1])]
    written = [folder / name for name in ("scores.csv", "codes.csv", "synthetic.csv", "report.png")]
    look = {"float_format": FLOAT_FORMAT}
    pandas.DataFrame(scores, index=index).to_csv(written[0], index_label="row", **look)
    pandas.DataFrame(audit.codes, index, names).to_csv(written[1], index_label="row", **look)
    audit.table.as_written(audit.synthetic).to_csv(written[2], index=False, **look)
    with warnings.catch_warnings():
        # The bundled font has no Chinese, say; the boxes in its place need no comment.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        draw_report(_report_data(audit)).savefig(written[3], dpi=150)
    return written


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _report_data(audit: Any) -> ReportData:
    (n_rows, n_columns), n_components = audit.frame.shape, audit.codes.shape[1]
    cells, expected, synthetic = audit.numbers.matrices
    return ReportData(
        title=audit.table.title,
        subtitle=f"{_plural(n_rows, 'row')} × {_plural(n_columns, 'column')} in "
        f"{_plural(n_components, 'component')}   ·   "
        f"{audit.fit}   ·   "
        f"prior gap {audit.gap:.2f} (up to 1 could be chance)",
        footer=f"sklearn_aae {__version__}",
        names=list(audit.frame.columns),
        row_ids=list(audit.frame.index),
        rows=cells,
        expected=expected,
        contributions=audit.rows.contributions,
        scores=audit.rows.scores,
        flagged=audit.rows.flagged,
        synthetic=synthetic,
        codes=audit.codes,
        prior=audit.prior,
        history=audit.history,
        labels=audit.numbers.labels,
        is_date=audit.numbers.is_date,
        is_identifier=audit.is_identifier,
    )


def _clipped(text: str, width: int = 30) -> str:
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1] + "…"


def _summarise(audit: Any, seconds: float, written: list[Path]) -> None:
    n_rows, n_columns = audit.frame.shape
    print(f"{audit.table.title}: {_plural(n_rows, 'row')} x {_plural(n_columns, 'column')}")
    print(f"{_plural(audit.codes.shape[1], 'component')} fitted in {seconds:.1f} s")
    print(audit.fit.replace("the variance", "the columns' variance is"))
    print(f"prior gap {audit.gap:.2f} (up to 1, the codes could be draws of the prior)")
    for name in audit.frame.columns[audit.is_identifier]:
        print(
            f"{_clipped(name)!r} may be an identifier, with almost as many levels as rows: scores "
            "leave it out, synthetic rows repeat its cells; consider dropping it"
        )
    _print_detection(audit.rows)
    _print_unusual(audit)
    print("\nwrote " + "\n      ".join(str(path) for path in written))


def _print_detection(rows: RowAudit) -> None:
    detector = rows.detector
    n_held_out, source = detector.n_held_out_, "the rows' own scores"
    if detector.threshold_source_ == "held-out":
        source = f"{n_held_out:,} held-out rows"
    print(
        f"{rows.flagged.sum():,} of {_plural(len(rows.scores), 'row')} flagged: scores below "
        f"{detector.offset_:.4g}, where {100 * detector.alpha:g} % of normal rows are, by {source}"
    )
    if n_held_out:
        print("p-values hold for new rows and those marked held_out: others were trained on")
    else:
        print("no p-values: they need 100 rows, to hold some out")


def _print_unusual(audit: Any) -> None:
    print("\nmost unusual rows")
    rows, names = audit.rows, audit.frame.columns
    worst = np.argsort(rows.scores, kind="stable")[:N_SHOWN]
    order = rows.order[worst]
    width = max(len(names[j]) for j in order.ravel())
    cells, expected = (
        [audit.table.texts(table.iloc[worst], places, "%.4g", "missing") for places in order.T]
        for table in (audit.frame, rows.expected)
    )
    for i, row in enumerate(worst):
        p_value = "" if np.isnan(rows.p_values[row]) else f", p-value {rows.p_values[row]:.2g}"
        held_out = ", held out" if rows.held_out[row] else ""
        print(f"  row {audit.frame.index[row]}, score {rows.scores[row]:.4g}{p_value}{held_out}")
        for k, j in enumerate(order[i]):
            print(
                f"    {rows.shares[row, k]:5.0%}  {names[j]:<{width}}  "
                f"{_clipped(cells[k][i]):<11} expected {_clipped(expected[k][i])}"
            )
