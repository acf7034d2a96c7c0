"""The silhouette of a cell: its outline and its nucleus alone, without colour."""

from __future__ import annotations

import cv2
import numpy as np

from leukon.imaging.geometry import square_around
from leukon.segmentation.stain import Floats, Mask
from leukon.types import Box

SIDE_PX = 80
MARGIN = 2.0  # side of the silhouette as a multiple of the cell's longer side
CYTOPLASM, NUCLEUS = 128, 255
_SUBPIXEL_BITS = 4


def draw_silhouette(nucleus: Mask, outline: Floats, box: Box) -> Mask:
    """Draw a cell in the middle of a square of `MARGIN` times its size.

    Parameters
    ----------
    nucleus : ndarray of uint8, shape (H, W)
        1 where the nucleus is.
    outline : ndarray of float32, shape (N, 2)
        Points (x, y) in px of `nucleus`, which may lie outside it.
    box : Box
        The whole cell, in px of `nucleus`.

    Returns
    -------
    ndarray of uint8, shape (SIDE_PX, SIDE_PX)
        0 outside the cell, 128 in its cytoplasm, 255 in its nucleus.
    """
    square = square_around(box, margin=MARGIN)
    scale = SIDE_PX / max(square.width, 1.0)
    corner = np.array([square.x0, square.y0], np.float32)
    # Pixel centres lie half a pixel inside the corners that scaling keeps in place.
    points = (outline + 0.5 - corner) * scale - 0.5
    drawn = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
    cv2.fillPoly(
        drawn, [np.round(points * 2**_SUBPIXEL_BITS).astype(np.int32)], CYTOPLASM, shift=_SUBPIXEL_BITS
    )
    shift = (0.5 - corner) * scale - 0.5
    placed = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]], np.float32)
    inside = cv2.warpAffine(nucleus * np.uint8(NUCLEUS), placed, (SIDE_PX, SIDE_PX))
    return np.asarray(cv2.max(drawn, inside))
