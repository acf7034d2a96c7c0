"""Raw image space: the linear signal of a camera's sensor, by deterministic unprocessing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from leukon.imaging.depth import Floats, Pixels, Ranges
from leukon.imaging.unprocess import Unprocessing


@dataclass(frozen=True, slots=True)
class Raw(Unprocessing):
    """Linear camera RGB in 0…1, of three channels, so that pretrained first layers fit.

    The work on raw image space does not name its converter. This is the unprocessing of Brooks et al. 2019
    with the mean of its random values: a reconstruction, whose every number is a field.
    """

    name: ClassVar[str] = "raw"
    channels: ClassVar[tuple[str, ...]] = ("raw red", "raw green", "raw blue")
    ranges: ClassVar[Ranges] = ((0, 1),) * 3
    pixels_per_sample: ClassVar[int] = 1

    def from_rgb(self, rgb: Pixels) -> Floats:
        """Convert `rgb`, shape (H, W, 3)."""
        return self.unprocess(rgb)

    def to_rgb(self, raw: Floats) -> Floats:
        """Convert back to RGB in 0…1."""
        return self.process(raw)


@dataclass(frozen=True, slots=True)
class RawPlanes(Unprocessing):
    """What a sensor with an RGGB mosaic reads, as four planes of half the size, each in 0…1."""

    name: ClassVar[str] = "raw_planes"
    channels: ClassVar[tuple[str, ...]] = ("R", "G1", "G2", "B")
    ranges: ClassVar[Ranges] = ((0, 1),) * 4
    pixels_per_sample: ClassVar[int] = 2

    def from_rgb(self, rgb: Pixels) -> Floats:
        """Convert `rgb`, shape (H, W, 3), to shape (H // 2, W // 2, 4), without an odd last row or column."""
        return mosaic_planes(self.unprocess(rgb))


def mosaic_planes(rgb: Floats) -> Floats:
    """Read linear `rgb`, shape (H, W, 3), through an RGGB mosaic, shape (H // 2, W // 2, 4).

    Examples
    --------
    >>> mosaic_planes(np.arange(12, dtype=np.float32).reshape(2, 2, 3)).tolist()
    [[[0.0, 4.0, 7.0, 11.0]]]
    """
    even = rgb[: rgb.shape[0] // 2 * 2, : rgb.shape[1] // 2 * 2]
    return np.stack([even[::2, ::2, 0], even[::2, 1::2, 1], even[1::2, ::2, 1], even[1::2, 1::2, 2]], axis=-1)
