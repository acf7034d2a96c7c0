"""Colours as they come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from leukon.types import Image


@dataclass(frozen=True, slots=True)
class Identity:
    """Leave the colours alone."""

    name: ClassVar[str] = "none"

    def for_image(self, image: Image) -> Identity:  # noqa: ARG002
        """Return itself: nothing depends on `image`."""
        return self

    def __call__(self, image: Image) -> Image:
        """Return `image` unchanged."""
        return image
