"""Paired tests against statsmodels, and the bootstrap against what is known of it."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import mcnemar as their_mcnemar
from statsmodels.stats.multitest import multipletests

from leukon.errors import InputError
from leukon.evaluation.bootstrap import bootstrap
from leukon.evaluation.paired import holm, mcnemar, paired_bootstrap


@pytest.mark.parametrize("table", [(5, 0, 0), (90, 7, 1), (1, 1, 7), (10, 30, 30), (500, 61, 92)])
def test_mcnemar_is_that_of_statsmodels(table) -> None:
    both, first, second = table
    a = np.repeat([True, True, False, False], [both, first, second, 4])
    b = np.repeat([True, False, True, False], [both, first, second, 4])
    found = mcnemar(a, b)
    assert (found.only_first, found.only_second) == (first, second)
    assert found.p == pytest.approx(their_mcnemar([[both, first], [second, 4]], exact=True).pvalue)


def test_other_cells_cannot_be_paired() -> None:
    with pytest.raises(InputError, match="3 and 4 cells cannot be paired"):
        mcnemar(np.ones(3, bool), np.ones(4, bool))


@pytest.mark.parametrize("count", [1, 2, 6, 45])
def test_holm_is_that_of_statsmodels(count) -> None:
    p_values = np.round(np.random.default_rng(count).random(count) ** 3, 2)  # rounded: some are the same
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def two(rng, count=300, gap=0.0):
    """Two classifiers of three classes; the second names `gap` more of the cells rightly."""
    truth = rng.integers(0, 3, count)

    def answers(accuracy):
        right = rng.random(count) < accuracy
        p = np.full((count, 3), 0.1)
        p[np.arange(count), np.where(right, truth, (truth + 1) % 3)] = 0.8
        return p

    return answers(0.8 - gap / 2), answers(0.8 + gap / 2), truth


def test_no_difference_is_called_one_about_5_times_in_100() -> None:
    rng = np.random.default_rng(3)
    p = np.array([paired_bootstrap(*two(rng, 100), resamples=200)["accuracy"][0].p for _ in range(100)])
    assert 0 < (p < 0.05).mean() <= 0.10


def test_a_difference_is_found_with_its_sign_and_size() -> None:
    first, second, truth = two(np.random.default_rng(1), count=2000, gap=0.1)
    found = paired_bootstrap(first, second, truth)["accuracy"][0]
    a, b = (p.argmax(axis=1) == truth for p in (first, second))
    assert found.value == pytest.approx(b.mean() - a.mean())
    # Normal interval of a paired difference of shares.
    half = 1.96 * np.std(b.astype(float) - a) / 2000**0.5
    assert (found.low, found.high) == pytest.approx((found.value - half, found.value + half), abs=0.004)
    assert found.p == pytest.approx(2 / 2001)
    back = paired_bootstrap(second, first, truth)["accuracy"][0]
    assert (back.value, back.low) == pytest.approx((-found.value, -found.high))


def test_pairing_narrows_and_clusters_widen() -> None:
    rng = np.random.default_rng(2)
    p, _, truth = two(rng)
    nearly = p.copy()
    nearly[:6] = np.eye(3)[truth[:6]]
    paired = paired_bootstrap(p, nearly, truth)["accuracy"][0]
    alone = bootstrap(p, truth)["accuracy"][0]
    assert paired.high - paired.low < 0.5 * (alone.high - alone.low)
    # Every cell ten times over, in clusters of ten, holds no more than once.
    tenfold = paired_bootstrap(
        np.repeat(p, 10, axis=0),
        np.repeat(nearly, 10, axis=0),
        np.repeat(truth, 10),
        clusters=np.repeat(np.arange(300), 10).astype(str),
    )["accuracy"][0]
    assert tenfold.high - tenfold.low == pytest.approx(paired.high - paired.low, rel=0.15)


def test_the_same_classifier_differs_from_itself_in_nothing() -> None:
    p, _, truth = two(np.random.default_rng(0))
    for found in paired_bootstrap(p, p, truth, resamples=50).values():
        assert all((d.value, d.low, d.high, d.p) == (0, 0, 0, 1) for d in found)


def test_what_is_undefined_has_no_difference() -> None:
    p, q, _ = two(np.random.default_rng(0), count=20)
    found = paired_bootstrap(p, q, np.zeros(20, int), resamples=20)
    assert found["recall"][1].value is None
    assert found["auroc"][0].p is None
