"""EK-means of colours beside scikit-fuzzy and scikit-learn: speed, agreement, growth, and the seed's part.

    python -m benchmarks.clustering [--data DIR] [--images N] [--json]

The peer clusters every pixel: scikit-fuzzy's ``cmeans`` to the same tolerance of 1e-3, then scikit-learn's
``KMeans`` from its centres until no pixel moves. Both run alternately on one thread; after a warm-up, medians
of processor time are printed, in which other work on the machine hardly counts. Where the peer's seeds end
differently, partitions are compared with its end of least objective. Fields for the growth are tiled from a
real one, with noise of ±2 levels.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import cv2
import numpy as np

from leukon.imaging.files import list_images, read_image
from leukon.segmentation.color_clusters import cluster_colors
from leukon.types import Image

DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SETS = "pbc/original", "bccd/images", "raabin_fields/images", "pig_wbc/images", "bcisc/images", "jtsc/images"
SIDE, PEER_SEEDS, RUNS, SEEDS = 300, 3, 15, 20
MEGAPIXELS = 0.3, 1, 3, 10, 20


def drawn(data: Path, count: int) -> dict[str, list[Image]]:
    """Read `count` images of each set, evenly spread, at most SIDE px a side."""
    chosen = {}
    for name in SETS:
        files = list_images([data / name])
        files = files[len(files) // (2 * count) :: len(files) // count][:count]
        chosen[name.split("/")[0]] = [np.ascontiguousarray(read_image(f)[:SIDE, :SIDE]) for f in files]
    return chosen


def seconds(run: Callable[[], Any], clock: Callable[[], float] = time.process_time) -> tuple[float, Any]:
    start = clock()
    result = run()
    return clock() - start, result


def peer(pixels: np.ndarray, clusters: int, seed: int) -> tuple[float, np.ndarray]:
    from skfuzzy.cluster import cmeans
    from sklearn.cluster import KMeans

    centres, *_ = cmeans(pixels.T, clusters, 2, 1e-3, 1000, seed=seed)
    found = KMeans(clusters, init=centres, n_init=1, tol=0, max_iter=1000).fit(pixels)
    return found.inertia_, found.labels_


def against_peer(name: str, image: Image, clusters: int) -> dict[str, Any]:
    from sklearn.metrics import adjusted_rand_score

    pixels = image.reshape(-1, 3) / 255
    seconds(lambda: cluster_colors(image, clusters))
    own, theirs, ends = [], [], []
    for seed in range(PEER_SEEDS):
        taken, end = seconds(lambda seed=seed: peer(pixels, clusters, seed))
        theirs.append(taken)
        ends.append(end)
        own += [seconds(lambda: cluster_colors(image, clusters))[0] for _ in range(RUNS)]
    found = cluster_colors(image, clusters)
    inertia, labels = min(ends, key=lambda end: end[0])
    return {
        "set": name,
        "clusters": clusters,
        "pixels": len(pixels),
        "colors": len(found.colors),
        "leukon_ms": float(np.median(own)) * 1e3,
        "peer_ms": float(np.median(theirs)) * 1e3,
        "ratio": float(np.median(theirs) / np.median(own)),
        "rand": float(adjusted_rand_score(labels, found.labels.ravel())),
        "objective": float(found.found.objective[-1] / inertia),
    }


def over_seeds(name: str, images: list[Image], clusters: int) -> dict[str, Any]:
    """Compare what the seeds find: share at the best objective known, and agreement with the first seed."""
    from sklearn.metrics import adjusted_rand_score

    row: dict[str, Any] = {"set": name, "clusters": clusters}
    best, rand = {"ekmeans": [], "kmeans": []}, {"ekmeans": [], "kmeans": []}
    for image in images:
        runs = {m: [cluster_colors(image, clusters, method=m, seed=s) for s in range(SEEDS)] for m in best}
        least = min(run.found.objective[-1] for found in runs.values() for run in found)
        for method, found in runs.items():
            best[method] += [run.found.objective[-1] < 1.001 * least for run in found]
            first, *others = (run.labels.ravel()[::7] for run in found)
            rand[method] += [adjusted_rand_score(first, other) for other in others]
    for method in best:
        row[method] = {
            "best": float(np.mean(best[method])),
            "rand_mean": float(np.mean(rand[method])),
            "rand_least": float(np.min(rand[method])),
        }
    return row


def growth(tile: Image, megapixels: float) -> dict[str, Any]:
    side = round((megapixels * 1e6) ** 0.5)
    times = -(-side // min(tile.shape[:2]))
    field = np.tile(tile, (times, times, 1))[:side, :side]
    noise = np.random.default_rng(0).integers(0, 5, field.shape, np.uint8)
    field = cv2.subtract(cv2.add(field, noise), np.full_like(field, 2))
    cluster_colors(field, 4)
    wall, cpu = (
        np.median([seconds(lambda: cluster_colors(field, 4), clock)[0] for _ in range(3)])
        for clock in (time.perf_counter, time.process_time)
    )
    tracemalloc.start()
    cluster_colors(field, 4)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {
        "megapixels": megapixels,
        "ms": float(wall) * 1e3,
        "cpu_ms": float(cpu) * 1e3,
        "peak_mb": peak / 1e6,
    }


def show(result: dict[str, Any]) -> None:
    print("set            clusters  colours  peer ms  leukon ms  ratio  adjusted Rand  objective / peer's")
    for r in result["peer"]:
        print(
            f"{r['set']:14} {r['clusters']:8} {r['colors']:8} {r['peer_ms']:8.0f} {r['leukon_ms']:10.1f} "
            f"{r['ratio']:6.0f} {r['rand']:14.4f} {r['objective']:19.4f}"
        )
    full = [r["ratio"] for r in result["peer"] if r["pixels"] == SIDE**2]
    print(f"median ratio of the images of {SIDE}×{SIDE}: {np.median(full):.0f}, least {min(full):.0f}\n")
    print("              seeds at the best objective   adjusted Rand between seeds, mean (least)")
    print("set            clusters  EK-means  k-means  EK-means         k-means")
    for r in result["seeds"]:
        ek, km = r["ekmeans"], r["kmeans"]
        print(
            f"{r['set']:14} {r['clusters']:8} {ek['best']:9.1%} {km['best']:8.1%}  "
            f"{ek['rand_mean']:.4f} ({ek['rand_least']:.2f})  {km['rand_mean']:.4f} ({km['rand_least']:.2f})"
        )
    print("\nmegapixels      ms  cpu ms  cpu ms/megapixel  peak MB")
    for r in result["growth"]:
        print(
            f"{r['megapixels']:10} {r['ms']:7.0f} {r['cpu_ms']:7.0f} "
            f"{r['cpu_ms'] / r['megapixels']:17.1f} {r['peak_mb']:8.1f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder of the real images")
    parser.add_argument("--images", type=int, default=4, help="images of each set, for the seeds")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    if not options.data.is_dir():
        sys.exit(f"clustering: there is no {options.data}; name the real images with --data")
    cv2.setNumThreads(1)
    images = drawn(options.data, options.images)
    result = {
        "peer": [against_peer(name, found[0], c) for name, found in images.items() for c in (3, 4)],
        "seeds": [over_seeds(name, found, c) for name, found in images.items() for c in (3, 4)],
        "growth": [growth(images["bccd"][0], megapixels) for megapixels in MEGAPIXELS],
    }
    if options.json:
        sys.stdout.write(json.dumps(result, indent=2) + "\n")
    else:
        show(result)


if __name__ == "__main__":
    main()
