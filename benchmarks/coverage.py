"""How often the limits of a differential hold the truth, on smears put together from held-out cells.

    python -m benchmarks.coverage [--shared ../shared] [--bundle small] [--smears 40] [--json]

Smears of 100 and of 200 objects are drawn at known shares: the true classes at random, and for each object a
cell of its class from the PBC test part with what the bundle says of it. The limits should hold those shares.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from leukon.bundle import load_bundle
from leukon.datasets.manifest import read_manifest
from leukon.evaluation import Evaluation, evaluate
from leukon.smear.analyze import settle
from leukon.smear.differential import count
from leukon.training.examples import read_examples

# Shares of objects: basophil, eosinophil, erythroblast, ig, lymphocyte, monocyte, neutrophil, platelet.
COMPOSITIONS = {
    "healthy adult": (0.5, 3, 0, 0.5, 29, 7, 58, 2),
    "left shift": (0, 1, 4, 15, 10, 5, 60, 5),
    "eosinophilia": (1, 35, 0, 1, 20, 5, 36, 2),
    "lymphocytosis": (0.3, 1, 0.5, 0.2, 76, 3, 16, 3),
    "even": (12.5,) * 8,
}
SIZES = 100, 200


def simulate(
    found: Evaluation, confusion: tuple[tuple[int, ...], ...], smears: int, *, seed: int = 0
) -> list[dict[str, Any]]:
    """Count `smears` of each composition and size: one row of coverage and mean width for each."""
    rng = np.random.default_rng(seed)
    taxonomy = found.taxonomy
    predictions = [settle(outcome.prediction, (), taxonomy) for outcome in found.outcomes]
    pools = [np.flatnonzero(found.truth == k) for k in range(len(taxonomy))]
    is_leukocyte = np.array([c.role == "leukocyte" for c in taxonomy.classes])
    rows = []
    for name, weights in COMPOSITIONS.items():
        shares = np.array(weights) / sum(weights)
        truth = 100 * shares[is_leukocyte] / shares[is_leukocyte].sum()
        for size in SIZES:
            limits = []
            for _ in range(smears):
                drawn = np.concatenate(
                    [rng.choice(pools[k], n) for k, n in enumerate(rng.multinomial(size, shares)) if n]
                )
                lines = count(taxonomy, (predictions[i] for i in drawn), confusion=confusion).leukocytes
                limits.append([(one.low, one.high, one.corrected_low, one.corrected_high) for one in lines])
            low, high, corrected_low, corrected_high = np.moveaxis(np.array(limits), 2, 0)
            rows.append(
                {
                    "smear": name,
                    "objects": size,
                    "exact": float(((low <= truth) & (truth <= high)).mean()),
                    "corrected": float(((corrected_low <= truth) & (truth <= corrected_high)).mean()),
                    "width": float((high - low).mean()),
                    "corrected_width": float((corrected_high - corrected_low).mean()),
                }
            )
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[2] / "shared")
    parser.add_argument("--bundle", default="small", help="a bundle of the eight classes")
    parser.add_argument("--smears", type=int, default=40, help="smears of each composition and size")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    data = options.shared / "data" / "pbc"
    if not data.is_dir():
        print(f"there is no {data}; name its folder with --shared", file=sys.stderr)
        return 2
    bundle = load_bundle(options.bundle)
    if not bundle.confusion:
        print(f"{options.bundle} holds no confusion matrix: export it again", file=sys.stderr)
        return 2
    manifest = read_manifest(data).subset(split="test")
    found = evaluate(bundle, read_examples(manifest.entries, manifest.root))
    rows = simulate(found, bundle.confusion, options.smears)
    if options.json:
        print(json.dumps(rows, indent=2))
        return 0
    print(f"{'smear':>15} objects   exact (mean width)  corrected (mean width)")
    for row in rows:
        exact = f"{100 * row['exact']:.1f} % ({row['width']:.1f})"
        corrected = f"{100 * row['corrected']:.1f} % ({row['corrected_width']:.1f})"
        print(f"{row['smear']:>15} {row['objects']:>7} {exact:>20} {corrected:>23}")
    means = (100 * np.mean([row[key] for row in rows]) for key in ("exact", "corrected"))
    print("all: exact {:.1f} %, corrected {:.1f} %".format(*means))
    return 0


if __name__ == "__main__":
    sys.exit(main())
