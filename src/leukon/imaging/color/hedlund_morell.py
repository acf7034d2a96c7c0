"""Each part of the smear by a transform of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import cv2
import numpy as np

from leukon.imaging.color.fitted import Fitted, Planes, least_squares, moment_map, rows, transformed, triple
from leukon.imaging.color.look import Colors, Floats, Matrix, Triple

LEAST_STD = 0.03
NEAREST = 1e-3


@dataclass(frozen=True, slots=True)
class PartTransform:
    """Where the densities of one part lie, and the affine transform of them."""

    mean: Triple
    whitening: Matrix
    matrix: Matrix
    offset: Triple


@dataclass(frozen=True, slots=True)
class HedlundMorell(Fitted):
    """Weigh the affine transforms of background, red cells, cytoplasm and nuclei, pixel by pixel.

    A part's weight is its inverse squared Mahalanobis distance, and the weights of a pixel sum to 1, so
    that no segmentation is needed and no seams arise. Transforms act on optical density. From pairs they
    are weighted least-squares fits; from two systems without pairs they match mean and covariance.
    Source: Hedlund and Morell, US patent 9,672,447; the steps are a reconstruction.

    Attributes
    ----------
    parts : tuple
        One of `PartTransform`, or its four fields, for each part that both systems show.
    """

    name: ClassVar[str] = "hedlund_morell"
    parts: tuple[PartTransform, ...] = ()

    def __post_init__(self) -> None:
        super(HedlundMorell, self).__post_init__()
        parts = tuple(PartTransform(**p) if isinstance(p, dict) else p for p in self.parts)
        object.__setattr__(self, "parts", parts)

    @classmethod
    def fit(cls, source: Colors, target: Colors, *, paired: bool = False) -> Self:
        """Fit the map that takes `source` to `target`; row by row where they are `paired`."""
        found = []
        for index in np.intersect1d(source.part, target.part):
            a, b = source.density[source.part == index], target.density[target.part == index]
            covariance = np.cov(a.T) + LEAST_STD**2 * np.eye(3)
            whitening = np.linalg.inv(np.linalg.cholesky(covariance))
            matrix, offset = _paired(a, b) if paired else moment_map(a, b, LEAST_STD)
            found.append(PartTransform(triple(a.mean(axis=0)), rows(whitening), rows(matrix), triple(offset)))
        return cls(source.white, target.white, tuple(found))

    def change(self, density: Planes) -> Planes:
        """Map optical densities, shape (H, W, 3)."""
        if not self.parts:
            return density
        mixed, weights = np.zeros_like(density), np.zeros((*density.shape[:2], 1), np.float32)
        for part in self.parts:
            away = transformed(density, part.whitening, -np.array(part.whitening) @ part.mean)
            squared = cv2.transform(away * away, np.ones((1, 3), np.float32)).reshape(weights.shape)
            weight = 1 / (squared + np.float32(NEAREST))
            weights += weight
            mixed += weight * transformed(density, part.matrix, part.offset)
        return np.asarray(mixed / weights, np.float32)


def _paired(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Fit by least squares, held to a plain shift along directions in which the part hardly varies."""
    shift = b.mean(axis=0) - a.mean(axis=0)
    draws = a.mean(axis=0) + np.concatenate([np.eye(3), -np.eye(3)]) * LEAST_STD * np.sqrt(3)
    weights = np.concatenate([np.full(len(a), 1 / len(a)), np.full(6, 1 / 6)])
    return least_squares(np.concatenate([a, draws]), np.concatenate([b, draws + shift]), weights)
