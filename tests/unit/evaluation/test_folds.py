"""Scores over folds, against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from leukon.errors import InputError
from leukon.evaluation import pool, spread


def test_without_its_correction_the_interval_is_that_of_a_t_test() -> None:
    values = [0.81, 0.84, 0.79, 0.9, 0.86]
    found = spread(values)
    plain = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert found.mean == pytest.approx(np.mean(values))
    assert found.sd == pytest.approx(np.std(values, ddof=1))
    widened = np.sqrt((1 / 5 + 1 / 4) / (1 / 5))
    assert found.high - found.mean == pytest.approx(widened * (plain.high - np.mean(values)))
    assert found.mean - found.low == pytest.approx(found.high - found.mean)


def test_too_few() -> None:
    with pytest.raises(InputError, match="at least 2 folds"):
        spread([0.5])
    with pytest.raises(InputError, match="cannot pool 0 evaluations"):
        pool([])
