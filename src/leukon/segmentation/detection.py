"""What the finders return."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from leukon.segmentation.stain import Mask
from leukon.types import Box, Cell, Image


@dataclass(frozen=True, slots=True)
class Detection:
    """A cell found in an image; all lengths in px of the image that was given.

    Attributes
    ----------
    box : Box
        The whole cell, cytoplasm included, inside the image.
    nucleus : Box
        The nucleus, all lobes; for a platelet its granular body.
    score : float
        How clearly the nucleus stands out from red cells, in size and in stain, 0…1.
    flags : tuple of str
        ``"border"``: cut by the edge of the image; ``"broken"``: a smudge or bare, frayed nucleus.
    area_px : float
        Area of the whole cell in px².
    nucleus_area_px : float
        Area of the nucleus in px².
    silhouette : ndarray of uint8, shape (80, 80)
        As of `Cell`.
    """

    box: Box
    nucleus: Box
    score: float
    flags: tuple[str, ...] = ()
    area_px: float = 0.0
    nucleus_area_px: float = 0.0
    silhouette: Mask | None = field(default=None, compare=False, repr=False)

    def scaled(self, factor: float, height: int, width: int) -> Detection:
        """The same cell in an image `factor` times as large, of `height` × `width` px."""
        box, nucleus = (
            Box(b.x0 * factor, b.y0 * factor, b.x1 * factor, b.y1 * factor).clipped(height, width)
            for b in (self.box, self.nucleus)
        )
        return replace(
            self,
            box=box,
            nucleus=nucleus,
            area_px=self.area_px * factor**2,
            nucleus_area_px=self.nucleus_area_px * factor**2,
        )

    def cell(self, image: Image, name: str = "") -> Cell:
        """The cell, in the image it was found in or the same in other colours."""
        return Cell(image, self.box, name, self.flags, self.silhouette)
