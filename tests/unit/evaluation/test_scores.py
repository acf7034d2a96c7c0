"""The scores, against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from leukon.errors import InputError
from leukon.evaluation.scores import CALIBRATION_BINS, RATES, measures, score

NAMES = ("a", "b", "c", "d")


def sample(count: int = 300, classes: int = 4, seed: int = 0):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(classes), count)
    p = np.round(p, 2)  # ties
    p /= p.sum(axis=1, keepdims=True)
    truth = np.array([rng.choice(classes, p=row) for row in p])
    return p, truth


def test_class_scores_and_averages_are_those_of_scikit_learn():
    p, truth = sample()
    found, predicted = score(p, truth, NAMES), p.argmax(axis=1)
    assert np.array_equal(found.confusion, metrics.confusion_matrix(truth, predicted))
    assert found.accuracy == pytest.approx(metrics.accuracy_score(truth, predicted))
    assert found.balanced_accuracy == pytest.approx(metrics.balanced_accuracy_score(truth, predicted))
    for average, got in ((None, found.classes), ("macro", found.macro), ("weighted", found.weighted)):
        expected = metrics.precision_recall_fscore_support(truth, predicted, average=average)[:3]
        rates = np.array([[r.precision, r.recall, r.f1] for r in (got if average is None else [got])])
        np.testing.assert_allclose(rates.T, np.array(expected).reshape(3, -1))
    for k, rates in enumerate(found.classes):
        assert rates.auroc == pytest.approx(metrics.roc_auc_score(truth == k, p[:, k]))
        assert rates.specificity == pytest.approx(metrics.recall_score(truth != k, predicted != k))
    for average, got in (("macro", found.macro), ("weighted", found.weighted)):
        expected = metrics.roc_auc_score(truth, p, multi_class="ovr", average=average)
        assert got.auroc == pytest.approx(expected)


def test_probability_scores():
    p, truth = sample()
    p = (p + 0.01) / (p + 0.01).sum(axis=1, keepdims=True)
    found = score(p, truth, NAMES)
    assert found.negative_log_likelihood == pytest.approx(metrics.log_loss(truth, p))
    one_against_rest = [metrics.brier_score_loss(truth == k, p[:, k]) for k in range(4)]
    assert found.brier == pytest.approx(sum(one_against_rest))
    confidence, right = p.max(axis=1), p.argmax(axis=1) == truth
    gaps = 0.0
    for b in range(CALIBRATION_BINS):
        inside = (confidence >= b / CALIBRATION_BINS) & (confidence < (b + 1) / CALIBRATION_BINS)
        gaps += abs(confidence[inside].sum() - right[inside].sum())
    assert found.expected_calibration_error == pytest.approx(gaps / len(p))


def test_weights_count_as_repeated_cells():
    p, truth = sample(80)
    weights = np.random.default_rng(1).integers(0, 4, (80, 3))
    many = measures(p, truth, weights.astype(float))
    for b in range(3):
        rows = np.repeat(np.arange(80), weights[:, b])
        once = measures(p[rows], truth[rows], np.ones((len(rows), 1)))
        for name, values in once.items():
            assert many[name][b] == pytest.approx(values[0], nan_ok=True), name


def test_a_class_missing_from_the_truth_is_undefined_and_out_of_the_averages():
    p, truth = sample()
    keep = truth != 3
    p, truth = p[keep], truth[keep]
    found, predicted = score(p, truth, NAMES), p.argmax(axis=1)
    assert found.classes[3].recall is None and found.classes[3].auroc is None
    assert found.classes[3].precision == 0
    assert found.balanced_accuracy == pytest.approx(
        metrics.recall_score(truth, predicted, labels=[0, 1, 2], average="macro")
    )
    assert found.macro.precision == pytest.approx(
        metrics.precision_score(truth, predicted, labels=[0, 1, 2], average="macro")
    )


def test_a_class_never_predicted_has_precision_zero_and_one_never_seen_none():
    p = np.array([[0.9, 0.1, 0.0], [0.8, 0.2, 0.0]])
    found = score(p, np.array([0, 1]), "abc")
    assert (found.classes[1].precision, found.classes[1].f1) == (0, 0)
    assert [getattr(found.classes[2], rate) for rate in RATES] == [None, None, 1.0, None, None]


def test_one_class_alone():
    found = score(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 0]), "ab")
    assert found.balanced_accuracy == 0.5
    assert found.classes[0].auroc is None and found.classes[0].specificity is None
    assert found.macro.auroc is None


@pytest.mark.parametrize(
    ("p", "truth"),
    [
        (np.zeros((0, 2)), np.zeros(0, int)),
        (np.array([[0.5, 0.6]]), np.array([0])),
        (np.array([[np.nan, 1.0]]), np.array([0])),
        (np.array([[0.5, 0.5]]), np.array([2])),
        (np.array([[0.5, 0.5]]), np.array([0, 1])),
    ],
)
def test_what_cannot_be_scored_is_refused(p, truth):
    with pytest.raises(InputError, match="cannot score"):
        score(p, truth, "ab")
