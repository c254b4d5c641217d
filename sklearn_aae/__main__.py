"""Audit a table: ``python -m sklearn_aae [TABLE] [--out DIR]``.

Fits :class:`~sklearn_aae.AdversarialAutoencoder` to a table of numbers and writes

- ``scores.csv``: a line per row with its score (higher is more normal) and the three
  columns that contribute most to its badness, with their shares of it;
- ``codes.csv``: the rows, compressed;
- ``synthetic.csv``: new rows drawn from the model, whole numbers where the table has
  whole numbers;
- ``report.png``: all of this on one page.

The table is CSV or Parquet; without one, scikit-learn's breast cancer table is taken.
A first CSV column without a name (what pandas writes for an index) names the rows, and
so does the index of a Parquet file; other rows are numbered from 0.  Files of an
earlier run in the same folder are overwritten.  Exit status: 0, or 2 where the table
or an argument cannot be used.
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
from sklearn_aae._compat import import_extra
from sklearn_aae.exceptions import MissingExtraError
from sklearn_aae.inspection._report import ReportData, draw_report
from sklearn_aae.metrics import prior_draws, prior_gap

PROGRAM = "python -m sklearn_aae"
#: Nine digits give back every float32; the model computes in no more.
FLOAT_FORMAT = "%.9g"
N_EXPLAINING = 3
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
        frame, title = _read(options.table)
        options.out.mkdir(parents=True, exist_ok=True)
        started = time.perf_counter()
        model = _fit(frame, options)
        seconds = time.perf_counter() - started
    except (MissingExtraError, OSError, ValueError) as error:
        print(f"{PROGRAM}: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    audit = _audit(model, frame, options)
    written = _write(audit, title, options.out)
    if not options.quiet:
        _summarise(audit, title, seconds, written)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Fit an adversarial autoencoder to a table of numbers; write how unusual "
        "each row is and why, codes, synthetic rows and a one-page report.",
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


# ---------------------------------------------------------------------- the table


def _read(path: Path | None) -> tuple[Any, str]:
    """Return the table as a pandas frame, and what to call it."""
    pandas = import_extra("pandas", "table")
    if path is None:
        from sklearn.datasets import load_breast_cancer

        return load_breast_cancer(as_frame=True).data, "breast cancer"
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            import_extra("pyarrow", "table")
            frame = pandas.read_parquet(path, engine="pyarrow")
        else:
            frame = pandas.read_csv(path)
            if len(frame.columns) and frame.columns[0] == "Unnamed: 0":
                frame = frame.set_index("Unnamed: 0")
                frame.index.name = None
    except ValueError as error:
        raise ValueError(f"{path}: cannot be read: {error}") from error
    frame.columns = [str(name) for name in frame.columns]
    _check(frame, path)
    return frame, path.stem


def _check(frame: Any, path: Path) -> None:
    """Raise ValueError if a column holds something other than finite real numbers."""
    from pandas.api.types import is_bool_dtype, is_complex_dtype, is_numeric_dtype

    if not frame.shape[1]:
        raise ValueError(f"{path}: the table has no columns")
    if len(frame) < 2:
        raise ValueError(f"{path}: the table has {len(frame)} rows; at least 2 are needed")
    other = [
        name
        for name, dtype in frame.dtypes.items()
        if is_complex_dtype(dtype) or not (is_numeric_dtype(dtype) or is_bool_dtype(dtype))
    ]
    if other:
        raise ValueError(
            f"{path}: columns that do not hold numbers: {_listed(other)}. "
            "Drop them or encode them as numbers first"
        )
    holes = [name for name in frame if not _is_finite(frame[name])]
    if holes:
        raise ValueError(
            f"{path}: columns with missing or infinite cells: {_listed(holes)}. "
            "Fill them or drop these rows or columns first"
        )


def _is_finite(column: Any) -> bool:
    return bool(column.notna().all()) and bool(np.isfinite(column.to_numpy(np.float64)).all())


def _listed(names: list[str], limit: int = 10) -> str:
    rest = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(repr(name) for name in names[:limit]) + rest


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


def _audit(model: AdversarialAutoencoder, frame: Any, options: argparse.Namespace) -> Any:
    """Return everything that is written or printed, under one roof."""
    rows = frame.to_numpy(np.float64)
    expected = np.asarray(model.reconstruct(frame), dtype=np.float64)
    varies = np.ptp(rows, axis=0) > 0
    unexplained = ((rows - expected) ** 2).mean(axis=0)[varies] / rows.var(axis=0)[varies]
    # The gap looks at 1000 rows; of a sorted table the first ones would not do.
    some = frame.sample(min(1000, len(frame)), random_state=options.seed % 2**32)
    codes = np.asarray(model.transform(frame), dtype=np.float64)
    return argparse.Namespace(
        frame=frame,
        rows=rows,
        expected=expected,
        codes=codes,
        prior=prior_draws(model.prior_, N_PRIOR_DRAWS, codes.shape[1], options.seed),
        contributions=model.score_contributions(frame),
        scores=model.score_samples(frame),
        synthetic=_synthetic(model, frame, options.samples or len(frame)),
        history=model.history_,
        explained=1 - float(unexplained.mean()) if varies.any() else 1.0,
        gap=prior_gap(model, some, random_state=options.seed),
    )


def _synthetic(model: AdversarialAutoencoder, frame: Any, n_rows: int) -> Any:
    """Return drawn rows in which whole-number columns are whole."""
    from pandas.api.types import is_bool_dtype, is_integer_dtype

    drawn = model.sample(n_rows)
    for name, dtype in frame.dtypes.items():
        if is_bool_dtype(dtype):
            drawn[name] = drawn[name] > 0.5
        elif is_integer_dtype(dtype):
            drawn[name] = drawn[name].round().astype(np.int64)
    return drawn


# ---------------------------------------------------------------------- the output


def _write(audit: Any, title: str, folder: Path) -> list[Path]:
    pandas = import_extra("pandas", "table")
    index = audit.frame.index
    scores = {"score": audit.scores}
    totals = np.maximum(audit.contributions.sum(axis=1), np.finfo(np.float64).tiny)
    order = np.argsort(-audit.contributions, axis=1, kind="stable")[:, :N_EXPLAINING]
    for k, columns in enumerate(order.T, start=1):
        scores[f"column_{k}"] = audit.frame.columns.to_numpy()[columns]
        scores[f"share_{k}"] = audit.contributions[np.arange(len(index)), columns] / totals
    names = [f"component_{i}" for i in range(audit.codes.shape[1])]
    written = [folder / name for name in ("scores.csv", "codes.csv", "synthetic.csv", "report.png")]
    look = {"float_format": FLOAT_FORMAT}
    pandas.DataFrame(scores, index=index).to_csv(written[0], index_label="row", **look)
    pandas.DataFrame(audit.codes, index, names).to_csv(written[1], index_label="row", **look)
    audit.synthetic.to_csv(written[2], index=False, **look)
    with warnings.catch_warnings():
        # The bundled font has no Chinese, say; the boxes in its place need no comment.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        draw_report(_report_data(audit, title)).savefig(written[3], dpi=150)
    return written


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _report_data(audit: Any, title: str) -> ReportData:
    (n_rows, n_columns), n_components = audit.frame.shape, audit.codes.shape[1]
    return ReportData(
        title=title,
        subtitle=f"{_plural(n_rows, 'row')} × {_plural(n_columns, 'column')} in "
        f"{_plural(n_components, 'component')}   ·   "
        f"{audit.explained:.1%} of the variance reconstructed   ·   "
        f"prior gap {audit.gap:.2f} (up to 1 could be chance)",
        footer=f"sklearn_aae {__version__}",
        names=list(audit.frame.columns),
        row_ids=list(audit.frame.index),
        rows=audit.rows,
        reconstructions=audit.expected,
        contributions=audit.contributions,
        scores=audit.scores,
        synthetic=audit.synthetic.to_numpy(np.float64),
        codes=audit.codes,
        prior=audit.prior,
        history=audit.history,
    )


def _summarise(audit: Any, title: str, seconds: float, written: list[Path]) -> None:
    n_rows, n_columns = audit.frame.shape
    print(f"{title}: {_plural(n_rows, 'row')} x {_plural(n_columns, 'column')}")
    print(f"{_plural(audit.codes.shape[1], 'component')} fitted in {seconds:.1f} s")
    print(f"{audit.explained:.1%} of the columns' variance is reconstructed")
    print(f"prior gap {audit.gap:.2f} (up to 1, the codes could be draws of the prior)")
    print("\nmost unusual rows (the model has seen them: real surprises stand out more)")
    worst = np.argsort(audit.scores, kind="stable")[:N_SHOWN]
    order = np.argsort(-audit.contributions[worst], axis=1, kind="stable")[:, :N_EXPLAINING]
    width = max(len(audit.frame.columns[j]) for j in order.ravel())
    for i, columns in zip(worst, order, strict=True):
        print(f"  row {audit.frame.index[i]}, score {audit.scores[i]:.4g}")
        for j in columns:
            share = audit.contributions[i, j] / max(-audit.scores[i], np.finfo(np.float64).tiny)
            print(
                f"    {share:5.0%}  {audit.frame.columns[j]:<{width}}  "
                f"{audit.rows[i, j]:<11.4g} expected {audit.expected[i, j]:.4g}"
            )
    print("\nwrote " + "\n      ".join(str(path) for path in written))


if __name__ == "__main__":
    sys.exit(main())
