"""Fuzzy c-means, k-means, and EK-means, which starts k-means where fuzzy c-means ends.

Of any features, with weights: a colour that a thousand pixels share is one row of weight 1000. float32
features are computed with in float32, all others in float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leukon.errors import InputError

Floats = npt.NDArray[np.floating[Any]]
Labels = npt.NDArray[np.unsignedinteger[Any]]

MOST_EXPONENT = 10.0  # beyond it the powers of memberships underflow


@dataclass(frozen=True, eq=False, slots=True)
class FuzzyClusters:
    """What fuzzy c-means found; every row belongs to every cluster to some degree.

    Attributes
    ----------
    centres : ndarray, shape (K, D)
        In the features' units, by ascending sum of features: of colours, the darkest first.
    memberships : ndarray, shape (N, K)
        0…1; rows sum to 1.
    objective : tuple of float
        ``Σ w·u^m·‖x − v‖²`` after each iteration.
    converged : bool
        Whether it stopped because nothing moved any more.
    """

    centres: npt.NDArray[np.float64]
    memberships: Floats
    objective: tuple[float, ...]
    converged: bool

    @property
    def iterations(self) -> int:
        """How many times the centres were computed."""
        return len(self.objective)

    @property
    def labels(self) -> Labels:
        """The cluster of greatest membership, shape (N,)."""
        return nearest(self.memberships.T)


@dataclass(frozen=True, eq=False, slots=True)
class Clusters:
    """What k-means found; every row belongs to the nearest centre.

    Attributes
    ----------
    centres : ndarray, shape (K, D)
        In the features' units, by ascending sum of features: of colours, the darkest first.
    labels : ndarray of unsigned integers, shape (N,)
        Index of the nearest centre.
    objective : tuple of float
        ``Σ w·‖x − v‖²`` after each iteration.
    converged : bool
        Whether it stopped because no row changed its cluster.
    start : FuzzyClusters or None
        Where EK-means started from.
    """

    centres: npt.NDArray[np.float64]
    labels: Labels
    objective: tuple[float, ...]
    converged: bool
    start: FuzzyClusters | None = None

    @property
    def iterations(self) -> int:
        """How many times the centres were computed."""
        return len(self.objective)


def fuzzy_cmeans(
    features: npt.ArrayLike,
    clusters: int,
    *,
    weights: npt.ArrayLike | None = None,
    exponent: float = 2.0,
    tolerance: float = 1e-3,
    seed: int = 0,
    most_iterations: int = 1000,
) -> FuzzyClusters:
    """Cluster by fuzzy c-means from random memberships.

    Parameters
    ----------
    features : array_like, shape (N, D)
        Finite.
    clusters : int
        At most as many as there are distinct rows.
    weights : array_like, shape (N,), optional
        How often each row counts, 0 or more; all 1 by default.
    exponent : float
        ``m`` of the publication, above 1: the greater, the softer.
    tolerance : float
        It stops once no membership changes by this much.
    seed : int
        Of the first memberships.
    most_iterations : int
        It stops after these at the latest.

    Raises
    ------
    InputError
        If the features or the weights cannot be clustered so.

    Notes
    -----
    Source: steps 2–4 of the EK-means publication (Bezdek 1981). Its print lost the exponent of the
    tolerance and the kind of norm: 1e-3 and the largest change are reconstructions, which unlike a sum
    over rows mean the same for few rows and many.
    """
    return _Rows(features, clusters, weights).fuzzy(exponent, tolerance, seed, most_iterations)


def k_means(
    features: npt.ArrayLike,
    clusters: int,
    *,
    weights: npt.ArrayLike | None = None,
    seed: int = 0,
    most_iterations: int = 1000,
) -> Clusters:
    """Cluster by Lloyd's k-means from random rows, until no row changes its cluster.

    Parameters
    ----------
    features, clusters, weights, most_iterations
        As in `fuzzy_cmeans`.
    seed : int
        Of the rows that are the first centres, drawn in proportion to their weights.

    Raises
    ------
    InputError
        If the features or the weights cannot be clustered so.
    """
    rows = _Rows(features, clusters, weights)
    return rows.lloyd(rows.random_centres(seed), most_iterations)


def ek_means(
    features: npt.ArrayLike,
    clusters: int,
    *,
    weights: npt.ArrayLike | None = None,
    exponent: float = 2.0,
    tolerance: float = 1e-3,
    seed: int = 0,
    most_iterations: int = 1000,
) -> Clusters:
    """Cluster by EK-means: Lloyd's k-means from the centres of fuzzy c-means.

    Parameters
    ----------
    features, clusters, weights, exponent, tolerance, seed
        As in `fuzzy_cmeans`.
    most_iterations : int
        Of either part.

    Raises
    ------
    InputError
        If the features or the weights cannot be clustered so.

    Notes
    -----
    Source: the EK-means publication; its purpose is a result that does not depend on the random start.
    """
    rows = _Rows(features, clusters, weights)
    start = rows.fuzzy(exponent, tolerance, seed, most_iterations)
    return rows.lloyd(rows.scaled(start.centres), most_iterations, start)


def memberships(
    features: npt.ArrayLike, centres: npt.ArrayLike, *, exponent: float = 2.0
) -> npt.NDArray[np.float64]:
    """Return how far each row belongs to each of `centres`.

    Parameters
    ----------
    features : array_like, shape (N, D)
    centres : array_like, shape (K, D)
    exponent : float
        Above 1.

    Returns
    -------
    ndarray, shape (N, K)
        ``1 / Σ_j (‖x − v_i‖ / ‖x − v_j‖)^(2 / (m − 1))``, which sum to 1 over the centres.
    """
    x, v = np.asarray(features, np.float64), np.asarray(centres, np.float64)
    distances = np.maximum(((x - v[:, None]) ** 2).sum(axis=2), np.finfo(np.float64).tiny)
    _belong(distances, exponent)
    return np.ascontiguousarray(distances.T)


class _Rows:
    """The rows, moved and scaled into -1…1 so that squares neither overflow nor cancel."""

    def __init__(self, features: npt.ArrayLike, clusters: int, weights: npt.ArrayLike | None) -> None:
        x = np.asarray(features)
        x = x if x.dtype == np.float32 else x.astype(np.float64)
        w = np.ones(len(x), x.dtype) if weights is None else np.asarray(weights, x.dtype)
        _check(x, clusters, w)
        self.clusters, self.weights = clusters, w
        self.middle = np.average(x, axis=0, weights=w.astype(np.float64))
        x = x - self.middle.astype(x.dtype)
        self.scale = float(np.abs(x).max()) or 1.0
        x /= x.dtype.type(self.scale)
        # Columns x, 1, ‖x‖²: one matrix product gives sums and counts, another all distances.
        self.columns = np.concatenate([x, np.ones_like(x[:, :1]), (x * x).sum(1, keepdims=True)], axis=1)

    def scaled(self, centres: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return (centres - self.middle) / self.scale

    def unscaled(self, centres: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return centres * self.scale + self.middle

    def random_centres(self, seed: int) -> npt.NDArray[np.float64]:
        share = self.weights / self.weights.sum(dtype=np.float64)
        rows = np.random.default_rng(seed).choice(len(share), self.clusters, replace=False, p=share)
        return self.columns[rows, :-2].astype(np.float64)

    def distances(self, centres: npt.NDArray[np.float64], out: Floats | None = None) -> Floats:
        """Return the squared distances, shape (K, N); rounding may leave them just below 0."""
        left = np.column_stack([-2 * centres, (centres**2).sum(axis=1), np.ones(len(centres))])
        return np.matmul(left.astype(self.columns.dtype), self.columns.T, out=out)

    def fuzzy(self, exponent: float, tolerance: float, seed: int, most: int) -> FuzzyClusters:
        if not 1 < exponent <= MOST_EXPONENT:
            raise InputError(
                f"the exponent of fuzzy c-means is {exponent}: give one above 1 and at most {MOST_EXPONENT}"
            )
        w, dtype = self.weights, self.columns.dtype
        u = np.random.default_rng(seed).random((self.clusters, len(w)), np.dtype(dtype).type)
        u /= u.sum(axis=0)
        before = np.empty_like(u)
        objective: list[float] = []
        converged = False
        while not converged and len(objective) < most:
            before, u = u, before
            np.copyto(u, before)
            u **= exponent
            u *= w
            sums = (u @ self.columns[:, :-1]).astype(np.float64)
            centres = sums[:, :-1] / sums[:, -1:]
            self.distances(centres, out=u)
            np.maximum(u, np.finfo(dtype).eps, out=u)
            objective.append(float(w @ _belong(u, exponent)) * self.scale**2)
            before -= u
            converged = bool(max(before.max(), -before.min()) < tolerance)
        order = _order(centres)
        fuzzy = np.ascontiguousarray(u[order].T)
        return FuzzyClusters(self.unscaled(centres[order]), fuzzy, tuple(objective), converged)

    def lloyd(
        self, centres: npt.NDArray[np.float64], most: int, start: FuzzyClusters | None = None
    ) -> Clusters:
        weighted = self.columns * self.weights[:, None]
        spread = float(weighted[:, -1].sum(dtype=np.float64))
        labels, numbers = nearest(-self.distances(centres)), np.arange(self.clusters)[:, None]
        objective: list[float] = []
        converged = False
        while not converged and len(objective) < most:
            sums = ((labels == numbers).astype(weighted.dtype) @ weighted[:, :-1]).astype(np.float64)
            counts = sums[:, -1:]
            centres = np.divide(sums[:, :-1], counts, out=centres.copy(), where=counts > 0)
            if not counts.all():
                # An empty cluster takes the row that adds most to the objective.
                costs = self.weights * self.distances(centres)[labels, np.arange(len(labels))]
                centres[counts.argmin()] = self.columns[costs.argmax(), :-2]
            objective.append(max(0.0, spread - float((counts * centres**2).sum())) * self.scale**2)
            before, labels = labels, nearest(-self.distances(centres))
            converged = bool(counts.all()) and np.array_equal(before, labels)
        order = _order(centres)
        sorted_labels = np.argsort(order).astype(labels.dtype)[labels]
        return Clusters(self.unscaled(centres[order]), sorted_labels, tuple(objective), converged, start)


def nearest(scores: Floats) -> Labels:
    """Return the row of the greatest score in each column of `scores`, shape (K, N); the first of equals.

    Several times as fast as numpy's argmax over few rows.
    """
    labels: Labels = np.zeros(scores.shape[1], np.min_scalar_type(len(scores) - 1))
    best = scores[0].copy()
    for k, score in enumerate(scores[1:], start=1):
        np.copyto(labels, k, where=score > best)
        np.maximum(best, score, out=best)
    return labels


def _belong(distances: Floats, exponent: float) -> Floats:
    """Turn squared distances above 0, shape (K, N), into memberships; return each row's share of the objective."""
    least = distances.min(axis=0)
    np.divide(least, distances, out=distances)
    distances **= 1 / (exponent - 1)
    total = distances.sum(axis=0)
    distances /= total
    return np.asarray(least * total ** (1 - exponent))


def _order(centres: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
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
