"""The MNIST tables of the paper that the package is named after, made anew.

Settings are chosen with ``--stage tune``, on 10,000 training rows that are held back.  The
test rows are opened by ``--stage final`` alone, and once for each task, seed and settings.
Long runs keep what they have in ``--runs``: the same command goes on where the last was
stopped.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._common import RESULTS, Benchmark, Row, report, setup_rows
from benchmarks._runs import Runs, groups_of, summarise
from benchmarks.reproduction import _training as training
from benchmarks.reproduction._estimators import estimator, has_own_networks
from benchmarks.reproduction._figures import FIGURES, figures
from benchmarks.reproduction._images import Images, Openings, Split, few_labels, read_mnist, small
from benchmarks.reproduction._recipes import RECIPES, TABLES, Recipe, Task, all_tasks, settings_id

KEYS = ("table", "task", "stage", "recipe", "settings", "rows", "epochs", "widths", "seed")
#: What a short run is cut down to, and a measurement of cost.
QUICK_WIDTH, QUICK_EPOCHS, QUICK_DRAWN = 64, 4, 500
COST_ROWS = 2_000
ONE_CORE = "one core"
SEEDS = 3
TUNE, FINAL, QUICK = "tune", "final", "quick"


@dataclass(frozen=True)
class Run:
    """One training: a task at a stage with settings and a seed."""

    table: str
    task: str
    stage: str
    recipe: str
    settings: Recipe
    n_rows: int
    seed: int

    @property
    def keys(self) -> Row:
        """What tells it apart."""
        return {
            "table": self.table,
            "task": self.task,
            "stage": self.stage,
            "recipe": self.recipe,
            "settings": settings_id(self.settings, rows=self.n_rows),
            "rows": self.n_rows,
            "epochs": self.settings.epochs,
            "widths": "-".join(map(str, self.settings.widths)),
            "seed": self.seed,
        }

    @property
    def opening(self) -> Row:
        """What the test rows are opened for."""
        return {name: self.keys[name] for name in ("table", "task", "seed", "settings")}

    @property
    def title(self) -> str:
        """What it is called on screen."""
        return f"{self.task}, {self.recipe}, seed {self.seed}"

    def checkpoint(self, folder: Path) -> Path:
        """Return the file in which it is kept until its figures are known."""
        words = "-".join(str(value) for value in self.keys.values())
        name = "".join(letter if letter.isalnum() else "-" for letter in words)
        return folder / "checkpoints" / f"{name}.pt"


def opened(folder: Path) -> Openings:
    """Return the book of who opened the test rows."""
    return Openings(folder / "paper_opened.csv")


def train(run: Run, split: Split, folder: Path, every: int, device: str = "auto") -> Any:
    """Return the fitted estimator of a run, from its checkpoint if there is one."""
    task, recipe = TABLES[run.table][run.task], run.settings
    seed = run.seed if has_own_networks(recipe) else None
    path, averages = str(run.checkpoint(folder)), []
    if recipe.averaged:  # before the checkpoint, which keeps the mean so far
        averages = [training.AveragedWeights(recipe)]
    callbacks = [
        *averages,
        training.Checkpoint(path, recipe.epochs, every, seed),
        training.Schedule(recipe),
        training.Progress(run.title, recipe.epochs),
    ]
    model = estimator(recipe, task, callbacks, run.seed, device)
    if task.draws_rows or task.n_clusters is not None:
        return model.fit(split.X)
    n_labels = task.n_labels
    if run.stage == QUICK and n_labels is not None:
        n_labels //= 10  # a short run has few rows of a class
    return model.fit(split.X, few_labels(split.y, n_labels, run.seed))


def measure(run: Run, images: Images, folder: Path, every: int) -> Row:
    """Train, and return the figures; the test rows are opened last, and written down before."""
    final = run.stage == FINAL
    split = images.to_train() if final else images.to_tune(run.n_rows)
    model = train(run, split, folder, every)
    if final:
        opened(folder).add(**run.opening)
        X, y = images.open_test()
        split = split._replace(X_score=X, y_score=y)
    n_drawn = {"n_drawn": QUICK_DRAWN} if run.stage == QUICK else {}
    found = figures(model, TABLES[run.table][run.task], split, run.seed, **n_drawn)
    durations = [epoch["dur"] for epoch in model.net_.history]
    cost = {"s per epoch": float(np.median(durations)), "hours": sum(durations) / 3600}
    run.checkpoint(folder).unlink()
    return run.keys | found | cost


def planned(args: argparse.Namespace, table: str, images: Images) -> Iterator[Run]:
    """Yield the runs that were asked for."""
    stage = QUICK if args.quick else args.stage
    for name, task in TABLES[table].items():
        if args.task and name not in args.task:
            continue
        recipes = [recipe for recipe in args.recipe or () if recipe in task.recipes]
        if not args.recipe:
            recipes = list(task.recipes if stage == TUNE else task.recipes[:1])
        for seed in range(1 if args.quick else args.seeds):
            for recipe in recipes:
                settings = RECIPES[recipe]
                if stage == FINAL:
                    n_rows = len(images.to_train().X)
                else:
                    n_rows = len(images.to_tune(args.rows).X)
                    settings = settings.narrowed(args.width, args.epochs)
                yield Run(table, name, stage, recipe, settings, n_rows, seed)


def check(args: argparse.Namespace) -> None:
    """Refuse what would make the figures of the test rows worthless."""
    if args.stage == FINAL and not args.quick and (args.rows or args.width or args.epochs):
        raise SystemExit(
            "--rows, --width and --epochs are for --stage tune: the test rows are opened for a "
            "recipe as it stands."
        )
    if args.quick:
        args.width = args.width or QUICK_WIDTH
        args.epochs = args.epochs or QUICK_EPOCHS


def images_of(data: Path | None, *, short: bool = False) -> Images:
    """Return MNIST, of which a short run takes few rows; without MNIST those of bundled digits."""
    if data is None and not short:
        raise SystemExit("--data DIR is needed: a folder with mnist.npz.")
    images = None if data is None else read_mnist(data)
    return small(images) if short else images


def run_table(args: argparse.Namespace, table: str) -> Runs:
    """Do the runs that are missing; return all there are."""
    check(args)
    images = images_of(args.data, short=args.quick)
    runs = Runs(args.runs, "paper", KEYS)
    for run in planned(args, table, images):
        times = opened(args.runs).count(**run.opening) if run.stage == FINAL else 0
        if times and not args.again:
            print(
                f"{run.title}: the test rows were opened for these settings already; --again "
                "opens them once more and writes that down.",
                flush=True,
            )
        elif times or runs.key(run.keys) not in runs:
            runs.add(measure(run, images, args.runs, args.save_every))
    return runs


def summary(runs: Runs, book: Openings, table: str) -> Iterator[Row]:
    """Yield means and spreads by task, stage and settings, beside the paper's figure."""
    keys, tasks = KEYS[:-1], TABLES[table]
    rows = [row for row in runs.rows() if row["table"] == table]
    # The same columns for all tasks of a table, those that none of them has left out.
    measured = [
        name
        for name in FIGURES
        if any(np.isfinite(row.get(name, np.nan)) for row in rows)
        and any(task.figure != name for task in tasks.values())
    ]
    groups = groups_of(rows, keys).values()
    for row, group in zip(summarise(rows, keys, FIGURES), groups, strict=True):
        task, final = tasks[row["task"]], row["stage"] == FINAL
        values = np.array([one[task.figure] for one in group], dtype=float)
        best = values.max() if task.higher else values.min()
        openings = book.count(**{key: row[key] for key in ("table", "task", "settings")})
        yield {
            **{name: row[name] for name in ("task", "stage", "recipe", "rows", "epochs", "widths")},
            "seeds": len(group),
            "figure": task.figure,
            "ours": row[task.figure],
            "best": FIGURES[task.figure].format(best),
            "paper": task.paper,
            "reached": task.reached(float(values.mean())) if final else "",
            "openings": openings if final else "",
            **{name: row[name] if name != task.figure else "" for name in measured},
        }


def results(folder: Path) -> Iterator[Row]:
    """Yield every task with the paper's figures, and ours from full runs, where there are any."""
    runs, book = Runs(folder, "paper", KEYS), opened(folder)
    for table, name, task in all_tasks():
        done = [
            row
            for row in summary(runs, book, table)
            if row["stage"] == FINAL and row["task"] == name
        ]
        floor, stretch = ("" if b is None else f"{b:g}" for b in (task.floor, task.stretch))
        floor += f" ({task.floor_of})" if task.floor_of else ""
        first: Row = {"table": table, "task": name, "figure": task.figure}
        first |= {"floor": floor, "paper": task.paper, "stretch": stretch}
        for row in done or [{}]:
            ours = {key: row.get(key, "") for key in ("recipe", "seeds", "best", "reached")}
            yield first | {"ours": row.get("ours", "not run yet")} | ours


def tuned(folder: Path) -> Iterator[Row]:
    """Yield what was measured on held-back rows, and how far it was from full runs."""
    runs, book = Runs(folder, "paper", KEYS), opened(folder)
    columns = ("task", "recipe", "rows", "epochs", "widths", "seeds", "figure", "ours", "paper")
    for table in TABLES:
        for row in summary(runs, book, table):
            if row["stage"] == TUNE:
                yield {name: row[name] for name in (*columns, "s per epoch")}


def cost(images: Images, folder: Path) -> Iterator[Row]:
    """Yield how long an epoch of each task takes: the last two of three on few rows.

    In time of the processor, which does not grow when others use it too; on a GPU in time
    of the clock.  What comes once for each run, at its beginning and end, is left out.
    """
    n_rows = len(images.to_train().X)
    split = images.to_tune(COST_ROWS)
    for table, name, task in all_tasks():
        recipe = task.recipes[0]
        run = Run(table, name, "cost", recipe, RECIPES[recipe].narrowed(epochs=3), COST_ROWS, 0)
        model = train(run, split, folder, every=4)
        run.checkpoint(folder).unlink()
        on_cpu, history = model.device_.type == "cpu", model.net_.history
        ends, durations = history[:, training.PROCESSOR], history[:, "dur"]
        used = (ends[2] - ends[0] if on_cpu else durations[1] + durations[2]) / 2
        epoch, epochs = used * n_rows / COST_ROWS, RECIPES[recipe].epochs
        yield {
            "task": name,
            "recipe": recipe,
            "rows": n_rows,
            "s per epoch": f"{epoch:.0f}",
            "epochs": epochs,
            "hours per seed": f"{epoch * epochs / 3600:.1f}",
            "device": ONE_CORE if on_cpu else str(model.device_),
        }


def recipes_of(tasks: dict[str, Task]) -> list[str]:
    """Return the names of the recipes of a table, each once."""
    return list(dict.fromkeys(name for task in tasks.values() for name in task.recipes))


def build_parser() -> tuple[argparse.ArgumentParser, dict[str, Benchmark]]:
    """Return the arguments, and each sub-command."""
    top = argparse.ArgumentParser(description=__doc__)
    commands = top.add_subparsers(dest="table", required=True, metavar="TABLE")
    helps = {table: ", ".join(tasks) for table, tasks in TABLES.items()}
    helps |= {"results": "all tables, from the runs there are", "cost": "of epochs"}
    by_name = {}
    for name, text in helps.items():
        arguments = commands.add_parser(name, help=text)
        by_name[name] = one = Benchmark(
            f"reproduction.paper {name}", __doc__, seeds=SEEDS, arguments=arguments
        )
        one.prefix = f"paper_{name}"
        one.add_data("folder with mnist.npz")
        one.add(
            "--runs", type=Path, metavar="DIR",
            help="checkpoints and figures of runs are kept there (default: benchmarks/results, of "
            "short runs benchmarks/results/quick)",
        )  # fmt: skip
    for table, tasks in TABLES.items():
        add = by_name[table].add
        add("--task", nargs="+", choices=list(tasks), help="some tasks only")
        add(
            "--stage", choices=(TUNE, FINAL), default=TUNE,
            help="tune scores held-back training rows, final opens the test rows (default: tune)",
        )  # fmt: skip
        add(
            "--recipe", nargs="+", choices=recipes_of(tasks),
            help="default: all to tune, the first at last",
        )  # fmt: skip
        add("--rows", type=int, help="train on so many rows; to tune only")
        add("--epochs", type=int, help="instead of the recipe's; to tune only")
        add("--width", type=int, help="of hidden layers; to tune only")
        add("--save-every", type=int, default=1, help="epochs (default: 1)")
        add("--again", action="store_true", help="open the test rows once more")
    return top, by_name


def main(argv: list[str] | None = None) -> None:
    """Run the benchmark."""
    top, by_name = build_parser()
    args = top.parse_args(argv)
    table = args.table
    del args.table
    benchmark = by_name[table]
    benchmark.start(args)
    args.runs = args.runs or (RESULTS / "quick" if args.quick else RESULTS)
    if table == "results":
        tables = {"results": list(results(args.runs)), "tuned": list(tuned(args.runs))}
        report(args.out, "paper", tables)
    elif table == "cost":
        rows = list(cost(images_of(args.data), args.runs))
        setup = setup_rows(benchmark.command, rows_timed=COST_ROWS, seeds="0")
        report(args.out, "paper", {"cost": rows, "cost_setup": setup})
    else:
        runs = run_table(args, table)
        recipes = [
            {"recipe": name, "settings": settings_id(RECIPES[name]), "from": RECIPES[name].about}
            for name in recipes_of(TABLES[table])
        ]
        found = list(summary(runs, opened(args.runs), table))
        benchmark.report({"table": found, "recipes": recipes})


if __name__ == "__main__":
    main()
