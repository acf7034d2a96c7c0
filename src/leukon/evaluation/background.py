"""Whether a classifier looks at the cell, or at what lies around it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from leukon.evaluation.answers import collect
from leukon.evaluation.compare import ALPHA
from leukon.evaluation.evaluate import Example
from leukon.evaluation.paired import Difference, McNemar, holm, mcnemar, paired_bootstrap
from leukon.imaging.color.background import background_level
from leukon.segmentation import cell_mask
from leukon.types import Cell, Classifier, Image, Prediction, Skipped, Taxonomy

RIM, FEATHER = 0.12, 0.02  # of the cell's side
AS_TAKEN, MASKED, RECOLOURED = "as taken", "masked", "recoloured"


@dataclass(frozen=True, slots=True)
class BackgroundDrop:
    """How far scores fall when the surroundings change.

    Attributes
    ----------
    surroundings : str
        ``"masked"`` or ``"recoloured"``.
    accuracy, balanced_accuracy : Difference
        Score of the cells as taken less that of the changed ones, with paired 95 % limits.
    mcnemar : McNemar
        First: changed; second: as taken.
    p_holm : float
        Of the accuracy by the paired bootstrap, corrected for the two tests.
    """

    surroundings: str
    accuracy: Difference
    balanced_accuracy: Difference
    mcnemar: McNemar
    p_holm: float

    @property
    def verdict(self) -> str:
        """Say in a sentence what the change costs."""
        found = self.accuracy
        value, low, high = (100 * (x or 0.0) for x in (found.value, found.low, found.high))
        how = "significantly" if self.p_holm < ALPHA and value else "not significantly"
        return (
            f"Surroundings {self.surroundings}: accuracy drops by {value:.1f} points "
            f"({low:.1f} to {high:.1f}), {how}."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**asdict(self), "verdict": self.verdict}


@dataclass(frozen=True, eq=False, slots=True)
class Altered:
    """A classifier that sees every cell changed."""

    classifier: Classifier
    change: Callable[[Cell], Cell]

    @property
    def taxonomy(self) -> Taxonomy:
        """The classes of the classifier."""
        return self.classifier.taxonomy

    def predict(self, cells: Sequence[Cell]) -> list[Prediction]:
        """Classify the changed `cells`."""
        return self.classifier.predict([self.change(cell) for cell in cells])


def background_test(
    classifier: Classifier, examples: Iterable[Example | Skipped], *, seed: int = 0
) -> tuple[BackgroundDrop, ...]:
    """Measure how far the scores fall when all that lies outside the cell is masked or recoloured.

    Raises
    ------
    InputError
        If no example can be used.
    """
    variants: dict[str, Classifier] = {
        AS_TAKEN: classifier,
        MASKED: Altered(classifier, mask_background),
        RECOLOURED: Altered(classifier, recolour_background),
    }
    (taken, *changed), _ = collect(variants, examples)
    truth = np.array([taken.classes.index(cell.truth) for cell in taken.cells], np.int64)
    clusters = [cell.cluster for cell in taken.cells]
    found = [
        paired_bootstrap(one.probabilities, taken.probabilities, truth, clusters=clusters, seed=seed)
        for one in changed
    ]
    corrected = holm([by_score["accuracy"][0].p or 0.0 for by_score in found])
    right = taken.probabilities.argmax(axis=1) == truth
    return tuple(
        BackgroundDrop(
            one.name,
            by_score["accuracy"][0],
            by_score["balanced_accuracy"][0],
            mcnemar(one.probabilities.argmax(axis=1) == truth, right),
            p,
        )
        for one, by_score, p in zip(changed, found, corrected, strict=True)
    )


def mask_background(cell: Cell) -> Cell:
    """Set everything outside the cell to the colour of the empty background."""
    around = _around(cell)
    return _mixed(cell, around, np.broadcast_to(_empty_colour(cell.image, around), cell.image.shape))


def recolour_background(cell: Cell) -> Cell:
    """Give everything outside the cell another colour, and leave the empty background as it is.

    The optical densities of the three channels change places, so that red cells turn green. The empty
    background stays, lest the white balance change the cell too.
    """
    around = _around(cell)
    level = np.maximum(_empty_colour(cell.image, around), 1).astype(np.float32)
    return _mixed(cell, around, np.roll(cell.image.astype(np.float32) / level, 1, axis=2) * level)


def _around(cell: Cell) -> npt.NDArray[np.float32]:
    """Return 1 outside the cell … 0 inside, shape (H, W).

    A rim is left to the cell: a cut along the outline itself, even one drawn by hand, changes the cell's
    edge, which classifiers read. The feathered cut is no sign of its own.
    """
    side = cell.box.side_px
    rim = 2 * round(RIM * side) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (rim, rim))
    inside = cv2.dilate(cell_mask(cell).astype(np.float32), kernel)
    return np.asarray(1 - cv2.GaussianBlur(inside, (0, 0), max(0.3, FEATHER * side)), np.float32)


def _empty_colour(image: Image, around: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Median of the brightest third of the surroundings, by their darkest channel: shape (3,)."""
    pixels = image[around > 0.99]
    if not pixels.size:
        return background_level(image)
    darkest = pixels.min(axis=1)
    return np.asarray(np.median(pixels[darkest >= np.quantile(darkest, 2 / 3)], axis=0))


def _mixed(cell: Cell, around: npt.NDArray[np.float32], other: npt.NDArray[np.floating]) -> Cell:
    share = around[..., None]
    top = np.iinfo(cell.image.dtype).max
    mixed = (1 - share) * cell.image + share * other
    image: Image = np.clip(mixed + 0.5, 0, top).astype(cell.image.dtype)
    return replace(cell, image=image)
