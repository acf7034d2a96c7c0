"""Every channel over the whole range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from leukon.errors import InputError
from leukon.imaging.color.linear import Linear, level_counts
from leukon.types import Image


@dataclass(frozen=True, slots=True)
class Rescale:
    """Spread each channel from one percentile over the whole image to another over black to full scale.

    Attributes
    ----------
    low, high : float
        Percentiles, 0…100, that become black and full scale; what lies beyond is clipped. By default the
        least and the greatest level.

    Raises
    ------
    InputError
        If the percentiles are not in that order.

    Notes
    -----
    As SimpleITK's RescaleIntensityImageFilter, and with percentiles as its IntensityWindowingImageFilter
    between them; percentiles lie between levels, as numpy's. A channel whose two percentiles are one level
    has no range: what lies at or below that level becomes black, as in SimpleITK, what lies above full scale.
    Source: the EK-means publication normalises intensities by SimpleITK; the filter is a reconstruction.
    """

    name: ClassVar[str] = "rescale"
    low: float = 0.0
    high: float = 100.0

    def __post_init__(self) -> None:
        if not 0 <= self.low < self.high <= 100:
            raise InputError(f"cannot rescale from {self.low} to {self.high} %: give 0 <= low < high <= 100")

    def for_image(self, image: Image) -> Linear:
        """Measure `image`, shape (H, W, 3), and return the map for its pixels."""
        full = float(np.iinfo(image.dtype).max)
        reach = level_counts(image).cumsum(axis=1)
        low, high = (np.array([_percentile(channel, p) for channel in reach]) for p in (self.low, self.high))
        factors = full / np.where(high > low, high - low, 1)
        return Linear(tuple(factors.tolist()), tuple((-factors * low / full).tolist()))


def _percentile(reach: npt.NDArray[np.float64], percent: float) -> float:
    """Interpolate between the two levels nearest in rank, given how many pixels each level reaches to."""
    rank = percent / 100 * (reach[-1] - 1)
    below, above = np.searchsorted(reach, (np.floor(rank), np.ceil(rank)), side="right")
    return float(below + (above - below) * (rank % 1))
