"""Generated pairs: cells through an LED system and a halogen system, and what colour maps make of them.

    python -m benchmarks.color_pairs [--cells 1600] [--networks pcnet ccgan] [--steps 2500]

Every cell has a random stain, and both systems see the same cell. The first 80 % of the pairs are fitted to,
the last 10 % are judged by, and the 10 % between are left for choices; networks, in their small variants,
turn what they learn from by right angles. A fast map is fitted to the pairs, and one distilled from each
network and from Hedlund–Morell. The main score is the paper's: how many cells a classifier of the target
system names alike in the mapped and in the target picture, with exact 95 % limits. That classifier has seen
the halogen system alone, turned and mirrored, its background as it is; the shipped one minds colours too
little to part the maps.
A run that was stopped goes on from what lies in ``--work``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.make_bundle import HERE
from leukon.datasets.manifest import Entry, Manifest
from leukon.datasets.synthetic import SYSTEMS, SceneSpec, draw_scene, random_spec, random_stain, render
from leukon.evaluation.color import Sample, Share, compare_maps, map_sheet
from leukon.imaging.color import ColorMap
from leukon.imaging.color.distil import distil, fit_table
from leukon.imaging.color.fitting import METHODS, fit_map
from leukon.imaging.color.identity import Identity
from leukon.imaging.color.look import look_distance
from leukon.imaging.color.network import NetworkMap
from leukon.imaging.files import read_image, write_image
from leukon.segmentation import find_cell
from leukon.segmentation.look import measure_look
from leukon.segmentation.pairs import pair_colors
from leukon.storage import write_bytes
from leukon.types import PERIPHERAL_BLOOD, Classifier, Image

SOURCE, TARGET = "led-raw", "halogen-y"
CLASSES = "neutrophil", "lymphocyte", "monocyte", "eosinophil", "basophil", "ig", "erythroblast", "platelet"
SIDE_UM = 20.0
DISTILLED_FROM = 400
JUDGED_FROM = 640, 160  # cells of the target system that the judge learns from, and is chosen on


def label_of(index: int) -> str:
    return CLASSES[index % len(CLASSES)]


def drawn(index: int, system: str, work: Path) -> Image:
    """Draw a cell through a system, or read what an earlier run drew."""
    file = work / "cells" / system / f"{index}.png"
    if not file.exists():
        rng = np.random.default_rng((5, index))
        spec: SceneSpec = random_spec(rng, SIDE_UM, SIDE_UM, (label_of(index),), centred=True)
        scene, stain = draw_scene(spec, index), random_stain(rng)
        write_image(file, render(scene, SYSTEMS[system], index, stain=stain).srgb)
    return read_image(file)


def trained(method: str, images: list[Image], goals: list[Image], work: Path, steps: int) -> ColorMap:
    from leukon.export.onnx import transfer_to_onnx
    from leukon.transfer.loop import learn_transfer
    from leukon.transfer.perceptual import perceptual_network
    from leukon.transfer.pictures import Pictures
    from leukon.transfer.recipe import RECIPES

    recipe = replace(RECIPES["small"][method], steps=steps)
    pictures = Pictures(images, goals, are_paired=True)
    eye = perceptual_network("small") if recipe.weights.feature else None
    network = learn_transfer(recipe, pictures, work / method, eye=eye)
    content, path = transfer_to_onnx(network), work / f"{method}.onnx"
    write_bytes(path, content)
    return NetworkMap(str(path), hashlib.sha256(content).hexdigest(), network.stride, network.reach, method)


def judge(first: int, work: Path, weights: Path) -> Classifier:
    """Train a classifier as a laboratory would that has one system; its cells start at number `first`."""
    from leukon.models import ModelSpec
    from leukon.pipeline import Frame, Pipeline
    from leukon.training.augment import Augmentation
    from leukon.training.loop import train
    from leukon.training.recipe import Optimizer, Recipe

    entries = []
    for split, count in zip(("train", "val"), JUDGED_FROM, strict=True):
        for index in range(first, first := first + count):
            drawn(index, TARGET, work)
            entries.append(Entry(f"{index}.png", label=label_of(index), split=split))
    recipe = Recipe(
        name="judge",
        pipeline=Pipeline(color=Identity(), frame=Frame(side_px=96)),
        augmentation=Augmentation(extent="geometry"),
        model=ModelSpec("mobilenet_v2", weights=str(weights) if weights.exists() else ""),
        optimizer=Optimizer(rate=1e-3),
        epochs=6,
        averaging=0.98,
    )
    manifest = Manifest(work / "cells" / TARGET, tuple(entries))
    return train(recipe, manifest, work / "judge", taxonomy=PERIPHERAL_BLOOD)


def named_right(classifier: Classifier, images: dict[int, Image]) -> Share:
    """Count the cells, by their numbers, that get the class they were drawn as."""
    found = {i: cell.cell(image) for i, image in images.items() if (cell := find_cell(image)) is not None}
    named = classifier.predict(list(found.values()))
    return Share(sum(a.label == label_of(i) for i, a in zip(found, named, strict=True)), len(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=1600)
    parser.add_argument("--networks", nargs="*", default=[], choices=("ccgan", "pcnet", "cyclegan"))
    parser.add_argument("--steps", type=int, default=2500, help="of each network")
    parser.add_argument("--shared", type=Path, default=HERE.parent / "shared")
    parser.add_argument("--work", type=Path, default=Path("runs/pairs"), help="where cells and trainings lie")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    pictures = [[drawn(i, system, options.work) for i in range(options.cells)] for system in (SOURCE, TARGET)]
    images, goals = (own[: options.cells * 8 // 10] for own in pictures)
    looks = measure_look(images, SOURCE), measure_look(goals, TARGET)
    pairs, _ = pair_colors(zip(map(str, range(len(images))), images, goals, strict=True), *looks)
    maps: dict[str, ColorMap] = {name: fit_map(name, *looks, pairs).map for name in METHODS}
    for name in options.networks:
        maps[name] = trained(name, images, goals, options.work, options.steps)
    maps["fast pairs"] = fit_table(list(zip(images, goals, strict=True)), looks[0].white)
    for name in ("hedlund_morell", *options.networks):
        maps[f"fast {name}"] = distil(maps[name], images[:DISTILLED_FROM])
    weights = options.shared / "weights" / "mobilenet_v2_backbone.safetensors"
    classifier = judge(options.cells, options.work, weights)
    held_out = range(options.cells * 9 // 10, options.cells)
    test = [Sample(str(i), *(own[i] for own in pictures)) for i in held_out]
    right = named_right(classifier, {i: pictures[1][i] for i in held_out})
    scores = compare_maps(maps, test, classifier, looks[1])
    write_image(options.work / "sheet.png", map_sheet(maps, test[:8]))
    apart = look_distance(*looks), look_distance(*looks, white=False)
    rows: list[dict[str, Any]] = [{**asdict(s), "agreement": s.agreement.to_dict()} for s in scores]
    if options.json:
        told = {"fitted": len(images), "judged": len(test), "judge_right": right.to_dict()}
        told |= {"delta_e_of_looks": apart[0], "delta_e_on_one_white": apart[1], "maps": rows}
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
        return
    print(
        f"{len(images)} pairs to fit to, {len(test)} to judge by; "
        f"the judge names {right.count} of {right.of} target cells right; "
        f"the looks lie ΔE {apart[0]:.1f} apart, {apart[1]:.1f} on one white"
    )
    for row in rows:
        share, parts = row["agreement"], row["delta_e"].values()
        print(
            f"{row['name']:20} {share['value']:.3f} ({share['low']:.3f}–{share['high']:.3f})  ΔE "
            + " ".join(f"{value:4.1f}" for value in parts)
            + f"  PSNR {row['psnr']:.1f}  SSIM {row['ssim']:.3f}  {row['ms']:.1f} ms",
            flush=True,
        )


if __name__ == "__main__":
    main()
