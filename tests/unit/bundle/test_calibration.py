"""Prediction sets: the same as MAPIE's, and as good as their word."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

from leukon.bundle.calibration import calibrate, fit_temperature, fit_usual, set_floors

COVERAGE = 0.9
CLASSES = 4


class Given(ClassifierMixin, BaseEstimator):
    """A fitted classifier whose inputs are its probabilities."""

    classes_ = np.arange(CLASSES)
    is_fitted_ = True

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return X

    def predict(self, X: np.ndarray) -> np.ndarray:
        return X.argmax(axis=1)

    def fit(self, X: np.ndarray, y: np.ndarray) -> Given:
        return self


def drawn(n: int, seed: int, *, sharpness: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Draw logits and labels that follow their softmax."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (n, CLASSES))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (shares.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return (sharpness * logits).astype(np.float32), labels


def softmax(logits: np.ndarray) -> np.ndarray:
    shares = np.exp(logits.astype(np.float64))
    return shares / shares.sum(axis=1, keepdims=True)


def test_sets_are_those_of_mapie() -> None:
    mapie = pytest.importorskip("mapie.classification")
    logits, labels = drawn(400, 0)
    shares, new = softmax(logits), softmax(drawn(300, 1)[0])
    floors = set_floors(shares, labels, COVERAGE)
    for k, floor in enumerate(floors):
        own = labels == k
        conformal = mapie.SplitConformalClassifier(
            Given(), confidence_level=COVERAGE, conformity_score="lac", prefit=True
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            conformal.conformalize(shares[own], labels[own])
            _, sets = conformal.predict_set(new)
        assert (sets[:, k, 0] == (new[:, k] >= floor)).all()


def test_every_class_is_covered_as_stated() -> None:
    covered = []
    for seed in range(60):
        logits, labels = drawn(400, seed)
        floors = np.array(set_floors(softmax(logits), labels, COVERAGE))
        new, truth = drawn(2000, 1000 + seed)
        held = softmax(new)[np.arange(len(truth)), truth] >= floors[truth]
        covered.append([held[truth == k].mean() for k in range(CLASSES)])
    mean = np.mean(covered, axis=0)
    assert (mean > COVERAGE - 0.01).all() and (mean < COVERAGE + 0.03).all()


def test_a_class_of_too_few_cells_is_in_every_set() -> None:
    shares = np.array([[0.9, 0.1]] * 8 + [[0.2, 0.8]] * 20)
    assert set_floors(shares, np.array([0] * 8 + [1] * 20), COVERAGE) == (0.0, 0.8)


def test_the_temperature_undoes_what_sharpened_the_logits() -> None:
    logits, labels = drawn(4000, 3, sharpness=3.0)
    assert fit_temperature(logits, labels) == pytest.approx(3.0, rel=0.08)


def test_calibration_counts_what_the_threshold_leaves() -> None:
    logits, labels = drawn(500, 4)
    found = calibrate(logits, labels)
    confusion = np.array(found.confusion)
    shares = softmax(logits / found.temperature)
    assert confusion.sum(axis=1).tolist() == np.bincount(labels).tolist()
    assert confusion[:, -1].sum() == (shares.max(axis=1) < found.threshold).sum()
    assert len(found.floors) == CLASSES


def test_strange_cells_are_counted_as_nameless() -> None:
    logits, labels = drawn(500, 4)
    strange = np.arange(500) < 50
    without, found = (np.array(calibrate(logits, labels, strange=s).confusion) for s in (None, strange))
    assert 0 < found[:, -1].sum() - without[:, -1].sum() <= 50


def test_how_novel_is_usual_is_learnt_from_other_systems() -> None:
    systems = [
        (*drawn(3000, i, sharpness=max(1, novelty / 0.4)), novelty)
        for i, novelty in enumerate((0.2, 0.8, 1.6))
    ]
    assert fit_usual(systems, 1.0) == pytest.approx(0.4, rel=0.08)
