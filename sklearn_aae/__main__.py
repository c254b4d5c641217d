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
  contribute most to the row's anomaly score, their shares of it, the cells, and what the
  detector expected there, given the rest of the row.

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
import sys
import time
from pathlib import Path

from sklearn_aae import __version__
from sklearn_aae._utils._compat import import_extra
from sklearn_aae.audit._command import audit_table, fit_model, summarise, write
from sklearn_aae.audit._rows import fit_detector
from sklearn_aae.audit._table import read_table
from sklearn_aae.exceptions import MissingExtraError

PROGRAM = "python -m sklearn_aae"


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
    max_epochs = options.epochs or "auto"
    try:
        # Before the fit: to learn of it afterwards would waste the user's time.
        import_extra("matplotlib", "plot")
        table = read_table(options.table)
        options.out.mkdir(parents=True, exist_ok=True)
        started = time.perf_counter()
        model = fit_model(
            table.frame,
            options.components,
            max_epochs=max_epochs,
            random_state=options.seed,
            progress=not options.quiet and sys.stdout.isatty(),
        )
        seconds = time.perf_counter() - started
        detector = fit_detector(
            table, alpha=options.alpha, max_epochs=max_epochs, random_state=options.seed
        )
    except (MissingExtraError, OSError, ValueError) as error:
        print(f"{PROGRAM}: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    audit = audit_table(table, model, detector, n_synthetic=options.samples, seed=options.seed)
    written = write(audit, options.out)
    if not options.quiet:
        summarise(audit, seconds, written)
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


if __name__ == "__main__":
    sys.exit(main())
