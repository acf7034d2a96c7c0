"""The measurements of a cell in the place of an image space: features for machines that see no pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from leukon.imaging.depth import Floats, Pixels, Ranges, unit
from leukon.segmentation.leukocytes import segment
from leukon.segmentation.measurements import MEASUREMENTS, cell_measurements
from leukon.types import Image


@dataclass(frozen=True, slots=True)
class Morphology:
    """`cell_measurements` of the cell in the middle of a picture of 128 px, as one sample.

    Give the pipeline a frame of ``side_px=1``. Areas and lengths are in px of the framed picture, so relative
    to the cell's box. What cannot be measured is 0.

    Attributes
    ----------
    method : str
        How the cell is found, a key of `leukon.segmentation.leukocytes.METHODS`.
    """

    name: ClassVar[str] = "morphology"
    channels: ClassVar[tuple[str, ...]] = MEASUREMENTS
    ranges: ClassVar[Ranges] = ((0, 1),) * len(MEASUREMENTS)
    pixels_per_sample: ClassVar[int] = 128
    method: str = "adaptive"

    def from_rgb(self, rgb: Pixels) -> Floats:
        """Measure the cell in each block of 128 by 128 px of `rgb`, shape (H, W, 3).

        Returns
        -------
        ndarray of float32, shape (H // 128, W // 128, number of measurements)
        """
        image = cv2.convertScaleAbs(unit(rgb), alpha=255)
        side = self.pixels_per_sample
        rows = [
            [
                self._measured(np.ascontiguousarray(image[y : y + side, x : x + side]))
                for x in range(0, image.shape[1] - side + 1, side)
            ]
            for y in range(0, image.shape[0] - side + 1, side)
        ]
        return np.array(rows, np.float32)

    def _measured(self, image: Image) -> list[float]:
        found = segment(image, method=self.method, cells="central")
        if not found:
            return [0.0] * len(MEASUREMENTS)
        return [float(np.nan_to_num(value)) for value in cell_measurements(image, found[0]).values()]
