"""Fitting how scores become probabilities, when a cell stays without a name, and prediction sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from leukon.bundle.layout import Calibration

Floats = npt.NDArray[np.floating]

TARGET_ACCURACY = 0.99


def calibrate(
    logits: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    *,
    strange: npt.NDArray[np.bool_] | None = None,
) -> Calibration:
    """Fit the temperature (Guo et al. 2017), the threshold of confidence and the prediction sets.

    The threshold is the lowest confidence, at least 0.5, at which the cells at or above it are named
    rightly in 99 % of cases; 0.5 where all are. The errors that are left are counted.

    Parameters
    ----------
    logits : ndarray, shape (N, K)
    labels : ndarray, shape (N,)
        Positions of the true classes.
    strange : ndarray of bool, shape (N,), optional
        Cells that stay without a name whatever their confidence.
    """
    temperature = fit_temperature(logits, labels)
    probabilities = softmax(logits / temperature, axis=1)
    order = np.argsort(-probabilities.max(axis=1))
    confidence = probabilities.max(axis=1)[order]
    right = (probabilities.argmax(axis=1) == labels)[order]
    accuracy = np.cumsum(right) / np.arange(1, len(right) + 1)
    reached = np.flatnonzero(accuracy >= TARGET_ACCURACY)
    lowest = float(confidence[reached[-1]]) if len(reached) else 0.5
    calibration = Calibration(round(temperature, 4), round(max(0.5, lowest), 3))
    classes = logits.shape[1]
    nameless = probabilities.max(axis=1) < calibration.threshold
    if strange is not None:
        nameless |= strange
    named = np.where(nameless, classes, probabilities.argmax(axis=1))
    confusion = np.zeros((classes, classes + 1), np.int64)
    np.add.at(confusion, (labels, named), 1)
    return replace(
        calibration,
        confusion=tuple(map(tuple, confusion.tolist())),
        floors=set_floors(probabilities, labels, calibration.coverage),
    )


def fit_temperature(logits: Floats, labels: npt.NDArray[np.int64]) -> float:
    """Return what logits, shape (N, K), are divided by so that their likelihood is highest."""

    def negative_log_likelihood(log_temperature: float) -> float:
        shares = log_softmax(logits / np.exp(log_temperature), axis=1)
        return float(-shares[np.arange(len(labels)), labels].mean())

    found = minimize_scalar(negative_log_likelihood, bounds=(-2.5, 2.5), method="bounded")
    return float(np.exp(found.x))


def set_floors(probabilities: Floats, labels: npt.NDArray[np.int64], coverage: float) -> tuple[float, ...]:
    """Return the probability from which each class belongs in the prediction set of a cell.

    Of cells like these, of every class alike, at least the share `coverage` get a set that holds their class
    (split conformal prediction by class: Vovk, Conditional validity of inductive conformal predictors, 2012;
    score of Sadinle, Lei & Wasserman, Least ambiguous set-valued classifiers, 2019). A class of too few
    cells to promise that is in every set.

    Parameters
    ----------
    probabilities : ndarray, shape (N, K)
    labels : ndarray, shape (N,)
        Positions of the true classes.
    coverage : float
        0…1.
    """
    floors = []
    for k in range(probabilities.shape[1]):
        own = np.sort(probabilities[labels == k, k])
        rank = len(own) - int(np.ceil((len(own) + 1) * coverage))
        floors.append(float(own[rank]) if rank >= 0 else 0.0)
    return tuple(floors)


def fit_usual(
    systems: Sequence[tuple[npt.NDArray[np.float32], npt.NDArray[np.int64], float]], temperature: float
) -> float:
    """Fit the median novelty of an imaging system beyond which its logits are divided by the excess.

    Parameters
    ----------
    systems : sequence of (logits, labels, novelty)
        Labelled cells of each system, shapes (N, K) and (N,), and their median novelty.
    temperature : float
        For cells of the known systems.
    """

    def negative_log_likelihood(log_usual: float) -> float:
        total = 0.0
        for logits, labels, novelty in systems:
            divisor = temperature * max(1.0, novelty / float(np.exp(log_usual)))
            shares = log_softmax(logits / divisor, axis=1)
            total -= float(shares[np.arange(len(labels)), labels].mean())
        return total

    found = minimize_scalar(negative_log_likelihood, bounds=(np.log(0.05), np.log(20)), method="bounded")
    return float(np.exp(found.x))
