"""Which pixels belong to a cell."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from leukon.imaging.geometry import cut, resize, square_around
from leukon.segmentation.scene import read_scene
from leukon.segmentation.stain import to_uint8
from leukon.types import Box, Cell

READ_MARGIN = 2.0
READ_PX = 160
LEAST_OVERLAP = 0.3
_SUBPIXEL_BITS = 4


def cell_mask(cell: Cell) -> npt.NDArray[np.bool_]:
    """Return the pixels of `cell`, cytoplasm included.

    The outline is traced around the nucleus that fits the cell's box best; where none does, the mask is
    the ellipse inside the box.

    Returns
    -------
    ndarray of bool, shape (H, W)
        Of the cell's whole image.
    """
    height, width = cell.image.shape[:2]
    region = square_around(cell.box, margin=READ_MARGIN).clipped(height, width)
    x0, y0 = round(region.x0), round(region.y0)
    patch = to_uint8(cut(cell.image, region, fill=1.0))
    scale = min(1.0, READ_PX / max(patch.shape[:2]))
    small = resize(patch, max(1, round(patch.shape[1] * scale)), max(1, round(patch.shape[0] * scale)))
    box = Box(*((v - o) * scale for v, o in zip(_corners(cell.box), (x0, y0, x0, y0), strict=True)))
    points = _outline(np.asarray(small, np.uint8), box)
    if points is None:
        angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)
        x, y = box.centre
        points = np.stack([x + np.cos(angle) * box.width / 2, y + np.sin(angle) * box.height / 2], axis=1)
    mask = np.zeros((height, width), np.uint8)
    # Pixel centres lie half a pixel inside the corners that boxes are measured from.
    corners = np.round((points / scale + (x0 - 0.5, y0 - 0.5)) * 2**_SUBPIXEL_BITS).astype(np.int32)
    cv2.fillPoly(mask, [corners], 1, shift=_SUBPIXEL_BITS)
    return mask > 0


def _outline(small: npt.NDArray[np.uint8], box: Box) -> npt.NDArray[np.float32] | None:
    scene = read_scene(small, crowded=False)
    if scene is None or not scene.nuclei:
        return None
    found = [(scene.detect(nucleus).box.iou(box), i) for i, nucleus in enumerate(scene.nuclei)]
    overlap, best = max(found, key=lambda item: (item[0], -item[1]))
    return scene.outline(scene.nuclei[best]) + 0.5 if overlap >= LEAST_OVERLAP else None


def _corners(box: Box) -> tuple[float, float, float, float]:
    return box.x0, box.y0, box.x1, box.y1
