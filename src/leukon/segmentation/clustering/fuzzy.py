"""Fuzzy c-means."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leukon.errors import InputError
from leukon.segmentation.clustering.rows import Centres, Floats, Labels, Rows, nearest, order

STARTS = 32
START_ROWS = 128
START_ITERATIONS = 12
SKETCH_ROWS = 2048
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
        ``Σ w·u^m·‖x − v‖²`` after each iteration over all rows.
    converged : bool
        Whether it stopped because nothing moved any more.
    """

    centres: Centres
    memberships: Floats
    objective: tuple[float, ...]
    converged: bool

    @property
    def iterations(self) -> int:
        """How many times the centres of all rows were computed."""
        return len(self.objective)

    @property
    def labels(self) -> Labels:
        """The cluster of greatest membership, shape (N,)."""
        return nearest(-self.memberships.T)


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
        ``m`` of the publication, above 1 and at most 10: the greater, the softer.
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

    Fuzzy c-means has several ends, and which of them a random start leads to depends on the seed. So 32
    starts run side by side on 128 rows that stand for all; the best goes on with 2048, then with all rows.
    """
    rows = Rows.of(features, clusters, weights)
    return settle(rows, clusters, exponent, tolerance, seed, most_iterations)


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
    return np.ascontiguousarray(_belong(distances, exponent)[0].T)


def settle(
    rows: Rows, clusters: int, exponent: float, tolerance: float, seed: int, most: int
) -> FuzzyClusters:
    """Run fuzzy c-means on `rows`; see `fuzzy_cmeans`."""
    if not 1 < exponent <= MOST_EXPONENT:
        raise InputError(
            f"the exponent of fuzzy c-means is {exponent}: give one above 1 and at most {MOST_EXPONENT:g}"
        )
    if most < 1:
        raise InputError(f"fuzzy c-means cannot run {most} iterations: allow at least 1")
    few = rows.sketch(START_ROWS)
    shape = STARTS, clusters, len(few.weights)
    u = np.random.default_rng(seed).random(shape, few.weights.dtype.type)
    u /= u.sum(axis=1, keepdims=True)
    centres, _, objective, _ = _alternate(few, u, exponent, tolerance, min(most, START_ITERATIONS))
    best = centres[[objective[-1].argmin()]]
    for level in dict.fromkeys((rows.sketch(SKETCH_ROWS), rows)):
        u, _ = _update(level, best, exponent)
        best, u, objective, converged = _alternate(level, u, exponent, tolerance, most)
    by_sum = order(best[0])
    return FuzzyClusters(
        rows.restored(best[0, by_sum]),
        np.ascontiguousarray(u[0, by_sum].T),
        tuple(float(cost[0]) * rows.units for cost in objective),
        converged,
    )


def _alternate(
    rows: Rows, u: Floats, exponent: float, tolerance: float, most: int
) -> tuple[Centres, Floats, list[Floats], bool]:
    """Compute centres and memberships `u`, shape (S, K, N), in turn, from S starts side by side."""
    starts, clusters, n = u.shape
    objective: list[Floats] = []
    converged = False
    spare = np.empty_like(u)
    while not converged and len(objective) < most:
        np.copyto(spare, u)
        spare **= exponent
        sums, counts = rows.sums(spare.reshape(-1, n))
        centres = (sums / counts).reshape(starts, clusters, -1)
        before = u
        u, cost = _update(rows, centres, exponent, spare)
        objective.append(cost)
        before -= u
        converged = bool(max(before.max(), -before.min()) < tolerance)
        spare = before
    return centres, u, objective, converged


def _update(
    rows: Rows, centres: Centres, exponent: float, out: Floats | None = None
) -> tuple[Floats, Floats]:
    """Return the memberships, shape (S, K, N), and the objective of each start, for centres (S, K, D)."""
    starts, clusters, features = centres.shape
    flat = None if out is None else out.reshape(starts * clusters, -1)
    distances = rows.distances(centres.reshape(-1, features), out=flat)
    np.maximum(distances, np.finfo(distances.dtype).eps, out=distances)
    u, costs = _belong(distances.reshape(starts, clusters, -1), exponent)
    return u, costs @ rows.weights


def _belong(distances: Floats, exponent: float) -> tuple[Floats, Floats]:
    """Turn squared distances above 0, shape (…, K, N), into memberships, and their costs, shape (…, N)."""
    least = distances.min(axis=-2, keepdims=True)
    np.divide(least, distances, out=distances)
    if exponent != 2:
        distances **= 1 / (exponent - 1)
    total = distances.sum(axis=-2, keepdims=True)
    distances /= total
    return distances, (least * total ** (1 - exponent))[..., 0, :]
