"""Training throughput, from files to gradients, beside a plain torch loop on the same network.

    python -m benchmarks.training [--side PX] [--images N] [--json]

The peer is what most would write: a ``DataLoader`` with one worker per processor, Pillow, torchvision's
transforms (random crop, rotation, flips, colour jitter, blur), float32, AdamW. Both train the same
MobileNetV2 from the same JPEG files. They alternate; medians are printed. Ours reads the files once, the
plain loop in every epoch: the rate of the epoch that reads is given too.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image as Pillow
from torch import nn
from torchvision import transforms

from leukon.datasets.manifest import Manifest, read_manifest
from leukon.datasets.synthetic import write_cells
from leukon.imaging.files import read_image, write_image
from leukon.machine import available_processors
from leukon.models import ModelSpec
from leukon.training.loop import train
from leukon.training.recipe import load_recipe
from leukon.types import taxonomy_of

RUNS, BATCH = 3, 32
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Files(torch.utils.data.Dataset[tuple[torch.Tensor, int]]):
    """The peer's data set."""

    def __init__(self, manifest: Manifest, side_px: int) -> None:
        names = taxonomy_of(manifest.labels).names
        self.items = [(manifest.root / e.path, names.index(e.label)) for e in manifest.entries]
        self.prepare = transforms.Compose(
            [
                transforms.RandomResizedCrop(side_px, scale=(0.4, 1.0)),
                transforms.RandomRotation(180),
                transforms.RandomHorizontalFlip(),
                transforms.ColorJitter(0.3, 0.3, 0.3, 0.1),
                transforms.RandomApply([transforms.GaussianBlur(5)], p=0.35),
                transforms.ToTensor(),
                transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
            ]
        )

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        path, label = self.items[index]
        return self.prepare(Pillow.open(path).convert("RGB")), label


def peer(manifest: Manifest, side_px: int) -> Callable[[], int]:
    """Return one epoch of the plain loop; it tells how many images it took."""
    network = ModelSpec("mobilenet_v2").build(len(manifest.labels)).to(DEVICE).train()
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
    loader = torch.utils.data.DataLoader(
        Files(manifest, side_px),
        BATCH,
        shuffle=True,
        drop_last=True,
        num_workers=available_processors(),
        persistent_workers=True,
    )

    def run() -> int:
        taken = 0
        for batch, labels in loader:
            loss = nn.functional.cross_entropy(network(batch.to(DEVICE)), labels.to(DEVICE))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            taken += len(batch)
        return taken

    return run


def ours(manifest: Manifest, side_px: int, out: Path) -> tuple[float, float]:
    """Train for two epochs; return images/s of the second, and of the first with the reading of the files."""
    recipe = load_recipe("small")
    pipeline = replace(recipe.pipeline, frame=replace(recipe.pipeline.frame, side_px=side_px))
    recipe = replace(recipe, pipeline=pipeline, batch_size=BATCH, epochs=2)
    times: dict[str, list[float]] = {"": [time.perf_counter()]}

    def note(what: str, _done: int, _total: int) -> None:
        times.setdefault(what, []).append(time.perf_counter())

    train(recipe, manifest, out, taxonomy=taxonomy_of(manifest.labels), report=note)
    first, second = times["epoch 1"], times["epoch 2"]
    return (
        BATCH * (len(second) - 1) / (second[-1] - second[0]),
        BATCH * len(first) / (first[-1] - times[""][0]),
    )


def rate(run: Callable[[], int]) -> float:
    """Images per second of one epoch."""
    begun = time.perf_counter()
    taken = run()
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()
    return taken / (time.perf_counter() - begun)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=112, help="side of the network's input, px")
    parser.add_argument("--images", type=int, default=640)
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        drawn = read_manifest(write_cells(Path(name) / "drawn", options.images // 8, 12, side_px=360))
        entries = []
        for i, entry in enumerate(drawn.entries):
            path = f"{i:04d}.jpg"
            write_image(Path(name) / "cells" / path, read_image(drawn.root / entry.path))
            split = "val" if i % 20 == 0 else "train"
            entries.append(replace(entry, path=path, box=None, split=split))
        manifest = Manifest(Path(name) / "cells", tuple(entries))
        plain = peer(manifest.subset(split="train"), options.side)
        plain()
        runs = [(*ours(manifest, options.side, Path(name) / f"run{k}"), rate(plain)) for k in range(RUNS)]
    own, first, other = np.median(runs, axis=0)
    figures = {
        "device": DEVICE.type,
        "images_per_s": float(own),
        "first_epoch_images_per_s": float(first),
        "torch_images_per_s": float(other),
        "ratio": float(np.median([a / b for a, _, b in runs])),
    }
    if options.json:
        sys.stdout.write(json.dumps(figures, indent=2) + "\n")
        return
    print(f"device          {DEVICE.type}, {options.side} px, batches of {BATCH}")
    print(f"leukon          {figures['images_per_s']:7.1f} images/s; {first:.1f} in the epoch that reads")
    print(f"plain torch     {figures['torch_images_per_s']:7.1f} images/s")
    print(f"ratio           {figures['ratio']:7.2f}")


if __name__ == "__main__":
    main()
