"""A classifier that looks at the surroundings is found out."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.draw import disk

from leukon.evaluation import Example, background_test
from leukon.evaluation.background import mask_background, recolour_background
from leukon.types import Box, Cell, Prediction, taxonomy_of

TAXONOMY = taxonomy_of(["lymphocyte", "monocyte"])
RED_CELL = (215, 150, 140)


def cell(label: str, dtype=np.uint8) -> Cell:
    """A cell whose class shows in the nucleus and in the red cell beside it alike."""
    image = np.full((120, 120, 3), (230, 226, 228), np.uint8)
    image[disk((60, 60), 30)] = (200, 185, 222)
    image[disk((60, 60), 22)] = (96, 50, 146) if label == "lymphocyte" else (60, 40, 150)
    if label == "monocyte":
        image[disk((16, 100), 14)] = RED_CELL
    if dtype == np.uint16:
        image = image.astype(np.uint16) * 257
    return Cell(image, Box(30, 30, 90, 90))


class Looks:
    taxonomy = TAXONOMY

    def __init__(self, *, at_cell: bool) -> None:
        self.at_cell = at_cell

    def predict(self, cells):
        found = []
        for one in cells:
            red, green, _ = one.image[60, 60] if self.at_cell else one.image[16, 100]
            is_mono = red < 80 if self.at_cell else int(red) > int(green) + 30
            p = np.array([0.1, 0.9] if is_mono else [0.9, 0.1], np.float32)
            found.append(Prediction(TAXONOMY.names[int(p.argmax())], p))
        return found


@pytest.mark.parametrize(("at_cell", "drop"), [(True, 0.0), (False, 0.5)])
def test_the_drop_is_what_rests_on_the_surroundings(at_cell: bool, drop: float) -> None:
    examples = [Example(cell(label), label) for label in TAXONOMY.names for _ in range(20)]
    masked, recoloured = background_test(Looks(at_cell=at_cell), examples)
    assert [masked.surroundings, recoloured.surroundings] == ["masked", "recoloured"]
    for found in (masked, recoloured):
        assert found.accuracy.value == found.balanced_accuracy.value == drop
        assert found.mcnemar.only_second == 40 * drop
        assert ("not significantly" in found.verdict) == at_cell
    assert masked.to_dict()["accuracy"]["low"] <= drop


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("change", [mask_background, recolour_background])
def test_the_cell_and_the_empty_background_stay(change, dtype) -> None:
    before = cell("monocyte", dtype)
    after = change(before)
    full = np.iinfo(dtype).max
    assert after.image.dtype == dtype and after.box == before.box
    difference = np.abs(after.image.astype(float) - before.image.astype(float)).max(axis=2) / full
    inside = np.zeros((120, 120), bool)
    inside[disk((60, 60), 27)] = True
    assert difference[inside].max() < 0.02
    assert difference[100:, :20].max() < 0.01
    assert difference[16, 100] > 0.1
    red, green, _ = after.image[16, 100].astype(float)
    assert (green > red) if change is recolour_background else difference[16, 100] > 0.2


def test_a_cell_that_fills_its_image_stays_whole() -> None:
    image = np.full((40, 40, 3), (96, 50, 146), np.uint8)
    after = mask_background(Cell(image, Box(-10, -10, 50, 50)))
    np.testing.assert_array_equal(after.image[15:25, 15:25], image[15:25, 15:25])
