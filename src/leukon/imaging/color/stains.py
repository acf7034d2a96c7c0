"""Stains separated in optical density and exchanged for those of another system."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from leukon.errors import InputError
from leukon.imaging.color.fitted import DensityMatrix, rows
from leukon.imaging.color.look import Colors, Floats

STAINED = 0.15
EXTREME = 1.0
STRONG = 99.0
MOST_ALIKE = 0.985
GAIN_LIMITS = 0.25, 4.0
SPARSITY = 0.02
_LEAST_PIXELS = 50


@dataclass(frozen=True, slots=True)
class Macenko(DensityMatrix):
    """Exchange the two stains that lie at the extreme angles of the plane of most variance.

    Adapted to Romanowsky stains: the two are what dyes nuclei blue (azure on chromatin) and what is pink
    (eosin, haemoglobin); the plane goes through the empty background; the density that neither explains
    (haemoglobin absorbs blue, which eosin does not) is kept, scaled as the stains are. Both are measured over
    many images, since one cell has too few pixels to show two stains.
    Source: Macenko et al., "A method for normalizing histology slides for quantitative analysis", ISBI 2009.
    """

    name: ClassVar[str] = "macenko"

    @classmethod
    def fit(cls, source: Colors, target: Colors, *, paired: bool = False) -> Self:  # noqa: ARG003
        """Fit the map from the stains of `source` to those of `target`; pairs add nothing to these."""
        matrix = _exchange(
            _extreme_stains(_stained(source)), _extreme_stains(_stained(target)), source, target
        )
        return cls(source.white, target.white, rows(matrix))


@dataclass(frozen=True, slots=True)
class Vahadane(DensityMatrix):
    """Exchange the two stains that sparse non-negative matrix factorisation finds.

    Adapted to Romanowsky stains as `Macenko` is.
    Source: Vahadane et al., "Structure-preserving color normalization and sparse stain separation for
    histological images", IEEE TMI 35 (2016).
    """

    name: ClassVar[str] = "vahadane"

    @classmethod
    def fit(cls, source: Colors, target: Colors, *, paired: bool = False) -> Self:  # noqa: ARG003
        """Fit the map from the stains of `source` to those of `target`; pairs add nothing to these."""
        matrix = _exchange(_sparse_stains(_stained(source)), _sparse_stains(_stained(target)), source, target)
        return cls(source.white, target.white, rows(matrix))


def _stained(colors: Colors) -> Floats:
    density = colors.density[colors.density.sum(axis=1) > STAINED]
    if len(density) < _LEAST_PIXELS:
        raise InputError("cannot separate stains: hardly anything is stained; give images of stained cells")
    return np.asarray(density, np.float64)


def _extreme_stains(density: Floats) -> Floats:
    """Return the two stains, shape (2, 3), of length 1, the bluer first."""
    _, vectors = np.linalg.eigh(density.T @ density)
    plane = vectors[:, :0:-1]
    plane *= np.where(plane.sum(axis=0) < 0, -1, 1)
    x, y = (density @ plane).T
    angle = np.percentile(np.arctan2(y, x), [EXTREME, 100 - EXTREME])
    return _ordered(np.stack([np.cos(angle), np.sin(angle)], axis=1) @ plane.T)


def _sparse_stains(density: Floats) -> Floats:
    """Return the two stains, shape (2, 3), of length 1, the bluer first."""
    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning

    model = NMF(2, init="nndsvda", alpha_W=SPARSITY, alpha_H=0.0, l1_ratio=1.0, max_iter=300, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(np.maximum(density, 0))
    return _ordered(model.components_)


def _ordered(stains: Floats) -> Floats:
    stains = np.maximum(stains, 0)
    length = np.linalg.norm(stains, axis=1, keepdims=True)
    if not (length > 0).all():
        raise InputError("cannot separate stains: the smear shows one stain alone; use another method")
    stains = stains / length
    if stains[0] @ stains[1] > MOST_ALIKE:
        raise InputError("cannot separate stains: the two are nearly alike; use another method")
    bluer = np.argsort(stains[:, 2] - stains[:, 0])  # a blue stain takes red light and leaves blue
    return np.asarray(stains[bluer], np.float64)


def _exchange(a: Floats, b: Floats, source: Colors, target: Colors) -> Floats:
    """Return the matrix that replaces stains `a` by `b`, as strong at the strongest pixels."""
    unmix_a, unmix_b = np.linalg.pinv(a.T), np.linalg.pinv(b.T)
    strongest = [
        np.percentile(colors.density @ unmix.T, STRONG, axis=0)
        for colors, unmix in ((source, unmix_a), (target, unmix_b))
    ]
    gain = np.clip(strongest[1] / np.maximum(strongest[0], 1e-3), *GAIN_LIMITS)
    rest = np.eye(3) - a.T @ unmix_a
    return np.asarray(b.T @ np.diag(gain) @ unmix_a + np.sqrt(gain.prod()) * rest, np.float64)
