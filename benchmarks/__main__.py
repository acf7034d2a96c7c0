"""Run every benchmark: ``python -m benchmarks``."""

from __future__ import annotations

import subprocess
import sys

for name in (
    "throughput",
    "field_detection",
    "spaces",
    "clustering",
    "segmentation",
    "color",
    "color_pairs",
    "color_speed",
    "adaptation",
    "label_errors",
    "novelty",
    "coverage",
    "copies",
    "training",
):
    print(f"# python -m benchmarks.{name}", flush=True)
    subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True)
