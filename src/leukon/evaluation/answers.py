"""What classifiers say of the same labelled cells, collected or read back from a finished evaluation."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from leukon.errors import InputError
from leukon.evaluation.evaluate import BATCH_SIZE, Example, cluster_of
from leukon.types import Classifier, Skipped

PREDICTIONS = "predictions.csv"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a cell: its file, true class, and subject and group (empty: not known)."""

    name: str
    truth: str
    subject: str = ""
    group: str = ""

    @property
    def cluster(self) -> str:
        """What the cell is drawn together with in resampling; empty for a cell of its own."""
        return cluster_of(self.subject, self.group)


@dataclass(frozen=True, eq=False, slots=True)
class Answers:
    """One classifier's answers.

    Attributes
    ----------
    name : str
        The classifier.
    classes : tuple of str
        In the order of the probabilities.
    cells : tuple of Known
    probabilities : ndarray of float64, shape (N, K)
    """

    name: str
    classes: tuple[str, ...]
    cells: tuple[Known, ...]
    probabilities: npt.NDArray[np.float64]


def collect(
    classifiers: Mapping[str, Classifier], examples: Iterable[Example | Skipped]
) -> tuple[tuple[Answers, ...], tuple[Skipped, ...]]:
    """Let every classifier answer; the examples are read once, in batches.

    Returns
    -------
    answers : tuple of Answers
        In the order of `classifiers`.
    skipped : tuple of Skipped

    Raises
    ------
    InputError
        If no example can be used.
    """
    cells: list[Known] = []
    skipped: list[Skipped] = []
    rows: dict[str, list[npt.NDArray[np.float32]]] = {name: [] for name in classifiers}
    stream = iter(examples)
    while chunk := list(islice(stream, BATCH_SIZE)):
        usable = [item for item in chunk if isinstance(item, Example)]
        skipped += [item for item in chunk if isinstance(item, Skipped)]
        cells += [Known(e.cell.name, e.label, e.subject, e.group) for e in usable]
        for name, classifier in classifiers.items():
            rows[name] += [found.probabilities for found in classifier.predict([e.cell for e in usable])]
    if not cells:
        raise InputError(f"nothing to compare: {len(skipped)} images could not be used")
    answers = (
        Answers(name, classifier.taxonomy.names, tuple(cells), np.stack(rows[name]).astype(np.float64))
        for name, classifier in classifiers.items()
    )
    return tuple(answers), tuple(skipped)


def read_answers(folder: Path) -> Answers:
    """Read the answers that ``leukon evaluate`` left in `folder`.

    Raises
    ------
    InputError
        If its ``predictions.csv`` is missing or damaged.
    """
    path = folder / PREDICTIONS
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        columns = [name for name in rows[0] if name.startswith("p_")]
        cells = tuple(Known(r["file"], r["truth"], r["subject"], r.get("group", "")) for r in rows)
        shares = np.array([[float(row[name]) for name in columns] for row in rows])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InputError(f"cannot read {path} ({error}): give a folder of leukon evaluate") from error
    shares /= shares.sum(axis=1, keepdims=True)  # they were rounded
    return Answers(folder.resolve().name, tuple(name[2:] for name in columns), cells, shares)


def aligned(answers: Sequence[Answers]) -> tuple[Answers, ...]:
    """Return `answers` with the classes of the first, in its order.

    Raises
    ------
    InputError
        If two do not speak of the same cells or tell other classes apart.
    """
    first = answers[0]
    result = [first]
    for other in answers[1:]:
        if set(other.classes) != set(first.classes):
            raise InputError(
                f"{first.name} tells apart {', '.join(first.classes)}, {other.name} "
                f"{', '.join(other.classes)}: name with --classes those that both know"
            )
        if other.cells != first.cells:
            raise InputError(f"{_mismatch(first, other)}: evaluate both on the same data and split")
        order = [other.classes.index(name) for name in first.classes]
        result.append(replace(other, classes=first.classes, probabilities=other.probabilities[:, order]))
    return tuple(result)


def _mismatch(first: Answers, other: Answers) -> str:
    both = f"{first.name} and {other.name} do not speak of the same cells"
    if len(first.cells) != len(other.cells):
        return f"{both} ({len(first.cells)} and {len(other.cells)})"
    a, b = next((a, b) for a, b in zip(first.cells, other.cells, strict=True) if a != b)
    if (a.name, a.truth) == (b.name, b.truth):
        return f"{both} ({a.name} belongs to another subject or group)"
    return f"{both} ({a.name}, {a.truth}, against {b.name}, {b.truth})"
