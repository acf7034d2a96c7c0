"""The camera's own RGB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from leukon.imaging.depth import Floats, Pixels, Ranges, unit


@dataclass(frozen=True, slots=True)
class Rgb:
    """Non-linear RGB as the file holds it, each channel in 0…1."""

    name: ClassVar[str] = "rgb"
    channels: ClassVar[tuple[str, ...]] = ("red", "green", "blue")
    ranges: ClassVar[Ranges] = ((0, 1),) * 3
    pixels_per_sample: ClassVar[int] = 1

    def from_rgb(self, rgb: Pixels) -> Floats:
        """Return `rgb`, shape (H, W, 3), as 0…1."""
        return unit(rgb)
