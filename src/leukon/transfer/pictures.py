"""Batches of squares from pictures of two systems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from leukon.errors import InputError
from leukon.imaging.depth import unit
from leukon.types import Image


@dataclass(frozen=True, eq=False, slots=True)
class Pictures:
    """Pictures of two systems.

    Attributes
    ----------
    source, target : sequence of ndarray, shapes (H, W, 3)
    are_paired : bool
        Whether they show the same cells, pixel by pixel.
    """

    source: Sequence[Image]
    target: Sequence[Image]
    are_paired: bool

    def __post_init__(self) -> None:
        if not self.source or not self.target:
            raise InputError("networks learn from pictures of both systems: one of them has none")
        if self.are_paired:
            for i, (a, b) in enumerate(zip(self.source, self.target, strict=True)):
                if a.shape != b.shape:
                    raise InputError(f"pair {i} has pictures of two sizes: {a.shape[:2]} and {b.shape[:2]}")

    def batch(self, size: int, side_px: int, key: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """Draw squares of both systems, each (size, 3, side_px, side_px), -1…1, alike for the same `key`."""
        rng = np.random.default_rng(key)
        squares: list[list[npt.NDArray[np.float32]]] = [[], []]
        for _ in range(size):
            place = rng.random(4)
            for own, images in zip(squares, (self.source, self.target), strict=True):
                own.append(_square(images[int(place[0] * len(images))], side_px, place[1:]))
                if not self.are_paired:
                    place = rng.random(4)
        first, second = (to_tensor(np.stack(own)) for own in squares)
        return first, second


def to_tensor(values: npt.NDArray[np.float32]) -> Tensor:
    """Turn pictures (N, H, W, 3) in 0…1 into (N, 3, H, W) in -1…1, channels last in memory."""
    return torch.from_numpy(values).permute(0, 3, 1, 2) * 2 - 1


def _square(image: Image, side: int, place: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Cut a square and turn it; what is smaller is mirrored at its edges."""
    height, width = image.shape[:2]
    y, x = int(place[0] * max(1, height - side + 1)), int(place[1] * max(1, width - side + 1))
    values = unit(image[y : y + side, x : x + side])
    border = 0, side - values.shape[0], 0, side - values.shape[1]
    if any(border):
        values = np.asarray(cv2.copyMakeBorder(values, *border, cv2.BORDER_REFLECT), np.float32)
    return np.ascontiguousarray(np.rot90(values, int(4 * place[2])))
