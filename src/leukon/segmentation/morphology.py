"""The measurements of a cell in the place of an image space: features for machines that see no pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from leukon.imaging.depth import Floats, Pixels, Ranges, unit
from leukon.segmentation.cluster_parts import cluster_parts
from leukon.segmentation.measurements import MEASUREMENTS, cell_measurements
from leukon.types import Box, Cell

FRAMED = 1.4  # side of the picture as a multiple of the cell's, as of `leukon.pipeline.Frame`


@dataclass(frozen=True, slots=True)
class Morphology:
    """One sample of a picture of 128 px by the cell in its middle: `cell_measurements`, found by EK-means.

    Give the pipeline a frame of ``side_px=1`` and leave its margin. Areas and lengths are in px of the framed
    picture, so of the cell's own size. What cannot be measured is 0.
    """

    name: ClassVar[str] = "morphology"
    channels: ClassVar[tuple[str, ...]] = MEASUREMENTS
    ranges: ClassVar[Ranges] = ((0, 1),) * len(MEASUREMENTS)
    pixels_per_sample: ClassVar[int] = 128

    def from_rgb(self, rgb: Pixels) -> Floats:
        """Measure the cell in each block of 128 by 128 px of `rgb`, shape (H, W, 3).

        Returns
        -------
        ndarray of float32, shape (H // 128, W // 128, number of measurements)
        """
        image = cv2.convertScaleAbs(unit(rgb), alpha=255)
        side = self.pixels_per_sample
        low, high = side * (0.5 - 0.5 / FRAMED), side * (0.5 + 0.5 / FRAMED)
        rows = [
            [
                _measured(np.ascontiguousarray(image[y : y + side, x : x + side]), Box(low, low, high, high))
                for x in range(0, image.shape[1] - side + 1, side)
            ]
            for y in range(0, image.shape[0] - side + 1, side)
        ]
        return np.array(rows, np.float32)


def _measured(image: np.typing.NDArray[np.uint8], box: Box) -> list[float]:
    found = cell_measurements(image, cluster_parts(Cell(image, box)))
    return [0.0 if np.isnan(value) else value for value in found.values()]
