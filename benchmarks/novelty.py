"""What the bundle knows of what it does not know: strange cells, strange systems, sets and probabilities.

    python -m benchmarks.novelty [--shared ../shared] [--bundle small] [--cells 120] [--json]

First, by system: how novel its cells are, how much its probabilities are flattened for it, their calibration
error before and after, and how often prediction sets hold the truth. Then how well novelty tells cells of the
PBC test part from what is no such cell: smudges that the generator draws, red cells and ground in the corners
of the PBC images, PBC cells with the colours of another stain (haematoxylin and diaminobenzidine, Ruifrok and
Johnston 2001), and each class, its centre left out. The network itself has seen that class, so that the last
figure is of the statistics alone.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks.adaptation import CLASSES, SYSTEMS, examples_of
from leukon.bundle import Bundle, load_bundle
from leukon.datasets.manifest import read_manifest
from leukon.datasets.synthetic import SceneSpec, draw_scene, random_stain, random_system, render
from leukon.evaluation import Example, evaluate, score
from leukon.evaluation.results import prediction_sets
from leukon.imaging.color.background import background_level
from leukon.segmentation.cell import find_cell
from leukon.types import Box, Cell

UM_PER_PX = 0.14
SIDE_UM = 28.0
# Optical densities of azure B on chromatin, eosin and methylene blue, and of what takes their place.
ROMANOWSKY = np.array([[0.55, 0.80, 0.22], [0.10, 0.75, 0.60], [0.35, 0.25, 0.15]]).T
H_DAB = np.array([[0.65, 0.70, 0.29], [0.27, 0.57, 0.78], [0.65, 0.70, 0.29]]).T


def smudges(count: int) -> Iterator[Cell]:
    """Draw smudged nuclei through random systems, boxed as Leukon finds them."""
    for seed in range(10 * count):
        rng = np.random.default_rng((7, seed))
        scene = draw_scene(SceneSpec(SIDE_UM, SIDE_UM, red_cover=0.2, smudges=2), int(rng.integers(2**32)))
        image = render(scene, random_system(rng), seed, stain=random_stain(rng), um_per_px=UM_PER_PX).srgb
        found = find_cell(image)
        if found is not None:
            yield Cell(image, found.box)
            count -= 1
            if not count:
                return


def corner(cell: Cell) -> Cell:
    """Look at a corner of the image, as large as the cell: red cells and ground."""
    side = 0.9 * cell.box.side_px
    return Cell(cell.image, Box(0, 0, side, side))


def restained(cell: Cell) -> Cell:
    """Give each dye of a cell the colour of another stain's."""
    light = np.clip(background_level(cell.image), 32, 255)
    density = np.log10(light / np.maximum(cell.image, 1))
    mix = H_DAB @ np.linalg.inv(ROMANOWSKY)
    image = np.clip(light * 10 ** -np.clip(density @ mix.T, -0.2, 2.4), 0, 255).astype(np.uint8)
    return Cell(image, cell.box)


def novelty(bundle: Bundle, cells: Sequence[Cell]) -> np.ndarray:
    return np.array([found.novelty for found in bundle.predict(cells)])


def by_system(bundle: Bundle, name: str, examples: Sequence[Example]) -> dict[str, Any]:
    found = evaluate(bundle, examples)
    plain = bundle.predict([example.cell for example in examples])
    before = score(np.stack([p.probabilities for p in plain]), found.truth, bundle.taxonomy.names)
    sets = prediction_sets(found)
    return {
        "system": name,
        "cells": len(examples),
        "novelty": float(np.median([p.novelty for p in plain])),
        "excess": bundle.excess(plain),
        "strange": float(np.mean([p.novelty > 1 for p in plain])),
        "calibration_error_before": before.expected_calibration_error,
        "calibration_error": found.scores.expected_calibration_error,
        "coverage": sets["coverage"]["value"] if sets else None,
        "set_size": sets["mean_size"] if sets else None,
        "unidentified": sum(o.prediction.status == "unidentified" for o in found.outcomes) / len(examples),
    }


def left_out(bundle: Bundle, home: Sequence[Example]) -> dict[str, float]:
    """AUROC of each class against the rest by novelty, its own centre left out."""
    known = bundle.calibration.novelty
    assert known is not None
    scores = {}
    for k, name in enumerate(bundle.taxonomy.names):
        fewer = replace(known, centres=known.centres[:k] + known.centres[k + 1 :])
        calibration = replace(bundle.calibration, novelty=fewer)
        blind = replace(bundle, contents=replace(bundle.contents, calibration=calibration))
        is_out = [example.label == name for example in home]
        scores[name] = float(roc_auc_score(is_out, novelty(blind, [example.cell for example in home])))
    return scores


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[2] / "shared")
    parser.add_argument("--bundle", default="small", help="a bundle of the eight classes")
    parser.add_argument("--cells", type=int, default=120, help="strange cells of each kind")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    data = options.shared / "data"
    if not (data / "pbc").is_dir():
        print(f"there is no {data / 'pbc'}; name its folder with --shared", file=sys.stderr)
        return 2
    cv2.setNumThreads(1)
    bundle = load_bundle(options.bundle)
    if bundle.calibration.novelty is None:
        print(f"{options.bundle} does not know novelty: export it again", file=sys.stderr)
        return 2
    home = examples_of(read_manifest(data / "pbc").subset(split="test"))
    systems = [by_system(bundle, "pbc", home)]
    for name in SYSTEMS:
        found = examples_of(read_manifest(f"{name}:{data / name}"))
        some = [example for example in found if example.label in CLASSES]
        systems.append(by_system(bundle.restricted(CLASSES), name, some))
    usual = novelty(bundle, [example.cell for example in home])
    cells = [example.cell for example in home[:: max(1, len(home) // options.cells)]]
    strange = {
        "smudge": novelty(bundle, list(smudges(options.cells))),
        "red cells and ground": novelty(bundle, [corner(cell) for cell in cells]),
        "another stain": novelty(bundle, [restained(cell) for cell in cells]),
    }
    kinds = [
        {
            "kind": kind,
            "cells": len(values),
            "auroc": float(roc_auc_score(np.repeat([0, 1], [len(usual), len(values)]), [*usual, *values])),
            "strange": float((values > 1).mean()),
        }
        for kind, values in strange.items()
    ]
    result = {"systems": systems, "kinds": kinds, "left_out": left_out(bundle, home[::4])}
    if options.json:
        print(json.dumps(result, indent=2))
        return 0
    for row in systems:
        print(
            f"{row['system']:6} novelty {row['novelty']:.2f}, flattened {row['excess']:.2f}; "
            f"calibration error {row['calibration_error_before']:.3f} → {row['calibration_error']:.3f}; "
            f"sets hold the truth {row['coverage']:.3f}, {row['set_size']:.2f} classes; "
            f"strange {row['strange']:.2f}, unidentified {row['unidentified']:.2f}"
        )
    for row in kinds:
        print(f"{row['kind']:>20}: AUROC {row['auroc']:.3f}, {100 * row['strange']:.0f} % beyond the limit")
    for name, value in result["left_out"].items():
        print(f"{name:>20}, left out: AUROC {value:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
