"""Benchmarks: ``python -m benchmarks.NAME`` runs one, docs/benchmarks/NAME.rst has its protocol."""
