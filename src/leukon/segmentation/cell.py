"""Find the one cell of a single-cell image, in any framing."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from leukon.imaging.geometry import cut, square_around
from leukon.segmentation.detection import Detection
from leukon.segmentation.scene import Nucleus, Scene, read_scene
from leukon.segmentation.silhouette import MARGIN, SIDE_PX
from leukon.segmentation.stain import Mask, to_uint8
from leukon.types import Box, Cell, Image

NO_CELL = "no stained cell found"
LONGEST_PX = 128
LEAST_AREA_PX = 8.0


def find_cell(image: Image) -> Detection | None:
    """Find the cell, or platelet, that an image was cut out for: large and near the centre.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3)
        RGB, uint8 or uint16; the cell may fill the frame or a fifth of it.

    Returns
    -------
    Detection or None
        None where nothing in the image is stained like a nucleus or a platelet.
    """
    found = central_nucleus(image)
    if found is None:
        return None
    scene, nucleus, factor = found
    return scene.detect(nucleus).scaled(factor, *image.shape[:2])


def cell_of(image: Image, box: Box | None = None, name: str = "") -> Cell | None:
    """Return the cell in `box`, or else the one that the image was cut out for; None where there is none."""
    if box is not None:
        return Cell(image, box, name)
    found = find_cell(image)
    return found.cell(image, name) if found else None


def silhouette_of(cell: Cell) -> Mask:
    """Look for the silhouette of `cell` in its image, as of `Cell`; all 0 where nothing is stained."""
    height, width = cell.image.shape[:2]
    around = square_around(cell.box, margin=MARGIN).clipped(height, width)
    found = find_cell(cut(cell.image, around, fill=1.0))
    if found is None or found.silhouette is None:
        return np.zeros((SIDE_PX, SIDE_PX), np.uint8)
    return found.silhouette


def central_nucleus(image: Image) -> tuple[Scene, Nucleus, int] | None:
    """Find the nucleus of that cell: a reduced scene, the nucleus in it, and the factor of reduction."""
    small, factor = _reduced(image)
    scene = read_scene(small, crowded=False)
    if scene is None:
        return None
    height, width = small.shape[:2]

    def prominence(nucleus: Nucleus) -> float:
        x, y = nucleus.box.centre
        off_centre = ((x / width - 0.5) ** 2 + (y / height - 0.5) ** 2) ** 0.5
        return float(nucleus.area_px**0.5 * max(0.05, 1 - 1.8 * off_centre))

    nuclei = [nucleus for nucleus in scene.nuclei if nucleus.area_px >= LEAST_AREA_PX]
    return (scene, max(nuclei, key=prominence), factor) if nuclei else None


def _reduced(image: Image) -> tuple[npt.NDArray[np.uint8], int]:
    """Reduce by a whole factor, three times as fast as by any other, to at most about `LONGEST_PX`."""
    height, width = image.shape[:2]
    factor = max(1, min(-(-max(height, width) // LONGEST_PX), min(height, width)))
    rows, columns = height // factor, width // factor
    if factor > 1:
        whole = image[: rows * factor, : columns * factor]
        image = cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA)
    return to_uint8(image), factor
