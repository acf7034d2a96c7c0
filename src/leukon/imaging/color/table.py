"""Any map of colours as a three-dimensional table, the fastest that there is, and the sharpness beside it."""

from __future__ import annotations

import base64
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import ClassVar

import cv2
import numpy as np
import numpy.typing as npt

from leukon.imaging.color.fitted import Densities, Fitted
from leukon.imaging.color.identity import Unchanged
from leukon.imaging.color.look import LEVEL, Floats, Triple, tuples
from leukon.imaging.color.quality import FitQuality
from leukon.types import Image

NODES = 17
KERNEL_PX = 7
TOP = 1.125
"""Light at the last node, as a share of the background's: noise may exceed 1."""

SEEN_PX = 48
STAINED, DENSE = 0.15, 0.8
"""Sums of the three densities from which a pixel counts as stained, and as nucleus."""

LEAST_SHARE = 0.005
MOST_WEIGHT = 2.0
_STRIP_PX = 2**15
Planes = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Table:
    """Look colours up in a table that is mixed for each image: one table, plus others by the image's stains.

    An entry is the target's colour for light as a share of the image's background, interpolated trilinearly.
    The weights of the other tables are linear in the image's stain colours (`stain_colors`), so that a slide
    of more eosin may be mapped otherwise than one of more azure. `leukon.imaging.color.distil` makes them.

    Attributes
    ----------
    source_white : (float, float, float) or None
        Background of the source system, as in `Fitted`.
    tables : tuple of str
        Base64 of little-endian float16, shape (`NODES`, `NODES`, `NODES`, 3) by red, green and blue, in 0…1;
        the first is always taken whole. None leave colours alone.
    centre : tuple of float
        The source's mean stain colours.
    basis : tuple of tuples of float
        For each further table, what its weight is per difference from `centre`.
    kernels : tuple of tuples of float
        For each channel the `KERNEL_PX` × `KERNEL_PX` weights, row by row, that a mapped pixel and its
        neighbours are added with: the sharpness of the target. None leave pixels to themselves.
    """

    name: ClassVar[str] = "table"
    source_white: Triple | None = None
    tables: tuple[str, ...] = ()
    centre: tuple[float, ...] = ()
    basis: tuple[tuple[float, ...], ...] = ()
    kernels: tuple[tuple[float, ...], ...] = ()

    def __post_init__(self) -> None:
        for one in fields(self):
            object.__setattr__(self, one.name, tuples(getattr(self, one.name)))

    def for_image(self, image: Image) -> Looked | Unchanged:
        """Measure background and stains of `image`, shape (H, W, 3), and mix the table for its pixels."""
        seen = Fitted(self.source_white).for_image(image)
        if isinstance(seen, Unchanged) or not self.tables:
            return seen if isinstance(seen, Unchanged) else Unchanged()
        weights = self.weights(stain_colors(image, seen))
        first, *others = map(unpacked, self.tables)
        for weight, other in zip(weights, others, strict=True):
            first = first + np.float32(weight) * other
        kernels = np.array(self.kernels, np.float32).reshape(-1, KERNEL_PX, KERNEL_PX)
        return Looked(first, seen.white, seen.fit_quality, kernels)

    def weights(self, colors: Floats) -> Floats:
        """Return the weights of the tables after the first; stains that are not seen do not count."""
        away = np.nan_to_num(colors - np.array(self.centre))
        weights = np.array(self.basis).reshape(-1, len(away)) @ away
        return np.asarray(np.clip(weights, -MOST_WEIGHT, MOST_WEIGHT), np.float64)


@dataclass(frozen=True, eq=False, slots=True)
class Looked:
    """A table for the pixels of one image."""

    table: Planes
    white: Floats
    fit_quality: FitQuality
    kernels: Planes

    def __call__(self, image: Image) -> Image:
        """Map `image`, shape (H, W, 3), to the nearest levels of its own dtype."""
        full = float(np.iinfo(image.dtype).max)
        reach = KERNEL_PX // 2 if len(self.kernels) else 0
        # Red chooses the slice; the slices lie below each other in one picture that OpenCV interpolates.
        atlas = np.ascontiguousarray(
            np.clip(self.table, 0, 1).reshape(NODES * NODES, NODES, 3) * np.float32(full)
        )
        mapped = np.empty_like(image)
        height = max(1, _STRIP_PX // max(1, image.shape[1]))
        for start in range(0, len(image), height):
            low, high = max(0, start - reach), min(len(image), start + height + reach)
            red, green, blue = cv2.split(positions(image[low:high], self.white))
            below = np.minimum(np.floor(red), np.float32(NODES - 2))
            row = below * np.float32(NODES) + green
            one, other = (
                cv2.remap(atlas, blue, at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
                for at in (row, row + np.float32(NODES))
            )
            share = cv2.merge([red - below] * 3)
            other -= one
            other *= share
            one += other
            if reach:
                planes = zip(cv2.split(one), self.kernels, strict=True)
                one = np.clip(cv2.merge([cv2.filter2D(plane, -1, k) for plane, k in planes]), 0, full)
            mapped[start : start + height] = np.rint(one, out=one)[start - low :][:height]
        return mapped


def positions(pixels: Image, white: Floats) -> Planes:
    """Return where the colours of `pixels`, shape (H, W, 3), lie in a table, 0…`NODES` - 1."""
    full = np.iinfo(pixels.dtype).max
    scale = (NODES - 1) / TOP / (np.maximum(white, LEVEL) * full)
    if pixels.dtype == np.uint8:
        table = np.minimum(np.arange(256)[:, None] * scale, NODES - 1).astype(np.float32)[None]
        return np.asarray(cv2.LUT(np.ascontiguousarray(pixels), table), np.float32)
    return np.minimum(pixels * scale.astype(np.float32), np.float32(NODES - 1))


def stain_colors(image: Image, seen: Densities) -> Floats:
    """Return the share of red and green in the density of what is stained and of nuclei, shape (4,).

    Shares of density do not change with thickness, nor with how many cells there are; what is not seen in
    0.5 % of the image is NaN.
    """
    step = max(1, min(image.shape[:2]) // SEEN_PX)
    light = image[::step, ::step].reshape(-1, 3) / np.iinfo(image.dtype).max
    density = np.maximum(np.log10((seen.white + LEVEL) / (light + LEVEL)), 0)
    total = density.sum(axis=1)
    found = []
    for where in ((total > STAINED) & (total <= DENSE), total > DENSE):
        enough = np.count_nonzero(where) > LEAST_SHARE * len(total)
        found.append(density[where, :2].sum(axis=0) / total[where].sum() if enough else np.full(2, np.nan))
    return np.concatenate(found)


def packed(table: npt.NDArray[np.floating]) -> str:
    """Write a table as `Table` keeps it."""
    return base64.b64encode(np.ascontiguousarray(table, "<f2").tobytes()).decode()


@lru_cache(maxsize=32)
def unpacked(text: str) -> Planes:
    """Read what `packed` wrote.

    Raises
    ------
    ValueError
        If it is no table.
    """
    return np.frombuffer(base64.b64decode(text), "<f2").reshape(NODES, NODES, NODES, 3).astype(np.float32)
