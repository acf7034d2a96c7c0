"""How well nucleus and cytoplasm are told, on masks drawn by hand and on generated cells.

    python -m benchmarks.segmentation [--data DIR] [--methods adaptive,ekmeans] [--step N] [--json]

Each image shows one cell; fields (bccd) are cut to twice the cell's size, where one cell alone is masked and
whole. Dice and IoU are means over the images, an image in which nothing is found counting 0; the boundary
distance is the mean of both directions, in % of the cell's true diameter; an image fails below a Dice of 0.7.
Time is the processor's, on one thread, from the file's bytes to those of the mask, after a warm-up.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import cv2
import numpy as np

from leukon.imaging.files import read_image
from leukon.segmentation import METHODS, segment
from leukon.types import PERIPHERAL_BLOOD, Image

DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
FAILURE = 0.7
LEAST_CELL_PX = 2000
GENERATED_PX, GENERATED_EACH = 200, 14
CELL_FROM, NUCLEUS_FROM = 64, 200
Mask = np.ndarray
Example = tuple[bytes, Mask | None, Mask]
"""A file's bytes, the true nucleus (None where nobody drew it) and the true whole cell."""


def png(image: Image) -> bytes:
    return cv2.imencode(".png", image[..., ::-1] if image.ndim == 3 else image)[1].tobytes()


def grey(path: Path) -> Mask:
    return cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)


def jtsc(data: Path) -> Iterator[Example]:
    for path in sorted((data / "jtsc" / "images").iterdir()):
        mask = grey(data / "jtsc" / "masks" / path.name)
        yield path.read_bytes(), mask > NUCLEUS_FROM, mask > CELL_FROM


def bcisc(data: Path) -> Iterator[Example]:
    for path in sorted((data / "bcisc" / "images").iterdir()):
        yield path.read_bytes(), None, grey(data / "bcisc" / "masks" / f"{path.stem}.png") > CELL_FROM


def bccd(data: Path) -> Iterator[Example]:
    for path in sorted((data / "bccd" / "images").iterdir()):
        mask_path = data / "bccd" / "masks" / f"{path.stem}.png"
        if not mask_path.exists():
            continue
        mask = grey(mask_path)
        stats = cv2.connectedComponentsWithStats((mask > CELL_FROM).astype(np.uint8))[2][1:]
        stats = stats[stats[:, cv2.CC_STAT_AREA] > LEAST_CELL_PX // 10]
        if len(stats) != 1 or stats[0, cv2.CC_STAT_AREA] < LEAST_CELL_PX:
            continue
        x, y, w, h = (int(v) for v in stats[0, :4])
        middle_x, middle_y, side = x + w // 2, y + h // 2, max(w, h)
        cut = np.s_[max(0, middle_y - side) : middle_y + side, max(0, middle_x - side) : middle_x + side]
        yield png(read_image(path)[cut]), mask[cut] > NUCLEUS_FROM, mask[cut] > CELL_FROM


def generated(_data: Path) -> Iterator[Example]:
    from leukon.datasets.synthetic import draw_scene, random_spec, random_stain, random_system, render

    for label in PERIPHERAL_BLOOD.names:
        if label == "platelet":
            continue
        for seed in range(GENERATED_EACH):
            rng = np.random.default_rng([seed, *label.encode()])
            system, stain = random_system(rng), random_stain(rng)
            side_um = float(rng.uniform(18, 36))
            scene = draw_scene(
                random_spec(rng, side_um, side_um, (label,), centred=True), int(rng.integers(2**32))
            )
            drawn = render(scene, system, seed, stain=stain, um_per_px=side_um / GENERATED_PX)
            nucleus = drawn.nucleus == 1
            yield png(drawn.srgb), nucleus, nucleus | (drawn.cytoplasm == 1)


SETS: dict[str, Callable[[Path], Iterator[Example]]] = {
    "jtsc": jtsc,
    "bcisc": bcisc,
    "bccd": bccd,
    "generated": generated,
}


def dice(found: Mask, truth: Mask) -> float:
    both = np.count_nonzero(found) + np.count_nonzero(truth)
    return 2 * np.count_nonzero(found & truth) / both if both else 1.0


def boundary_distance(found: Mask, truth: Mask) -> float:
    """Return the mean distance between the two boundaries in px; NaN where one mask is empty."""
    if not found.any() or not truth.any():
        return float("nan")
    edges = []
    for mask in (found, truth):
        inner = cv2.erode(
            mask.astype(np.uint8), np.ones((3, 3)), borderType=cv2.BORDER_CONSTANT, borderValue=0
        )
        edges.append(mask & (inner == 0))
    away = [cv2.distanceTransform((~edge).astype(np.uint8), cv2.DIST_L2, 5) for edge in edges]
    return float(away[0][edges[1]].mean() + away[1][edges[0]].mean()) / 2


def run(data: bytes, method: str) -> tuple[Mask, bytes]:
    image = cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    mask = np.zeros(image.shape[:2], np.uint8)
    for cell in segment(image, method=method, cells="central"):
        cell.paint(mask)
    return mask, png(mask)


def score(data: Path, name: str, method: str, *, step: int = 1) -> dict[str, Any]:
    """Score a method on every `step`-th image of a set."""
    scores: dict[str, list[tuple[float, float]]] = {"nucleus": [], "cell": []}
    took = []
    for index, (encoded, nucleus, cell) in enumerate(SETS[name](data)):
        if index % step:
            continue
        if not took:
            run(encoded, method)
        start = time.process_time()
        mask, _ = run(encoded, method)
        took.append(time.process_time() - start)
        diameter = 2 * float(np.sqrt(np.count_nonzero(cell) / np.pi))
        for part, found, truth in (("nucleus", mask == 255, nucleus), ("cell", mask > 0, cell)):
            if truth is not None:
                distance = boundary_distance(found, truth) / diameter
                scores[part].append((dice(found, truth), distance))
    row: dict[str, Any] = {"data": name, "method": method, "images": len(took)}
    for part, values in scores.items():
        overlaps, distances = np.array(values).T if values else np.full((2, 1), np.nan)
        row[f"{part}_dice"] = float(overlaps.mean())
        row[f"{part}_iou"] = float((overlaps / (2 - overlaps)).mean())
        row[f"{part}_boundary"] = 100 * float(np.nanmean(distances)) if values else float("nan")
        row[f"{part}_failures"] = float((overlaps < FAILURE).mean()) if values else float("nan")
    row["ms"] = 1e3 * float(np.median(took))
    return row


def show(rows: list[dict[str, Any]]) -> None:
    measures = "IoU | boundary | failures"
    print(f"| set | method | nucleus Dice | {measures} | cell Dice | {measures} | ms |")
    print("|" + " --- |" * 11)
    for row in rows:
        shown = [row["data"], row["method"]]
        for part in ("nucleus", "cell"):
            if np.isnan(row[f"{part}_dice"]):
                shown += ["–"] * 4
                continue
            shown += [f"{row[f'{part}_{what}']:.3f}" for what in ("dice", "iou")]
            shown += [f"{row[f'{part}_boundary']:.1f} %", f"{100 * row[f'{part}_failures']:.1f} %"]
        print("| " + " | ".join([*shown, f"{row['ms']:.1f}"]) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder of the real images")
    parser.add_argument("--methods", default=",".join(METHODS), help="names, as a,b")
    parser.add_argument("--sets", default=",".join(SETS), help="names, as a,b")
    parser.add_argument("--step", type=int, default=1, help="take every N-th image")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    if not options.data.is_dir():
        sys.exit(f"segmentation: there is no {options.data}; name the real images with --data")
    cv2.setNumThreads(1)
    rows = [
        score(options.data, name, method, step=options.step)
        for name in options.sets.split(",")
        for method in options.methods.split(",")
    ]
    if options.json:
        clean = [{k: None if v != v else v for k, v in row.items()} for row in rows]
        sys.stdout.write(json.dumps(clean, indent=2) + "\n")
    else:
        show(rows)


if __name__ == "__main__":
    main()
