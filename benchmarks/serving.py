"""What serving costs: one row and many rows in ONNX Runtime and in Python."""

from __future__ import annotations

from benchmarks._common import Benchmark, version
from benchmarks._onnx_serving import one_row_and_many


def main() -> None:
    benchmark = Benchmark("serving", __doc__)
    args = benchmark.parse()
    rows = one_row_and_many(2000, 1) if args.quick else one_row_and_many(20_000)
    packages = ("onnx", "onnxruntime", "skl2onnx")
    benchmark.report({"onnx": rows}, runtime=", ".join(f"{p} {version(p)}" for p in packages))


if __name__ == "__main__":
    main()
