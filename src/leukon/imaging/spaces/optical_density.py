"""Optical density: what the stain takes away, on a scale that adds up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from leukon.imaging.depth import Floats, Pixels, Ranges, unit


@dataclass(frozen=True, slots=True)
class OpticalDensity:
    """Decadic optical density of each channel, ``log10(white / value)``; 0 where nothing is absorbed.

    Source: Ruifrok and Johnston 2001, who take the stored values for light, as here: the densities of a
    gamma-encoded picture are those of the light divided by the gamma.

    Attributes
    ----------
    white : float
        The value of the clear background, as a share of full scale.
    floor : float
        Values below count as this, so that black stays finite; half an 8-bit level gives 0…2.71.
    """

    name: ClassVar[str] = "optical_density"
    channels: ClassVar[tuple[str, ...]] = ("red density", "green density", "blue density")
    ranges: ClassVar[Ranges] = ((0, 2.71),) * 3
    pixels_per_sample: ClassVar[int] = 1
    white: float = 1.0
    floor: float = 0.5 / 255

    def from_rgb(self, rgb: Pixels) -> Floats:
        """Convert `rgb`, shape (H, W, 3), to densities; brighter than `white` is negative.

        Examples
        --------
        >>> OpticalDensity().from_rgb(np.array([[[1, 0.1, 0.01]]], np.float32)).round(3).tolist()
        [[[0.0, 1.0, 2.0]]]
        """
        if rgb.dtype == np.uint8:
            levels = unit(np.arange(256, dtype=np.uint8))
            return np.asarray(cv2.LUT(rgb, self.from_rgb(levels)), np.float32)
        density = np.log10(np.maximum(unit(rgb), np.float32(self.floor)))
        return np.asarray(np.log10(np.float32(self.white)) - density, np.float32)
