"""Image spaces: what the numbers that reach the network mean.

Adding one is one file and one line in `SPACES`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field
from typing import Any, ClassVar, Protocol

from leukon.imaging.depth import Floats, Pixels, Ranges
from leukon.imaging.spaces.hsv import Hsv
from leukon.imaging.spaces.lab import Lab
from leukon.imaging.spaces.learned_raw import LearnedRaw
from leukon.imaging.spaces.optical_density import OpticalDensity
from leukon.imaging.spaces.raw import Raw, RawPlanes
from leukon.imaging.spaces.rgb import Rgb


class Space(Protocol):
    """A space: a frozen dataclass of plain numbers with a name.

    Attributes
    ----------
    channels : tuple of str
        What each channel holds.
    ranges : tuple of (float, float)
        Least and greatest value of each channel, for figures and 16-bit files.
    pixels_per_sample : int
        Pixels of RGB, along each side, that make one sample of the result: 2 for a mosaic, else 1.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    name: ClassVar[str]
    channels: ClassVar[tuple[str, ...]]
    ranges: ClassVar[Ranges]
    pixels_per_sample: ClassVar[int]

    def from_rgb(self, rgb: Pixels) -> Floats:
        """Convert RGB, shape (H, W, 3), uint8, uint16 or float32 in 0…1.

        Returns
        -------
        ndarray of float32, shape (H // pixels_per_sample, W // pixels_per_sample, number of channels)
        """
        ...


SPACES: dict[str, Callable[..., Space]] = {
    "rgb": Rgb,
    "hsv": Hsv,
    "raw": Raw,
    "raw_planes": RawPlanes,
    "optical_density": OpticalDensity,
    "lab": Lab,
    "learned_raw": LearnedRaw,
}
