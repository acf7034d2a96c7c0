"""How an imaging system looks: its white, and the colours of background, red cells, cytoplasm and nuclei."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leukon.errors import InputError

Floats = npt.NDArray[np.float64]
Triple = tuple[float, float, float]
Matrix = tuple[Triple, Triple, Triple]

PARTS = "background", "red cell", "cytoplasm", "nucleus"
BACKGROUND, RED_CELL, CYTOPLASM, NUCLEUS = range(4)
LEVEL = 1 / 255
"""Added to every share of full scale under the logarithm, so that black stays finite."""

DRAWN = 1500
_LEAST_VARIANCE = 1e-5
_SRGB_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


@dataclass(frozen=True, slots=True)
class Part:
    """The optical density of one part: mean per channel, and covariance."""

    mean: Triple
    covariance: Matrix


@dataclass(frozen=True, slots=True)
class Look:
    """The colours of an imaging system, measured on smears without labels.

    Attributes
    ----------
    name : str
    white : (float, float, float)
        The empty background, shares of full scale: the median over the images.
    white_spread : (float, float, float)
        Standard deviation over the images of its decadic logarithm.
    parts : tuple of Part or None
        In the order of `PARTS`; None where the images show none.
    images, cells : int
        How many it was measured on.
    """

    name: str
    white: Triple
    white_spread: Triple
    parts: tuple[Part | None, ...]
    images: int
    cells: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> Look:
        """Build from what `to_dict` returned, or from the same after a trip through JSON.

        Raises
        ------
        InputError
            If something is missing or malformed.
        """
        try:
            parts = [None if part is None else Part(**tuples(part)) for part in value["parts"]]
            look = cls(**{**tuples(value), "parts": tuple(parts)})
        except (TypeError, KeyError, AttributeError) as error:
            raise InputError(f"not the look of an imaging system: {error}") from error
        if len(look.parts) != len(PARTS):
            raise InputError(f"not the look of an imaging system: {len(look.parts)} parts, not {len(PARTS)}")
        return look

    def colors(self) -> Colors:
        """Draw the same densities of every part each time, as many of each whatever it covers."""
        rng = np.random.default_rng(0)
        draws = rng.standard_normal((DRAWN, 3))
        density, part = [np.empty((0, 3))], [np.empty(0, np.int64)]
        for index, one in enumerate(self.parts):
            if one is not None:
                spread = np.linalg.cholesky(np.array(one.covariance) + _LEAST_VARIANCE * np.eye(3))
                density.append(one.mean + draws @ spread.T)
                part.append(np.full(DRAWN, index))
        return Colors(np.concatenate(density), np.concatenate(part), self.white)

    def part_colors(self) -> dict[int, Floats]:
        """Return the RGB, in 0…1, of the mean of each part that the images show."""
        return {
            index: to_value(np.array(part.mean), np.array(self.white))
            for index, part in enumerate(self.parts)
            if part is not None
        }


@dataclass(frozen=True, eq=False, slots=True)
class Colors:
    """Optical densities of pixels, shape (N, 3), the part of each, shape (N,), and their system's white."""

    density: Floats
    part: npt.NDArray[np.int64]
    white: Triple

    def means(self) -> dict[int, Floats]:
        """Return the mean density of each part."""
        return {int(i): self.density[self.part == i].mean(axis=0) for i in np.unique(self.part)}

    def of(self, parts: npt.NDArray[np.int64]) -> Colors:
        """Keep some parts alone."""
        kept = np.isin(self.part, parts)
        return Colors(self.density[kept], self.part[kept], self.white)


def to_density(value: Floats, white: Floats) -> Floats:
    """Return decadic optical density of values in 0…1 under a background of `white`."""
    return np.asarray(np.log10((white + LEVEL) / (value + LEVEL)), np.float64)


def to_value(density: Floats, white: Floats) -> Floats:
    """Return the values, clipped to 0…1, that `to_density` was given."""
    return np.asarray(np.clip((white + LEVEL) * 10.0**-density - LEVEL, 0, 1), np.float64)


def look_distance(a: Look, b: Look, *, white: bool = True) -> float:
    """Return the mean ΔE2000 between the parts that both looks have.

    Parameters
    ----------
    white : bool
        Whether the colour of the background counts; else both are seen on the white of `b`.
    """
    if not white:
        a = Look(a.name, b.white, b.white_spread, a.parts, a.images, a.cells)
    first, second = a.part_colors(), b.part_colors()
    shared = sorted(first.keys() & second.keys())
    if not shared:
        return float("inf")
    return float(
        delta_e2000(np.stack([first[i] for i in shared]), np.stack([second[i] for i in shared])).mean()
    )


def to_lab(rgb: npt.NDArray[np.floating]) -> Floats:
    """Return CIE L*a*b* (D65) of sRGB in 0…1, shape (..., 3)."""
    values = np.asarray(rgb, np.float64)
    linear = np.where(values > 0.04045, ((values + 0.055) / 1.055) ** 2.4, values / 12.92)
    xyz = linear @ (_SRGB_TO_XYZ / _SRGB_TO_XYZ.sum(axis=1, keepdims=True)).T
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.stack(
        [116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1
    )


def delta_e2000(a: npt.NDArray[np.floating], b: npt.NDArray[np.floating]) -> Floats:
    """Return the colour difference CIEDE2000 of sRGB in 0…1, shape (..., 3), colour by colour.

    References
    ----------
    Sharma, Wu, Dalal: The CIEDE2000 color-difference formula, Color Res. Appl. 30 (2005).
    """
    (l1, a1, b1), (l2, a2, b2) = (np.moveaxis(to_lab(rgb), -1, 0) for rgb in (a, b))
    chroma = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    stretch = 1.5 - 0.5 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    c1, c2 = np.hypot(stretch * a1, b1), np.hypot(stretch * a2, b2)
    h1, h2 = (np.arctan2(y, stretch * x) % (2 * np.pi) for x, y in ((a1, b1), (a2, b2)))
    grey = c1 * c2 == 0
    turn = np.where(grey, 0, (h2 - h1 + np.pi) % (2 * np.pi) - np.pi)
    hue = np.where(grey, h1 + h2, h1 + turn / 2)
    lightness, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    t = (
        1
        - 0.17 * np.cos(hue - np.radians(30))
        + 0.24 * np.cos(2 * hue)
        + 0.32 * np.cos(3 * hue + np.radians(6))
        - 0.20 * np.cos(4 * hue - np.radians(63))
    )
    s_l = 1 + 0.015 * (lightness - 50) ** 2 / np.sqrt(20 + (lightness - 50) ** 2)
    s_c, s_h = 1 + 0.045 * chroma, 1 + 0.015 * chroma * t
    angle = np.radians(60) * np.exp(-(((np.degrees(hue) % 360 - 275) / 25) ** 2))
    rotation = -2 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7)) * np.sin(angle)
    d_l, d_c = (l2 - l1) / s_l, (c2 - c1) / s_c
    d_h = 2 * np.sqrt(c1 * c2) * np.sin(turn / 2) / s_h
    return np.asarray(np.sqrt(d_l**2 + d_c**2 + d_h**2 + rotation * d_c * d_h), np.float64)


def tuples(value: Any) -> Any:
    """Turn the lists of JSON into tuples, at any depth."""
    if isinstance(value, dict):
        return {key: tuples(one) for key, one in value.items()}
    return tuple(map(tuples, value)) if isinstance(value, (list, tuple)) else value
