"""Checkerboard images: two pictures that each keep a part of an image's pixels and are black elsewhere.

``complementary`` is what the paper on EK-means and VGG19 describes: one picture keeps the black squares of a
chessboard of single pixels, the other the white ones, and their sum is the image. ``literal`` is what its
printed loops do, which step by two along both axes: each picture keeps a quarter of the pixels.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from leukon.registry import look_up
from leukon.types import Image

CheckerboardMode = Literal["complementary", "literal"]
MODES: tuple[CheckerboardMode, ...] = get_args(CheckerboardMode)
"""The modes by name."""


def checkerboard(image: Image, mode: CheckerboardMode = "complementary") -> tuple[Image, Image]:
    """Return the two checkerboard pictures of `image`, shape (H, W, 3), in its type.

    Raises
    ------
    UnknownNameError
        If there is no such mode.

    Examples
    --------
    >>> first, second = checkerboard(np.full((2, 4, 3), 9, np.uint8))
    >>> first[..., 0].tolist(), second[..., 0].tolist()
    ([[9, 0, 9, 0], [0, 9, 0, 9]], [[0, 9, 0, 9], [9, 0, 9, 0]])
    """
    first, second = kept_pixels(image.shape[0], image.shape[1], mode)
    return np.where(first[..., None], image, 0), np.where(second[..., None], image, 0)


def kept_pixels(
    height: int, width: int, mode: CheckerboardMode = "complementary"
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which pixels either picture keeps, shape (H, W); parameters and errors as of `checkerboard`."""
    look_up("checkerboard mode", mode, dict.fromkeys(MODES))
    row, column = np.ogrid[:height, :width]
    if mode == "literal":
        kept = row % 2 == 0
        return kept & (column % 2 == 0), kept & (column % 2 == 1)
    even = (row + column) % 2 == 0
    return even, ~even
