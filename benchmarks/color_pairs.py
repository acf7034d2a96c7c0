"""Generated pairs: scenes through an LED system and a halogen system, and what colour maps make of them.

    python -m benchmarks.color_pairs [--cells 400] [--networks pcnet ccgan] [--steps 1500] [--json]

Scenes have random stains. Maps are fitted to the first 80 % of the pairs and judged on the last 10 %;
networks, in their small variants, turn the training pictures by right angles. Each network, and
Hedlund–Morell, is distilled into a fast map too. The main score is the paper's: how many cells a classifier
of the target system names alike in the mapped and in the target picture, with exact 95 % limits. That
classifier has seen the halogen system alone, turned and mirrored, its background as it is; the shipped one
names both alike.
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
from leukon.evaluation.color import Sample, compare_maps, map_sheet
from leukon.imaging.color import ColorMap
from leukon.imaging.color.distil import distil
from leukon.imaging.color.fitting import METHODS, fit_map
from leukon.imaging.color.identity import Identity
from leukon.imaging.color.network import NetworkMap
from leukon.imaging.files import write_image
from leukon.segmentation.look import measure_look
from leukon.segmentation.pairs import pair_colors
from leukon.storage import write_bytes
from leukon.types import PERIPHERAL_BLOOD, Classifier

SOURCE, TARGET = "led-x", "halogen-y"
CLASSES = "neutrophil", "lymphocyte", "monocyte", "eosinophil", "basophil", "ig", "erythroblast", "platelet"
SIDE_UM = 20.0
DISTILLED_FROM = 100
JUDGED_FROM = 640, 160  # cells of the target system that the judge learns from, and is chosen on


def drawn(index: int) -> Sample:
    rng = np.random.default_rng((5, index))
    spec: SceneSpec = random_spec(rng, SIDE_UM, SIDE_UM, (CLASSES[index % len(CLASSES)],), centred=True)
    scene, stain = draw_scene(spec, index), random_stain(rng)
    pair = (render(scene, SYSTEMS[name], index, stain=stain).srgb for name in (SOURCE, TARGET))
    return Sample(str(index), *pair)


def trained(method: str, samples: list[Sample], work: Path, steps: int) -> ColorMap:
    from leukon.export.onnx import transfer_to_onnx
    from leukon.transfer.loop import learn_transfer
    from leukon.transfer.perceptual import perceptual_network
    from leukon.transfer.pictures import Pictures
    from leukon.transfer.recipe import RECIPES

    recipe = replace(RECIPES["small"][method], steps=steps)
    pictures = Pictures([s.image for s in samples], [s.target for s in samples], are_paired=True)
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
            name = f"{index}.png"
            if not (work / "cells" / name).exists():
                target = drawn(index).target
                assert target is not None
                write_image(work / "cells" / name, target)
            entries.append(Entry(name, label=CLASSES[index % len(CLASSES)], split=split))
    recipe = Recipe(
        name="judge",
        pipeline=Pipeline(color=Identity(), frame=Frame(side_px=96)),
        augmentation=Augmentation(extent="geometry"),
        model=ModelSpec("mobilenet_v2", weights=str(weights) if weights.exists() else ""),
        optimizer=Optimizer(rate=1e-3),
        epochs=6,
        averaging=0.98,
    )
    manifest = Manifest(work / "cells", tuple(entries))
    return train(recipe, manifest, work / "run", taxonomy=PERIPHERAL_BLOOD)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=400)
    parser.add_argument("--networks", nargs="*", default=[], choices=("ccgan", "pcnet", "cyclegan"))
    parser.add_argument("--steps", type=int, default=1500, help="of each network")
    parser.add_argument("--shared", type=Path, default=HERE.parent / "shared")
    parser.add_argument("--work", type=Path, default=Path("runs/pairs"), help="where trainings lie")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    samples = [drawn(i) for i in range(options.cells)]
    train, test = samples[: options.cells * 8 // 10], samples[options.cells * 9 // 10 :]
    images = [sample.image for sample in train]
    looks = measure_look(images, SOURCE), measure_look([s.target for s in train], TARGET)
    pairs, _ = pair_colors(((s.name, s.image, s.target) for s in train), *looks)
    maps: dict[str, ColorMap] = {name: fit_map(name, *looks, pairs).map for name in METHODS}
    maps |= {name: trained(name, train, options.work, options.steps) for name in options.networks}
    for name in ("hedlund_morell", *options.networks):
        maps[f"fast {name}"] = distil(maps[name], images[:DISTILLED_FROM])
    weights = options.shared / "weights" / "mobilenet_v2_backbone.safetensors"
    classifier = judge(options.cells, options.work / "judge", weights)
    scores = compare_maps(maps, test, classifier, looks[1])
    write_image(options.work / "sheet.png", map_sheet(maps, test[:8]))
    rows: list[dict[str, Any]] = [{**asdict(s), "agreement": s.agreement.to_dict()} for s in scores]
    if options.json:
        sys.stdout.write(json.dumps({"pairs": len(test), "maps": rows}, indent=2) + "\n")
        return
    print(f"{len(train)} pairs to fit to, {len(test)} to judge by")
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
