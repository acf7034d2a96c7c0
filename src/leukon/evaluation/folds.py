"""A score over the folds of a cross-validation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from leukon.errors import InputError
from leukon.evaluation.bootstrap import CONFIDENCE


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean and standard deviation (n − 1) of a score over folds, and 95 % limits of the mean."""

    mean: float
    sd: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Summarise one score of each fold.

    The limits are those of the corrected resampled t test: folds share training cells, so that the variance
    of their mean is taken as (1/k + 1/(k−1)) times the folds' variance, not 1/k.

    Raises
    ------
    InputError
        If there are fewer than two folds.

    References
    ----------
    Nadeau, Bengio: Inference for the Generalization Error. Machine Learning 52 (2003).

    Examples
    --------
    >>> found = spread([0.9, 0.92, 0.94, 0.92, 0.92])
    >>> f"{found.mean:.3f} ± {found.sd:.3f} ({found.low:.3f}–{found.high:.3f})"
    '0.920 ± 0.014 (0.894–0.946)'
    """
    folds = len(values)
    if folds < 2:
        raise InputError(f"a spread needs at least 2 folds, not {folds}")
    mean, sd = float(np.mean(values)), float(np.std(values, ddof=1))
    half = float(student.ppf(0.5 + CONFIDENCE / 2, folds - 1)) * sd * math.sqrt(1 / folds + 1 / (folds - 1))
    return Spread(mean, sd, mean - half, mean + half)
