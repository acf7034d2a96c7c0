"""The empty background of a smear: what optical density is measured from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from leukon.types import Image

THUMBNAIL_PX = 96
NEAR = 0.03
NEAR_LEAST = 4
PEAK_SHARE = 0.15
_WINDOW = np.hanning(11)


def white_level(image: Image) -> npt.NDArray[np.float64]:
    """Measure the colour of the empty background by the brightest common level of green.

    Every stain of blood darkens green, and few lamps clip it, so that a background whose red alone is clipped
    is still found. An image without any background gives its brightest parts, the best guess there is.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3)
        RGB.

    Returns
    -------
    ndarray, shape (3,)
        Shares of full scale.
    """
    step = max(1, min(image.shape[:2]) // THUMBNAIL_PX)
    pixels = np.ascontiguousarray(image[step // 2 :: step, step // 2 :: step]).reshape(-1, 3)
    lit = pixels.any(axis=1)
    if lit.any():  # a cell that was cut out on black: no light shines there
        pixels = pixels[lit]
    green = (pixels[:, 1] // (257 if image.dtype == np.uint16 else 1)).astype(np.uint8)
    level = brightest_mode(green)
    near = np.abs(green.astype(np.int16) - level) <= max(NEAR_LEAST, NEAR * level)
    return np.asarray(np.median(pixels[near].astype(np.float64), axis=0) / np.iinfo(image.dtype).max)


def brightest_mode(values: npt.NDArray[np.uint8]) -> int:
    """Return the brightest grey level that many pixels share: the empty background, not the red cells."""
    counts = np.bincount(values, minlength=256).astype(np.float64)
    if counts[254:].sum() < 0.5 * counts.sum():
        counts[254:] = 0
    if not counts.any():
        return int(values.max())
    smooth = np.convolve(counts, _WINDOW)[4:-4]  # one more at either end, for the comparison
    middle = smooth[1:-1]
    peaks = np.flatnonzero(
        (middle >= smooth[:-2]) & (middle >= smooth[2:]) & (middle >= PEAK_SHARE * middle.max())
    )
    return int(peaks[-1])
