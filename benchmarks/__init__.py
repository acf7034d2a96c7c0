"""Benchmarks: every figure in docs/results.md is printed by one of these."""
