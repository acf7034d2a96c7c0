"""How well leukocytes are found on real and generated fields, and single cells in their crops.

Usage: ``python benchmarks/field_detection.py [--data DIR] [--json]``
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from leukon.datasets.synthetic import (
    draw_scene,
    random_spec,
    random_stain,
    random_system,
    render,
)
from leukon.datasets.synthetic.scene import random_labels
from leukon.evaluation.detection import match_boxes
from leukon.segmentation import find_cell, find_leukocytes
from leukon.types import Box, Image

DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
GENERATED_FIELDS = 60
GENERATED_UM = 90.0, 68.0


@dataclass(frozen=True, slots=True)
class Labelled:
    """A field and its leukocytes; those in `optional` count neither when found nor when missed."""

    image: Image
    boxes: list[Box]
    optional: tuple[Box, ...] = ()


def read(path: Path) -> Image:
    image: Image = cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    return image


def bccd(data: Path) -> Iterator[Labelled]:
    for path in sorted((data / "bccd" / "xml").glob("*.xml")):
        boxes = []
        for item in ET.parse(path).getroot().iter("object"):
            if item.findtext("name") == "WBC":
                corners = (
                    float(item.findtext(f"bndbox/{name}", "0")) for name in ("xmin", "ymin", "xmax", "ymax")
                )
                boxes.append(Box(*corners))
        yield Labelled(read(data / "bccd" / "images" / f"{path.stem}.jpg"), boxes)


def yolo(folder: Path) -> Iterator[Labelled]:
    for path in sorted((folder / "images").iterdir()):
        image = read(path)
        height, width = image.shape[:2]
        boxes = []
        for line in (folder / "labels" / f"{path.stem}.txt").read_text().splitlines():
            kind, x, y, w, h = (float(value) for value in line.split()[:5])
            if kind == 0:
                corners = (x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height
                boxes.append(Box(*corners))
        yield Labelled(image, boxes)


def generated() -> Iterator[Labelled]:
    """Yield smears of fixed seeds, each seen through an imaging system of its own; cut cells are optional."""
    for seed in range(GENERATED_FIELDS):
        rng = np.random.default_rng([seed, 5])
        labels = random_labels(rng, 1 + int(rng.poisson(3)))
        scene = draw_scene(random_spec(rng, *GENERATED_UM, labels), seed)
        picture = render(scene, random_system(rng), seed, stain=random_stain(rng))
        cells = [cell for cell in picture.cells if cell.label != "platelet"]
        whole, cut = ([cell.box for cell in cells if cell.border == border] for border in (False, True))
        yield Labelled(picture.srgb, whole, tuple(cut))


FIELDS: dict[str, Callable[[Path], Iterator[Labelled]]] = {
    "bccd": bccd,
    "raabin_fields": lambda data: yolo(data / "raabin_fields"),
    "pig_wbc": lambda data: yolo(data / "pig_wbc"),
    "generated": lambda _data: generated(),
}


def score_fields(data: Path, name: str) -> dict[str, Any]:
    """Recall and precision at IoU 0.5, one to one, on the fields of a data set."""
    hits = boxes = found = fields = 0
    seconds = []
    for field in FIELDS[name](data):
        if not fields:
            find_leukocytes(field.image)
        start = time.perf_counter()
        cells = find_leukocytes(field.image)
        seconds.append(time.perf_counter() - start)
        pairs = match_boxes([cell.box for cell in cells], [*field.boxes, *field.optional])
        surplus = sum(at >= len(field.boxes) for _, at in pairs)
        hits += len(pairs) - surplus
        boxes, found, fields = boxes + len(field.boxes), found + len(cells) - surplus, fields + 1
    return {
        "data": name,
        "fields": fields,
        "boxes": boxes,
        "found": found,
        "recall": hits / max(1, boxes),
        "precision": hits / max(1, found),
        "ms_per_field": 1e3 * float(np.median(seconds)),
    }


def masked_cells(data: Path, name: str) -> Iterator[tuple[Image, Box]]:
    """Yield single-cell images with the true box: of the largest part of the mask; fields are cropped."""
    for path in sorted((data / name / "images").iterdir()):
        masks = list((data / name / "masks").glob(f"{path.stem}.*"))
        if not masks:
            continue
        mask = (cv2.imread(str(masks[0]), cv2.IMREAD_GRAYSCALE) > 60).astype(np.uint8)
        stats = cv2.connectedComponentsWithStats(mask)[2]
        if len(stats) < 2 or (name == "bccd" and len(stats) > 2):
            continue
        x, y, w, h, area = (int(v) for v in stats[1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())])
        image = read(path)
        if name == "bccd":
            if area < 2000:
                continue
            side = max(w, h)
            x0, y0 = max(0, x + w // 2 - side), max(0, y + h // 2 - side)
            image = image[y0 : y + h // 2 + side, x0 : x + w // 2 + side]
            x, y = x - x0, y - y0
        yield image, Box(x, y, x + w, y + h)


def score_cells(data: Path, name: str, *, step: int = 1) -> dict[str, Any]:
    """Overlap of `find_cell` with the box of the mask, on every `step`-th image of a data set."""
    overlaps, sides, seconds = [], [], []
    for image, truth in list(masked_cells(data, name))[::step]:
        start = time.perf_counter()
        cell = find_cell(image)
        seconds.append(time.perf_counter() - start)
        overlaps.append(cell.box.iou(truth) if cell else 0.0)
        if cell:
            sides.append(cell.box.side_px / truth.side_px)
    return {
        "data": name,
        "cells": len(overlaps),
        "median_iou": float(np.median(overlaps)),
        "share_below_0.6": float(np.mean(np.array(overlaps) < 0.6)),
        "side_ratio_p5": float(np.percentile(sides, 5)),
        "side_ratio_p95": float(np.percentile(sides, 95)),
        "ms_per_cell": 1e3 * float(np.median(seconds)),
    }


def print_rows(rows: list[dict[str, Any]]) -> None:
    names = list(rows[0])
    print("  ".join(f"{name:>15}" for name in names))
    for row in rows:
        cells = (f"{v:.3f}" if isinstance(v, float) else str(v) for v in row.values())
        print("  ".join(f"{cell:>15}" for cell in cells))


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Recall and precision of leukocyte detection on real and generated fields."
    )
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder of the real images")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    if not arguments.data.is_dir():
        print(f"no real images at {arguments.data}: name their folder with --data", file=sys.stderr)
        return 2
    cv2.setNumThreads(1)
    fields = [score_fields(arguments.data, name) for name in FIELDS]
    cells = [score_cells(arguments.data, name) for name in ("jtsc", "bcisc", "bccd")]
    if arguments.json:
        print(json.dumps({"fields": fields, "cells": cells}, indent=2))
    else:
        print_rows(fields)
        print()
        print_rows(cells)
    return 0


if __name__ == "__main__":
    sys.exit(main())
