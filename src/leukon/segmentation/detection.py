"""What the finders return."""

from __future__ import annotations

from dataclasses import dataclass

from leukon.types import Box


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
    """

    box: Box
    nucleus: Box
    score: float
    flags: tuple[str, ...] = ()
    area_px: float = 0.0
    nucleus_area_px: float = 0.0

    def scaled(self, factor: float, height: int, width: int) -> Detection:
        """The same cell in an image `factor` times as large, of `height` × `width` px."""
        box, nucleus = (
            Box(b.x0 * factor, b.y0 * factor, b.x1 * factor, b.y1 * factor).clipped(height, width)
            for b in (self.box, self.nucleus)
        )
        areas = self.area_px * factor**2, self.nucleus_area_px * factor**2
        return Detection(box, nucleus, self.score, self.flags, *areas)
