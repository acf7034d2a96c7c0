"""Label errors that were planted, and how many of them ``leukon data audit --labels`` ranks first.

    python -m benchmarks.label_errors [--shared ../shared] [--bundle small] [--draws 3]

Of the cells of each system 5 % get another of its labels at random; the precision is that of as many cells at
the top of the ranking. Labels that are wrong as published count against it.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from benchmarks.adaptation import CLASSES, SYSTEMS, examples_of
from leukon.adaptation.label_errors import rank_labels
from leukon.bundle import load_bundle
from leukon.datasets.manifest import read_manifest

SHARE = 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[2] / "shared")
    parser.add_argument("--bundle", default="small", help="a bundle file, or a shipped one")
    parser.add_argument("--draws", type=int, default=3)
    options = parser.parse_args()
    if not (options.shared / "data").is_dir():
        sys.exit(f"label_errors: there is no {options.shared / 'data'}; name its folder with --shared")
    cv2.setNumThreads(1)
    bundle = load_bundle(options.bundle)
    for system in SYSTEMS:
        manifest = read_manifest(f"{system}:{options.shared / 'data' / system}")
        cells = [e for e in examples_of(manifest) if e.label in CLASSES]
        labels = sorted({e.label for e in cells})
        planted = round(SHARE * len(cells))
        found = []
        for seed in range(options.draws):
            rng = np.random.default_rng(seed)
            wrong = set(rng.choice(len(cells), planted, replace=False).tolist())
            shifts = rng.integers(1, len(labels), len(cells))
            told = [
                replace(e, label=labels[(labels.index(e.label) + shifts[i]) % len(labels)])
                if i in wrong
                else e
                for i, e in enumerate(cells)
            ]
            position = {id(e): i for i, e in enumerate(told)}
            top = rank_labels(bundle, told)[:planted]
            found.append(np.mean([position[id(one.example)] in wrong for one in top]))
        print(
            f"{system:6} {len(cells)} cells, {planted} planted: precision {np.mean(found):.3f} "
            f"({min(found):.3f}–{max(found):.3f} over {options.draws} draws)",
            flush=True,
        )


if __name__ == "__main__":
    main()
