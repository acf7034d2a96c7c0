"""Find the one cell of a single-cell image, in any framing."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from leukon.segmentation.detection import Detection
from leukon.segmentation.scene import Nucleus, Scene, read_scene
from leukon.segmentation.stain import to_uint8
from leukon.types import Image

LONGEST_PX = 128
LEAST_AREA_PX = 8.0


def find_cell(image: Image) -> Detection | None:
    """Find the cell, or platelet, that an image was cut out for: large and near the centre.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3)
        RGB, uint8 or uint16; the cell may fill the frame or a fifth of it.

    Returns
    -------
    Detection or None
        None where nothing in the image is stained like a nucleus or a platelet.
    """
    found = central_nucleus(image)
    if found is None:
        return None
    scene, nucleus, factor = found
    return scene.detect(nucleus).scaled(factor, *image.shape[:2])


def central_nucleus(image: Image) -> tuple[Scene, Nucleus, int] | None:
    """Find the nucleus of that cell: a reduced scene, the nucleus in it, and the factor of reduction."""
    small, factor = _reduced(image)
    scene = read_scene(small, crowded=False)
    if scene is None:
        return None
    height, width = small.shape[:2]

    def prominence(nucleus: Nucleus) -> float:
        x, y = nucleus.box.centre
        off_centre = ((x / width - 0.5) ** 2 + (y / height - 0.5) ** 2) ** 0.5
        return float(nucleus.area_px**0.5 * max(0.05, 1 - 1.8 * off_centre))

    nuclei = [nucleus for nucleus in scene.nuclei if nucleus.area_px >= LEAST_AREA_PX]
    return (scene, max(nuclei, key=prominence), factor) if nuclei else None


def _reduced(image: Image) -> tuple[npt.NDArray[np.uint8], int]:
    """Reduce by a whole factor, three times as fast as by any other, to at most about `LONGEST_PX`."""
    height, width = image.shape[:2]
    factor = max(1, min(-(-max(height, width) // LONGEST_PX), min(height, width)))
    rows, columns = height // factor, width // factor
    if factor > 1:
        whole = image[: rows * factor, : columns * factor]
        image = cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA)
    return to_uint8(image), factor
