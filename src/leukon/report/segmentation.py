"""The table and the summary of a segmentation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import leukon
from leukon.report.csv import BOX, write_table
from leukon.report.json import NOTICE
from leukon.segmentation.measurements import AREAS, LENGTHS, MEASUREMENTS
from leukon.storage import write_json
from leukon.types import SegmentedCell, SegmentedImage


def write_segmentation(
    folder: Path, images: Sequence[SegmentedImage], *, method: str, um_per_px: float | None = None
) -> dict[str, Any]:
    """Write ``cells.csv``, one row per leukocyte, and ``segmentation.json``, the summary; return the summary.

    Areas and lengths stand in px, and in µm as well where `um_per_px` says how large a pixel is; a
    measurement that a cell has nothing for is empty.

    Raises
    ------
    InputError
        If the disk is full or the folder cannot be written.
    """
    sized = (*AREAS, *LENGTHS)
    units = {name: "px2" if name in AREAS else "px" for name in sized}
    columns = [f"{name}_{units[name]}" if name in units else name for name in MEASUREMENTS]
    in_um = [f"{name}_{units[name].replace('px', 'um')}" for name in sized] if um_per_px else []
    header = ["file", "cell", *BOX, "flags", *columns, *in_um]
    rows = (
        [image.name, str(number), *_row(cell, um_per_px)]
        for image in images
        for number, cell in enumerate(image.cells, 1)
    )
    write_table(folder / "cells.csv", header, rows)
    summary = {
        "notice": NOTICE,
        "images": len(images),
        "leukocytes": sum(len(image.cells) for image in images),
        "without_leukocyte": [image.name for image in images if image.is_usable and not image.cells],
        "skipped": [{"name": i.name, "reason": i.fault} for i in images if not i.is_usable],
        "method": method,
        "um_per_px": um_per_px,
        "leukon": leukon.__version__,
    }
    write_json(folder / "segmentation.json", summary)
    return summary


def _row(cell: SegmentedCell, um_per_px: float | None) -> Iterator[str]:
    yield from (f"{getattr(cell.box, name):g}" for name in BOX)
    yield " ".join(cell.flags)
    values = cell.measurements
    yield from (_number(values[name]) for name in MEASUREMENTS)
    if um_per_px:
        yield from (_number(values[name] * um_per_px**2) for name in AREAS)
        yield from (_number(values[name] * um_per_px) for name in LENGTHS)


def _number(value: float) -> str:
    return f"{value:.6g}" if math.isfinite(value) else ""
