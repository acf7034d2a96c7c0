"""Time of the fast colour table beside the published generator, both on all processors.

    python -m benchmarks.color_speed [--json]

The generator of ccGAN and pcNet (20,571,971 parameters) runs through onnxruntime as `leukon color apply`
runs it; its random weights cost as much as trained ones. The table is mixed of three, as many as distilling
makes at most, and neighbours are added. Both go from 8-bit RGB to 8-bit RGB, the image's background measured
on the way. They alternate after a warm-up; medians are printed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from leukon.datasets.synthetic import SYSTEMS
from leukon.datasets.synthetic.render import draw_cell_image
from leukon.export.onnx import transfer_to_onnx
from leukon.imaging.color import ColorMap
from leukon.imaging.color.network import NetworkMap
from leukon.imaging.color.table import KERNEL_PX, NODES, Table, packed
from leukon.machine import available_processors
from leukon.transfer.generator import GeneratorSpec
from leukon.types import Image

SIZES = (256, 256), (640, 480)
RUNS, TABLE_RUNS = 3, 9


def published_generator(folder: Path) -> NetworkMap:
    spec = GeneratorSpec()
    content = transfer_to_onnx(spec.build().eval())
    path = folder / "generator.onnx"
    path.write_bytes(content)
    return NetworkMap(str(path), hashlib.sha256(content).hexdigest(), spec.stride, spec.reach, "ccgan")


def mixed_table() -> Table:
    light = np.linspace(0, 1, NODES)
    straight = np.stack(np.meshgrid(light, light, light, indexing="ij"), axis=-1)
    basis = (1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0)
    tables = packed(straight), *[packed(0.1 * straight)] * 2
    kernels = ((1 / KERNEL_PX**2,) * KERNEL_PX**2,) * 3
    return Table(None, tables, (0.3, 0.5, 0.3, 0.5), basis, kernels)


def milliseconds(
    color: ColorMap, image: Image, runs: int = 1, clock: Callable[[], float] = time.perf_counter
) -> list[float]:
    times = []
    for _ in range(runs):
        start = clock()
        color.for_image(image)(image)
        times.append(1e3 * (clock() - start))
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    cell = draw_cell_image("neutrophil", 1, side_px=256, system=SYSTEMS["led-x"])[0]
    table = mixed_table()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        generator = published_generator(Path(name))
        for width, height in SIZES:
            image = cv2.resize(cell, (width, height), interpolation=cv2.INTER_LINEAR)
            for color in (generator, table):
                milliseconds(color, image)
            slow, fast = [], []
            for _ in range(RUNS):
                slow += milliseconds(generator, image)
                fast += milliseconds(table, image, TABLE_RUNS)
            # By the clock a busy machine slows both; processor time it hardly touches.
            cpu_ms = float(np.median(milliseconds(table, image, RUNS * TABLE_RUNS, time.process_time)))
            network_ms, table_ms = float(np.median(slow)), float(np.median(fast))
            rows.append(
                {
                    "width": width,
                    "height": height,
                    "generator_ms": network_ms,
                    "table_ms": table_ms,
                    "table_cpu_ms": cpu_ms,
                    "ratio": network_ms / table_ms,
                }
            )
            if not options.json:
                print(
                    f"{width}×{height}  generator {network_ms:8.1f} ms  table {table_ms:6.2f} ms "
                    f"({cpu_ms:.2f} ms of processor time)  "
                    f"ratio {network_ms / table_ms:5.0f}  {available_processors()} processors",
                    flush=True,
                )
    if options.json:
        result = {"processors": available_processors(), "sizes": rows}
        sys.stdout.write(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
