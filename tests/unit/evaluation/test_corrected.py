"""Corrected shares: exact without error, unbiased with it, and covering what they promise."""

from __future__ import annotations

import numpy as np
import pytest

from leukon.evaluation import corrected
from leukon.evaluation.corrected import corrected_shares
from leukon.evaluation.intervals import clopper_pearson

ALL = (True,) * 3


def test_without_error_the_limits_are_clopper_and_pearsons() -> None:
    counts = np.array([0, 5, 95])
    found = corrected_shares(counts, np.eye(3, 4) * 1e6, ALL)
    expected = [(n / 100, *clopper_pearson(n, 100)) for n in counts]
    np.testing.assert_allclose(found, expected, atol=0.008)
    assert found[0, 1] == 0


def test_the_same_smear_gives_the_same_limits() -> None:
    confusion = [[90, 10, 0, 0], [5, 90, 0, 5], [0, 0, 50, 50]]
    once, again = (corrected_shares([30, 60, 10], confusion, ALL) for _ in range(2))
    np.testing.assert_array_equal(once, again)


def test_cells_that_are_often_left_unnamed_are_made_up_for() -> None:
    confusion = np.array([[1000, 0, 0, 1000], [0, 2000, 0, 0], [0, 0, 2000, 0]])
    found = corrected_shares([250, 500, 0], confusion, ALL)
    np.testing.assert_allclose(found[:, 0], [0.5, 0.5, 0], atol=0.02)


def test_shares_are_of_the_classes_asked_for() -> None:
    # Half of those called the first class are of the last, which is not asked for.
    confusion = np.array([[2000, 0, 0, 0], [0, 2000, 0, 0], [1000, 0, 1000, 0]])
    found = corrected_shares([400, 200, 200], confusion, (True, True, False))
    assert found.shape == (2, 3)
    np.testing.assert_allclose(found[:, 0], [0.5, 0.5], atol=0.02)


def test_few_validation_cells_give_wide_limits() -> None:
    widths = []
    for cells in (5, 5000):
        found = corrected_shares([80, 20, 0], np.eye(3, 4) * cells, ALL)
        widths.append(found[0, 2] - found[0, 1])
    assert widths[0] > 1.3 * widths[1]


def test_limits_cover_where_exact_ones_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corrected, "CHAINS", 40)
    rng = np.random.default_rng(5)
    shares = np.array([0.1, 0.3, 0.6])
    rates = np.array([[0.8, 0.1, 0.05, 0.05], [0.1, 0.8, 0.0, 0.1], [0.1, 0.05, 0.8, 0.05]])
    covered = []
    for seed in range(120):
        confusion = rng.multinomial(100, rates)
        counts = rng.multinomial(rng.multinomial(200, shares), rates).sum(axis=0)[:3]
        _, low, high = corrected_shares(counts, confusion, ALL, seed=seed).T
        exact = np.array([clopper_pearson(n, counts.sum()) for n in counts])
        pairs = (exact[:, 0], exact[:, 1]), (low, high)
        covered.append([(a <= shares) & (shares <= b) for a, b in pairs])
    exact_rate, corrected_rate = np.mean(covered, axis=(0, 2))
    assert exact_rate < 0.85
    assert corrected_rate >= 0.93


def test_no_named_cell_is_no_share() -> None:
    with pytest.raises(ValueError, match="no cell"):
        corrected_shares([0, 0, 9], np.eye(3, 4), (True, True, False))
