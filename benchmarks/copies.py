"""Recall and precision of `leukon data audit` for copies that were turned, mirrored and shifted.

    python -m benchmarks.copies [--data DIR] [--images N] [--seed N] [--json]

Plants copies of PBC cells in another part of the split until the tree holds N images: turned (a third by
quarters), mirrored (half), shifted by up to a tenth, and re-saved as JPEG of quality 60…95. What a move
leaves empty is black, white, repeated or mirrored. A pair counts as wrong unless it was planted or the data
set's own near-duplicate groups bind it; the wrong ones are listed, so that they can be looked at.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from leukon.datasets.audit import audit
from leukon.datasets.manifest import Entry, Manifest, read_manifest
from leukon.imaging.files import read_image
from leukon.storage import write_bytes

DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
BORDERS = {
    "black": (cv2.BORDER_CONSTANT, 0),
    "white": (cv2.BORDER_CONSTANT, 255),
    "repeated": (cv2.BORDER_REPLICATE, 0),
    "mirrored": (cv2.BORDER_REFLECT_101, 0),
}
SHIFT, QUALITY = 0.1, (60, 95)


def moved(image: np.ndarray, border: str, rng: np.random.Generator) -> bytes:
    """A moved copy as a JPEG file."""
    height, width = image.shape[:2]
    angle = 90.0 * rng.integers(4) if rng.random() < 1 / 3 else rng.uniform(-180, 180)
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1)
    matrix[:, 2] += rng.uniform(-SHIFT, SHIFT, 2) * (width, height)
    mode, value = BORDERS[border]
    flipped = np.ascontiguousarray(image[:, ::-1] if rng.random() < 0.5 else image)
    copy = cv2.warpAffine(flipped, matrix, (width, height), borderMode=mode, borderValue=(value,) * 3)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(*QUALITY))]
    return cv2.imencode(".jpg", copy[..., ::-1], quality)[1].tobytes()


def planted(cells: Manifest, images: int, folder: Path, seed: int) -> tuple[Manifest, dict[str, str]]:
    """`cells` in train and copies of some in test, at most one of each; and how each copy was made."""
    rng = np.random.default_rng(seed)
    kept = rng.permutation(len(cells))[: images * 4 // 5]
    files = cells.files
    originals = [
        replace(cells.entries[i], path=str(files[i].absolute()), split="train", group="") for i in kept
    ]
    copies, borders = [], {}
    for number, entry in enumerate(originals[: images - len(originals)]):
        border = list(BORDERS)[number % len(BORDERS)]
        file = folder / f"{number}.jpg"
        write_bytes(file, moved(read_image(entry.path), border, rng))
        copies.append(Entry(str(file), entry.label, split="test"))
        borders[f"{number}.jpg"] = border
    return Manifest(folder, (*originals, *copies)), borders


def measure(data: Path, images: int, seed: int) -> dict[str, Any]:
    cells = read_manifest(data / "pbc")
    group = {str(f.absolute()): e.group for f, e in zip(cells.files, cells.entries, strict=True)}
    with tempfile.TemporaryDirectory() as folder:
        tree, borders = planted(cells, images, Path(folder), seed)
        source = {str(Path(folder) / f"{k}.jpg"): tree.entries[k].path for k in range(len(borders))}
        started = time.perf_counter()
        found = audit(tree)
        seconds = time.perf_counter() - started
    right: set[str] = set()
    wrong: list[dict[str, Any]] = []
    for copy in found.copies:
        ends = [source.get(path, path) for path in (copy.first, copy.second)]
        if ends[0] == ends[1]:
            right |= {path for path in (copy.first, copy.second) if path in source}
        elif group[ends[0]] != group[ends[1]]:
            wrong.append({"first": ends[0], "second": ends[1], "correlation": copy.correlation})
    missed = [borders[Path(path).name] for path in source if path not in right]
    return {
        "images": found.images,
        "planted": len(source),
        "recall": len(right) / len(source),
        "precision": len(right) / (len(right) + len(wrong)),
        "missed": {border: missed.count(border) for border in BORDERS},
        "wrong": wrong,
        "seconds": seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--images", type=int, default=11700)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = measure(arguments.data, arguments.images, arguments.seed)
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    print(f"{result['images']} images, {result['planted']} planted copies, {result['seconds']:.0f} s")
    print(f"recall {result['recall']:.4f}, precision {result['precision']:.4f}; missed {result['missed']}")
    for one in result["wrong"]:
        print(f"not planted: {one['first']} {one['second']} {one['correlation']:.3f}")


if __name__ == "__main__":
    main()
