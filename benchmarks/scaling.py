"""How the time of fit grows with rows, columns and components.

The figure of memory needs Linux.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks._common import Benchmark, Row, verdict
from benchmarks._memory import bytes_of_mapped, in_child
from benchmarks._timing import quartiles, timed
from sklearn_aae import AdversarialAutoencoder

EPOCHS = 3
MAPPED_ROWS = 1_000_000
#: Upper bound on the share of a float32 table; benchmarks/memory.py has it too.
MEMORY_TARGET = 0.5


@dataclass(frozen=True)
class Size:
    """What a table and its code measure."""

    rows: int = 1000
    columns: int = 30
    components: int = 8


#: What varies: the other sizes, and the values in turn.
SWEEPS: dict[str, tuple[Size, tuple[int, ...]]] = {
    "rows": (Size(), (1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000)),
    "columns": (Size(rows=5000), (10, 30, 100, 300, 1000, 2000)),
    "components": (Size(rows=20_000), (2, 4, 8, 16, 32, 64, 128)),
}
Times = dict[str, dict[Size, list[float]]]


def main() -> None:
    """Run the benchmark, or the measurement of memory in a child process."""
    benchmark = Benchmark("scaling", __doc__, seeds=2)
    benchmark.add(
        "--case", type=int, metavar="ROWS", help="measure the memory for so many rows and print it"
    )
    args = benchmark.parse()
    if args.case:
        print(json.dumps(measure_memory(args.case)))
        return
    times = measure(benchmark.seeds, args.quick)
    tables = {
        "table": list(summarise(times)),
        "slopes": list(slopes(times)),
        "memory": [memory_row(100_000 if args.quick else MAPPED_ROWS, args.threads)],
    }
    benchmark.report(tables, epochs=EPOCHS)
    if args.out is not None:
        plot(times, args.out / "scaling.png")


def model_of(size: Size, seed: int) -> AdversarialAutoencoder:
    """Return an unfitted model whose settings do not depend on the table."""
    return AdversarialAutoencoder(
        size.components,
        hidden_layer_sizes=(128, 64),
        discriminator_layer_sizes=(64, 64),
        batch_size=256,
        max_epochs=EPOCHS,
        device="cpu",
        random_state=seed,
    )


def measure(seeds: range, quick: bool) -> Times:
    """Return the seconds of every fit, by what varies and by size."""
    times: Times = {}
    for varied, (fixed, values) in SWEEPS.items():
        sizes = [replace(fixed, **{varied: value}) for value in (values[:3] if quick else values)]
        times[varied] = {size: [] for size in sizes}
        seconds_of_fit(sizes[0], 0)  # only warms up
    todo = [(varied, size) for varied, by_size in times.items() for size in by_size]
    for seed in seeds:
        for i in np.random.default_rng(seed).permutation(len(todo)):
            varied, size = todo[i]
            times[varied][size].append(seconds_of_fit(size, seed))
        print(f"seed {seed}: {len(todo)} fits", flush=True)
    return times


def seconds_of_fit(size: Size, seed: int) -> float:
    """Return the seconds of one fit, from raw rows to the fitted estimator."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((size.rows, size.columns), dtype=np.float32)
    return timed(model_of(size, seed).fit, X)[1]


def summarise(times: Times) -> Iterator[Row]:
    """Yield a row for every size."""
    for varied, by_size in times.items():
        for size, seconds in by_size.items():
            per_epoch = np.asarray(seconds) / EPOCHS
            yield {
                "varied": varied,
                "rows": f"{size.rows:,}",
                "columns": size.columns,
                "components": size.components,
                "fit [s]": f"{np.median(seconds):.3f}",
                "s per epoch": f"{np.median(per_epoch):.4f}",
                "quartiles": quartiles(per_epoch, ".4f"),
                "µs per row and epoch": f"{1e6 * np.median(per_epoch) / size.rows:.2f}",
            }


def curve(varied: str, by_size: dict[Size, list[float]]) -> tuple[np.ndarray, np.ndarray]:
    """Return the sizes of a sweep and the median seconds of an epoch."""
    x = np.array([getattr(size, varied) for size in by_size], dtype=float)
    return x, np.array([np.median(seconds) for seconds in by_size.values()]) / EPOCHS


def slope(x: np.ndarray, y: np.ndarray) -> float:
    """Return the slope of the least-squares line through the logarithms."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def slopes(times: Times) -> Iterator[Row]:
    """Yield how each sweep grows, over all sizes and where fixed costs matter least."""
    for varied, by_size in times.items():
        x, y = curve(varied, by_size)
        yield {
            "varied": varied,
            "from": f"{x[0]:,.0f}",
            "to": f"{x[-1]:,.0f}",
            "slope": f"{slope(x, y):.2f}",
            "slope, three largest": f"{slope(x[-3:], y[-3:]):.2f}",
            "growth of size": f"{x[-1] / x[0]:,.0f} ×",
            "growth of time": f"{y[-1] / y[0]:,.1f} ×",
        }


def plot(times: Times, path: Path) -> None:
    """Draw seconds per epoch over size, both logarithmic, with guides of slope 1."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    figure, axes = pyplot.subplots(
        1, len(times), figsize=(10, 3.4), layout="constrained", facecolor="white"
    )
    for ax, (varied, by_size) in zip(axes, times.items(), strict=True):
        x, y = curve(varied, by_size)
        others = vars(SWEEPS[varied][0]).items()
        title = ", ".join(f"{value:,} {name}" for name, value in others if name != varied)
        ends = np.array([x[0], x[-1]])
        ax.plot(ends, y[-1] * ends / x[-1], "--", color="#6b6b6b", lw=1, label="slope 1")
        ax.plot(x, y, "o-", color="#0072B2", label="fit")
        ax.set(xscale="log", yscale="log", xlabel=varied, title=title)
        ax.title.set_fontsize("medium")
        for axis in (ax.xaxis, ax.yaxis):
            # Powers of ten alone would leave a panel of less than a decade without figures.
            axis.set_major_locator(LogLocator(subs=(1,) if axis is ax.xaxis else (1, 3)))
            axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
            axis.set_minor_formatter(NullFormatter())
        ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        if x[-1] < 1000:
            ax.set_xticks(x)
            ax.tick_params(axis="x", which="minor", bottom=False)
        ax.grid(which="major", color="#dddddd", lw=0.6)
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False)
    axes[0].set_ylabel("seconds per epoch")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    pyplot.close(figure)


def memory_row(n_rows: int, threads: int) -> Row:
    """Return the memory of an epoch on a mapped table, measured in a process of its own."""
    measured = in_child("benchmarks.scaling", ["--case", n_rows, "--threads", threads])
    share = measured["above"] / measured["table"]
    return {
        "mapped rows": f"{n_rows:,} × {Size.columns}, float32",
        "table [MiB]": f"{measured['table'] / 2**20:.0f}",
        "peak of fit [MiB]": f"{measured['above'] / 2**20:.0f}",
        "over the table": f"{share:.2f}",
        **verdict(share, "at most", MEMORY_TARGET),
    }


def measure_memory(n_rows: int) -> dict[str, int]:
    """Return the bytes that an epoch on a mapped table needs."""
    size = Size(rows=n_rows)
    model = model_of(size, 0).set_params(max_epochs=1)
    # Libraries and thread pools are not to count.
    model.fit(np.random.default_rng(0).standard_normal((1000, size.columns), dtype=np.float32))
    return bytes_of_mapped(model.fit, n_rows, size.columns)


if __name__ == "__main__":
    main()
