"""Recipes of `benchmarks.experiments`."""
