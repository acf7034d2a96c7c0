"""How well leukocytes are found on real fields, and single cells in their crops.

Usage: ``python benchmarks/field_detection.py [--data DIR] [--json]``
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from leukon.evaluation.detection import match_boxes
from leukon.segmentation import find_cell, find_leukocytes
from leukon.types import Box, Image

DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
Labelled = Iterator[tuple[Path, list[Box]]]


def read(path: Path) -> Image:
    image: Image = cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    return image


def bccd(data: Path) -> Labelled:
    for path in sorted((data / "bccd" / "xml").glob("*.xml")):
        boxes = []
        for item in ET.parse(path).getroot().iter("object"):
            if item.findtext("name") == "WBC":
                corners = (
                    float(item.findtext(f"bndbox/{name}", "0")) for name in ("xmin", "ymin", "xmax", "ymax")
                )
                boxes.append(Box(*corners))
        yield data / "bccd" / "images" / f"{path.stem}.jpg", boxes


def yolo(folder: Path) -> Labelled:
    for path in sorted((folder / "images").iterdir()):
        height, width = cv2.imread(str(path)).shape[:2]
        boxes = []
        for line in (folder / "labels" / f"{path.stem}.txt").read_text().splitlines():
            kind, x, y, w, h = (float(value) for value in line.split()[:5])
            if kind == 0:
                corners = (x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height
                boxes.append(Box(*corners))
        yield path, boxes


FIELDS: dict[str, Callable[[Path], Labelled]] = {
    "bccd": bccd,
    "raabin_fields": lambda data: yolo(data / "raabin_fields"),
    "pig_wbc": lambda data: yolo(data / "pig_wbc"),
}


def score_fields(data: Path, name: str, *, step: int = 1) -> dict[str, Any]:
    """Recall and precision at IoU 0.5, one to one, on every `step`-th field of a data set."""
    hits = boxes = found = fields = 0
    seconds = []
    for path, truth in list(FIELDS[name](data))[::step]:
        image = read(path)
        if not fields:
            find_leukocytes(image)
        start = time.perf_counter()
        cells = find_leukocytes(image)
        seconds.append(time.perf_counter() - start)
        hits += len(match_boxes([cell.box for cell in cells], truth))
        boxes, found, fields = boxes + len(truth), found + len(cells), fields + 1
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
        description="Recall and precision of leukocyte detection on real fields."
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
