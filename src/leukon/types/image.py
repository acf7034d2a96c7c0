"""Images and what is found in them: `Box`, `Capture`, `Field`, `Cell`.

Everywhere in Leukon an `image` is an RGB array of shape (H, W, 3): uint8 in 0…255 or uint16 in 0…65535.
The type alone says the range; it is never guessed from the pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-aligned box in pixels, half open: ``x0 <= x < x1``. It may reach past the image.

    Examples
    --------
    >>> Box(0, 0, 10, 10).iou(Box(0, 5, 10, 15))
    0.3333333333333333
    """

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        """Width in px."""
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        """Height in px."""
        return self.y1 - self.y0

    @property
    def side_px(self) -> float:
        """The longer side in px."""
        return max(self.width, self.height)

    @property
    def centre(self) -> tuple[float, float]:
        """(x, y) of the centre in px."""
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    @property
    def area(self) -> float:
        """Area in px²; 0 for an empty box."""
        return max(0.0, self.width) * max(0.0, self.height)

    def iou(self, other: Box) -> float:
        """Intersection over union with `other`, 0…1; 0 where both are empty."""
        width = min(self.x1, other.x1) - max(self.x0, other.x0)
        height = min(self.y1, other.y1) - max(self.y0, other.y0)
        overlap = max(0.0, width) * max(0.0, height)
        union = self.area + other.area - overlap
        return overlap / union if union > 0 else 0.0

    def clipped(self, height: int, width: int) -> Box:
        """The part of the box inside an image of `height` × `width` px."""
        x0, x1 = (min(max(x, 0), width) for x in (self.x0, self.x1))
        y0, y1 = (min(max(y, 0), height) for y in (self.y0, self.y1))
        return Box(x0, y0, x1, y1)


@dataclass(frozen=True, slots=True)
class Capture:
    """How an image was taken; empty or None where it is not known."""

    system: str = ""
    um_per_px: float | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Field:
    """One image of a smear, with the name it goes by in results."""

    image: Image
    name: str = ""
    capture: Capture = field(default_factory=Capture)


@dataclass(frozen=True, eq=False, slots=True)
class Cell:
    """One cell: a box in the image that shows it.

    Attributes
    ----------
    image : ndarray, shape (H, W, 3)
        The whole image, shared by all cells of a field, so that the background stays at hand.
    box : Box
        The cell's extent, cytoplasm included, in px of `image`.
    name : str
        The name of the image.
    flags : tuple of str
        What segmentation has to say of it: ``"border"`` (cut by the image's edge), ``"broken"``
        (a smudge or bare nucleus).
    silhouette : ndarray of uint8, shape (80, 80), or None
        What segmentation saw of its outline and nucleus, in a square of twice its size: 0 outside the cell,
        41 to 194 in its cytoplasm, the denser the more, 255 in its nucleus; None where it was not looked for.
    """

    image: Image
    box: Box
    name: str = ""
    flags: tuple[str, ...] = ()
    silhouette: npt.NDArray[np.uint8] | None = None
