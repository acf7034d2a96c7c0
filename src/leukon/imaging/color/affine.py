"""One affine transform for all colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from leukon.imaging.color.fitted import (
    IDENTITY,
    Fitted,
    Planes,
    balanced,
    density_of,
    least_squares,
    light_of,
    moment_map,
    rows,
    transformed,
    triple,
)
from leukon.imaging.color.look import Colors, Matrix, Triple


@dataclass(frozen=True, slots=True)
class Affine(Fitted):
    """Transform colours, as shares of the background, by one matrix and offset.

    From pairs it is the least-squares fit; from two systems without pairs it matches mean and covariance.

    Attributes
    ----------
    matrix : 3 × 3 floats
    offset : (float, float, float)
    """

    name: ClassVar[str] = "affine"
    matrix: Matrix = IDENTITY
    offset: Triple = (0.0, 0.0, 0.0)

    @classmethod
    def fit(cls, source: Colors, target: Colors, *, paired: bool = False) -> Self:
        """Fit the map that takes `source` to `target`; row by row where they are `paired`."""
        a, b = 10.0**-source.density, 10.0**-target.density
        if paired:
            matrix, offset = least_squares(a, b, balanced(source.part))
        else:
            matrix, offset = moment_map(a, b, 0.02)
        return cls(source.white, target.white, rows(matrix), triple(offset))

    def change(self, density: Planes) -> Planes:
        """Map optical densities, shape (H, W, 3)."""
        return density_of(transformed(light_of(density), self.matrix, self.offset))
