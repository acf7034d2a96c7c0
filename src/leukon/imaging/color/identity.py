"""Colours as they come."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from leukon.imaging.color.quality import FitQuality
from leukon.types import Image


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Return every image as it is, and say why in `fit_quality`."""

    fit_quality: FitQuality = field(default_factory=FitQuality)

    def __call__(self, image: Image) -> Image:
        """Return `image` unchanged."""
        return image


@dataclass(frozen=True, slots=True)
class Identity:
    """Leave the colours alone."""

    name: ClassVar[str] = "none"

    def for_image(self, image: Image) -> Unchanged:  # noqa: ARG002
        """Return what changes nothing: it depends on no `image`."""
        return Unchanged()
