"""The share of attribution inside the cell."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.draw import disk

from leukon.explain.attribution import Attribution, framed_mask
from leukon.explain.occlusion import occlusion
from leukon.explain.overlay import overlay_figure
from leukon.pipeline import Frame
from leukon.types import Box, Cell, Prediction, taxonomy_of

FRAME = Frame(side_px=96, margin=1.5)


class Looks:
    """Sees but the colour at one place of the image."""

    taxonomy = taxonomy_of(["lymphocyte", "monocyte"])

    def __init__(self, x: int, y: int) -> None:
        self.x, self.y = x, y
        self.sizes: set[tuple[int, ...]] = set()

    def predict(self, cells):
        found = []
        for cell in cells:
            self.sizes.add(cell.image.shape)
            x, y = (round(c + d) for c, d in zip(cell.box.centre, (self.x, self.y), strict=True))
            dark = 1 - float(cell.image[y - 1 : y + 2, x - 1 : x + 2].mean()) / 255
            found.append(Prediction("lymphocyte", np.array([dark, 1 - dark], np.float32)))
        return found


def pictured(size: int = 120, at: int = 60) -> Cell:
    image = np.full((size, size, 3), (230, 226, 228), np.uint8)
    image[disk((at, at), 30)] = (200, 185, 222)
    image[disk((at, at), 22)] = (96, 50, 146)
    image[disk((at + 46, at + 46), 9)] = (215, 150, 140)
    return Cell(image, Box(at - 30, at - 30, at + 30, at + 30))


def test_the_mask_is_the_drawn_cell() -> None:
    mask = framed_mask(pictured(), FRAME)
    truth = np.zeros((96, 96), bool)
    truth[disk((48, 48), 30 * 96 / 90)] = True
    assert (mask & truth).sum() / (mask | truth).sum() > 0.9


@pytest.mark.parametrize("size", [120, 900])
def test_occlusion_finds_what_is_looked_at(size: int) -> None:
    cell = pictured(size, at=size // 2)
    mask = framed_mask(cell, FRAME)
    cell_looker, outside = Looks(5, -8), Looks(42, 42)
    inside = occlusion(cell_looker, cell, frame=FRAME, label="lymphocyte")
    y, x = np.unravel_index(inside.values.argmax(), inside.values.shape)
    assert np.hypot(x - (48 + 5 * 96 / 90), y - (48 - 8 * 96 / 90)) < 6
    assert inside.share_inside(mask) > 0.9
    assert occlusion(outside, cell, frame=FRAME, label="lymphocyte").share_inside(mask) < 0.2
    assert max(max(shape) for shape in cell_looker.sizes) <= 181  # of a large field only the surroundings


def test_a_map_of_nothing_has_no_share() -> None:
    empty = Attribution("x", np.zeros((96, 96), np.float32))
    assert empty.share_inside(np.ones((96, 96), bool)) is None
    even = Attribution("x", np.ones((96, 96), np.float32))
    half = np.arange(96)[:, None] < np.full(96, 48)
    assert even.share_inside(half) == pytest.approx(0.5)
    picture = overlay_figure(pictured(), FRAME, [empty, even], half, "lymphocyte")
    assert picture.dtype == np.uint8 and picture.shape[1] > 2.5 * picture.shape[0]


def test_sixteen_bits_are_drawn_like_eight() -> None:
    cell = pictured()
    deep = Cell((cell.image.astype(np.uint16) * 257), cell.box)
    mask = framed_mask(deep, FRAME)
    np.testing.assert_array_equal(mask, framed_mask(cell, FRAME))
    np.testing.assert_allclose(
        overlay_figure(deep, FRAME, [], mask, "x").astype(int),
        overlay_figure(cell, FRAME, [], mask, "x"),
        atol=2,
    )
