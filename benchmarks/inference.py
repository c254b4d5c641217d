"""What transform, inverse_transform and score_samples cost above the network's own pass.

The figure of memory needs Linux.
"""

from __future__ import annotations

import argparse
import copy
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.utils import check_array

from benchmarks._common import Benchmark, Row, verdict
from benchmarks._memory import bytes_of_mapped, in_child
from benchmarks._timing import in_turns, ratio_columns
from sklearn_aae import AdversarialAutoencoder

N_FEATURES, N_COMPONENTS = 30, 8
#: Hidden layers by name: those of the speed benchmark's first workload, and the default.
NETWORKS = {"128, 64": (128, 64), "256, 256 (default)": (256, 256)}
CALLS = ("transform", "inverse_transform", "score_samples")
DTYPES = ("float32", "float64")
#: Rows of a chunk of the bare pass; None is all at once.
CHUNKS = (256, 1024, 4096, 16384, 65536, None)
#: Upper bounds on the ratio, on the microseconds and on the memory beyond the output.
RATIO_TARGET, ROW_TARGET, MEMORY_TARGET = 1.15, 150, 1.0


class Case(NamedTuple):
    """A call of a fitted estimator, and the pass through the networks that it cannot avoid."""

    call: Callable[[np.ndarray], np.ndarray]
    bare: Callable[[torch.Tensor], torch.Tensor]
    #: What the bare pass reads.
    dtype: np.dtype
    n_columns: int


def main() -> None:
    """Run the benchmark, or the measurement of memory in a child process."""
    benchmark = Benchmark("inference", __doc__)
    benchmark.add("--rows", type=int, default=100_000, help="default: 100000")
    benchmark.add("--repetitions", type=int, default=5, help="default: 5")
    benchmark.add(
        "--mapped-rows", type=int, default=10_000_000, help="of the mapped table; default: 10000000"
    )
    benchmark.add("--case", choices=["memory"], help="measure this and print it")
    args = benchmark.parse()
    if args.quick:
        args.rows, args.repetitions, args.mapped_rows = 20_000, 2, 300_000
    if args.case:
        print(json.dumps(measure_memory(args.mapped_rows)))
        return
    many: list[Row] = []
    one: list[Row] = []
    for name, hidden in NETWORKS.items():
        model = fitted(hidden)
        many += many_rows(name, model, args)
        one += one_row(name, model, n_calls=100 if args.quick else 1000)
        print(f"hidden layers {name}: done", flush=True)
    tables = {"rows": many, "one_row": one, "memory": [memory_row(args)]}
    benchmark.report(tables, repetitions=args.repetitions, seeds="0")


def fitted(hidden: tuple[int, ...]) -> AdversarialAutoencoder:
    """Return a model after one epoch: what a pass costs does not depend on the weights."""
    X = np.random.default_rng(0).standard_normal((1000, N_FEATURES))
    return AdversarialAutoencoder(
        N_COMPONENTS, hidden_layer_sizes=hidden, max_epochs=1, device="cpu", random_state=0
    ).fit(X)


def case_of(model: AdversarialAutoencoder, name: str, dtype: str) -> Case:
    """Return a call and its bare pass for rows of a dtype."""
    # Scores are float64 whatever comes in.
    precision = np.dtype("float64" if name == "score_samples" else dtype)
    module = copy.deepcopy(model.net_.module_).eval()
    module = module.double() if precision == np.float64 else module
    bare: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
        "transform": lambda x: module.posterior.mode(module.encoder(x)),
        "inverse_transform": lambda z: module.head.mean(module.decoder(z)),
        "score_samples": lambda x: -module.head.cell_losses(module(x), x).sum(dim=1),
    }
    n_columns = N_COMPONENTS if name == "inverse_transform" else N_FEATURES
    return Case(getattr(model, name), bare[name], precision, n_columns)


def chunked(case: Case, rows: np.ndarray, size: int | None) -> np.ndarray:
    """Return the bare pass over checked rows, into an array made once."""
    rows = check_array(rows, dtype=[np.float64, np.float32])
    out: np.ndarray | None = None
    with torch.inference_mode():
        for start in range(0, len(rows), size or len(rows)):
            chunk = slice(start, start + (size or len(rows)))
            x = torch.from_numpy(np.ascontiguousarray(rows[chunk], dtype=case.dtype))
            part = case.bare(x).numpy()
            if len(part) == len(rows):
                return part
            if out is None:
                out = np.empty((len(rows), *part.shape[1:]), dtype=part.dtype)
            out[chunk] = part
    assert out is not None
    return out


def cases(model: Any, n_rows: int) -> Iterator[tuple[str, str, Case, np.ndarray]]:
    """Yield every call and dtype, the case and standard normal rows for it."""
    rng = np.random.default_rng(0)
    for name in CALLS:
        for dtype in DTYPES:
            case = case_of(model, name, dtype)
            yield name, dtype, case, rng.standard_normal((n_rows, case.n_columns)).astype(dtype)


def many_rows(network: str, model: Any, args: argparse.Namespace) -> Iterator[Row]:
    """Yield what each call costs on many rows, as a multiple of the bare pass."""
    order = np.random.default_rng(1)
    for name, dtype, case, rows in cases(model, args.rows):
        size = best_chunk(case, rows)
        contenders = [partial(case.call, rows), partial(chunked, case, rows, size)]
        # The first repetition only warms up.
        call, bare = in_turns(contenders, args.repetitions + 1, order)[1:].T
        yield {
            "hidden layers": network,
            "call": name,
            "rows": dtype,
            "call [ms]": f"{1e3 * np.median(call):.0f}",
            "check and bare pass [ms]": f"{1e3 * np.median(bare):.0f}",
            "chunk": size or "all",
            **ratio_columns(call / bare, "at most", RATIO_TARGET, name="ratio"),
        }


def best_chunk(case: Case, rows: np.ndarray) -> int | None:
    """Return the size of chunk with which the bare pass is fastest here, of two rounds."""
    sizes = [size for size in CHUNKS if size is None or size < len(rows)]
    contenders = [partial(chunked, case, rows, size) for size in sizes]
    times = in_turns(contenders, 2, np.random.default_rng(2))
    return sizes[int(times.min(axis=0).argmin())]


def one_row(network: str, model: Any, n_calls: int) -> Iterator[Row]:
    """Yield what each call adds to the bare pass of one row."""
    order = np.random.default_rng(1)
    for name, dtype, case, row in cases(model, 1):
        x = torch.from_numpy(row.astype(case.dtype))
        bare = torch.inference_mode()(partial(case.bare, x))
        times = 1e6 * in_turns([partial(case.call, row), bare], n_calls, order)
        call, alone = np.median(times, axis=0)
        yield {
            "hidden layers": network,
            "call": name,
            "row": dtype,
            "call [µs]": f"{call:.0f}",
            "bare pass [µs]": f"{alone:.0f}",
            "above [µs]": f"{call - alone:.0f}",
            **verdict(float(call - alone), "at most", ROW_TARGET),
        }


def memory_row(args: argparse.Namespace) -> Row:
    """Return the memory of transform on a mapped table, measured in a process of its own."""
    measured = in_child(
        "benchmarks.inference",
        ["--case", "memory", "--mapped-rows", args.mapped_rows, "--threads", args.threads],
    )
    beyond = (measured["above"] - measured["output"]) / 2**30
    return {
        "mapped rows": f"{args.mapped_rows:,} × {N_FEATURES}, float32",
        "table [GiB]": f"{measured['table'] / 2**30:.2f}",
        "output [GiB]": f"{measured['output'] / 2**30:.2f}",
        "beyond the output [GiB]": f"{beyond:.3f}",
        **verdict(beyond, "at most", MEMORY_TARGET),
    }


def measure_memory(n_rows: int) -> dict[str, int]:
    """Return the bytes that transform of a mapped table needs."""
    model = fitted(NETWORKS["128, 64"])
    model.transform(np.zeros((100_000, N_FEATURES), dtype=np.float32))  # thread pools and such
    return bytes_of_mapped(model.transform, n_rows, N_FEATURES)


if __name__ == "__main__":
    main()
