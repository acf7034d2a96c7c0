"""Smooth random fields, the texture of everything in a smear."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from leukon.datasets.synthetic.spectra import Array


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], scale_px: float) -> Array:
    """Draw a random field of mean 0 and standard deviation about 1 whose bumps are `scale_px` wide.

    Parameters
    ----------
    shape : (int, int)
        Height and width in px.
    scale_px : float
        Distance of independent values, at least 1.
    """
    height, width = shape
    rows, columns = int(height / scale_px) + 4, int(width / scale_px) + 4
    coarse = rng.standard_normal((rows, columns), np.float32)
    shift_x, shift_y = rng.uniform(0.5, 1.5, 2)
    matrix = np.array([[1 / scale_px, 0, shift_x], [0, 1 / scale_px, shift_y]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    fine = cv2.warpAffine(coarse, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(fine * 1.35, np.float32)


def ramp(level: npt.NDArray[np.floating], softness: float) -> Array:
    """Turn a level (positive inside) into a soft mask 0…1 that rises over `softness` around level 0."""
    t = np.clip(level / softness + 0.5, 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def scattered(
    rng: np.random.Generator, where: Array, count: float, radius_px: float, *, spread: float = 0.35
) -> Array:
    """Scatter soft discs over a map; overlapping ones add up.

    Parameters
    ----------
    where : ndarray, shape (H, W)
        Relative density; none fall where it is 0.
    count : float
        How many discs.
    radius_px : float
        Their radius.
    spread : float
        Relative spread of their strength.

    Returns
    -------
    ndarray, shape (H, W)
        1 in the middle of a single disc of mean strength.
    """
    height, width = where.shape
    places = np.zeros((height, width), np.float32)
    tries = max(1, int(count * where.size / max(1.0, float(where.sum()))))
    tries = min(tries, where.size)
    spots = rng.integers(0, where.size, tries)
    kept = spots[rng.random(tries) < where.ravel()[spots]]
    np.add.at(places.reshape(-1), kept, rng.normal(1, spread, kept.size).clip(0.1).astype(np.float32))
    reach = int(np.ceil(radius_px + 1))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
    kernel = ramp(radius_px - np.hypot(x, y), 1.4)
    return np.asarray(cv2.filter2D(places, cv2.CV_32F, kernel, borderType=cv2.BORDER_CONSTANT), np.float32)
