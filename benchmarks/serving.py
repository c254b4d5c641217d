"""What serving costs: one row and many rows in ONNX Runtime and in Python, and in a stream."""

from __future__ import annotations

from typing import Any

from benchmarks._common import Benchmark, version
from benchmarks._onnx_serving import one_row_and_many
from benchmarks._streamed import stream_and_call


def main() -> None:
    benchmark = Benchmark("serving", __doc__)
    args = benchmark.parse()
    effort: tuple[Any, ...] = (2000, 1) if args.quick else (20_000,)
    frames = {
        "onnx": one_row_and_many(*effort),
        "rows": stream_and_call(5 * effort[0], *effort[1:]),
    }
    packages = ("onnx", "onnxruntime", "skl2onnx")
    benchmark.report(frames, runtime=", ".join(f"{p} {version(p)}" for p in packages))


if __name__ == "__main__":
    main()
