"""Bootstrap intervals of every score."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leukon.errors import InputError
from leukon.evaluation.scores import Floats, checked, measures

RESAMPLES = 2000
CONFIDENCE = 0.95
_CHUNK = 128  # resamples at a time: bounds memory and keeps the weights in cache


@dataclass(frozen=True, slots=True)
class Interval:
    """Confidence limits."""

    low: float
    high: float


Intervals = dict[str, tuple[Interval | None, ...]]
"""Per score of `leukon.evaluation.scores.measures`: one interval, or one per class."""


def bootstrap(
    probabilities: npt.NDArray[np.floating],
    truth: npt.NDArray[np.integer],
    *,
    clusters: Sequence[str] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Intervals:
    """Give 95 % percentile intervals of every score.

    Cells of one cluster (one subject, one set of near duplicates) are drawn together, since they are not
    independent. Where each cluster holds one class, as without clusters, draws keep the number of
    clusters per class; otherwise clusters are drawn from all, and a score counts over the draws in which
    it is defined.

    A sample without an error resamples to itself and would give an interval of no width. There the shares
    of cells (accuracy, and precision, recall, specificity per class) take the exact Clopper–Pearson limits
    of n out of n, n the clusters (fewer than the cells) that they rest on; any other score has none.

    Parameters
    ----------
    probabilities : ndarray, shape (N, K)
    truth : ndarray of int, shape (N,)
    clusters : sequence of str, optional
        The cluster of each cell; an empty name is a cluster of its own.
    resamples : int
        Number of resamples.
    seed : int
        Seed of the draws.

    Returns
    -------
    dict
        For each score one interval, or one per class; None where there is none.

    References
    ----------
    Efron, Tibshirani: An Introduction to the Bootstrap (1993), chapter 13.
    """
    p, t = checked(probabilities, truth)
    drawn = resampled_weights(t, clusters=clusters, resamples=resamples, seed=seed)
    return intervals_of([measures(p, t, weights) for weights in drawn], p, t, clusters=clusters)


def resampled_weights(
    truth: npt.NDArray[np.int64], *, clusters: Sequence[str] | None, resamples: int, seed: int
) -> Iterator[Floats]:
    """Draw the resamples of `bootstrap`: how often each cell comes, in parts of shape (N, some)."""
    owner = _owners(clusters, len(truth))
    strata = _strata(owner, truth)
    rng = np.random.default_rng(seed)
    for start in range(0, resamples, _CHUNK):
        yield _draw(strata, min(_CHUNK, resamples - start), rng)[owner]


def intervals_of(
    parts: Sequence[dict[str, Floats]],
    p: Floats,
    t: npt.NDArray[np.int64],
    *,
    clusters: Sequence[str] | None,
) -> Intervals:
    """Turn the measures of all resamples into the intervals of `bootstrap`."""
    exact = _exact(p, t, _owners(clusters, len(t)))
    result: Intervals = {}
    for name in parts[0]:
        draws = np.concatenate([part[name] for part in parts])
        draws = draws.reshape(len(draws), -1)
        stand_in = exact.get(name, (None,) * draws.shape[1])
        result[name] = tuple(_interval(draws[:, k]) or stand_in[k] for k in range(draws.shape[1]))
    return result


def _owners(clusters: Sequence[str] | None, count: int) -> npt.NDArray[np.int64]:
    """Number of the cluster of each cell."""
    if clusters is None:
        return np.arange(count)
    if len(clusters) != count:
        raise InputError(f"{len(clusters)} clusters do not fit {count} cells")
    keys = [(name, -1) if name else ("", i) for i, name in enumerate(clusters)]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return np.array([numbers[key] for key in keys], np.int64)


def _strata(owner: npt.NDArray[np.int64], truth: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    """Clusters that are drawn among themselves."""
    label = np.zeros(owner.max() + 1, np.int64)
    label[owner] = truth
    if (label[owner] != truth).any():
        return [np.arange(len(label))]
    return [np.flatnonzero(label == k) for k in np.unique(label)]


def _draw(strata: list[npt.NDArray[np.int64]], resamples: int, rng: np.random.Generator) -> Floats:
    """Draw with replacement: how often each cluster comes, shape (clusters, resamples)."""
    drawn = np.empty((sum(map(len, strata)), resamples))
    for members in strata:
        n = len(members)
        picks = rng.integers(0, n, (n, resamples)) * resamples + np.arange(resamples)
        drawn[members] = np.bincount(picks.ravel(), minlength=n * resamples).reshape(n, resamples)
    return drawn


def _interval(draws: Floats) -> Interval | None:
    draws = draws[~np.isnan(draws)]
    if not draws.size or np.ptp(draws) < 1e-12:
        return None
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(draws, (tail, 1 - tail))
    return Interval(float(low), float(high))


def _exact(
    p: Floats, truth: npt.NDArray[np.int64], owner: npt.NDArray[np.int64]
) -> dict[str, tuple[Interval | None, ...]]:
    """Clopper–Pearson limits of the shares that are 0 or 1."""
    predicted = p.argmax(axis=1)
    right = predicted == truth

    def share(among: npt.NDArray[np.bool_], good: npt.NDArray[np.bool_]) -> Interval | None:
        n, hits = len(np.unique(owner[among])), int((among & good).sum())
        if not n or 0 < hits < among.sum():
            return None
        limit = ((1 - CONFIDENCE) / 2) ** (1 / n)
        return Interval(limit, 1.0) if hits else Interval(0.0, 1 - limit)

    classes = range(p.shape[1])
    return {
        "accuracy": (share(np.ones_like(right), right),),
        "precision": tuple(share(predicted == k, right) for k in classes),
        "recall": tuple(share(truth == k, right) for k in classes),
        "specificity": tuple(share(truth != k, predicted != k) for k in classes),
    }
