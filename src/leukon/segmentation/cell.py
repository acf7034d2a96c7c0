"""Find the one cell of a single-cell image, in any framing."""

from __future__ import annotations

from leukon.segmentation.detection import Detection
from leukon.segmentation.field import segment
from leukon.segmentation.stain import reduced
from leukon.types import Image

LONGEST_PX = 160


def find_cell(image: Image) -> Detection | None:
    """Find the cell (or platelet) that lies nearest the centre.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3)
        RGB, uint8 or uint16; the cell may fill the frame or a fifth of it.

    Returns
    -------
    Detection or None
        None where nothing in the image is stained like a nucleus.
    """
    small, scale = reduced(image, LONGEST_PX)
    found, _ = segment(small, least_share=0.0)
    if not found:
        return None
    height, width = small.shape[:2]

    def prominence(one: Detection) -> float:
        x, y = one.box.centre
        off = ((x / width - 0.5) ** 2 + (y / height - 0.5) ** 2) ** 0.5
        return one.nucleus_area_px**0.5 * max(0.05, 1 - 1.8 * off)

    return max(found, key=prominence).scaled(1 / scale, *image.shape[:2])
