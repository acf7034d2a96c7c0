"""Cutting and resizing."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from leukon.types import Box, Image


def square_around(box: Box, *, margin: float) -> Box:
    """Return the square that shares the centre of `box`, its side `margin` times the longer side.

    Examples
    --------
    >>> square_around(Box(10, 10, 20, 30), margin=1.5)
    Box(x0=0.0, y0=5.0, x1=30.0, y1=35.0)
    """
    x, y = box.centre
    half = margin * box.side_px / 2
    return Box(x - half, y - half, x + half, y + half)


def cut(image: Image, box: Box, *, fill: float, colour: Callable[[Image], Image] | None = None) -> Image:
    """Cut `box`, rounded to whole pixels and at least 1 px wide, out of `image`.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3)
    box : Box
        May reach past the image.
    fill : float
        Grey for what lies outside, as a share of full scale.
    colour : callable, optional
        Applied to what lies inside, before the rest is filled.
    """
    height, width = image.shape[:2]
    x0, y0 = round(box.x0), round(box.y0)
    x1, y1 = max(x0 + 1, round(box.x1)), max(y0 + 1, round(box.y1))
    inside: Image = image[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)]
    if colour is not None and inside.size:
        inside = colour(inside)
    if inside.shape[:2] == (y1 - y0, x1 - x0):
        return inside
    grey = round(fill * np.iinfo(image.dtype).max)
    canvas = np.full((y1 - y0, x1 - x0, 3), grey, image.dtype)
    top, left = max(-y0, 0), max(-x0, 0)
    rows, columns = max(0, min(y1, height) - max(y0, 0)), max(0, min(x1, width) - max(x0, 0))
    canvas[top : top + rows, left : left + columns] = inside[:rows, :columns]
    return canvas


def resize(image: Image, width_px: int, height_px: int) -> Image:
    """Resize without aliasing: area averages when shrinking, linear when growing."""
    if image.shape[1] == width_px and image.shape[0] == height_px:
        return image
    shrinks = image.shape[0] * image.shape[1] > width_px * height_px
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width_px, height_px), interpolation=method))
