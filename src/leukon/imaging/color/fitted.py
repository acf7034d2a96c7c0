"""What the maps that are fitted to two systems share: density in, density out, the white of each image."""

from __future__ import annotations

from dataclasses import dataclass, fields

import cv2
import numpy as np
import numpy.typing as npt

from leukon.imaging.color.identity import Unchanged
from leukon.imaging.color.look import LEVEL, Floats, Matrix, Triple, tuples
from leukon.imaging.color.quality import FitQuality
from leukon.imaging.color.white import white_level
from leukon.imaging.depth import STRIP_PX
from leukon.types import Image

LEAST_WHITE = 0.08
MOST_CLIPPED = 0.95
WHITE_LIMIT = 0.3
IDENTITY: Matrix = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
_LN10 = float(np.log(10))
_LEAST_LIGHT = 1e-3
Planes = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Fitted:
    """Base of the maps that `fit` makes from two systems; by itself it sets the background alone.

    The white of each image is measured, so that white balance and exposure may vary; what the map changes
    is optical density below that white.

    Attributes
    ----------
    source_white, target_white : (float, float, float)
        Backgrounds of the two systems, shares of full scale. An image whose background is further than a
        factor of two from `source_white` shows none, and is taken for one of that white; None knows none.
    """

    source_white: Triple | None = None
    target_white: Triple = (0.92, 0.92, 0.92)

    def __post_init__(self) -> None:
        for one in fields(self):
            object.__setattr__(self, one.name, tuples(getattr(self, one.name)))

    def for_image(self, image: Image) -> Densities | Unchanged:
        """Measure the background of `image`, shape (H, W, 3), and return the map for its pixels."""
        white = white_level(image)
        if white.max() < LEAST_WHITE:
            return Unchanged(FitQuality("too dark: there is no background to measure from"))
        full = (float(np.iinfo(image.dtype).max),) * 3
        if cv2.countNonZero(cv2.inRange(image, full, full)) > MOST_CLIPPED * image[..., 0].size:
            return Unchanged(FitQuality("over-exposed: nearly all of it is pure white"))
        note = ""
        if self.source_white is not None:
            system = np.array(self.source_white)
            if np.abs(np.log10((white + LEVEL) / (system + LEVEL))).max() > WHITE_LIMIT:
                white, note = system, "no background in view: that of the imaging system was taken"
        return Densities(self, white, FitQuality(note=note))

    def change(self, density: Planes) -> Planes:
        """Map optical densities, shape (H, W, 3); must not look at neighbours."""
        return density


@dataclass(frozen=True, eq=False, slots=True)
class Densities:
    """A fitted map for the pixels of one image."""

    map: Fitted
    white: Floats
    fit_quality: FitQuality

    def __call__(self, image: Image) -> Image:
        """Map `image`, shape (H, W, 3), to the nearest levels of its own dtype."""
        full = np.iinfo(image.dtype).max
        table = None
        if image.dtype == np.uint8:
            levels = np.arange(256)[:, None] / 255
            table = np.log10((self.white + LEVEL) / (levels + LEVEL)).astype(np.float32)[None]
        top = (full * (np.array(self.map.target_white) + LEVEL)).astype(np.float32)
        low = np.float32(full * LEVEL)
        mapped = np.empty_like(image)
        height = max(1, STRIP_PX // max(1, image.shape[1]))
        for start in range(0, len(image), height):
            strip = np.ascontiguousarray(image[start : start + height])
            if table is not None:
                density = np.asarray(cv2.LUT(strip, table), np.float32)
            else:
                share = strip.astype(np.float32) / np.float32(full) + np.float32(LEVEL)
                density = np.log10((self.white + LEVEL).astype(np.float32)) - np.log10(share)
            light = light_of(self.map.change(density))
            light *= top
            light -= low
            np.clip(np.rint(light, out=light), 0, full, out=light)
            mapped[start : start + height] = light
        return mapped


def transformed(planes: Planes, matrix: npt.ArrayLike, offset: npt.ArrayLike = (0.0, 0.0, 0.0)) -> Planes:
    """Apply an affine transform to each pixel of `planes`, shape (H, W, 3)."""
    both = np.column_stack([np.asarray(matrix, np.float32), np.asarray(offset, np.float32)])
    return np.asarray(cv2.transform(planes, both), np.float32).reshape(planes.shape)


def triple(values: npt.NDArray[np.floating]) -> Triple:
    """Return plain numbers."""
    red, green, blue = map(float, values)
    return red, green, blue


@dataclass(frozen=True, slots=True)
class DensityMatrix(Fitted):
    """Base of the maps that mix the densities of the three channels linearly.

    Attributes
    ----------
    matrix : 3 × 3 floats
        Applied to the column of densities.
    """

    matrix: Matrix = IDENTITY

    def change(self, density: Planes) -> Planes:
        """Mix the channels of `density`, shape (H, W, 3)."""
        return transformed(density, self.matrix)


def rows(matrix: npt.NDArray[np.floating]) -> Matrix:
    """Return plain numbers."""
    first, second, third = (triple(row) for row in matrix)
    return first, second, third


def moment_map(source: Floats, target: Floats, least_std: float) -> tuple[Floats, Floats]:
    """Return the affine transform that gives `source` the mean and covariance of `target`.

    Of all such transforms the one that moves colours least (Pitié and Kokaram, "The linear Monge-Kantorovitch
    linear colour mapping", 2007).

    Parameters
    ----------
    source, target : ndarray, shapes (N, 3) and (M, 3)
    least_std : float
        Added to both spreads, so that noise is not stretched.

    Returns
    -------
    matrix : ndarray, shape (3, 3)
    offset : ndarray, shape (3,)
    """
    floor = least_std**2 * np.eye(3)
    a, b = (np.cov(colors.T) + floor for colors in (source, target))
    root = _root(a)
    inverse = np.linalg.inv(root)
    matrix = inverse @ _root(root @ b @ root) @ inverse
    return matrix, target.mean(axis=0) - matrix @ source.mean(axis=0)


def least_squares(source: Floats, target: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return the affine transform, matrix and offset, that takes each row of `source` nearest to `target`."""
    scale = np.sqrt(weights)[:, None]
    design = np.column_stack([source, np.ones(len(source))]) * scale
    found = np.linalg.lstsq(design, target * scale, rcond=None)[0]
    return found[:3].T, found[3]


def balanced(part: npt.NDArray[np.int64]) -> Floats:
    """Weigh pixels so that every part counts the same, whatever it covers; the weights sum to 1."""
    counts = np.bincount(part)
    return np.asarray(1 / (counts[part] * np.count_nonzero(counts)), np.float64)


def _root(matrix: Floats) -> Floats:
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T, np.float64)


def light_of(density: Planes) -> Planes:
    """Return the light, as a share of the background's, that `density` lets through."""
    return np.asarray(cv2.exp(density * np.float32(-_LN10)), np.float32).reshape(density.shape)


def density_of(light: Planes) -> Planes:
    """Return what `light_of` was given; light is held above 1/1000."""
    held = np.maximum(light, np.float32(_LEAST_LIGHT))
    return np.asarray(cv2.log(held), np.float32).reshape(light.shape) * np.float32(-1 / _LN10)
