"""Hue, saturation, value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from leukon.imaging.depth import Floats, Pixels, Ranges, by_strips, unit


@dataclass(frozen=True, slots=True)
class Hsv:
    """Hue in turns (0…1, an angle: never interpolate it), saturation and value in 0…1.

    Grey pixels have hue 0, black ones also saturation 0.
    Source: the HSV input of ResNeXt-CC, hue divided by 360°.
    """

    name: ClassVar[str] = "hsv"
    channels: ClassVar[tuple[str, ...]] = ("hue", "saturation", "value")
    ranges: ClassVar[Ranges] = ((0, 1),) * 3
    pixels_per_sample: ClassVar[int] = 1

    def from_rgb(self, rgb: Pixels) -> Floats:
        """Convert `rgb`, shape (H, W, 3).

        Examples
        --------
        >>> blue_and_grey = np.array([[[0, 0, 1], [0.5, 0.5, 0.5]]], np.float32)
        >>> Hsv().from_rgb(blue_and_grey).astype(float).round(3).tolist()
        [[[0.667, 1.0, 1.0], [0.0, 0.0, 0.5]]]
        """
        hsv = by_strips(rgb, lambda strip: cv2.cvtColor(np.ascontiguousarray(unit(strip)), cv2.COLOR_RGB2HSV))
        hsv[..., 0] *= np.float32(1 / 360)
        return hsv
