"""Multinomial logistic regression that starts from what another head says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LEAST_SD = 0.1
"""Floor of a feature's standard deviation, as a share of the mean over all: flat features say nothing."""

LEAST_VARIANCE = 1e-6
"""Directions with a smaller share of the largest variance are left out."""

BIAS_PENALTY = 0.01
ITERATIONS = 300


@dataclass(frozen=True, eq=False, slots=True)
class Head:
    """Logits ``prior · logits + features · weightᵀ + bias``.

    Attributes
    ----------
    weight, bias : ndarray of float64, shapes (K, D) and (K,)
    prior : float
        0…1: how far the other head is believed.
    """

    weight: Floats
    bias: Floats
    prior: float

    def logits(self, features: Floats, logits: Floats) -> Floats:
        """Return logits, shape (N, K), of features (N, D) and the other head's logits (N, K)."""
        return np.asarray(self.prior * logits + features @ self.weight.T + self.bias, np.float64)


def fit_heads(
    features: Floats, logits: Floats, truth: Ints, weights: Floats, penalties: Sequence[float]
) -> list[Head]:
    """Fit one head per penalty: the weighted cross-entropy plus half the penalty times the squared weights.

    The features are standardised, and divided by the square root of their number, so that a penalty means
    the same for any network. What the penalty keeps at nought leaves the other head as it was.

    Parameters
    ----------
    features : ndarray, shape (N, D)
    logits : ndarray, shape (N, K)
        Of the other head, calibrated.
    truth : ndarray of int, shape (N,)
    weights : ndarray, shape (N,)
        How much each row counts.
    penalties : sequence of float
    """
    mean, sd = features.mean(axis=0), features.std(axis=0)
    scale = 1 / np.sqrt(features.shape[1]) / np.maximum(sd, LEAST_SD * sd.mean() + np.finfo(float).tiny)
    rows = (features - mean) * scale
    # No weight leaves the span of the rows: their principal coordinates give the same fit, far faster.
    variances, vectors = eigh(rows @ rows.T)
    kept = variances > LEAST_VARIANCE * variances[-1]
    spread = np.sqrt(variances[kept])
    coordinates = vectors[:, kept] * spread
    basis = rows.T @ (vectors[:, kept] / spread)
    heads = []
    for penalty in penalties:
        small = _fit(coordinates, logits, truth, weights, penalty)
        weight = (small.weight @ basis.T) * scale
        heads.append(Head(weight, small.bias - weight @ mean, small.prior))
    return heads


def _fit(rows: Floats, logits: Floats, truth: Ints, weights: Floats, penalty: float) -> Head:
    (n, width), classes = rows.shape, logits.shape[1]
    wanted = np.zeros((n, classes))
    wanted[np.arange(n), truth] = 1
    size = classes * width

    def unpacked(values: Floats) -> Head:
        return Head(values[:size].reshape(classes, width), values[size:-1], float(values[-1]))

    def loss(values: Floats) -> tuple[float, Floats]:
        head = unpacked(values)
        found = head.logits(rows, logits)
        error = (softmax(found, axis=1) - wanted) * weights[:, None]
        fit = -float((log_softmax(found, axis=1)[np.arange(n), truth] * weights).sum())
        shrink = penalty / 2 * ((head.weight**2).sum() + BIAS_PENALTY * (head.bias**2).sum())
        slopes = (error.T @ rows + penalty * head.weight).ravel()
        bias = error.sum(axis=0) + penalty * BIAS_PENALTY * head.bias
        return fit + float(shrink), np.concatenate([slopes, bias, [(error * logits).sum()]])

    start = np.zeros(size + classes + 1)
    start[-1] = 1
    bounds = [(None, None)] * (size + classes) + [(0.0, 1.0)]
    options = {"maxiter": ITERATIONS}
    return unpacked(minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x)
