"""Make the shipped bundles: generate cells, train, export, measure, write the cards.

    python -m benchmarks.make_bundle [--shared ../shared] [--work runs/bundles]

A run that was stopped goes on where it was. Every measured figure comes from ``leukon evaluate``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from leukon.datasets.manifest import Manifest, read_manifest, write_manifest
from leukon.datasets.synthetic import write_cells
from leukon.storage import write_json

HERE = Path(__file__).resolve().parents[1]
SHIPPED = HERE / "src" / "leukon" / "bundle" / "shipped"
RECIPES = HERE / "benchmarks" / "recipes"
FIVE = "basophil,eosinophil,lymphocyte,monocyte,neutrophil"
# Generated cells per class and the seeds they come from; the test seeds are never trained on.
GENERATED = {"train": (240, 1), "val": (40, 2), "test": (100, 3)}
# Of some kinds fewer are learnt from. Half of PBC's neutrophils are bands, which are rare in blood: a network
# that sees few segmented ones takes lobes for a sign of eosinophils. And generated eosinophils are so orange
# that, among many, every reddish neutrophil of a new stain passes for one.
FEWER = {"pbc": ("BNE", 250), "generated-train": ("eosinophil", 80)}

LIMITS = [
    "Trained on the blood of one laboratory's imaging system and on generated cells: on other systems it "
    "is weaker, as the table shows. Measure it on labelled cells of your own before you rely on it.",
    "Bands count as neutrophils; promyelocytes, myelocytes and metamyelocytes are one class, ig.",
    "It knows no blasts, plasma cells, reactive lymphocytes, smudge cells or parasites: it will name such "
    "a cell as one of its eight classes, or leave it unidentified.",
    "The PBC images carry no patient identities, so its test part is not known to be of other patients.",
    "The classes of the systems bcisc, jtsc and bccd are five; there it was restricted to them.",
]
ATTRIBUTION = "PBC data set: Acevedo et al., Data in Brief 30 (2020) 105474, CC BY 4.0."
STARTED = "Started from {} weights of the ONNX model zoo (MXNet Gluon), Apache-2.0."


@dataclass(frozen=True)
class Training:
    """How a network is made: what it starts from, and its recipes in turn."""

    network: str
    weights: str
    recipes: tuple[str, str]


TRAININGS = {
    "small": Training("MobileNetV2", "mobilenet_v2_backbone", ("small", "small_refined")),
    "accurate": Training("ResNet-50 v2", "resnet50v2_stages1to3", ("accurate", "accurate_refined")),
}
BUNDLES = {"small": ("small",), "accurate": ("accurate", "small")}
STORAGE = {"small": (), "accurate": ("--int8",)}


def leukon(*arguments: str | Path) -> None:
    """Run a command, shown as a user would type it."""
    print("leukon", *arguments, flush=True)
    command = [sys.executable, "-c", "from leukon.cli import main; main()", *map(str, arguments)]
    subprocess.run(command, check=True)


def page(recipe: str) -> str | Path:
    """Return the page of a recipe of this folder, or the name of one that ships."""
    path = RECIPES / f"{recipe}.py"
    return path if path.exists() else recipe


def training_data(shared: Path, work: Path) -> Path:
    """Put PBC and the generated cells into one manifest."""
    entries = []
    (work / "data").mkdir(parents=True, exist_ok=True)
    link = work / "data" / "pbc"
    if not link.exists():
        link.symlink_to((shared / "data" / "pbc").resolve())
    sources = {"pbc": (link, "CC BY 4.0")}
    for split, (count, seed) in GENERATED.items():
        folder = work / "data" / f"generated-{split}"
        write_cells(folder, count, seed, split=split)
        sources[folder.name] = folder, "Apache-2.0"
    for name, (folder, licence) in sources.items():
        prefix, left = FEWER.get(name, ("", 0))
        for entry in read_manifest(folder).entries:
            few = entry.split == "train" and bool(prefix) and Path(entry.path).name.startswith(prefix)
            left -= few
            if entry.split in ("train", "val") and not (few and left < 0):
                entries.append(replace(entry, path=f"{name}/{entry.path}", licence=licence))
    manifest = work / "data" / "manifest.csv"
    write_manifest(manifest, Manifest(manifest.parent, tuple(entries)))
    return manifest


def measured(bundle: Path, shared: Path, work: Path) -> list[dict[str, Any]]:
    """Evaluate `bundle` on every system at hand."""
    data = shared / "data"
    tasks = [
        ("pbc", "CellaVision DM96, seen in training", data / "pbc", "test", ""),
        ("generated", "random, unseen seeds", work / "data" / "generated-test", "test", ""),
        ("bcisc", "microscope camera, unseen", f"bcisc:{data / 'bcisc'}", "all", FIVE),
        ("jtsc", "Moticam, fast stain, unseen", f"jtsc:{data / 'jtsc'}", "all", FIVE),
        ("bccd", "grey-lit camera, unseen", f"bccd:{data / 'bccd'}", "all", FIVE),
    ]
    systems = []
    for name, kind, manifest, split, classes in tasks:
        out = work / "evaluation" / bundle.stem / name
        restriction = ("--classes", classes) if classes else ()
        leukon("evaluate", bundle, "--data", manifest, "--split", split, *restriction, "--out", out)
        scores = json.loads((out / "scores.json").read_text())
        headline = scores["balanced_accuracy"]
        recall = {row["name"]: row["recall"]["value"] for row in scores["classes"] if row["support"]}
        systems.append(
            {
                "name": name,
                "kind": kind,
                "cells": scores["cells"],
                "balanced_accuracy": headline["value"],
                "low": headline["low"],
                "high": headline["high"],
                "accuracy": scores["accuracy"]["value"],
                "calibration_error": scores["expected_calibration_error"]["value"],
                "unidentified": scores["unidentified"],
                "coverage": scores["prediction_sets"]["coverage"]["value"],
                "recall": recall,
            }
        )
    return systems


def main() -> None:
    """Make it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, default=HERE.parent / "shared")
    parser.add_argument("--work", type=Path, default=HERE / "runs" / "bundles")
    options = parser.parse_args()
    if not (options.shared / "data" / "pbc").is_dir():
        sys.exit(f"make_bundle: there is no {options.shared / 'data' / 'pbc'}; name its folder with --shared")
    work = options.work
    manifest = training_data(options.shared, work)
    for name, plan in TRAININGS.items():
        weights = options.shared / "weights" / f"{plan.weights}.safetensors"
        for number, recipe in enumerate(plan.recipes, 1):
            run = work / f"{name}-{number}"
            leukon("train", page(recipe), "--data", manifest, "--weights", weights, "--out", run)
            weights = run / "best.pt"
    for name, networks in BUNDLES.items():
        runs = [work / f"{network}-2" for network in networks]
        export: list[str | Path] = ["export", *runs, "--data", str(manifest), "--name", name, *STORAGE[name]]
        leukon(*export, "--out", work / f"{name}.leukon")
        systems = measured(work / f"{name}.leukon", options.shared, work)
        started = [STARTED.format(TRAININGS[network].network) for network in networks]
        card = work / f"{name}.json"
        write_json(card, {"systems": systems, "limits": LIMITS, "attribution": [ATTRIBUTION, *started]})
        leukon(*export, "--card", card, "--out", SHIPPED / f"{name}.leukon")
        leukon("bundle", "show", name)


if __name__ == "__main__":
    main()
