"""Audit a table: ``python -m sklearn_aae [audit] [TABLE] [--out DIR]``; score the next one.

There are three commands.  Where the first word is none of them, it is ``audit``; a table that is
called ``score`` is given as ``./score``.

``score MODEL TABLE`` judges another table, next month's say, by the ``model.aae`` of an audit: it
is read in the same way, its columns have to be the same, and thresholds stay where they were.
``DIR/scores.csv`` has the columns below.

``inspect FILE`` prints what such a file holds, its cells too, and builds nothing of it.

``audit`` fits :class:`~sklearn_aae.AdversarialAutoencoder` and
:class:`~sklearn_aae.AAEOutlierDetector` to a table of numbers, categories, text, booleans, dates
and missing cells, and writes

- ``scores.csv``: a line per row with what the detector says of it;
- ``codes.csv``: the rows, compressed;
- ``synthetic.csv``: new rows drawn from the model, of the table's columns and types;
- ``rules.json``: rules of the rows, such as ``start <= end``
  (:meth:`sklearn_aae.rules.Rules.from_json` reads them);
- ``model.aae``: model, detector and how the table was read, as data without code
  (:func:`sklearn_aae.load` returns a dictionary of these);
- ``report.html``: all of this on one page to read, sort, filter and print, without a network;
- ``report.png``: the same as a picture;
- ``run.json``: when and by which versions, options and seed, the table's SHA-256, and how it
  was read.

The columns of ``scores.csv``:

- ``score``: higher is more normal;
- ``p_value``: how many of the rows are as odd as this one or odder, as a share; each row is
  judged by networks that were not trained on it, so this is also the p-value that it
  would have as a new row;
- ``flag``: whether the p-value is at most ``--alpha`` (one in twenty, if nothing else is said);
- ``column_k``, ``share_k``, ``value_k``, ``expected_k`` for k = 1, 2, 3: the columns that
  contribute most to the row's anomaly score, their shares of it, the cells, and what the
  detector expected there, given the rest of the row.

The table is CSV, Parquet or Arrow (Feather), or a folder of such files; without one,
scikit-learn's breast cancer table is taken.  Folders, and files of more than 50 MB
(``--stream-above``; cells of Parquet count for eight bytes each), are read in batches, and need
not fit into memory.  Then the kinds of columns are those of a sample of 65,536 rows and of
what is rare beside it; all p-values are those of new rows; pages show the 500 oddest rows and
a uniform sample of 5,000; there are 65,536 synthetic rows unless ``--samples`` asks for others.
How a CSV file is to be read is found out, said in one line, and can be told:

- separator (comma, semicolon, tab, pipe; ``--sep``), decimal sign (``--decimal``), encoding
  (UTF-8, UTF-16, else Latin-1; ``--encoding``), and whether the first line holds names
  (``--header``, ``--no-header``);
- columns whose cells are all numbers, booleans or dates are read as such.  Dates are ISO's
  (``2020-01-31``, perhaps with a time of day), or others where the column leaves no doubt
  which part is the day (``31.01.2020``).  Codes with leading zeros stay text;
- empty cells are missing, and in columns of numbers, booleans and dates so are NA, N/A, #N/A,
  NaN, null, NULL, None, ? and a lonely point: in columns of text they are text.  ``--na``
  names further words, for all columns;
- lines that are no rows (comments, titles, ``sep=``, units) are skipped; a row with more
  cells than the header has names, or a header that repeats a name, is an error.

What was repaired or guessed is said on stderr, even with ``--quiet``.  What is written has
dates, numbers, booleans and missing cells as in the file, and ``synthetic.csv`` its separator
and its header, or none; all files are UTF-8.

The detector looks for rules, and rows that break one are unusual; ``--rules FILE`` gives them
instead, an edited ``rules.json`` of an earlier run, say.

``--id`` names a column that goes to ``scores.csv`` and ``codes.csv`` and into no model.
Other text with almost as many levels as rows, names or numbers of customers say, is
taken for a category, and mentioned: synthetic rows repeat its cells, and the detector
leaves it out, because cells that no two rows share say nothing of a row.
A first CSV column without a name (what pandas writes for an index) names the rows, and
so does the index of a Parquet file; other rows are numbered from 0.  ``--sort`` puts
the oddest rows first.

``report.html`` lists the 500 oddest rows and draws 5,000 points at most.  It holds cells of the
table; ``--no-cells`` leaves them out there, while ``scores.csv``, ``synthetic.csv``,
``report.png``, ``rules.json`` and ``model.aae`` still hold some.

Files of an earlier run in the same folder are overwritten; others of the same names
stop the run, unless ``--force`` is there, and the table itself is never overwritten.
Exit status: 0, or 2 where the table or an argument cannot be used (infinite cells, fewer than
two rows), after one line on stderr.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from sklearn_aae import AAEOutlierDetector, __version__
from sklearn_aae._utils._compat import import_extra
from sklearn_aae.audit._batched import MOST_MEGABYTES, BatchedTable, is_batched
from sklearn_aae.audit._batched_rows import audit_batches, score_batches
from sklearn_aae.audit._command import Audit, audit_table, fit_model, print_rows, summarise
from sklearn_aae.audit._output import (
    NAMES,
    SCORES,
    check_folder,
    check_scores,
    write_pages,
    write_scores,
    write_tables,
    written_together,
)
from sklearn_aae.audit._plan import ReadingPlan
from sklearn_aae.audit._reading import ReadingOptions
from sklearn_aae.audit._rows import audit_rows, fit_detector, score_rows
from sklearn_aae.audit._run import record_run
from sklearn_aae.audit._table import AuditTable, read_table
from sklearn_aae.exceptions import MissingExtraError
from sklearn_aae.persistence import describe, load
from sklearn_aae.rules import Rules
from sklearn_aae.rules._options import columns_in

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
    words = sys.argv[1:] if argv is None else list(argv)
    named = bool(words) and words[0] in COMMANDS
    parser, run = COMMANDS[words[0] if named else "audit"]
    options = parser().parse_args(words[1:] if named else words)
    try:
        run(options)
    except (MissingExtraError, OSError, ValueError) as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return _fail("interrupted")
    except Exception as error:
        # A fault of ours, most likely; a page of Python would not help the user.
        return _fail(f"{type(error).__name__}: {error}")
    return 0


def _fail(message: str) -> int:
    print(f"{PROGRAM}: error: {' '.join(message.split())}", file=sys.stderr)
    return 2


def _audit(options: argparse.Namespace) -> None:
    """Read, fit and write what the arguments say."""
    max_epochs = options.epochs or "auto"
    # Before the fit: to learn of it afterwards would waste the user's time.
    for library in ("matplotlib", "jinja2"):
        import_extra(library, "plot")
    reading = ReadingOptions(
        sep=options.sep,
        decimal=options.decimal,
        encoding=options.encoding,
        na=None if options.na is None else _words(options.na),
        header=options.header,
        id=options.id,
    )
    rules: Any = "auto" if options.rules is None else _rules_of(options.rules)
    check_folder(options.out, options.table, options.force)
    settings = {"max_epochs": max_epochs, "random_state": options.seed, "rules": rules}
    ruled = columns_in(rules)
    if is_batched(options.table, options.stream_above):
        large = BatchedTable.open(options.table, reading).sampled(options.seed, ruled)
        if not large.is_whole:
            _audit_batches(options, large, settings)
            return
        assert large.part is not None
        table = large.part
    else:
        table = replace(read_table(options.table, reading), ruled=ruled)
    options.out.mkdir(parents=True, exist_ok=True)
    _tell(table, options.quiet)
    started = time.perf_counter()
    width = table.frame.shape[1]
    model = fit_model(
        table.frame, options.components, width, progress=_has_bar(options), **settings
    )
    seconds = time.perf_counter() - started
    detector = fit_detector(table, alpha=options.alpha, **settings)
    rows = audit_rows(detector, table)
    synthetic = model.sample(options.samples or len(table.frame))
    audit = audit_table(table, model, rows, synthetic=synthetic, seed=options.seed)
    with written_together(options.out, NAMES) as folder:
        write_tables(audit, folder, sort=options.sort)
        _write_pages(audit, folder, options)
    _summarise(audit, seconds, options)


def _rules_of(path: Path) -> Rules:
    """Return the rules of a file."""
    try:
        return Rules.from_json(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise ValueError(
            f"--rules {path}: {error}. A file of rules is JSON as Rules.to_json writes it, such as "
            "rules.json of another call."
        ) from error


def _audit_batches(
    options: argparse.Namespace, table: BatchedTable, settings: dict[str, Any]
) -> None:
    """Do the same with a table that does not fit into memory."""
    _refuse_sorting(options)
    assert table.part is not None
    assert table.plan is not None
    options.out.mkdir(parents=True, exist_ok=True)
    _tell(table.part, options.quiet)
    started = time.perf_counter()
    every = np.arange(table.part.frame.shape[1])
    model = fit_model(
        table.columns(every), options.components, len(every), progress=_has_bar(options), **settings
    )
    seconds = time.perf_counter() - started
    detector = AAEOutlierDetector(alpha=options.alpha, **settings)
    detector.fit(table.columns(np.array(table.plan.judged)))
    with written_together(options.out, NAMES) as folder:
        audit = audit_batches(
            table, model, detector, folder, n_synthetic=options.samples, seed=options.seed
        )
        _write_pages(audit, folder, options)
    _summarise(audit, seconds, options)


def _has_bar(options: argparse.Namespace) -> bool:
    return not options.quiet and sys.stdout.isatty()


def _write_pages(audit: Audit, folder: Path, options: argparse.Namespace) -> None:
    run = record_run(audit.table, options.table, _plain(options), audit.counts.n_rows)
    write_pages(audit, folder, run, cells=options.cells)


def _summarise(audit: Audit, seconds: float, options: argparse.Namespace) -> None:
    if not options.quiet:
        summarise(audit, seconds, [options.out / name for name in NAMES])


def _refuse_sorting(options: argparse.Namespace) -> None:
    """Raise for an order of rows that are not in memory."""
    if options.sort:
        raise ValueError(
            f"{options.table} is read in batches, and its rows keep their order; leave out --sort, "
            "or read it into memory by a larger --stream-above"
        )


def _plain(options: argparse.Namespace) -> dict[str, Any]:
    """Return options as JSON has them."""
    return {
        name: str(value) if isinstance(value, Path) else value
        for name, value in vars(options).items()
    }


def _tell(table: AuditTable, quiet: bool) -> None:
    """Say how a table was read."""
    for note in table.reading.notes:
        print(f"{PROGRAM}: {' '.join(note.split())}", file=sys.stderr)
    if not quiet:
        print("\n".join([table.reading.line(table.frame), *table.reading.remarks]), flush=True)


def _score(options: argparse.Namespace) -> None:
    """Score a table by the model of an earlier audit."""
    bundle = load(options.model)
    if not isinstance(bundle, dict) or {"detector", "reading"} - bundle.keys():
        raise ValueError(
            f"{options.model} holds no audit: score takes the model.aae that audit writes"
        )
    plan = ReadingPlan.from_data(bundle["reading"])
    check_scores(options.out, options.table, options.force)
    if is_batched(options.table, options.stream_above):
        _score_batches(options, bundle["detector"], plan)
        return
    table = read_table(options.table, plan=plan)
    options.out.mkdir(parents=True, exist_ok=True)
    _tell(table, options.quiet)
    new = np.full(len(table.frame), np.nan)
    rows = score_rows(bundle["detector"], table, np.array(plan.judged), new)
    written = write_scores(rows, table, options.out, sort=options.sort)
    if not options.quiet:
        print_rows(rows, table)
        print(f"\nwrote {written}")


def _score_batches(options: argparse.Namespace, detector: Any, plan: ReadingPlan) -> None:
    """Do the same with a table that is read in batches."""
    _refuse_sorting(options)
    table = replace(BatchedTable.open(options.table, plan.options), plan=plan)
    options.out.mkdir(parents=True, exist_ok=True)
    with written_together(options.out, [SCORES]) as folder:
        rows, part, counts = score_batches(table, detector, folder / SCORES)
    _tell(part, options.quiet)
    if not options.quiet:
        print_rows(rows, part, counts)
        print(f"\nwrote {options.out / SCORES}")


def _inspect(options: argparse.Namespace) -> None:
    """Print what a file holds."""
    print(describe(options.file))


def _words(values: list[str]) -> tuple[str, ...]:
    """Return the words of --na: several in one value have commas between them."""
    return tuple(word for value in values for word in value.split(",") if word.strip())


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{PROGRAM}: error: {' '.join(message.split())} (--help lists arguments)\n")


def _audit_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=PROGRAM,
        description="Fit an adversarial autoencoder and a detector to a table of numbers, "
        "categories, text, booleans, dates and missing cells; write how unusual each row is and "
        "why, codes, synthetic rows, the model and a report.",
        epilog=f"Other commands: {PROGRAM} score MODEL TABLE, {PROGRAM} inspect FILE.",
    )
    parser.add_argument(
        "table",
        nargs="?",
        type=Path,
        metavar="TABLE",
        help="CSV, Parquet or Arrow file, or a folder of these (default: scikit-learn's breast "
        "cancer table)",
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
    parser.add_argument(
        "--rules", type=Path, metavar="FILE", help="rules of the table (default: look for them)"
    )
    parser.add_argument(
        "--id", metavar="COLUMN", help="a column that names rows: into scores and codes, no model"
    )
    parser.add_argument(
        "--no-cells",
        dest="cells",
        action="store_false",
        help="leave the table's cells out of report.html",
    )
    _add_reading(parser)
    _add_output(parser)
    return parser


def _score_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=f"{PROGRAM} score",
        description="Score the rows of a table by the model of an earlier audit of a table with "
        "the same columns; write how unusual each row is and why.",
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="the model.aae of an audit")
    parser.add_argument("table", type=Path, metavar="TABLE", help="file, or folder of files")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("sklearn_aae_scores"),
        metavar="DIR",
        help="folder to write to (default: %(default)s)",
    )
    _add_output(parser)
    return parser


def _inspect_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=f"{PROGRAM} inspect", description="Print what a file of a model holds; build nothing."
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="a file of sklearn_aae.save")
    return parser


def _add_output(parser: argparse.ArgumentParser) -> None:
    """Add the arguments on what is written and printed, and on large tables."""
    parser.add_argument(
        "--stream-above",
        type=_size,
        default=MOST_MEGABYTES,
        metavar="MB",
        help="read larger files in batches (default: %(default)s); folders always are",
    )
    parser.add_argument("--sort", action="store_true", help="write the oddest rows first")
    parser.add_argument(
        "--force", action="store_true", help="overwrite files that no earlier run has written"
    )
    parser.add_argument(
        "--quiet", action="store_true", help="print nothing but errors and what was repaired"
    )
    parser.add_argument("--version", action="version", version=f"sklearn_aae {__version__}")


def _add_reading(parser: argparse.ArgumentParser) -> None:
    """Add the arguments on how a CSV file is to be read."""
    group = parser.add_argument_group("reading CSV", "what is not said is found out")
    group.add_argument(
        "--sep", metavar="S", help="what stands between cells: a character, or tab, semicolon, ..."
    )
    group.add_argument("--decimal", metavar="D", help="decimal sign, a point or a comma")
    group.add_argument("--encoding", metavar="NAME", help="encoding, such as utf-8 or latin-1")
    group.add_argument(
        "--na",
        action="append",
        metavar="VALUES",
        help="words for missing cells, with commas between them, in all columns; an empty "
        "string: only empty cells are missing (default: the usual words in columns of numbers, "
        "booleans and dates)",
    )
    group.add_argument(
        "--header",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="whether the first line holds names",
    )


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


def _size(text: str) -> float:
    value = float(text)
    if not value >= 0:
        raise argparse.ArgumentTypeError(f"must be at least 0, got {text}")
    return value


COMMANDS = {
    "audit": (_audit_parser, _audit),
    "inspect": (_inspect_parser, _inspect),
    "score": (_score_parser, _score),
}

if __name__ == "__main__":
    # One line at most leaves the command; -W shows what libraries have to say.
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    sys.exit(main())
