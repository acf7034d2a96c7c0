"""Two classifiers on the same cells: whether their difference is more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

from leukon.errors import InputError
from leukon.evaluation.bootstrap import CONFIDENCE, RESAMPLES, resampled_weights
from leukon.evaluation.scores import Floats, checked, measures


@dataclass(frozen=True, slots=True)
class McNemar:
    """The exact test of McNemar.

    Attributes
    ----------
    only_first, only_second : int
        Cells that one of the two alone names rightly.
    p : float
        Two-sided probability of so uneven a split, were both equally good.
    """

    only_first: int
    only_second: int
    p: float


@dataclass(frozen=True, slots=True)
class Difference:
    """The second's score less the first's.

    Attributes
    ----------
    value, low, high : float or None
        With its 95 % limits; None where a score is undefined.
    p : float or None
        Two-sided bootstrap p value of no difference.
    """

    value: float | None
    low: float | None
    high: float | None
    p: float | None


def mcnemar(first_right: npt.NDArray[np.bool_], second_right: npt.NDArray[np.bool_]) -> McNemar:
    """Compare how many cells two classifiers name rightly (McNemar 1947, exact binomial).

    The cells count as independent; where several come from one subject, the test is too sure.

    Parameters
    ----------
    first_right, second_right : ndarray of bool, shape (N,)
        Whether each names the cell rightly.

    Examples
    --------
    Seven cells that the first alone names rightly, one that the second alone does:

    >>> first, second = np.array([1] * 7 + [0] + [1] * 90) > 0, np.array([0] * 7 + [1] + [1] * 90) > 0
    >>> round(mcnemar(first, second).p, 4)
    0.0703
    """
    if first_right.shape != second_right.shape:
        raise InputError(f"{len(first_right)} and {len(second_right)} cells cannot be paired")
    only_first = int((first_right & ~second_right).sum())
    only_second = int((~first_right & second_right).sum())
    tail = binom.cdf(min(only_first, only_second), only_first + only_second, 0.5)
    return McNemar(only_first, only_second, min(1.0, 2 * float(tail)))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Correct p values for their number (Holm 1979); in the order given.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    (0.03, 0.06, 0.06)
    """
    p = np.asarray(p_values, np.float64)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(stepped, 1)
    return tuple(corrected.tolist())


def paired_bootstrap(
    first: npt.NDArray[np.floating],
    second: npt.NDArray[np.floating],
    truth: npt.NDArray[np.integer],
    *,
    clusters: Sequence[str] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, tuple[Difference, ...]]:
    """Give the difference of every score, both classifiers on the same resamples.

    Resamples are drawn as in `leukon.evaluation.bootstrap.bootstrap`: whole clusters, stratified by class.

    Parameters
    ----------
    first, second : ndarray, shape (N, K)
        Probabilities of the two.
    truth : ndarray of int, shape (N,)
    clusters : sequence of str, optional
        The cluster of each cell; an empty name is a cluster of its own.
    resamples, seed : int

    Returns
    -------
    dict
        Per score of `leukon.evaluation.scores.measures` one difference, or one per class.
    """
    (p, t), (q, _) = checked(first, truth), checked(second, truth)
    drawn = [
        (measures(p, t, weights), measures(q, t, weights))
        for weights in resampled_weights(t, clusters=clusters, resamples=resamples, seed=seed)
    ]
    whole = np.ones((len(t), 1))
    return differences_of(
        (measures(p, t, whole), measures(q, t, whole)), [a for a, _ in drawn], [b for _, b in drawn]
    )


def differences_of(
    scores: tuple[dict[str, Floats], dict[str, Floats]],
    first: Sequence[dict[str, Floats]],
    second: Sequence[dict[str, Floats]],
) -> dict[str, tuple[Difference, ...]]:
    """Turn the measures of two classifiers over the same resamples into differences.

    Parameters
    ----------
    scores : two dicts
        Measures of all cells, each weighing one.
    first, second : sequence of dict
        Measures of the resamples, in parts.
    """
    found = {}
    for name in scores[0]:
        value = np.atleast_1d((scores[1][name] - scores[0][name])[0])
        draws = np.concatenate([b[name] - a[name] for a, b in zip(first, second, strict=True)])
        draws = draws.reshape(len(draws), -1)
        found[name] = tuple(_difference(float(v), draws[:, k]) for k, v in enumerate(value))
    return found


def _difference(value: float, draws: Floats) -> Difference:
    draws = draws[~np.isnan(draws)]
    if np.isnan(value) or not draws.size:
        return Difference(None, None, None, None)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(draws, (tail, 1 - tail))
    # Sums in another order differ in the last digits; that is no difference.
    below, above = int((draws <= 1e-12).sum()), int((draws >= -1e-12).sum())
    # The sample itself counts as one draw, so that p is never 0 (Davison and Hinkley 1997, chapter 4).
    p = min(1.0, 2 * (min(below, above) + 1) / (len(draws) + 1))
    return Difference(value, float(low), float(high), p)
