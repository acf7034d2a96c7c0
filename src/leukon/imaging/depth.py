"""From the two integer ranges of an image to 0…1."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from leukon.types import Image

Floats = npt.NDArray[np.float32]
Pixels = Image | Floats
"""RGB, shape (H, W, 3): uint8 in 0…255, uint16 in 0…65535, or float32 in 0…1."""
Ranges = tuple[tuple[float, float], ...]
"""Least and greatest value of each channel."""


STRIP_PX = 2**13


def by_strips(rgb: Pixels, convert: Callable[[Pixels], Floats]) -> Floats:
    """Convert `rgb`, shape (H, W, 3), pixel by pixel, in strips whose intermediate results fit the cache.

    Parameters
    ----------
    convert : callable
        Returns float32 of the shape that it is given.
    """
    rows = max(1, STRIP_PX // max(1, rgb.shape[1]))
    values = np.empty(rgb.shape, np.float32)
    for start in range(0, len(rgb), rows):
        values[start : start + rows] = convert(rgb[start : start + rows])
    return values


def unit(rgb: Pixels) -> Floats:
    """Return `rgb` as float32 in 0…1; float32 comes back as it is.

    Examples
    --------
    >>> unit(np.array([0, 51, 255], np.uint8)).astype(float).round(3).tolist()
    [0.0, 0.2, 1.0]
    """
    if rgb.dtype.kind == "f":
        return np.asarray(rgb, np.float32)
    full = np.float32(255 if rgb.dtype == np.uint8 else 65535)
    return np.asarray(rgb.astype(np.float32) / full, np.float32)
