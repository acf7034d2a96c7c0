"""Colour maps to the look of PBC on real imaging systems without pairs: balanced accuracy before and after.

    python -m benchmarks.color [--shared ../shared] [--bundle small] [--generated] [--json]

Each map is fitted to unlabelled images of the source alone; the target is the frozen look ``pbc``. Cells are
found before any map, so that all maps are judged on the same boxes; the bundle is restricted to five classes.
Intervals are 95 %, by bootstrap; p is the exact McNemar test against no map, uncorrected. With --generated
the source is cells drawn through each named system of the generator, with all the bundle's classes.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2

from leukon.bundle import Bundle, load_bundle
from leukon.datasets.manifest import read_manifest
from leukon.datasets.synthetic import systems as synthetic
from leukon.datasets.synthetic.render import draw_cell_image
from leukon.evaluation import Evaluation, Example, evaluate
from leukon.evaluation.paired import mcnemar
from leukon.imaging.color.fitting import METHODS, ColorFit, fit_map
from leukon.imaging.color.look import look_distance
from leukon.imaging.color.looks import HOME, LOOKS
from leukon.segmentation.look import measure_look
from leukon.training.examples import read_examples
from leukon.types import Cell

SYSTEMS = "bcisc", "jtsc", "bccd"
CLASSES = "neutrophil", "lymphocyte", "monocyte", "eosinophil", "basophil"
GENERATED = 18


def through(fit: ColorFit | None, examples: list[Example]) -> Iterator[Example]:
    """Map the images of `examples`."""
    for example in examples:
        cell = example.cell
        image = cell.image if fit is None else fit.map.for_image(cell.image)(cell.image)
        yield replace(example, cell=replace(cell, image=image))


def row_of(system: str, method: str, found: Evaluation, plain: Evaluation, ms: float) -> dict[str, Any]:
    interval = found.intervals["balanced_accuracy"][0]
    truth, kept = found.truth, found.probabilities.argmax(axis=1) == found.truth
    test = mcnemar(plain.probabilities.argmax(axis=1) == truth, kept)
    return {
        "system": system,
        "map": method,
        "cells": len(truth),
        "balanced_accuracy": found.scores.balanced_accuracy,
        "low": interval.low if interval else None,
        "high": interval.high if interval else None,
        "recall": {n: r.recall for n, r in zip(found.scores.names, found.scores.classes, strict=True)},
        "p": test.p,
        "ms": ms,
    }


def photographed(shared: Path) -> Iterator[tuple[str, list[Example]]]:
    for system in SYSTEMS:
        manifest = read_manifest(f"{system}:{shared / 'data' / system}")
        entries = [entry for entry in manifest.entries if entry.label in CLASSES]
        yield system, [one for one in read_examples(entries, manifest.root) if isinstance(one, Example)]


def generated(labels: Sequence[str]) -> Iterator[tuple[str, list[Example]]]:
    for number, (name, system) in enumerate(synthetic.SYSTEMS.items()):
        side = max(96, round(28 / system.optics.um_per_px))
        examples = []
        for i in range(GENERATED):
            for label in labels:
                seed = 900_000 + 1000 * number + i
                image, box, _ = draw_cell_image(label, seed, side_px=side, system=system)
                examples.append(Example(Cell(image, box), label))
        yield name, examples


def measured(sets: Iterable[tuple[str, list[Example]]], bundle: Bundle) -> Iterator[dict[str, Any]]:
    for system, examples in sets:
        look = measure_look((example.cell.image for example in examples), system)
        plain = evaluate(bundle, through(None, examples))
        away = {
            "delta_e_of_looks": look_distance(look, LOOKS[HOME]),
            "delta_e_on_one_white": look_distance(look, LOOKS[HOME], white=False),
        }
        yield row_of(system, "none", plain, plain, 0.0) | away
        for method in METHODS:
            fit = fit_map(method, look, LOOKS[HOME])
            start = time.perf_counter()
            mapped = list(through(fit, examples))
            ms = 1e3 * (time.perf_counter() - start) / len(examples)
            yield row_of(system, method, evaluate(bundle, mapped), plain, ms)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[2] / "shared")
    parser.add_argument("--bundle", default="small", help="a bundle file, or a shipped one")
    parser.add_argument("--generated", action="store_true", help="generated systems instead of real ones")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    bundle = load_bundle(options.bundle)
    if options.generated:
        sets = generated(bundle.taxonomy.names)
    elif (options.shared / "data").is_dir():
        sets, bundle = photographed(options.shared), bundle.restricted(CLASSES)
    else:
        sys.exit(f"color: there is no {options.shared / 'data'}; name its folder with --shared")
    cv2.setNumThreads(1)
    rows = []
    for row in measured(sets, bundle):
        rows.append(row)
        if not options.json:
            if "delta_e_of_looks" in row:
                print(
                    f"{row['system']} lies ΔE {row['delta_e_of_looks']:.1f} from the look of {HOME}, "
                    f"{row['delta_e_on_one_white']:.1f} on one white"
                )
            recall = " ".join(f"{name[:3]} {value:.2f}" for name, value in row["recall"].items())
            print(
                f"{row['system']:17} {row['map']:15} {row['balanced_accuracy']:.3f} "
                f"({row['low']:.3f}–{row['high']:.3f})  {recall}  p {row['p']:.3g}  {row['ms']:.1f} ms",
                flush=True,
            )
    if options.json:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
