"""Unprocessing: from a camera's picture back to the linear signal of its sensor, and forth again.

Source: Brooks et al. 2019, "Unprocessing Images for Learned Raw Denoising". The steps, for RGB in 0…1:

1. inverse of the tone curve ``3x² − 2x³``: ``0.5 − sin(asin(1 − 2x) / 3)``
2. inverse of the gamma: ``max(x, 1e-8) ^ 2.2``
3. sRGB → camera: a matrix whose rows sum to 1, so that greys stay grey
4. inverse of the white balance and brightness gains, leaving highlights white: with ``grey`` the mean of the
   channels and ``mask = (max(grey − 0.9, 0) / 0.1)²`` each channel is multiplied by
   ``max(mask + (1 − mask) · gain, gain)``
5. clip to 0…1
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from leukon.errors import InputError
from leukon.imaging.depth import Floats, Pixels, by_strips, unit

GAMMA = 2.2
HIGHLIGHT = 0.9
Matrix = tuple[tuple[float, ...], ...]
Doubles = npt.NDArray[np.float64]

# XYZ → camera of the four cameras of the Darmstadt Noise Dataset, and linear sRGB → XYZ (Brooks et al. 2019).
_CAMERA_OF_XYZ = np.array(
    [
        [[1.0234, -0.2969, -0.2266], [-0.5625, 1.6328, -0.0469], [-0.0703, 0.2188, 0.6406]],
        [[0.4913, -0.0541, -0.0202], [-0.6130, 1.3513, 0.2906], [-0.1564, 0.2151, 0.7183]],
        [[0.8380, -0.2630, -0.0639], [-0.2887, 1.0725, 0.2496], [-0.0627, 0.1427, 0.5438]],
        [[0.6596, -0.2079, -0.0562], [-0.4782, 1.3016, 0.1933], [-0.0970, 0.1581, 0.5181]],
    ]
)
_XYZ_OF_RGB = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def camera_matrix(weights: npt.ArrayLike) -> Matrix:
    """Mix the matrices sRGB → camera of four cameras; each row of the result sums to 1.

    Parameters
    ----------
    weights : array-like, shape (4,)
        Not negative, not all 0; they need not sum to 1.
    """
    mixed = np.average(_CAMERA_OF_XYZ, axis=0, weights=np.asarray(weights)) @ _XYZ_OF_RGB
    return _as_matrix(mixed / mixed.sum(axis=1, keepdims=True))


def _as_matrix(values: npt.ArrayLike) -> Matrix:
    return tuple(tuple(row) for row in np.asarray(values, np.float64).reshape(3, 3).tolist())


MEAN_MATRIX = camera_matrix((1, 1, 1, 1))
"""Linear sRGB → camera, the mean of the published cameras."""


@dataclass(frozen=True, slots=True)
class Unprocessing:
    """One camera to unprocess to; by default the mean of the published random ones.

    Attributes
    ----------
    matrix : 3 × 3 floats
        Linear sRGB → camera.
    rgb_gain, red_gain, blue_gain : float
        What the camera multiplies all channels, red, and blue by; above 0.
    """

    matrix: Matrix = MEAN_MATRIX
    rgb_gain: float = 1.25
    red_gain: float = 2.15
    blue_gain: float = 1.7

    def __post_init__(self) -> None:
        """Take the matrix as JSON has it: lists of lists."""
        object.__setattr__(self, "matrix", _as_matrix(self.matrix))
        if not all(gain > 0 for gain in (self.rgb_gain, self.red_gain, self.blue_gain)):
            raise InputError("the gains of a camera must be above 0: give such numbers, or leave them out")

    def gains(self) -> Doubles:
        """What each channel is multiplied by on the way to raw, shape (3,)."""
        return np.array([1 / self.red_gain, 1, 1 / self.blue_gain]) / self.rgb_gain

    def unprocess(self, rgb: Pixels) -> Floats:
        """Take `rgb`, shape (H, W, 3), to the camera's linear signal, 0…1.

        Examples
        --------
        >>> Unprocessing().unprocess(np.full((1, 1, 3), 128, np.uint8)).astype(float).round(3).tolist()
        [[[0.081, 0.175, 0.103]]]
        """
        matrix, gains = np.array(self.matrix), self.gains()
        to_raw = (gains[:, None] * matrix).astype(np.float32)
        to_grey = matrix.mean(axis=0, keepdims=True).astype(np.float32)
        # max(mask + (1 − mask)·gain, gain) is gain·(1 + mask·max(1/gain − 1, 0)).
        lift = np.maximum(1 / gains - 1, 0).astype(np.float32)

        def convert(strip: Pixels) -> Floats:
            linear = _linear(strip)
            raw: Floats = cv2.transform(linear, to_raw)
            grey = cv2.transform(linear, to_grey)
            if grey.max() > HIGHLIGHT:
                mask = (np.maximum(grey - np.float32(HIGHLIGHT), 0) / np.float32(1 - HIGHLIGHT)) ** 2
                raw *= cv2.merge([1 + mask * one for one in lift])
            return np.clip(raw, 0, 1, out=raw)

        return by_strips(rgb, convert)

    def process(self, raw: Floats) -> Floats:
        """Take the linear signal `raw`, shape (H, W, 3), 0…1, back to RGB, 0…1.

        The inverse of `unprocess` wherever that clipped nothing, highlights included.
        """
        gains = self.gains()
        camera = raw / gains.astype(np.float32)
        bright = camera.mean(axis=-1) > HIGHLIGHT
        if bright.any():
            camera[bright] = _without_highlight(raw[bright].astype(np.float64), gains)
        inverse = np.linalg.inv(np.array(self.matrix)).astype(np.float32)
        linear: Floats = np.clip(cv2.transform(camera, inverse), 0, 1)
        tone = cv2.pow(linear, 1 / GAMMA)
        return np.asarray(tone * tone * (3 - 2 * tone), np.float32)


def _without_highlight(raw: Doubles, gains: Doubles) -> Doubles:
    """Find, by bisection, the camera RGB (N, 3) whose own grey level gave the factors that made `raw`."""
    lift = np.maximum(1 - gains, 0)

    def camera(grey: Doubles) -> Doubles:
        mask = (np.maximum(grey - HIGHLIGHT, 0) / (1 - HIGHLIGHT)) ** 2
        return np.asarray(raw / (gains + mask[:, None] * lift))

    low = np.full(len(raw), HIGHLIGHT)
    high = np.maximum((raw / gains).mean(axis=-1), HIGHLIGHT)
    for _ in range(30):
        middle = (low + high) / 2
        below = camera(middle).mean(axis=-1) > middle
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return camera(low)


def _linear(rgb: Pixels) -> Floats:
    """Undo tone curve and gamma: by table for 8 and 16 bits."""
    if rgb.dtype == np.uint8:
        return np.asarray(cv2.LUT(rgb, _table(8)), np.float32)
    if rgb.dtype == np.uint16:
        return np.asarray(_table(16)[rgb], np.float32)
    values = np.clip(unit(rgb), 0, 1)
    np.multiply(values, -2, out=values)
    values += 1
    np.arcsin(values, out=values)
    values *= np.float32(1 / 3)
    np.sin(values, out=values)
    np.subtract(np.float32(0.5), values, out=values)
    return np.asarray(cv2.pow(np.maximum(values, np.float32(1e-8), out=values), GAMMA), np.float32)


@cache
def _table(bits: int) -> Floats:
    level = np.arange(2**bits) / (2**bits - 1)
    light = np.maximum(0.5 - np.sin(np.arcsin(1 - 2 * level) / 3), 1e-8) ** GAMMA
    return np.asarray(light, np.float32)


def draw_unprocessing(rng: np.random.Generator) -> Unprocessing:
    """Draw a camera as published: a random mixture of matrices, random gains."""
    return Unprocessing(
        camera_matrix(rng.uniform(1e-8, 1, 4)),
        rgb_gain=float(1 / max(rng.normal(0.8, 0.1), 0.1)),
        red_gain=float(rng.uniform(1.9, 2.4)),
        blue_gain=float(rng.uniform(1.5, 1.9)),
    )


def draw_noise(rng: np.random.Generator) -> tuple[float, float]:
    """Draw the variances of shot noise (per unit of signal) and of read noise as published."""
    log_shot = rng.uniform(np.log(1e-4), np.log(0.012))
    log_read = 2.18 * log_shot + 1.20 + rng.normal(0, 0.26)
    return float(np.exp(log_shot)), float(np.exp(log_read))


def add_noise(raw: Floats, shot: float, read: float, rng: np.random.Generator) -> Floats:
    """Add Gaussian noise of variance ``raw · shot + read``; not clipped.

    Parameters
    ----------
    raw : ndarray, any shape
        Linear signal, 0…1.
    shot, read : float
        As `draw_noise` returns them.
    """
    spread = np.sqrt(np.maximum(raw, 0) * np.float32(shot) + np.float32(read))
    return np.asarray(raw + spread * rng.standard_normal(raw.shape, np.float32), np.float32)
