"""CIELAB, in which equal distances look about equally large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from leukon.imaging.depth import Floats, Pixels, Ranges, unit


@dataclass(frozen=True, slots=True)
class Lab:
    """CIELAB of sRGB under D65: L* / 100 in 0…1, a* / 128 and b* / 128 in −1…1; greys have a = b = 0."""

    name: ClassVar[str] = "lab"
    channels: ClassVar[tuple[str, ...]] = ("lightness", "green to red", "blue to yellow")
    ranges: ClassVar[Ranges] = ((0, 1), (-1, 1), (-1, 1))
    pixels_per_sample: ClassVar[int] = 1

    def from_rgb(self, rgb: Pixels) -> Floats:
        """Convert `rgb`, shape (H, W, 3).

        Examples
        --------
        >>> Lab().from_rgb(np.ones((1, 1, 3), np.float32)).astype(float).round(2).tolist()
        [[[1.0, 0.0, 0.0]]]
        """
        # OpenCV's own decoding of sRGB, COLOR_RGB2Lab, is off by up to 0.3 of 100.
        lab: Floats = cv2.cvtColor(_light(rgb), cv2.COLOR_LRGB2Lab)
        lab *= np.array([1 / 100, 1 / 128, 1 / 128], np.float32)
        return lab


def _light(rgb: Pixels) -> Floats:
    """Decode sRGB (IEC 61966-2-1) to linear light, 0…1."""
    if rgb.dtype == np.uint8:
        return np.asarray(cv2.LUT(rgb, _light(unit(np.arange(256, dtype=np.uint8)))), np.float32)
    values = unit(rgb)
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4).astype(np.float32)
