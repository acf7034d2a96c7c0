"""Scores of a classifier on labelled cells.

===================  =====================================================================
score                where it is undefined
===================  =====================================================================
recall, AUROC        None for a class that the truth does not hold
precision, F1        None for a class neither in the truth nor predicted; a class that is in the
                     truth but never predicted has precision 0
specificity, AUROC   None for a class that is all of the truth
macro, weighted      mean over the classes in the truth whose score is defined, each counting once
                     or by its support
===================  =====================================================================

`measures` computes all of them for many weightings of the cells at once: with weights of one these are
the scores, with the weights of resampling their bootstrap distribution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leukon.errors import InputError

Floats = npt.NDArray[np.float64]

CALIBRATION_BINS = 15
"""Equal bins of confidence in the expected calibration error (Guo et al. 2017)."""

SMALLEST_PROBABILITY = 1e-7
"""Floor under the logarithm, about the resolution of float32: one certain error costs at most 16.1."""

RATES = ("precision", "recall", "specificity", "f1", "auroc")
"""The scores that each class has, and their averages."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Scores of one class, or averages over the classes: 0…1, None where undefined.

    Attributes
    ----------
    precision, recall, specificity, f1 : float or None
        Of the most probable class.
    auroc : float or None
        Area under the receiver operating characteristic, this class against the rest.
    """

    precision: float | None
    recall: float | None
    specificity: float | None
    f1: float | None
    auroc: float | None


@dataclass(frozen=True, eq=False, slots=True)
class Scores:
    """How well probabilities fit the truth.

    Attributes
    ----------
    names : tuple of str
        The classes.
    confusion : ndarray of int64, shape (K, K)
        Cells by true class (rows) and predicted class (columns).
    accuracy, balanced_accuracy : float
        Share of right cells; mean recall of the classes in the truth.
    expected_calibration_error : float
        Mean distance of confidence and accuracy over `CALIBRATION_BINS` bins, 0…1.
    negative_log_likelihood : float
        Mean of −ln p(truth), p no smaller than `SMALLEST_PROBABILITY`.
    brier : float
        Mean squared distance from the one-hot truth, summed over the classes, 0…2.
    classes : tuple of Rates
        One per class, in the order of `names`.
    macro, weighted : Rates
        Averages over the classes in the truth: each once, or by its support.
    """

    names: tuple[str, ...]
    confusion: npt.NDArray[np.int64]
    accuracy: float
    balanced_accuracy: float
    expected_calibration_error: float
    negative_log_likelihood: float
    brier: float
    classes: tuple[Rates, ...]
    macro: Rates
    weighted: Rates

    @property
    def support(self) -> tuple[int, ...]:
        """True cells per class."""
        return tuple(int(n) for n in self.confusion.sum(axis=1))

    @property
    def count(self) -> int:
        """Cells in all."""
        return int(self.confusion.sum())


def score(
    probabilities: npt.NDArray[np.floating], truth: npt.NDArray[np.integer], names: Sequence[str]
) -> Scores:
    """Score `probabilities` against `truth`; the predicted class is the first most probable one.

    Parameters
    ----------
    probabilities : ndarray, shape (N, K)
        Each row sums to 1.
    truth : ndarray of int, shape (N,)
        True classes, positions in `names`.
    names : sequence of str
        The K classes.

    Raises
    ------
    InputError
        If there is no cell, or the shapes or values do not fit.

    Examples
    --------
    >>> scores = score(np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]]), np.array([0, 1, 1]), ["a", "b"])
    >>> scores.balanced_accuracy, scores.classes[1].precision
    (0.75, 1.0)
    """
    p, t = checked(probabilities, truth)
    if p.shape[1] != len(names):
        raise InputError(f"{p.shape[1]} columns of probabilities do not fit {len(names)} classes")
    found = {name: values[0] for name, values in measures(p, t, np.ones((len(t), 1))).items()}

    def rates(prefix: str, index: int | None = None) -> Rates:
        values = (found[prefix + rate] if index is None else found[rate][index] for rate in RATES)
        return Rates(*(None if np.isnan(value) else float(value) for value in values))

    return Scores(
        names=tuple(names),
        confusion=confusion_matrix(p.argmax(axis=1), t, len(names)),
        accuracy=float(found["accuracy"]),
        balanced_accuracy=float(found["balanced_accuracy"]),
        expected_calibration_error=float(found["expected_calibration_error"]),
        negative_log_likelihood=float(found["negative_log_likelihood"]),
        brier=float(found["brier"]),
        classes=tuple(rates("", k) for k in range(len(names))),
        macro=rates("macro_"),
        weighted=rates("weighted_"),
    )


def checked(
    probabilities: npt.NDArray[np.floating], truth: npt.NDArray[np.integer]
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Return the arguments of `score` as float64 and int64, or raise `InputError`."""
    p, t = np.asarray(probabilities, np.float64), np.asarray(truth, np.int64)
    if p.ndim != 2 or t.shape != p.shape[:1] or not p.size:
        raise InputError(
            f"cannot score probabilities {p.shape} against truth {t.shape}: need (N, K) and (N,)"
        )
    if not (np.isfinite(p).all() and p.min() >= 0 and np.abs(p.sum(axis=1) - 1).max() < 1e-3):
        raise InputError("cannot score: each row of probabilities must be positive and sum to 1")
    if t.min() < 0 or t.max() >= p.shape[1]:
        raise InputError(f"cannot score: truth must lie in 0…{p.shape[1] - 1}, not {t.min()}…{t.max()}")
    return p, t


def confusion_matrix(
    predicted: npt.NDArray[np.int64], truth: npt.NDArray[np.int64], classes: int
) -> npt.NDArray[np.int64]:
    """Count cells by truth (rows) and prediction (columns): shape (K, K)."""
    return np.bincount(truth * classes + predicted, minlength=classes**2).reshape(classes, classes)


def measures(probabilities: Floats, truth: npt.NDArray[np.int64], weights: Floats) -> dict[str, Floats]:
    """Compute every score under each of B weightings of the N cells; NaN where undefined.

    Parameters
    ----------
    probabilities : ndarray of float64, shape (N, K)
    truth : ndarray of int64, shape (N,)
    weights : ndarray of float64, shape (N, B)
        How often each cell counts.

    Returns
    -------
    dict
        Arrays of shape (B,), and (B, K) for the scores per class named in `RATES`.
    """
    classes = probabilities.shape[1]
    rows = np.arange(len(truth))
    predicted = probabilities.argmax(axis=1)
    confidence = probabilities[rows, predicted]
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    overconfidence = np.zeros((len(truth), CALIBRATION_BINS))
    overconfidence[rows, bins] = confidence - (predicted == truth)
    squares = ((probabilities - np.eye(classes)[truth]) ** 2).sum(axis=1)
    surprise = -np.log(np.maximum(probabilities[rows, truth], SMALLEST_PROBABILITY))

    pairs = np.eye(classes**2)[truth * classes + predicted]
    confusion = (weights.T @ pairs).reshape(-1, classes, classes)
    total = confusion.sum(axis=(1, 2))
    support, guessed = confusion.sum(axis=2), confusion.sum(axis=1)
    hits = np.diagonal(confusion, axis1=1, axis2=2)
    misses, false_alarms = support - hits, guessed - hits
    rest = total[:, None] - support
    with np.errstate(invalid="ignore", divide="ignore"):
        per_class = {
            "precision": np.where((guessed == 0) & (support > 0), 0.0, hits / guessed),
            "recall": hits / support,
            "specificity": (rest - false_alarms) / rest,
            "f1": 2 * hits / (2 * hits + misses + false_alarms),
            "auroc": _auroc(probabilities, truth, weights),
        }
    result = {
        "accuracy": hits.sum(axis=1) / total,
        "balanced_accuracy": _mean(per_class["recall"], (support > 0).astype(np.float64)),
        "expected_calibration_error": np.abs(weights.T @ overconfidence).sum(axis=1) / total,
        "negative_log_likelihood": surprise @ weights / total,
        "brier": squares @ weights / total,
    }
    for name, values in per_class.items():
        result[f"macro_{name}"] = _mean(values, (support > 0).astype(np.float64))
        result[f"weighted_{name}"] = _mean(values, support)
    return result | per_class


def _mean(values: Floats, weights: Floats) -> Floats:
    """Mean over the last axis of what is defined; NaN where nothing is."""
    known = np.where(np.isnan(values), 0.0, weights)
    with np.errstate(invalid="ignore"):
        mean: Floats = (np.nan_to_num(values) * known).sum(axis=1) / known.sum(axis=1)
    return mean


def _auroc(probabilities: Floats, truth: npt.NDArray[np.int64], weights: Floats) -> Floats:
    """Weighted share of (positive, negative) pairs in the right order, a tie counting half: (B, K)."""
    areas = np.full((weights.shape[1], probabilities.shape[1]), np.nan)
    for k in np.unique(truth):
        ours, others = np.flatnonzero(truth == k), np.flatnonzero(truth != k)
        if not others.size:
            continue
        others = others[np.argsort(probabilities[others, k])]
        ranked, ours_ranked = probabilities[others, k], probabilities[ours, k]
        first, last = (np.searchsorted(ranked, ours_ranked, side) for side in ("left", "right"))
        # Running sums of the negatives only where a positive asks for them: far fewer than the cells.
        edges = np.unique(np.concatenate([[0], first, last]))
        edges = edges[edges < len(others)]
        summed = np.zeros((len(edges) + 1, weights.shape[1]))
        np.cumsum(np.add.reduceat(weights[others], edges, axis=0), axis=0, out=summed[1:])
        below = summed[np.searchsorted(edges, first)] + summed[np.searchsorted(edges, last)]
        mine = weights[ours]
        with np.errstate(invalid="ignore"):
            areas[:, k] = np.einsum("nb,nb->b", mine, below) / 2 / (mine.sum(axis=0) * summed[-1])
    return areas
