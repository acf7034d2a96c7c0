"""Occlusion maps (Zeiler and Fergus 2014): cover a part of the cell and see how far the probability falls.

They need no gradient and no torch: any classifier will do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from leukon.explain.attribution import Attribution
from leukon.imaging.color.background import background_level
from leukon.imaging.geometry import square_around
from leukon.pipeline import Frame
from leukon.types import Box, Cell, Classifier

NAME = "occlusion"
BATCH_SIZE = 32
KEPT_MARGIN = 3.0  # of the surroundings, as a multiple of the cell's side: covers copy them


@dataclass(frozen=True, slots=True)
class Grid:
    """How the frame is covered.

    Attributes
    ----------
    steps : int
        Places of the cover along each side.
    cover : float
        Its side as a share of the frame's.
    """

    steps: int = 14
    cover: float = 0.2


def occlusion(
    classifier: Classifier, cell: Cell, *, frame: Frame, label: str, grid: Grid | None = None
) -> Attribution:
    """Map by how much the probability of `label` falls where the cell is covered.

    The cover has the colour of the empty background. A pixel's value is the mean fall over the covers
    that hide it; where covering raises the probability it is 0.

    Parameters
    ----------
    classifier : Classifier
    cell : Cell
    frame : Frame
        What the classifier sees of the cell.
    label : str
        A class of the classifier.
    grid : Grid, optional

    Raises
    ------
    UnknownNameError
        If the classifier does not know `label`.
    """
    grid = grid or Grid()
    index = classifier.taxonomy.index(label)
    cell = _kept(cell)
    square = square_around(cell.box, margin=frame.margin)
    fill = background_level(cell.image).astype(cell.image.dtype)
    covers = _covers(square, grid)
    cells = [cell, *(_covered(cell, cover, fill) for cover in covers)]
    found: list[float] = []
    for i in range(0, len(cells), BATCH_SIZE):
        found += [float(p.probabilities[index]) for p in classifier.predict(cells[i : i + BATCH_SIZE])]
    falls = np.maximum(found[0] - np.array(found[1:]), 0)
    total, times = np.zeros((2, frame.side_px, frame.side_px))
    scale = frame.side_px / square.side_px
    for cover, fall in zip(covers, falls, strict=True):
        x0, x1 = (round((x - square.x0) * scale) for x in (cover.x0, cover.x1))
        y0, y1 = (round((y - square.y0) * scale) for y in (cover.y0, cover.y1))
        total[y0:y1, x0:x1] += fall
        times[y0:y1, x0:x1] += 1
    return Attribution(NAME, (total / np.maximum(times, 1)).astype(np.float32))


def _covers(square: Box, grid: Grid) -> list[Box]:
    side = grid.cover * square.side_px
    starts: Sequence[float] = np.linspace(0, square.side_px - side, grid.steps).tolist()
    return [
        Box(square.x0 + x, square.y0 + y, square.x0 + x + side, square.y0 + y + side)
        for y in starts
        for x in starts
    ]


def _covered(cell: Cell, cover: Box, fill: npt.NDArray[np.generic]) -> Cell:
    height, width = cell.image.shape[:2]
    inside = cover.clipped(height, width)
    image = cell.image.copy()
    image[round(inside.y0) : round(inside.y1), round(inside.x0) : round(inside.x1)] = fill
    return replace(cell, image=image)


def _kept(cell: Cell) -> Cell:
    """Cut the surroundings, so that covering copies few pixels of a large field."""
    height, width = cell.image.shape[:2]
    region = square_around(cell.box, margin=KEPT_MARGIN).clipped(height, width)
    x0, y0 = int(region.x0), int(region.y0)
    x1, y1 = int(np.ceil(region.x1)), int(np.ceil(region.y1))
    box = cell.box
    moved = Box(box.x0 - x0, box.y0 - y0, box.x1 - x0, box.y1 - y0)
    return replace(cell, image=cell.image[y0:y1, x0:x1], box=moved)
