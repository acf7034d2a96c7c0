"""Weighted rows of numbers, and what clustering asks of them: distances, the nearest, a sketch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from leukon.errors import InputError

Floats = npt.NDArray[np.floating[Any]]
Centres = npt.NDArray[np.float64]
Labels = npt.NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True, eq=False, slots=True)
class Rows:
    """Rows moved and scaled into -1…1, so that squares neither overflow nor cancel; weights that sum to 1.

    Attributes
    ----------
    columns : ndarray, shape (D + 2, N)
        ``x, 1, ‖x‖²``: one matrix product gives all distances.
    weighted : ndarray, shape (D + 1, N)
        ``w·x, w``: one matrix product gives all sums and counts.
    middle : ndarray, shape (D,)
    scale : float
        The features are ``x·scale + middle``.
    units : float
        Brings a weighted sum of squares into the features' units.
    """

    columns: Floats
    weighted: Floats
    middle: Centres
    scale: float
    units: float

    @classmethod
    def of(cls, features: npt.ArrayLike, clusters: int, weights: npt.ArrayLike | None) -> Rows:
        """Check and scale `features`, shape (N, D).

        Raises
        ------
        InputError
            If they cannot make so many clusters.
        """
        x = np.asarray(features)
        x = x if x.dtype == np.float32 else x.astype(np.float64)
        w = np.ones(x.shape[:1]) if weights is None else np.array(weights, np.float64)
        _check(x, clusters, w)
        total = float(w.sum())
        w /= total
        middle = w @ x
        columns = np.ones((x.shape[1] + 2, len(x)), x.dtype)
        np.subtract(x.T, middle[:, None], out=columns[:-2], casting="same_kind")
        scale = float(np.abs(columns[:-2]).max()) or 1.0
        columns[:-2] /= scale
        np.einsum("dn,dn->n", columns[:-2], columns[:-2], out=columns[-1])
        return cls(columns, columns[:-1] * w.astype(x.dtype), middle, scale, total * scale * scale)

    @property
    def weights(self) -> Floats:
        """Shape (N,); they sum to 1."""
        return np.asarray(self.weighted[-1])

    def distances(self, centres: Centres, out: Floats | None = None) -> Floats:
        """Return the squared distances to `centres`, shape (K, N); rounding may leave them just below 0."""
        left = np.column_stack([-2 * centres, (centres**2).sum(axis=1), np.ones(len(centres))])
        return np.matmul(left.astype(self.columns.dtype), self.columns, out=out)

    def sums(self, shares: Floats) -> tuple[Centres, Centres]:
        """Return the weighted sums of rows, (K, D), and of weights, (K, 1), for `shares`, shape (K, N)."""
        sums = (shares @ self.weighted.T).astype(np.float64)
        return sums[:, :-1], sums[:, -1:]

    def scaled(self, centres: Centres) -> Centres:
        """Return `centres` of the features as these rows are scaled."""
        return (centres - self.middle) / self.scale

    def restored(self, centres: Centres) -> Centres:
        """Return `centres` in the features' units."""
        return centres * self.scale + self.middle

    def sketch(self, size: int) -> Rows:
        """Return `size` rows that stand for all, or all where they are fewer.

        They are drawn evenly by the square root of the weights, and weigh the root: so the one colour of an
        empty background leaves room for others.
        """
        if len(self.weights) <= size:
            return self
        roots = np.sqrt(self.weights)
        reach = np.cumsum(roots, dtype=np.float64)
        at = np.searchsorted(reach, (np.arange(size) + 0.5) / size * reach[-1])
        columns, weights = self.columns[:, at], roots[at]
        return replace(self, columns=columns, weighted=columns[:-1] * (weights / weights.sum()))


def nearest(distances: Floats) -> Labels:
    """Return the row of the least value in each column of `distances`, shape (K, N); the first of equals.

    Several times as fast as numpy's argmin over few rows.
    """
    labels: Labels = np.zeros(distances.shape[1], np.min_scalar_type(len(distances) - 1))
    least = distances[0].copy()
    for k, distance in enumerate(distances[1:], start=1):
        np.copyto(labels, k, where=distance < least)
        np.minimum(least, distance, out=least)
    return labels


def order(centres: Centres) -> npt.NDArray[np.intp]:
    """Return the order by ascending sum: of colours, the darkest first."""
    return np.lexsort((*centres.T, centres.sum(axis=1)))


def _check(x: Floats, clusters: int, weights: Floats) -> None:
    if x.ndim != 2 or not x.size:
        raise InputError(f"features have the shape {x.shape}: give rows of numbers, (N, D), at least one")
    if not np.isfinite(x).all():
        raise InputError("features hold values that are not finite: drop the rows with NaN or infinity")
    if weights.shape != x.shape[:1]:
        raise InputError(f"weights have the shape {weights.shape}: give one for each of the {len(x)} rows")
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise InputError("weights must be finite, 0 or more, and not all 0")
    if clusters < 1:
        raise InputError(f"cannot make {clusters} clusters: ask for at least 1")
    # Mostly the first rows hold enough distinct ones.
    rows = x if weights.all() else x[weights > 0]
    for head in (rows[: 8 * clusters], rows):
        if (distinct := len(np.unique(head, axis=0))) >= clusters:
            return
    raise InputError(f"cannot make {clusters} clusters of {distinct} distinct rows: ask for fewer")
