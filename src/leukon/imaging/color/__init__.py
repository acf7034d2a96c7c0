"""Colour maps: from one imaging system's look to another's, or to a common one.

Adding one is one file and one line in `COLOR_MAPS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field
from typing import Any, ClassVar, Protocol

from leukon.imaging.color.background import Background
from leukon.imaging.color.identity import Identity
from leukon.imaging.color.rescale import Rescale
from leukon.imaging.color.z_score import ZScore
from leukon.types import Image


class ColorMap(Protocol):
    """A map: a frozen dataclass of plain numbers with a name."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    name: ClassVar[str]

    def for_image(self, image: Image) -> Callable[[Image], Image]:
        """Look at a whole image once and return the function for any part of it, same dtype."""
        ...


COLOR_MAPS: dict[str, Callable[..., ColorMap]] = {
    "none": Identity,
    "background": Background,
    "z_score": ZScore,
    "rescale": Rescale,
}
