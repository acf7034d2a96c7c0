"""Bundles adapted to another imaging system: balanced accuracy on cells that were held out.

    python -m benchmarks.adaptation [--shared ../shared] [--bundle small] [--draws 10] [--sizes 0 5 10 20]

Of each class that many labelled cells are drawn, at most half of what there is; the rest is held out. Size 0
adapts to one half of the images without labels, and is scored on the other. As in the table of the bundle's
card, cells are named among five classes. Intervals are 95 % of the mean over the draws, which share cells
(Nadeau and Bengio's correction). ``pbc`` is the bundle's own system: its test cells through each adapted
bundle say what was forgotten.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from leukon.adaptation.adapt import fit_gate, knows, learn
from leukon.adaptation.features import Observer, Seen, said_of
from leukon.adaptation.unlabelled import recolor_of
from leukon.bundle import Bundle, load_bundle
from leukon.datasets.manifest import Manifest, read_manifest
from leukon.evaluation import Example, spread
from leukon.imaging.color.fitting import fit_map
from leukon.imaging.color.looks import HOME, LOOKS
from leukon.segmentation.look import measure_look
from leukon.training.examples import read_examples
from leukon.types import Cell

Named = Callable[[Seen, list[Cell]], np.ndarray]
SYSTEMS = "bcisc", "jtsc", "bccd"
CLASSES = "basophil", "eosinophil", "lymphocyte", "monocyte", "neutrophil"
LEAST_HELD_OUT = 3
HOME_CELLS = 320


def examples_of(manifest: Manifest) -> list[Example]:
    return [e for e in read_examples(manifest.entries, manifest.root) if isinstance(e, Example)]


def drawn(truth: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Draw `size` cells of each class, at most half."""
    rng = np.random.default_rng(seed)
    picks = []
    for label in np.unique(truth):
        cells = rng.permutation(np.flatnonzero(truth == label))
        picks += cells[: min(size, len(cells) // 2)].tolist()
    return np.array(picks)


def recalls(logits: np.ndarray, truth: np.ndarray, kept: list[int]) -> dict[int, float]:
    named = np.array(kept)[logits[:, kept].argmax(axis=1)]
    return {int(k): float((named[truth == k] == k).mean()) for k in np.unique(truth)}


def balanced(recall: dict[int, float], truth: np.ndarray, least: int) -> float:
    return float(np.mean([value for k, value in recall.items() if (truth == k).sum() >= least]))


def unlabelled(bundle: Bundle, seen: Seen, sample: Seen, cells: list[Cell], picks: np.ndarray) -> Named:
    """Adapt to the picked cells as `leukon adapt --images` does."""
    gate = fit_gate(seen.of(picks), sample)
    look = measure_look((cells[i].image for i in picks), "picked")
    recolor = recolor_of(bundle, fit_map("affine", look, LOOKS[HOME]))
    mapped = Observer(bundle, recolor=recolor, abroad=said_of(bundle, [cells[i] for i in picks])[1])

    def named(some: Seen, these: list[Cell]) -> np.ndarray:
        is_new = knows(gate, some)
        logits = some.as_is()[1].copy()
        if is_new.any():
            logits[is_new] = mapped.see([these[i] for i in np.flatnonzero(is_new)]).averaged()[1]
        return logits

    return named


def measured(shared: Path, bundle: Bundle, draws: int, sizes: list[int]) -> Iterator[dict[str, Any]]:
    names = bundle.taxonomy.names
    five, all_classes = [names.index(name) for name in CLASSES], list(range(len(names)))
    test = read_manifest(shared / "data" / "pbc").subset(split="test")
    known = examples_of(Manifest(test.root, test.entries[:: max(1, len(test) // HOME_CELLS)]))
    home_cells = [example.cell for example in known]
    home_truth = np.array([names.index(example.label) for example in known])
    observer = Observer(bundle, abroad=True)
    sample, home = observer.see(bundle.contents.sample.cells), observer.see(home_cells)
    home_before = balanced(recalls(said_of(bundle, home_cells)[0], home_truth, all_classes), home_truth, 1)
    for system in SYSTEMS:
        manifest = read_manifest(f"{system}:{shared / 'data' / system}")
        examples = [e for e in examples_of(manifest) if e.label in CLASSES]
        cells = [example.cell for example in examples]
        said, _ = said_of(bundle, cells)
        seen = observer.see(cells)
        truth = np.array([names.index(example.label) for example in examples])
        for size in sizes:
            rows = []
            for seed in range(draws):
                start = time.perf_counter()
                picks = drawn(truth, size or len(truth), seed)
                rest = np.setdiff1d(np.arange(len(truth)), picks)
                row = {}
                if size:
                    some = [examples[i] for i in picks]
                    learned, figures = learn(seen.of(picks), sample, said[picks], some, names)
                    row |= {
                        "promised": figures.after,
                        "recognised": float(learned.is_new(seen.of(rest)).mean()),
                    }
                    logits, logits_home = learned.logits(seen.of(rest)), learned.logits(home)
                else:
                    named = unlabelled(bundle, seen, sample, cells, picks)
                    logits, logits_home = (
                        named(seen.of(rest), [cells[i] for i in rest]),
                        named(home, home_cells),
                    )
                seconds = time.perf_counter() - start
                before = recalls(said[rest], truth[rest], five)
                after = recalls(logits, truth[rest], five)
                kept = recalls(logits_home, home_truth, all_classes)
                rows.append(
                    row
                    | {
                        "before": balanced(before, truth[rest], 1),
                        "after": balanced(after, truth[rest], 1),
                        "before_common": balanced(before, truth[rest], LEAST_HELD_OUT),
                        "after_common": balanced(after, truth[rest], LEAST_HELD_OUT),
                        "forgotten": home_before - balanced(kept, home_truth, 1),
                        "seconds": seconds,
                        "recall": {names[k]: value for k, value in after.items()},
                    }
                )
            common = spread([row["after_common"] for row in rows])
            every = spread([row["after"] for row in rows])
            yield {
                "system": system,
                "per_class": size,
                "labelled": {names[k]: int((truth[picks] == k).sum()) for k in np.unique(truth)}
                if size
                else {},
                **{key: float(np.mean([row[key] for row in rows])) for key in rows[0] if key != "recall"},
                "low": every.low,
                "high": every.high,
                "low_common": common.low,
                "high_common": common.high,
                "recall": {
                    name: float(np.mean([row["recall"][name] for row in rows])) for name in rows[0]["recall"]
                },
            }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[2] / "shared")
    parser.add_argument("--bundle", default="small", help="a bundle file, or a shipped one")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[0, 5, 10, 20], help="labelled cells per class"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    if not (options.shared / "data").is_dir():
        sys.exit(f"adaptation: there is no {options.shared / 'data'}; name its folder with --shared")
    cv2.setNumThreads(1)
    rows = []
    for row in measured(options.shared, load_bundle(options.bundle), options.draws, options.sizes):
        rows.append(row)
        if not options.json:
            recall = " ".join(f"{name[:3]} {value:.2f}" for name, value in row["recall"].items())
            print(
                f"{row['system']:6} {row['per_class']:2} {row['before']:.3f} → {row['after']:.3f} "
                f"({row['low']:.3f}–{row['high']:.3f}); classes with {LEAST_HELD_OUT} held out "
                f"{row['before_common']:.3f} → {row['after_common']:.3f} "
                f"({row['low_common']:.3f}–{row['high_common']:.3f}); pbc {-row['forgotten']:+.4f}; "
                f"{row['seconds']:.1f} s; {recall}",
                flush=True,
            )
    if options.json:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
