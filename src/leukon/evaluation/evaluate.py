"""Running a classifier over labelled cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import cv2
import numpy as np
import numpy.typing as npt

from leukon.errors import InputError
from leukon.evaluation.bootstrap import Intervals, bootstrap
from leukon.evaluation.scores import Scores, score
from leukon.imaging.geometry import cut, resize, square_around
from leukon.types import Cell, Classifier, Prediction, Skipped, SystemAware, Taxonomy

BATCH_SIZE = 64
THUMBNAIL_PX = 112
GALLERY_SIZE = 60


@dataclass(frozen=True, eq=False, slots=True)
class Example:
    """A cell whose class is known, and the subject and group that it belongs to (empty: not known)."""

    cell: Cell
    label: str
    subject: str = ""
    group: str = ""


@dataclass(frozen=True, eq=False, slots=True)
class Outcome:
    """What became of one example."""

    name: str
    truth: str
    subject: str
    prediction: Prediction
    group: str = ""

    @property
    def right(self) -> bool:
        """Whether the most probable class is the true one."""
        return self.prediction.label == self.truth


@dataclass(frozen=True, eq=False, slots=True)
class Mistake:
    """A wrong outcome with its picture, a JPEG of `THUMBNAIL_PX` px."""

    outcome: Outcome
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class SubjectScore:
    """Right cells of one subject."""

    name: str
    count: int
    right: int


@dataclass(frozen=True, eq=False, slots=True)
class Evaluation:
    """A classifier's results on labelled cells.

    Attributes
    ----------
    taxonomy : Taxonomy
        The classes.
    outcomes : tuple of Outcome
        In the order of the examples.
    truth : ndarray of int64, shape (N,)
    probabilities : ndarray of float64, shape (N, K)
    scores : Scores
        Over all outcomes, whatever their status: a cell that is named with low confidence counts too.
    intervals : dict
        95 % limits of every score (`leukon.evaluation.bootstrap`).
    clusters : int
        Independent units that were resampled: subjects, groups, else cells.
    mistakes : tuple of Mistake
        The most confident wrong outcomes first, at most `GALLERY_SIZE`.
    subjects : tuple of SubjectScore
        The worst first; empty where no subject is known.
    skipped : tuple of Skipped
        Images that could not be used: they are in no score.
    units : tuple of str
        The independent unit of each outcome; empty where the cell is its own.
    """

    taxonomy: Taxonomy
    outcomes: tuple[Outcome, ...]
    truth: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float64]
    scores: Scores
    intervals: Intervals
    clusters: int
    mistakes: tuple[Mistake, ...]
    subjects: tuple[SubjectScore, ...]
    skipped: tuple[Skipped, ...]
    units: tuple[str, ...]


def evaluate(classifier: Classifier, examples: Iterable[Example | Skipped], *, seed: int = 0) -> Evaluation:
    """Classify `examples`, of one imaging system, in batches as they come, and score the result.

    Parameters
    ----------
    classifier : Classifier
    examples : iterable of Example or Skipped
        Read once; only thumbnails of mistakes are kept. Their labels are classes of the classifier.
    seed : int
        Seed of the bootstrap.

    Raises
    ------
    InputError
        If no example can be used.
    UnknownNameError
        If the classifier does not know a label.
    """
    taxonomy = classifier.taxonomy
    known: list[tuple[str, str, str, str]] = []
    predictions: list[Prediction] = []
    pictures: dict[int, bytes] = {}
    skipped: list[Skipped] = []
    stream = iter(examples)
    while chunk := list(islice(stream, BATCH_SIZE)):
        usable = [item for item in chunk if isinstance(item, Example)]
        skipped += [item for item in chunk if isinstance(item, Skipped)]
        for example, prediction in zip(
            usable, classifier.predict([example.cell for example in usable]), strict=True
        ):
            maybe = prediction.probabilities if prediction.abroad is None else prediction.abroad
            if {prediction.label, taxonomy.names[maybe.argmax()]} != {example.label}:
                pictures[len(known)] = _jpeg(thumbnail(example.cell))
            known.append((example.cell.name, example.label, example.subject, example.group))
            predictions.append(prediction)
    if isinstance(classifier, SystemAware):
        predictions = classifier.at_system(predictions)
    outcomes = [
        Outcome(name, truth, subject, prediction, group)
        for (name, truth, subject, group), prediction in zip(known, predictions, strict=True)
    ]
    clusters = [cluster_of(subject, group) for _, _, subject, group in known]
    wrong = ((outcomes[i], jpeg) for i, jpeg in pictures.items())
    mistakes = [Mistake(one, jpeg) for one, jpeg in wrong if one.prediction.label != one.truth]
    return _scored(taxonomy, outcomes, clusters, mistakes, skipped, seed=seed)


def pool(evaluations: Sequence[Evaluation], *, seed: int = 0) -> Evaluation:
    """Score the outcomes of several evaluations, such as those of the folds of a cross-validation, as one.

    Raises
    ------
    InputError
        If their classes differ, or there are none.
    """
    taxonomies = {evaluation.taxonomy for evaluation in evaluations}
    if len(taxonomies) != 1:
        raise InputError(f"cannot pool {len(evaluations)} evaluations with {len(taxonomies)} sets of classes")
    return _scored(
        taxonomies.pop(),
        [outcome for evaluation in evaluations for outcome in evaluation.outcomes],
        [unit for evaluation in evaluations for unit in evaluation.units],
        [mistake for evaluation in evaluations for mistake in evaluation.mistakes],
        [item for evaluation in evaluations for item in evaluation.skipped],
        seed=seed,
    )


def _scored(
    taxonomy: Taxonomy,
    outcomes: Sequence[Outcome],
    clusters: Sequence[str],
    mistakes: Sequence[Mistake],
    skipped: Sequence[Skipped],
    *,
    seed: int,
) -> Evaluation:
    if not outcomes:
        reason = f", such as {skipped[0].name}: {skipped[0].reason}" if skipped else ""
        raise InputError(f"nothing to evaluate: {len(skipped)} images could not be used{reason}")
    truth = np.array([taxonomy.index(outcome.truth) for outcome in outcomes], np.int64)
    probabilities = np.stack([outcome.prediction.probabilities for outcome in outcomes]).astype(np.float64)
    return Evaluation(
        taxonomy=taxonomy,
        outcomes=tuple(outcomes),
        truth=truth,
        probabilities=probabilities,
        scores=score(probabilities, truth, taxonomy.names),
        intervals=bootstrap(probabilities, truth, clusters=clusters, seed=seed),
        clusters=len(set(filter(None, clusters))) + clusters.count(""),
        mistakes=tuple(sorted(mistakes, key=lambda m: -m.outcome.prediction.confidence)[:GALLERY_SIZE]),
        subjects=_by_subject(outcomes),
        skipped=tuple(skipped),
        units=tuple(clusters),
    )


@dataclass(frozen=True, eq=False, slots=True)
class Restricted:
    """A classifier that keeps some of its classes and renormalises; it names every cell."""

    classifier: Classifier
    taxonomy: Taxonomy

    def predict(self, cells: Sequence[Cell]) -> list[Prediction]:
        """Classify `cells` among the classes that are left."""
        kept = [self.classifier.taxonomy.index(name) for name in self.taxonomy.names]
        return [self._keep(prediction, kept) for prediction in self.classifier.predict(cells)]

    def _keep(self, prediction: Prediction, kept: list[int]) -> Prediction:
        shares = np.maximum(prediction.probabilities[kept], np.finfo(np.float32).tiny)
        shares = shares / shares.sum()
        return Prediction(self.taxonomy.names[int(shares.argmax())], shares)


def cluster_of(subject: str, group: str) -> str:
    """Name what a cell is drawn together with in resampling; empty for a cell of its own."""
    if subject:
        return f"subject {subject}"
    return f"group {group}" if group else ""


def thumbnail(cell: Cell) -> npt.NDArray[np.uint8]:
    """Return the cell and a little around it, RGB of `THUMBNAIL_PX` px a side."""
    picture = resize(
        cut(cell.image, square_around(cell.box, margin=1.4), fill=0.9), THUMBNAIL_PX, THUMBNAIL_PX
    )
    return (picture >> 8).astype(np.uint8) if picture.dtype == np.uint16 else np.asarray(picture, np.uint8)


def _jpeg(picture: npt.NDArray[np.uint8]) -> bytes:
    _, data = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])
    return bytes(data)


def _by_subject(outcomes: Sequence[Outcome]) -> tuple[SubjectScore, ...]:
    count = Counter(o.subject for o in outcomes if o.subject)
    right = Counter(o.subject for o in outcomes if o.subject and o.right)
    subjects: Iterator[SubjectScore] = (SubjectScore(name, n, right[name]) for name, n in count.items())
    return tuple(sorted(subjects, key=lambda s: (s.right / s.count, s.name)))
