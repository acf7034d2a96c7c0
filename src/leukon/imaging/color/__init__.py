"""Colour maps: from one imaging system's look to another's, or to a common one.

Adding one is one file and one line in `COLOR_MAPS`. A map that is fitted to two systems derives
from `leukon.imaging.color.fitted.Fitted` and has a classmethod ``fit``; `leukon.imaging.color.fitting` does
the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field, asdict
from typing import Any, ClassVar, Protocol

from leukon.imaging.color.affine import Affine
from leukon.imaging.color.background import Background
from leukon.imaging.color.density import Density
from leukon.imaging.color.hedlund_morell import HedlundMorell
from leukon.imaging.color.identity import Identity
from leukon.imaging.color.plain import Plain
from leukon.imaging.color.quality import FitQuality
from leukon.imaging.color.reinhard import Reinhard
from leukon.imaging.color.rescale import Rescale
from leukon.imaging.color.stains import Macenko, Vahadane
from leukon.imaging.color.table import Table
from leukon.imaging.color.z_score import ZScore
from leukon.registry import look_up
from leukon.types import Image


class PixelMap(Protocol):
    """A map for the pixels of one image, or of any part of it."""

    @property
    def fit_quality(self) -> FitQuality:
        """Whether the map could be fitted to the image; where not, it passes unchanged."""
        ...

    def __call__(self, image: Image) -> Image:
        """Map `image`, shape (H, W, 3), pixel by pixel or nearly so; same shape and dtype."""
        ...


class ColorMap(Protocol):
    """A map: a frozen dataclass of plain numbers with a name."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    name: ClassVar[str]

    def for_image(self, image: Image) -> PixelMap:
        """Look at a whole image once and return the map for any part of it."""
        ...


COLOR_MAPS: dict[str, Callable[..., ColorMap]] = {
    "none": Identity,
    "background": Background,
    "plain": Plain,
    "z_score": ZScore,
    "rescale": Rescale,
    "affine": Affine,
    "reinhard": Reinhard,
    "macenko": Macenko,
    "vahadane": Vahadane,
    "hedlund_morell": HedlundMorell,
    "density": Density,
    "table": Table,
}


def map_to_dict(color: ColorMap) -> dict[str, Any]:
    """Return the name and the numbers of `color` as plain JSON values."""
    return {"name": color.name, **asdict(color)}


def map_from_dict(value: dict[str, Any]) -> ColorMap:
    """Build from what `map_to_dict` returned, or from the same after a trip through JSON.

    Raises
    ------
    KeyError, TypeError
        If it has no name, or its numbers do not fit.
    UnknownNameError
        If the map is not registered.
    """
    numbers = dict(value)
    return look_up("colour map", numbers.pop("name"), COLOR_MAPS)(**numbers)
