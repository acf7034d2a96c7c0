"""Bootstrap intervals: their coverage, clusters, and the samples that resampling says nothing of."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from leukon.errors import InputError
from leukon.evaluation.bootstrap import bootstrap
from leukon.evaluation.scores import measures, score

SHARES = np.array([0.5, 0.3, 0.2])
RECALL = np.array([0.8, 0.7, 0.6])


def draw(rng, count=200, cluster_size=1, spread=0.0):
    """Cells whose recall is known; clusters share a difficulty."""
    groups = count // cluster_size
    truth = np.repeat(rng.choice(3, groups, p=SHARES), cluster_size)
    shift = np.repeat(rng.choice([-spread, spread], groups), cluster_size)
    right = rng.random(count) < RECALL[truth] + shift
    label = np.where(right, truth, (truth + 1) % 3)
    p = np.full((count, 3), 0.1)
    p[np.arange(count), label] = 0.8
    return p, truth, [str(i // cluster_size) for i in range(count)]


def coverage(name, value, *, clustered, runs=200, **options):
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(runs):
        p, truth, clusters = draw(rng, **options)
        interval = bootstrap(p, truth, clusters=clusters if clustered else None, resamples=300)[name][0]
        hits += interval.low <= value <= interval.high
    return hits / runs


def test_95_percent_intervals_hold_the_truth_about_95_times_in_100():
    assert 0.90 <= coverage("balanced_accuracy", RECALL.mean(), clustered=False) <= 0.99


def test_clusters_must_be_drawn_whole():
    options = {"count": 400, "cluster_size": 10, "spread": 0.2, "runs": 80}
    known = coverage("accuracy", SHARES @ RECALL, clustered=True, **options)
    unknown = coverage("accuracy", SHARES @ RECALL, clustered=False, **options)
    assert known >= 0.85
    assert unknown < known - 0.05


def test_it_agrees_with_the_normal_interval_of_a_large_sample():
    p, truth, _ = draw(np.random.default_rng(2), count=4000)
    found = score(p, truth, "abc")
    interval = bootstrap(p, truth)["recall"][1]
    n, recall = found.support[1], found.classes[1].recall
    half = stats.norm.ppf(0.975) * (recall * (1 - recall) / n) ** 0.5
    assert (interval.low, interval.high) == pytest.approx((recall - half, recall + half), abs=0.005)


def test_the_same_seed_gives_the_same_limits():
    p, truth, _ = draw(np.random.default_rng(3))
    assert bootstrap(p, truth, resamples=200) == bootstrap(p, truth, resamples=200)
    assert bootstrap(p, truth, resamples=200) != bootstrap(p, truth, resamples=200, seed=1)


def test_every_score_has_limits_around_it():
    p, truth, _ = draw(np.random.default_rng(4))
    limits, values = bootstrap(p, truth), measures(p, truth, np.ones((200, 1)))
    assert limits.keys() == values.keys()
    for name, row in limits.items():
        for interval, value in zip(row, np.ravel(values[name][0]), strict=True):
            assert interval.low <= value <= interval.high or name == "expected_calibration_error"


def test_without_an_error_shares_take_exact_limits_and_other_scores_none():
    truth = np.repeat([0, 1], [10, 30])
    p = np.eye(2)[truth] * 0.8 + 0.1
    limits = bootstrap(p, truth, resamples=50)
    exact = stats.binomtest(10, 10).proportion_ci(method="exact")
    assert (limits["recall"][0].low, limits["recall"][0].high) == pytest.approx((exact.low, exact.high))
    assert limits["accuracy"][0].low == pytest.approx(stats.binomtest(40, 40).proportion_ci().low)
    assert limits["balanced_accuracy"] == (None,) and limits["auroc"] == (None, None)
    few = bootstrap(p, truth, clusters=["x"] * 10 + ["y"] * 30, resamples=50)
    assert few["recall"][0].low == pytest.approx(0.025)


def test_a_class_absent_from_the_truth_has_no_limits():
    p, truth, _ = draw(np.random.default_rng(6))
    p = np.hstack([p, np.zeros((200, 1))])
    limits = bootstrap(p, truth, resamples=50)
    assert limits["recall"][3] is None and limits["auroc"][3] is None


def test_an_empty_cluster_name_is_a_cluster_of_its_own():
    p, truth, _ = draw(np.random.default_rng(7))
    assert bootstrap(p, truth, clusters=[""] * 200, resamples=50) == bootstrap(p, truth, resamples=50)


def test_clusters_that_do_not_fit_are_refused():
    p, truth, _ = draw(np.random.default_rng(8))
    with pytest.raises(InputError, match="3 clusters do not fit 200 cells"):
        bootstrap(p, truth, clusters=["a", "b", "c"])
