"""Throughput of ``analyze`` and ``classify`` on generated smears, beside the plain torch pipeline.

    python -m benchmarks.throughput [--json]

The peer of ``classify`` is what most laboratories would write: Pillow decodes, torchvision resizes and
normalises, the same network runs eagerly in torch, 32 images at a time. It is spared finding the cell and
its silhouette: that plane is blank. Both use all processors; runs alternate after a warm-up, and medians
are printed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from leukon.datasets.synthetic import write_cells, write_fields
from leukon.imaging.files import list_images, read_image, write_image

FIELDS, CELLS_PER_CLASS, RUNS = 200, 60, 5
LEUKON = [sys.executable, "-c", "from leukon.cli import main; main()"]


def torch_pipeline(images: list[Path]) -> Callable[[], int]:
    """Return the peer: a function that classifies `images` and tells how many there were."""
    import torch
    from PIL import Image
    from torchvision import transforms

    from leukon.bundle import load_bundle
    from leukon.models import ModelSpec

    side = load_bundle().contents.pipeline.frame.side_px
    network = ModelSpec("mobilenet_v2_silhouette").build(8, channels=4).eval()
    prepare = transforms.Compose(
        [
            transforms.Resize((side, side)),
            transforms.ToTensor(),
            transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )

    def run() -> int:
        done = 0
        with torch.inference_mode():
            for i in range(0, len(images), 32):
                batch = torch.stack([prepare(Image.open(p).convert("RGB")) for p in images[i : i + 32]])
                planes = torch.nn.functional.pad(batch, (0, 0, 0, 0, 0, 1))
                done += len(network(planes).softmax(dim=1))
        return done

    return run


def leukon_classify(folder: Path) -> Callable[[], int]:
    """Return ours: the whole of `leukon.classify`, results in memory."""
    import leukon

    bundle = leukon.load_bundle(threads=1)

    def run() -> int:
        return len(leukon.classify([folder], bundle=bundle).images)

    return run


def seconds(run: Callable[[], int]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def command(*arguments: str | Path) -> tuple[float, float]:
    """Run a whole command; return its seconds and its peak memory in MB."""
    code = (
        "import resource, subprocess, sys;"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)"
    )
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, *LEUKON, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
    )
    return time.perf_counter() - start, float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_fields(folder / "fields", ["led-x"], FIELDS, 11)
        write_cells(folder / "drawn", CELLS_PER_CLASS, 12, side_px=360)
        for i, path in enumerate(list_images([folder / "drawn"])):
            write_image(folder / "cells" / f"{i:04d}.jpg", read_image(path))
        images = sorted((folder / "cells").iterdir())
        ours, peer = leukon_classify(folder / "cells"), torch_pipeline(images)
        for run in (ours, peer):
            run()
        pairs = [(seconds(ours), seconds(peer)) for _ in range(RUNS)]
        rates = [len(images) / np.median([pair[k] for pair in pairs]) for k in (0, 1)]
        pictures = folder / "fields" / "images"
        runs = [command("analyze", pictures, "--out", folder / f"out{k}") for k in range(3)]
        helps = [command("--help")[0] for _ in range(5)]
        interpreter = [seconds(lambda: subprocess.call([sys.executable, "-c", "pass"])) for _ in range(5)]
    figures = {
        "classify_images_per_s": rates[0],
        "torch_images_per_s": rates[1],
        "classify_ratio": float(np.median([b / a for a, b in pairs])),
        "analyze_fields_per_s": FIELDS / float(np.median([r[0] for r in runs])),
        "analyze_peak_mb": max(r[1] for r in runs),
        "help_s": float(np.median(helps) - np.median(interpreter)),
    }
    if options.json:
        sys.stdout.write(json.dumps(figures, indent=2) + "\n")
        return
    print(f"classify   {figures['classify_images_per_s']:7.0f} images/s")
    print(f"torch      {figures['torch_images_per_s']:7.0f} images/s, the same network, eager, batch 32")
    print(f"ratio      {figures['classify_ratio']:7.1f}")
    print(f"analyze    {figures['analyze_fields_per_s']:7.1f} fields/s of 640×480, start to report")
    print(f"           {figures['analyze_peak_mb']:7.0f} MB at the most")
    print(f"--help     {figures['help_s']:7.2f} s")


if __name__ == "__main__":
    main()
