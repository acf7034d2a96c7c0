"""The silhouette of a cell: its outline, its nucleus and how dense its cytoplasm is, without colour."""

from __future__ import annotations

import math

import cv2
import numpy as np

from leukon.imaging.geometry import square_around
from leukon.segmentation.stain import Floats, Mask
from leukon.types import Box

SIDE_PX = 80
MARGIN = 2.0  # side of the silhouette as a multiple of the cell's longer side
NUCLEUS = 255
LEAST_CYTOPLASM, LEAST_NUCLEUS = 20, 224  # levels between outside and cytoplasm, cytoplasm and nucleus
TONES = 0.04, 0.9
_BRIGHTEST = 204
_SUBPIXEL_BITS = 4


def level_of(tone: float) -> int:
    """Return the level for cytoplasm of that tone: its square root, to tell pale ones apart."""
    return round(_BRIGHTEST * math.sqrt(min(max(tone, TONES[0]), TONES[1])))


def draw_silhouette(nucleus: Mask, outline: Floats, box: Box, tone: float) -> Mask:
    """Draw a cell in the middle of a square of `MARGIN` times its size.

    Parameters
    ----------
    nucleus : ndarray of uint8, shape (H, W)
        1 where the nucleus is.
    outline : ndarray of float32, shape (N, 2)
        Points (x, y) in px of `nucleus`, which may lie outside it.
    box : Box
        The whole cell, in px of `nucleus`.
    tone : float
        Optical density of the cytoplasm as a share of the nucleus's. It hardly depends on the imaging system:
        lamp, white balance and gamma act on both alike.

    Returns
    -------
    ndarray of uint8, shape (SIDE_PX, SIDE_PX)
        0 outside the cell, 41 to 194 in its cytoplasm, as of `level_of`, 255 in its nucleus.
    """
    square = square_around(box, margin=MARGIN)
    scale = SIDE_PX / max(square.width, 1.0)
    corner = np.array([square.x0, square.y0], np.float32)
    # Pixel centres lie half a pixel inside the corners that scaling keeps in place.
    points = (outline + 0.5 - corner) * scale - 0.5
    drawn = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
    corners = np.round(points * 2**_SUBPIXEL_BITS).astype(np.int32)
    cv2.fillPoly(drawn, [corners], level_of(tone), shift=_SUBPIXEL_BITS)
    shift = (0.5 - corner) * scale - 0.5
    placed = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]], np.float32)
    inside = cv2.warpAffine(nucleus * np.uint8(NUCLEUS), placed, (SIDE_PX, SIDE_PX))
    return np.asarray(cv2.max(drawn, inside))
