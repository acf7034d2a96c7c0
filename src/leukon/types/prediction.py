"""What a classifier says of one cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from leukon.types.image import Cell
from leukon.types.taxonomy import Taxonomy

Status = Literal["ok", "unidentified", "excluded"]


@dataclass(frozen=True, eq=False, slots=True)
class Prediction:
    """The classification of one cell.

    Attributes
    ----------
    label : str
        The most probable class.
    probabilities : ndarray, shape (K,)
        Calibrated probabilities in the taxonomy's order, sum 1.
    status : str
        ``"ok"``; ``"unidentified"`` where the confidence is too low to name a class;
        ``"excluded"`` where the object does not belong in the count.
    reason : str
        Why the status is not ``"ok"``; else empty.
    candidates : tuple of str
        Prediction set: classes that hold the true one at the classifier's stated coverage, the most probable
        first; empty where the classifier gives none.
    novelty : float or None
        How unlike the cells of training it is: 0 like them, above 1 unlike any; None where not measured.
    abroad : ndarray, shape (K,), or None
        Probabilities that hold instead where its imaging system turns out to be a strange one.
    """

    label: str
    probabilities: npt.NDArray[np.float32]
    status: Status = "ok"
    reason: str = ""
    candidates: tuple[str, ...] = ()
    novelty: float | None = None
    abroad: npt.NDArray[np.float32] | None = None

    @property
    def confidence(self) -> float:
        """The highest probability, 0…1."""
        return float(self.probabilities.max())


class Classifier(Protocol):
    """Whatever names cells: a bundle, or a network in training."""

    @property
    def taxonomy(self) -> Taxonomy:
        """The classes, in the order of the probabilities."""
        ...

    def predict(self, cells: Sequence[Cell]) -> list[Prediction]:
        """Classify each of `cells`."""
        ...


@runtime_checkable
class SystemAware(Protocol):
    """A classifier that is less sure where all the cells of an imaging system look strange to it."""

    def at_system(self, predictions: Sequence[Prediction]) -> list[Prediction]:
        """Return its `predictions` of cells of one imaging system, calibrated for that system."""
        ...
