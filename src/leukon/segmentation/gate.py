"""Whether an image is fit to be judged: light, stain, focus."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from leukon.imaging.color.look import LEVEL
from leukon.imaging.color.white import white_level
from leukon.imaging.geometry import cut, resize, square_around
from leukon.segmentation.detection import Detection
from leukon.segmentation.stain import to_uint8
from leukon.types import Image

DARK = 0.25
FLAT = 0.12
CLIPPED = 254
OVEREXPOSED_SHARE = 0.3
SPOT_SHARE = 0.02
FAINT_OD = 0.2
BLURRED = 0.16
CAST = 3.0
NUCLEUS_PX = 48
MOST_CELLS = 8

TOO_DARK = "too dark, or its values do not fill the range of the file"
NO_CONTRAST = "hardly any contrast: a faint stain, out of focus, or nothing in view"
OVEREXPOSED = "over-exposed: much of it is pure white, and pale parts of cells are lost"
SPOT = "a blown-out spot: in a part of it the light is too strong for the camera"
FAINT = "hardly stained: its nuclei are almost as light as the background"
OUT_OF_FOCUS = "out of focus: the outlines of its nuclei are blurred"
COLOR_CAST = "a colour far from any seen: its background is hardly white; check the white balance"


def faults_of(image: Image, found: Sequence[Detection]) -> tuple[str, ...]:
    """Say in plain phrases what makes the image doubtful as a whole; empty where nothing does.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3)
        RGB, uint8 or uint16.
    found : sequence of Detection
        Its cells, on whose nuclei stain and focus are judged.
    """
    step = max(1, min(image.shape[:2]) // 200)
    sample = to_uint8(image)[::step, ::step]
    low, high = np.percentile(sample[..., 1], [0.5, 99.5]) / 255
    if high < DARK:
        return (TOO_DARK,)
    clipped = sample >= CLIPPED
    faults = list[str]()
    white = white_level(sample)
    if clipped.all(axis=2).mean() > OVEREXPOSED_SHARE:
        faults.append(OVEREXPOSED)
    elif (clipped & (white < CLIPPED / 255 - 0.1)).any(axis=2).mean() > SPOT_SHARE:
        faults.append(SPOT)
    if white.max() > CAST * white.min():
        faults.append(COLOR_CAST)
    if high - low < FLAT:
        return (*faults, NO_CONTRAST)
    measured = [_nucleus(image, one, white) for one in found[:MOST_CELLS]]
    if measured:
        density, blur = np.median(measured, axis=0)
        if density < FAINT_OD:
            faults.append(FAINT)
        elif blur > BLURRED:
            faults.append(OUT_OF_FOCUS)
    return tuple(faults)


def _nucleus(image: Image, cell: Detection, white: np.ndarray) -> tuple[float, float]:
    """Return the green density of a nucleus, and how wide its outline is, as a share of its diameter."""
    around = to_uint8(cut(image, square_around(cell.nucleus, margin=1.3), fill=float(white[1])))
    green = resize(around, NUCLEUS_PX, NUCLEUS_PX)[..., 1].astype(np.float32) / 255
    density = np.log10(np.float32(white[1] + LEVEL)) - np.log10(green + np.float32(LEVEL))
    low, high = np.percentile(density, [10, 90])
    slopes = [cv2.Sobel(density, cv2.CV_32F, *axes, ksize=3, scale=1 / 8) for axes in ((1, 0), (0, 1))]
    steepest = np.percentile(cv2.magnitude(*slopes), 97)
    return float(high), float((high - low) / max(steepest, 1e-6) * 1.3 / NUCLEUS_PX)
