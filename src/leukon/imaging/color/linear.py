"""A linear map of each channel, and the counts of levels that such maps are measured on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
import numpy.typing as npt

from leukon.imaging.color.quality import FitQuality
from leukon.types import Image


@dataclass(frozen=True, slots=True)
class Linear:
    """One factor and one offset (a share of full scale) per channel, clipped at black and full scale."""

    fit_quality: ClassVar[FitQuality] = FitQuality()
    factors: tuple[float, ...]
    offsets: tuple[float, ...] = (0.0, 0.0, 0.0)

    def __call__(self, image: Image) -> Image:
        """Map `image`, shape (H, W, 3), to the nearest levels of its own dtype."""
        full = np.iinfo(image.dtype).max
        factors = np.asarray(self.factors, np.float32)
        offsets = np.asarray([full * offset + 0.5 for offset in self.offsets], np.float32)
        if image.dtype == np.uint8:
            ramp = np.arange(256, dtype=np.float32)[:, None] * factors
            table = np.clip(ramp + offsets, 0, 255).astype(np.uint8)
            return np.asarray(cv2.LUT(image, table[None]))
        scaled: npt.NDArray[np.float32] = image.astype(np.float32) * factors
        clipped: npt.NDArray[np.uint16] = np.clip(scaled + offsets, 0, 65535).astype(np.uint16)
        return clipped


def level_counts(image: Image) -> npt.NDArray[np.float64]:
    """Count how often each level occurs.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3)
        RGB.

    Returns
    -------
    ndarray, shape (3, 256) or (3, 65536)
    """
    size = int(np.iinfo(image.dtype).max) + 1
    whole = np.ascontiguousarray(image)
    counts = [cv2.calcHist([whole], [k], None, [size], [0, size]).ravel() for k in range(3)]
    return np.asarray(counts, np.float64)
