"""Which labels are likely wrong: cells whose label a classifier, fitted without them, hardly believes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from leukon.adaptation.features import Observer
from leukon.adaptation.folds import FOLDS, units_of
from leukon.bundle import Bundle
from leukon.datasets.synthetic import contact_sheet
from leukon.errors import InputError
from leukon.evaluation import Example
from leukon.evaluation.evaluate import THUMBNAIL_PX, thumbnail

REPEATS = 4
"""Cross-validations with folds drawn anew, whose probabilities are averaged: one draw decides nothing."""

COMPONENTS = 128
STRENGTH = 3.0
"""Inverse of the penalty; features are scaled to a unit sum of variances."""

LEAST_CELLS = 20
LEAST_PROBABILITY = 1e-6
SHEET_COLUMNS = 8
_CAPTION_PX = 30


@dataclass(frozen=True, eq=False, slots=True)
class Suspect:
    """A cell and what is to be thought of its label.

    Attributes
    ----------
    example : Example
    suggested : str
        The most probable class by the classifier that was fitted without the cell.
    quality : float
        Its probability of the label that the cell has, 0…1: low is suspect.
    is_issue : bool
        Whether cleanlab counts it among the errors that it expects (Northcutt et al. 2021).
    """

    example: Example
    suggested: str
    quality: float
    is_issue: bool


def rank_labels(
    bundle: Bundle, examples: Sequence[Example], *, advance: Callable[[int], None] | None = None
) -> tuple[Suspect, ...]:
    """Rank labelled cells by how likely their label is wrong, the most suspect first.

    A logistic regression on the features of the bundle's network is fitted to the labels as they are, of
    whatever classes; cells of one group, subject or image are held out together.

    Parameters
    ----------
    bundle : Bundle
        Whose features to use. Where it was trained on these cells, it may have learned their errors too.
    examples : sequence of Example
    advance : callable, optional
        Told how many cells were looked at.

    Raises
    ------
    InputError
        If there are fewer than `LEAST_CELLS`, or fewer than two classes.

    References
    ----------
    Northcutt, Jiang, Chuang: Confident Learning: Estimating Uncertainty in Dataset Labels. JAIR 70 (2021).
    """
    names, truth = np.unique([example.label for example in examples], return_inverse=True)
    if len(examples) < LEAST_CELLS or len(names) < 2:
        raise InputError(
            f"label errors are sought in {LEAST_CELLS} cells of two classes or more, not {len(examples)} "
            f"of {len(names)}: give more"
        )
    seen = Observer(bundle, views=0).see([example.cell for example in examples], advance=advance)
    features = StandardScaler().fit_transform(seen.features[:, 0])
    components = min(COMPONENTS, *(side - 1 for side in features.shape))
    reduced = PCA(components, svd_solver="randomized", random_state=0).fit_transform(features)
    reduced /= np.sqrt(features.shape[1])
    shares = np.maximum(_out_of_fold(reduced, truth, units_of(examples)), LEAST_PROBABILITY)
    shares /= shares.sum(axis=1, keepdims=True)
    quality = get_label_quality_scores(truth, shares)
    issues = find_label_issues(truth, shares, n_jobs=1)
    return tuple(
        Suspect(examples[i], str(names[shares[i].argmax()]), float(quality[i]), bool(issues[i]))
        for i in np.argsort(quality, kind="stable")
    )


def _out_of_fold(
    features: npt.NDArray[np.float64], truth: npt.NDArray[np.int64], units: Sequence[str]
) -> npt.NDArray[np.float64]:
    """Return probabilities, shape (N, K), by classifiers that were fitted without the cell's unit."""
    names, unit = np.unique(units, return_inverse=True)
    label = np.zeros(len(names), np.int64)
    label[unit] = truth
    shares = np.zeros((len(truth), truth.max() + 1))
    rng = np.random.default_rng(0)
    for _ in range(REPEATS):
        turn = np.empty(len(names), np.int64)
        turn[np.lexsort((rng.random(len(names)), label))] = np.arange(len(names)) % FOLDS
        for fold in range(FOLDS):
            rest, part = turn[unit] != fold, turn[unit] == fold
            if not part.any() or len(np.unique(truth[rest])) < 2:
                continue
            model = LogisticRegression(C=STRENGTH, max_iter=500).fit(features[rest], truth[rest])
            shares[np.ix_(part, model.classes_)] += model.predict_proba(features[part])
    return shares


def suspect_sheet(suspects: Sequence[Suspect]) -> npt.NDArray[np.uint8]:
    """Draw `suspects` in rows, each over the label it has and the class that is suggested.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
        RGB.
    """
    return contact_sheet([_tile(suspect) for suspect in suspects], columns=min(SHEET_COLUMNS, len(suspects)))


def _tile(suspect: Suspect) -> npt.NDArray[np.uint8]:
    caption = np.full((_CAPTION_PX, THUMBNAIL_PX, 3), 255, np.uint8)
    for line, (text, colour) in enumerate(
        ((f"is {suspect.example.label}", (170, 0, 0)), (f"or {suspect.suggested}?", (0, 0, 0)))
    ):
        place = 2, 12 + 13 * line
        cv2.putText(caption, text[:17], place, cv2.FONT_HERSHEY_SIMPLEX, 0.38, colour, 1, cv2.LINE_AA)
    return np.pad(
        np.vstack([thumbnail(suspect.example.cell), caption]), ((2, 2), (2, 2), (0, 0)), constant_values=255
    )
