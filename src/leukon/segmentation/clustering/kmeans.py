"""Lloyd's k-means, from random rows or from the centres of fuzzy c-means."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leukon.segmentation.clustering.fuzzy import FuzzyClusters, settle
from leukon.segmentation.clustering.rows import Centres, Labels, Rows, nearest, order


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

    centres: Centres
    labels: Labels
    objective: tuple[float, ...]
    converged: bool
    start: FuzzyClusters | None = None

    @property
    def iterations(self) -> int:
        """How many times the centres were computed."""
        return len(self.objective)


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
    rows = Rows.of(features, clusters, weights)
    share = rows.weights / rows.weights.sum(dtype=np.float64)
    drawn = np.random.default_rng(seed).choice(len(share), clusters, replace=False, p=share)
    return _lloyd(rows, rows.columns[:-2, drawn].T.astype(np.float64), most_iterations)


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
    rows = Rows.of(features, clusters, weights)
    start = settle(rows, clusters, exponent, tolerance, seed, most_iterations)
    return _lloyd(rows, rows.scaled(start.centres), most_iterations, start)


def _lloyd(rows: Rows, centres: Centres, most: int, start: FuzzyClusters | None = None) -> Clusters:
    spread = float(rows.weights @ rows.columns[-1])
    distances = rows.distances(centres)
    labels = nearest(distances)
    numbers = np.arange(len(centres), dtype=labels.dtype)[:, None]
    objective: list[float] = []
    converged = False
    while not converged and len(objective) < most:
        members = np.equal(labels, numbers, out=distances)  # in the same memory, as 0 and 1
        sums, counts = rows.sums(members)
        centres = np.divide(sums, counts, out=centres.copy(), where=counts > 0)
        if not counts.all():
            # An empty cluster takes the row that adds most to the objective.
            costs = rows.weights * rows.distances(centres)[labels, np.arange(len(labels))]
            centres[counts.argmin()] = rows.columns[:-2, costs.argmax()]
        objective.append(max(0.0, spread - float((counts * centres**2).sum())) * rows.units)
        before, labels = labels, nearest(rows.distances(centres, out=distances))
        converged = bool(counts.all()) and np.array_equal(before, labels)
    by_sum = order(centres)
    labels = np.argsort(by_sum).astype(labels.dtype)[labels]
    return Clusters(rows.restored(centres[by_sum]), labels, tuple(objective), converged, start)
