"""What the benchmarks of generation, imputation and conditions have in common."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from benchmarks._common import Benchmark, Row, version
from benchmarks._contenders import N_COMPONENTS, Contender
from benchmarks._frames import Mixed, folder
from benchmarks._runs import Runs

KEYS = ("table", "contender", "seed")


class TableBenchmark(Benchmark):
    """A benchmark of every mixed-type table of a folder, whose runs are kept."""

    def __init__(self, name: str, description: str, contenders: Iterable[str] = ()) -> None:
        super().__init__(name, description, seeds=3, keeps_runs=True)
        self.add_data("every .csv and .csv.gz below it", required=True)
        self.add("--again", action="store_true", help="also measure what the runs have already")
        self.add(
            "--keep-repeats", action="store_true",
            help="keep columns that repeat another one-to-one",
        )  # fmt: skip
        names = list(contenders)
        if names:
            self.add(
                "--contenders", nargs="+", choices=names, default=names, metavar="NAME",
                help=f"of {', '.join(names)} (default: all)",
            )  # fmt: skip

    def start(self, args: argparse.Namespace) -> argparse.Namespace:
        """Keep the files of short runs apart: their figures must not pass for others."""
        if args.quick:
            self.prefix += "_quick"
        return super().start(args)

    @property
    def again(self) -> bool:
        """Whether runs that are there are measured anew; short ones always are."""
        return self.args.again or self.args.quick

    def tables(self, only: str = "") -> list[Mixed]:
        """Return the tables, or the one named."""
        args = self.args
        options = {"short": args.quick, "keep_repeats": args.keep_repeats}
        return list(folder(args.data, **options, only=only))

    def measure(
        self,
        tables: Sequence[Mixed],
        contenders: Mapping[str, Contender],
        figures: Callable[[Mixed, str, int], Row],
    ) -> Runs:
        """Measure the runs that are missing, by table, contender and seed; return all."""
        runs = Runs(self.runs_folder, self.prefix, KEYS)
        for table in tables:
            print(table, flush=True)
            for name, contender in contenders.items():
                for seed in self.seeds:
                    run = (table.name, name, seed)
                    measured = partial(figures, table, name, seed)
                    runs.measure(run, measured, again=self.again)
                print(f"  {contender.label}", flush=True)
        return runs

    def report(self, tables: Mapping[str, Sequence[Row]], /, **facts: object) -> None:
        """Say what all models have in common, too."""
        shared = {"n_components": N_COMPONENTS, "pandas": version("pandas")}
        super().report(tables, **shared | facts)
