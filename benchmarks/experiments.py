"""The comparisons of `docs/results.md`, at a size for two processor cores.

    python -m benchmarks.experiments [spaces] [levers] [networks] [resnext_cc]
        [--shared ../shared] [--work DIR]

All learn from the same cells of PBC, drawn by class, and are tested on its whole test part; spaces and levers
also on the three systems that none has seen. A comparison that was stopped goes on where it was. The tables
are printed as Markdown.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from benchmarks.make_bundle import FIVE, HERE, leukon
from leukon.datasets.manifest import Entry, Manifest, read_manifest, write_manifest

# Per class: train, val.
CELLS = {"spaces": (250, 60), "levers": (300, 60), "networks": (125, 40), "resnext_cc": (125, 40)}
ABROAD = "spaces", "levers"
FOREIGN = "bcisc", "jtsc", "bccd"
STARTED = {
    "mobilenet_v2": "mobilenet_v2_backbone",
    "mobilenet_v2_silhouette": "mobilenet_v2_backbone",
    "resnet50_v2_silhouette": "resnet50v2_stages1to3",
}


def drawn(shared: Path, work: Path, name: str) -> Path:
    """Write a manifest of PBC with fewer cells to learn from; its test part is whole."""
    whole = read_manifest(shared / "data" / "pbc")
    groups: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in whole.entries:
        groups[entry.split, entry.label].append(entry)
    counts = dict(zip(("train", "val"), CELLS[name], strict=True))
    kept: list[Entry] = []
    for (split, _), entries in sorted(groups.items()):
        kept += random.Random(0).sample(entries, min(len(entries), counts.get(split, len(entries))))
    out = work / name / "manifest.csv"
    write_manifest(out, Manifest(whole.root, tuple(kept)))
    return out


def table(out: Path, systems: Sequence[str]) -> None:
    """Print what `leukon compare` wrote to `out` and, for each of `systems`, below it."""
    found = {"pbc": out} | {system: out / system for system in systems}
    results = {name: json.loads((folder / "comparison.json").read_text()) for name, folder in found.items()}
    print("\n| model |", " | ".join(results), "|\n| --- |", "--- | " * len(results))
    for row in results["pbc"]["models"]:
        cells = []
        for result in results.values():
            score = next(m for m in result["models"] if m["name"] == row["name"])["balanced_accuracy"]
            limits = "" if score["low"] is None else " ({low:.3f}–{high:.3f})".format(**score)
            cells.append(f"{score['value']:.3f}{limits}")
        print(f"| {row['name']} |", " | ".join(cells), "|")
    for name, result in results.items():
        print(
            f"\n{name}, {result['cells']} cells:", *(pair["verdict"] for pair in result["pairs"]), sep="\n- "
        )


def main() -> None:
    """Run the comparisons that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=[])
    parser.add_argument("--shared", type=Path, default=HERE.parent / "shared")
    parser.add_argument("--work", type=Path, default=HERE / "runs" / "experiments")
    options = parser.parse_args()
    weights = options.shared / "weights"
    for name in options.names or CELLS:
        data, out = drawn(options.shared, options.work, name), options.work / name
        recipes = HERE / "benchmarks" / "recipes" / f"{name}_small.py"
        start = [
            option
            for network, file in STARTED.items()
            for option in ("--weights", f"{network}={weights / file}.safetensors")
            if name in ABROAD
        ]
        leukon("compare", recipes, "--data", data, *start, "--out", out)
        systems = FOREIGN if name in ABROAD else ()
        for system in systems:
            runs = sorted((out / "runs").iterdir())
            source = f"{system}:{options.shared / 'data' / system}"
            leukon(
                "compare", *runs, "--data", source, "--split", "all", "--classes", FIVE, "--out", out / system
            )
        table(out, systems)


if __name__ == "__main__":
    main()
