"""White balance on the empty background of the smear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
import numpy.typing as npt

from leukon.imaging.color.linear import Linear
from leukon.types import Image

THUMBNAIL_PX = 48
GAIN_LIMITS = 0.5, 4.0
_WINDOW = np.hanning(15)


@dataclass(frozen=True, slots=True)
class Background:
    """Scale each channel so that the empty background takes one fixed grey; black stays black.

    Attributes
    ----------
    target : float
        Where the background goes, as a share of full scale.

    Notes
    -----
    The background is the mode of the brightness among the brighter half of the pixels. An image without
    any (a crop filled by one cell) is balanced on its brightest parts, the best guess there is. Gains
    are held within 0.5…4.
    Source: the plain normalization that the colour normalization work compares against, without its
    sharpening and contrast steps.
    """

    name: ClassVar[str] = "background"
    target: float = 0.92

    def for_image(self, image: Image) -> Linear:
        """Measure the background of `image`, shape (H, W, 3), and return the map for its pixels."""
        top = np.iinfo(image.dtype).max
        level = background_level(image)
        gains = np.clip(self.target * top / np.maximum(level, 1), *GAIN_LIMITS)
        return Linear(tuple(float(g) for g in gains))


def background_level(image: Image) -> npt.NDArray[np.float64]:
    """Measure the colour of the empty background.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3)
        RGB.

    Returns
    -------
    ndarray, shape (3,)
        Colour in the image's own range.
    """
    step = max(1, min(image.shape[:2]) // THUMBNAIL_PX)
    pixels = np.ascontiguousarray(image[step // 2 :: step, step // 2 :: step])
    if np.count_nonzero(pixels) < 2 * pixels.size / 3 and pixels.any():
        pixels = pixels[pixels.any(axis=2)][None]  # a cell that was cut out on black: no light shines there
    sample = (pixels // 257).astype(np.uint8) if image.dtype == np.uint16 else pixels
    # The least channel: stains darken at least one channel, the background none.
    red, green, blue = cv2.split(sample)
    brightness = cv2.min(cv2.min(red, green), blue)
    counts = np.bincount(brightness.ravel(), minlength=256)
    # A blown-out spot says nothing of the lamp's colour; a background that is blown out as a whole is white.
    brightest = 254 if 2 * counts[255] < brightness.size else 255
    reached = counts[: brightest + 1].cumsum()
    counts[: np.searchsorted(reached, reached[-1] / 2)] = 0  # the darker half
    mode = int(np.convolve(counts[: brightest + 1], _WINDOW, mode="same").argmax())
    near = cv2.inRange(brightness, max(mode - 6, 0), min(mode + 6, brightest))
    level = np.array(cv2.mean(sample, near)[:3])
    return level * (257 if image.dtype == np.uint16 else 1)
