"""Segmenting the leukocytes of many images, with their masks and overlays on the disk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from leukon.errors import InputError
from leukon.registry import look_up
from leukon.segmentation.leukocytes import CELLS, METHODS, segment
from leukon.segmentation.measurements import cell_measurements
from leukon.segmentation.parts import CYTOPLASM, NUCLEUS, Parts
from leukon.segmentation.stain import Mask, measure_background, reduced
from leukon.smear.journal import Journal
from leukon.smear.run import Progress, ordered, purpose_without_model
from leukon.smear.sources import Source, sources_of
from leukon.storage import replacing
from leukon.types import Box, Image, SegmentedCell, SegmentedImage

PROCESSES_FROM = 20
MASK, OVERLAY = ".mask.png", ".overlay.jpg"
NO_LEUKOCYTE = "no leukocyte found"
OVERLAY_PX = 1600
CELL_COLOUR, NUCLEUS_COLOUR = (60, 220, 60), (255, 230, 0)


def segment_files(
    inputs: Sequence[Path],
    out: Path,
    *,
    method: str = "adaptive",
    cells: str = "auto",
    journal: Path | None = None,
    progress: Progress | None = None,
) -> list[SegmentedImage]:
    """Segment image files; write ``<stem>.mask.png`` and ``<stem>.overlay.jpg`` of each into `out`.

    Files of one folder keep their folders below `out`. An image without a leukocyte gets an empty mask.

    Parameters
    ----------
    inputs : sequence of Path
        Image files, and folders of them; masks and overlays in `out` are left out.
    out : Path
    method, cells : str
        As for `leukon.segmentation.segment`.
    journal : Path, optional
        File that keeps the results, so that the same call goes on after it was killed.
    progress : callable, optional
        Called with the number of images done and the number of all.

    Returns
    -------
    list of SegmentedImage
        In the order of the inputs; an image that cannot be used says why and never stops the run.

    Raises
    ------
    InputError
        If an input is missing, a folder holds no image, two images would share a mask, or `out` cannot be
        written.
    UnknownNameError
        If there is no such method or choice of cells.
    """
    look_up("segmentation method", method, METHODS)
    look_up("choice of cells", cells, dict.fromkeys(CELLS, cells))
    sources = [one for one in sources_of(inputs) if not _is_result(Path(one.path), out)]
    if not sources:
        raise InputError(f"there is nothing to segment: all images are results that lie in {out}")
    targets: dict[Path, Source] = {}
    for source in sources:
        target = out / Path(source.name).with_suffix("")
        if target in targets:
            raise InputError(
                f"{targets[target].name} and {source.name} would both become {target}.mask.png; rename one"
            )
        targets[target] = source
    book = Journal(journal, purpose_without_model("segment", f"{method} {cells}"))
    keys = [source.key() for source in sources]
    places = [
        place if (place := book.place(key)) is not None and mask_file(target).is_file() else None
        for key, target in zip(keys, targets, strict=True)
    ]
    missing = [i for i, place in enumerate(places) if place is None]
    done = len(sources) - len(missing)
    if progress:
        progress(done, len(sources))
    work = partial(_segmented, method=method, cells=cells)
    jobs = list(zip(targets, sources, strict=True))
    results = ordered((jobs[i] for i in missing), work, processes=len(missing) >= PROCESSES_FROM)
    for index, found in zip(missing, results, strict=True):
        # An image that could not be used gets another chance in the next run.
        places[index] = book.append(keys[index] if found.is_usable else None, _to_json(found))
        done += 1
        if progress:
            progress(done, len(sources))
    return [
        _from_json(source.name, book.read(place))
        for source, place in zip(sources, places, strict=True)
        if place is not None
    ]


def mask_file(target: Path) -> Path:
    """Name the mask of an image; `target` is the image's path in the output folder, without its suffix."""
    return target.with_name(target.name + MASK)


def _is_result(path: Path, out: Path) -> bool:
    return path.name.endswith((MASK, OVERLAY)) and path.resolve().is_relative_to(out.resolve())


def _write(path: Path, data: bytes) -> None:
    with replacing(path) as part:  # not synced: that would take longer than all the rest
        part.write_bytes(data)


def draw_overlay(image: Image, cells: Sequence[Parts]) -> bytes:
    """Draw the outlines of cells and nuclei on an image, at most `OVERLAY_PX` long; return a JPEG."""
    picture, scale = reduced(image, OVERLAY_PX)
    picture = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    bold = max(1, round(max(picture.shape) / 500))
    for cell in cells:
        corner = np.array([cell.x0, cell.y0])
        for least, colour in (CYTOPLASM, CELL_COLOUR), (NUCLEUS, NUCLEUS_COLOUR):
            part = (cell.mask >= least).astype(np.uint8)
            contours, _ = cv2.findContours(part, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
            placed = [np.round((c + corner) * scale).astype(np.int32) for c in contours]
            cv2.polylines(picture, placed, True, colour[::-1], bold)
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes()


def _segmented(job: tuple[Path, Source], method: str, cells: str) -> SegmentedImage:
    target, source = job
    try:
        image = source.read()
        found = segment(image, method=method, cells=cells)
        background = measure_background(image)
        measured = tuple(
            SegmentedCell(one.box, one.flags, cell_measurements(image, one, background=background))
            for one in found
        )
    except Exception as error:  # whatever is wrong with one image must not stop the others
        return SegmentedImage(source.name, fault=source.fault(error), is_usable=False)
    mask: Mask = np.zeros(image.shape[:2], np.uint8)
    for one in found:
        one.paint(mask)
    _write(target.with_name(target.name + OVERLAY), draw_overlay(image, found))
    _write(mask_file(target), cv2.imencode(".png", mask)[1].tobytes())
    return SegmentedImage(source.name, measured, "" if measured else NO_LEUKOCYTE)


def _to_json(image: SegmentedImage) -> dict[str, Any]:
    return {
        "cells": [
            {
                "box": [one.box.x0, one.box.y0, one.box.x1, one.box.y1],
                "flags": one.flags,
                "measurements": {k: v if math.isfinite(v) else None for k, v in one.measurements.items()},
            }
            for one in image.cells
        ],
        "fault": image.fault,
        "is_usable": image.is_usable,
    }


def _from_json(name: str, value: Any) -> SegmentedImage:
    cells = tuple(
        SegmentedCell(
            Box(*one["box"]),
            tuple(one["flags"]),
            {key: math.nan if v is None else v for key, v in one["measurements"].items()},
        )
        for one in value["cells"]
    )
    return SegmentedImage(name, cells, value["fault"], value["is_usable"])
