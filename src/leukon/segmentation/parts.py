"""The parts of one leukocyte: its nucleus and its cytoplasm."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from leukon.segmentation.stain import Mask
from leukon.types import Box, Image

CYTOPLASM = 128
NUCLEUS = 255


@dataclass(frozen=True, eq=False, slots=True)
class Parts:
    """A leukocyte, pixel by pixel.

    Attributes
    ----------
    mask : ndarray of uint8, shape (h, w)
        0 outside the cell, 128 in its cytoplasm, 255 in its nucleus.
    x0, y0 : int
        Where the left upper corner of `mask` lies in the image.
    flags : tuple of str
        ``"border"``: cut by the edge of the image; ``"broken"``: a smudge or bare, frayed nucleus.
    """

    mask: Mask
    x0: int = 0
    y0: int = 0
    flags: tuple[str, ...] = ()

    @property
    def box(self) -> Box:
        """The extent of the cell in px of the image."""
        x, y, width, height = cv2.boundingRect(self.mask)
        x, y = x + self.x0, y + self.y0
        return Box(x, y, x + width, y + height)

    def whole(self, image: Image) -> npt.NDArray[np.bool_]:
        """Return the pixels of the cell in `image`, shape (H, W)."""
        canvas = np.zeros(image.shape[:2], np.uint8)
        self.paint(canvas)
        return canvas > 0

    def paint(self, canvas: Mask) -> None:
        """Paint the cell onto the mask of the whole image, shape (H, W)."""
        height, width = self.mask.shape
        view = canvas[self.y0 : self.y0 + height, self.x0 : self.x0 + width]
        np.maximum(view, self.mask, out=view)
