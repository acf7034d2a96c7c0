"""Several classifiers on the same cells: the papers' scores, and a paired test for every pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from leukon.errors import InputError, UnknownNameError
from leukon.evaluation.answers import Answers, aligned
from leukon.evaluation.bootstrap import CONFIDENCE, RESAMPLES, Interval, Intervals, intervals_of
from leukon.evaluation.bootstrap import resampled_weights as resampled
from leukon.evaluation.evaluate import SubjectScore
from leukon.evaluation.paired import Difference, McNemar, differences_of, holm, mcnemar
from leukon.evaluation.scores import Floats, Scores, measures, score

ALPHA = 1 - CONFIDENCE


@dataclass(frozen=True, eq=False, slots=True)
class Contestant:
    """One classifier's result.

    Attributes
    ----------
    name : str
    probabilities : ndarray of float64, shape (N, K)
    scores : Scores
    intervals : dict
        95 % limits of every score.
    subject_macro : float or None
        Mean over the subjects of their share of right cells; None where no subject is known.
    subject_macro_interval : Interval or None
    worst_subject : SubjectScore or None
        The subject with the smallest share.
    """

    name: str
    probabilities: npt.NDArray[np.float64]
    scores: Scores
    intervals: Intervals
    subject_macro: float | None
    subject_macro_interval: Interval | None
    worst_subject: SubjectScore | None


@dataclass(frozen=True, eq=False, slots=True)
class Pair:
    """Two classifiers, and the tests of their difference.

    Attributes
    ----------
    first, second : str
        Their names; differences are the second's score less the first's.
    mcnemar : McNemar
    mcnemar_holm : float
        Its p value, corrected for the number of pairs.
    differences : dict
        Per score one paired bootstrap difference, or one per class; ``"subject_macro"`` too.
    holm : dict of str to float
        Corrected p value of each score that is one number and defined in every pair.
    is_clustered : bool
        Cells are not independent, so that McNemar's test is too sure and the bootstrap decides.
    """

    first: str
    second: str
    mcnemar: McNemar
    mcnemar_holm: float
    differences: dict[str, tuple[Difference, ...]]
    holm: dict[str, float]
    is_clustered: bool

    @property
    def is_significant(self) -> bool:
        """Whether the accuracies differ by more than chance, corrected for the number of pairs."""
        return (self.holm["accuracy"] if self.is_clustered else self.mcnemar_holm) < ALPHA

    @property
    def verdict(self) -> str:
        """Say in plain sentences whether the two differ."""
        test = "paired bootstrap" if self.is_clustered else "exact McNemar"
        p = self.holm["accuracy"] if self.is_clustered else self.mcnemar_holm
        return (
            f"{self._say('accuracy', 'accuracy', p, test)} "
            f"{self._say('balanced_accuracy', 'balanced accuracy', self.holm['balanced_accuracy'], '')}"
        )

    def _say(self, name: str, title: str, p: float, test: str) -> str:
        found = self.differences[name][0]
        value, low, high = (100 * (x or 0.0) for x in (found.value, found.low, found.high))
        better, worse = self.second, self.first
        if value < 0:  # told from the better one's side
            (better, worse), (value, low, high) = (worse, better), (-value, -high, -low)
        chance = "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
        how = f"{test}, {chance}" if test else chance
        limits = f"{value:+.1f} points, {low:+.1f} to {high:+.1f}; {how}"
        if p >= ALPHA:
            return f"{better} and {worse} do not differ significantly in {title} ({limits})."
        return f"{better} is significantly better than {worse} in {title} ({limits})."


@dataclass(frozen=True, eq=False, slots=True)
class Comparison:
    """The result of `compare`.

    Attributes
    ----------
    classes : tuple of str
    truth : ndarray of int64, shape (N,)
        Positions in `classes`.
    contestants : tuple of Contestant
        In the order given.
    pairs : tuple of Pair
    clusters : int
        Independent units that were resampled: subjects, groups, else cells.
    subjects : int
        Known subjects.
    positive : str
        The class whose own precision, recall, specificity and F1 the tables show; empty for none.
    """

    classes: tuple[str, ...]
    truth: npt.NDArray[np.int64]
    contestants: tuple[Contestant, ...]
    pairs: tuple[Pair, ...]
    clusters: int
    subjects: int
    positive: str


def compare(
    answers: Sequence[Answers], *, positive: str = "", resamples: int = RESAMPLES, seed: int = 0
) -> Comparison:
    """Score each classifier and test every pair, all on the same resamples.

    Parameters
    ----------
    answers : sequence of Answers
        At least two, of the same cells.
    positive : str
        The class that counts as positive; with two classes the last by default.
    resamples, seed : int
        Of the bootstrap.

    Raises
    ------
    InputError
        If there are fewer than two, two share a name, or their cells or classes differ.
    UnknownNameError
        If `positive` or a cell's class is unknown.
    """
    names = [one.name for one in answers]
    if len(names) < 2 or len(set(names)) < len(names):
        raise InputError(f"a comparison needs two or more classifiers of distinct names, not {names}")
    answers = aligned(answers)
    classes, cells = answers[0].classes, answers[0].cells
    unknown = {cell.truth for cell in cells} | ({positive} if positive else set()) - set(classes)
    for name in sorted(unknown - set(classes)):
        raise UnknownNameError("class", name, classes)
    truth = np.array([classes.index(cell.truth) for cell in cells], np.int64)
    clusters = [cell.cluster for cell in cells]
    subjects = _numbers([cell.subject for cell in cells])
    measured = [[] for _ in answers]  # type: list[list[dict[str, Floats]]]
    for weights in resampled(truth, clusters=clusters, resamples=resamples, seed=seed):
        for one, parts in zip(answers, measured, strict=True):
            parts.append(_measures(one.probabilities, truth, weights, subjects))
    whole = [_measures(one.probabilities, truth, np.ones((len(truth), 1)), subjects) for one in answers]
    contestants = []
    for one, found, parts in zip(answers, whole, measured, strict=True):
        p = one.probabilities
        intervals = intervals_of(parts, p, truth, clusters=clusters)
        by_subject = intervals.pop("subject_macro", (None,))[0]
        contestants.append(
            Contestant(
                one.name,
                p,
                score(p, truth, classes),
                intervals,
                float(found["subject_macro"][0]) if "subject_macro" in found else None,
                by_subject,
                _worst(cells_right=p.argmax(axis=1) == truth, subjects=[c.subject for c in cells]),
            )
        )
    units = len(set(filter(None, clusters))) + clusters.count("")
    return Comparison(
        classes=classes,
        truth=truth,
        contestants=tuple(contestants),
        pairs=_pairs(contestants, truth, whole, measured, is_clustered=units < len(cells)),
        clusters=units,
        subjects=len({cell.subject for cell in cells} - {""}),
        positive=positive or (classes[-1] if len(classes) == 2 else ""),
    )


def _pairs(
    contestants: Sequence[Contestant],
    truth: npt.NDArray[np.int64],
    whole: Sequence[dict[str, Floats]],
    measured: Sequence[Sequence[dict[str, Floats]]],
    *,
    is_clustered: bool,
) -> tuple[Pair, ...]:
    right = [one.probabilities.argmax(axis=1) == truth for one in contestants]
    found = [
        (
            a,
            b,
            mcnemar(right[a], right[b]),
            differences_of((whole[a], whole[b]), measured[a], measured[b]),
        )
        for a, b in combinations(range(len(contestants)), 2)
    ]
    exact = holm([test.p for _, _, test, _ in found])
    corrected: list[dict[str, float]] = [{} for _ in found]
    for name, values in found[0][3].items():
        p = [differences[name][0].p for *_, differences in found]
        known = [value for value in p if value is not None]
        if len(values) == 1 and len(known) == len(p):
            for row, value in zip(corrected, holm(known), strict=True):
                row[name] = value
    return tuple(
        Pair(contestants[a].name, contestants[b].name, test, p, differences, by_score, is_clustered)
        for (a, b, test, differences), p, by_score in zip(found, exact, corrected, strict=True)
    )


def _numbers(subjects: Sequence[str]) -> npt.NDArray[np.int64] | None:
    """Number of each cell's subject, -1 where it is not known; None where none is."""
    numbers = {name: i for i, name in enumerate(dict.fromkeys(filter(None, subjects)))}
    return np.array([numbers.get(name, -1) for name in subjects]) if numbers else None


def _measures(
    p: Floats, truth: npt.NDArray[np.int64], weights: Floats, subjects: npt.NDArray[np.int64] | None
) -> dict[str, Floats]:
    """Add the mean accuracy of the subjects to `measures`."""
    found = measures(p, truth, weights)
    if subjects is not None:
        member = np.eye(subjects.max() + 1)[subjects] * (subjects >= 0)[:, None]
        right = (p.argmax(axis=1) == truth)[:, None]
        # A subject that is drawn twice counts twice.
        times = member.T @ weights / member.sum(axis=0)[:, None]
        hits = member.T @ (weights * right) / member.sum(axis=0)[:, None]
        with np.errstate(invalid="ignore"):
            found["subject_macro"] = hits.sum(axis=0) / times.sum(axis=0)
    return found


def _worst(*, cells_right: npt.NDArray[np.bool_], subjects: Sequence[str]) -> SubjectScore | None:
    names = np.array(subjects)
    known = [
        SubjectScore(name, int((names == name).sum()), int(cells_right[names == name].sum()))
        for name in sorted(set(subjects) - {""})
    ]
    return min(known, key=lambda s: (s.right / s.count, -s.count, s.name), default=None)
