"""Fitting how scores become probabilities, when a cell stays without a name, and prediction sets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from leukon.bundle.layout import Calibration

Floats = npt.NDArray[np.floating]

TARGET_ACCURACY = 0.99


def calibrate(logits: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]) -> Calibration:
    """Fit the temperature (Guo et al. 2017), the threshold of confidence and the prediction sets.

    The threshold is the lowest confidence, at least 0.5, at which the cells at or above it are named
    rightly in 99 % of cases; 0.5 where all are. The errors that are left are counted.

    Parameters
    ----------
    logits : ndarray, shape (N, K)
    labels : ndarray, shape (N,)
        Positions of the true classes.
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
    named = np.where(probabilities.max(axis=1) < calibration.threshold, classes, probabilities.argmax(axis=1))
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
