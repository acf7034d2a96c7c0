"""Every channel with the same mean and the same spread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from leukon.imaging.color.linear import Linear, level_counts
from leukon.types import Image


@dataclass(frozen=True, slots=True)
class ZScore:
    """Move each channel's mean over the whole image to `mean`, and its standard deviation to `std`.

    With a scale of the same mean and deviation the network sees z-scores, to within half a level, and
    clipped where they leave the range of the pixels: at ±4 by default.

    Attributes
    ----------
    mean, std : float
        Shares of full scale.

    Notes
    -----
    As SimpleITK's NormalizeImageFilter, channel by channel: the deviation divides by n - 1. A channel of
    one level only has no z-score (SimpleITK's is NaN); here it is 0 everywhere.
    Source: the EK-means publication normalises intensities by SimpleITK; the filter is a reconstruction.
    """

    name: ClassVar[str] = "z_score"
    mean: float = 0.5
    std: float = 0.125

    def for_image(self, image: Image) -> Linear:
        """Measure `image`, shape (H, W, 3), and return the map for its pixels."""
        counts = level_counts(image)
        levels = np.arange(counts.shape[1]) / np.iinfo(image.dtype).max
        pixels = counts.sum(axis=1)
        mean = counts @ levels / pixels
        variance = (counts * (levels - mean[:, None]) ** 2).sum(axis=1) / np.maximum(pixels - 1, 1)
        flat = np.count_nonzero(counts, axis=1) == 1
        factors = np.where(flat, 0, self.std / np.sqrt(np.where(flat, 1, variance)))
        return Linear(tuple(factors.tolist()), tuple((self.mean - factors * mean).tolist()))
