from __future__ import annotations

import cv2
import numpy as np
import pytest

from leukon.segmentation import find_cell, find_leukocytes
from leukon.types import Box, Image

BACKGROUND = 225, 222, 215
RED = 205, 140, 135
CYTOPLASM = 190, 180, 215
NUCLEUS = 95, 45, 130
PLATELET = 140, 95, 160
CLUMP = 60, 17, 20


def smear(
    cells: list[tuple[int, int]],
    *,
    size: tuple[int, int] = (480, 640),
    red_cells: bool = True,
    nucleus_radius: int = 21,
    unit: float = 1.0,
) -> Image:
    """Draw a field: leukocytes of 60 px, red cells of 40 px, a platelet, some noise; `unit` scales all."""
    height, width = (round(side * unit) for side in size)
    image = np.full((height, width, 3), BACKGROUND, np.uint8)
    rng = np.random.default_rng(3)

    def disc(x: float, y: float, radius: float, colour: tuple[int, int, int]) -> None:
        cv2.circle(image, (round(x * unit), round(y * unit)), round(radius * unit), colour, -1, cv2.LINE_AA)

    if red_cells:
        for y in range(30, size[0] - 20, 60):
            for x in range(30, size[1] - 20, 60):
                jx, jy = x + rng.integers(-6, 7), y + rng.integers(-6, 7)
                if all(np.hypot(jx - cx, jy - cy) > 58 for cx, cy in cells):
                    disc(jx, jy, 20, RED)
        disc(60, 62, 5, PLATELET)
    for x, y in cells:
        disc(x, y, 30, CYTOPLASM)
    for x, y in cells:
        disc(x + 3, y, nucleus_radius, NUCLEUS)
    noisy = image + rng.normal(0, 2, image.shape)
    return np.clip(cv2.GaussianBlur(noisy, (0, 0), 1.0), 0, 255).astype(np.uint8)


def hits(image: Image, cells: list[tuple[int, int]], *, unit: float = 1.0) -> int:
    found = find_leukocytes(image)
    truth = [Box((x - 30) * unit, (y - 30) * unit, (x + 30) * unit, (y + 30) * unit) for x, y in cells]
    assert len(found) == len(cells)
    return sum(any(one.box.iou(box) > 0.7 for one in found) for box in truth)


CELLS = [(120, 110), (400, 130), (250, 350), (540, 380)]


def test_finds_every_leukocyte_and_no_red_cell_or_platelet() -> None:
    assert hits(smear(CELLS), CELLS) == 4


def test_results_run_from_top_to_bottom() -> None:
    tops = [one.box.y0 for one in find_leukocytes(smear(CELLS))]
    assert tops == sorted(tops)


@pytest.mark.parametrize("gains", [(1.1, 1.0, 0.6), (0.6, 0.8, 1.1), (0.5, 0.5, 0.5), (1.0, 0.85, 0.75)])
def test_colour_cast_changes_nothing(gains: tuple[float, float, float]) -> None:
    image = np.clip(smear(CELLS) * np.array(gains), 0, 255).astype(np.uint8)
    assert hits(image, CELLS) == 4


def test_vignetting_changes_nothing() -> None:
    y, x = np.mgrid[-1:1:480j, -1:1:640j]
    shade = 1 - 0.18 * (x**2 + y**2)
    assert hits((smear(CELLS) * shade[..., None]).astype(np.uint8), CELLS) == 4


@pytest.mark.parametrize("unit", [0.4, 1.0, 2.5])
def test_magnification_changes_nothing(unit: float) -> None:
    assert hits(smear(CELLS, unit=unit), CELLS, unit=unit) == 4


def test_small_cells_in_a_large_field_are_found_at_a_finer_size() -> None:
    cells = [(x, y) for x in range(150, 2900, 350) for y in range(150, 2000, 400)]
    assert hits(smear(cells, size=(2100, 3000)), cells) == len(cells)


def test_touching_leukocytes_are_separated() -> None:
    pair = [(300, 200), (345, 200)]
    found = find_leukocytes(smear([*pair, (100, 400), (540, 400)]))
    assert len(found) == 4


def test_lobes_of_one_nucleus_are_one_cell() -> None:
    image = smear(CELLS[:2])
    cv2.circle(image, (300, 300), 31, CYTOPLASM, -1)
    for x, y in ((286, 290), (312, 288), (300, 316)):
        cv2.circle(image, (x, y), 10, NUCLEUS, -1)
    assert len(find_leukocytes(cv2.GaussianBlur(image, (0, 0), 1.0))) == 3


def clumped(image: Image, x: int, y: int) -> Image:
    """Draw a clump of granules, as large and dense as a nucleus, that absorbs blue as red cells do."""
    rng = np.random.default_rng(1)
    for dx, dy in rng.normal(0, 9, (60, 2)):
        cv2.circle(image, (round(x + dx), round(y + dy)), 5, CLUMP, -1, cv2.LINE_AA)
    return cv2.GaussianBlur(image, (0, 0), 1.0)


@pytest.mark.parametrize("gains", [(1, 1, 1), (1.1, 1.0, 0.6), (0.6, 0.8, 1.1)])
def test_clump_that_absorbs_blue_as_red_cells_do_is_no_cell(gains: tuple[float, float, float]) -> None:
    image = clumped(smear(CELLS), 320, 250) * np.array(gains)
    assert hits(np.clip(image, 0, 255).astype(np.uint8), CELLS) == 4


def test_nothing_is_judged_by_colour_without_another_nucleus_to_compare_it_with() -> None:
    assert len(find_leukocytes(clumped(smear([]), 320, 250))) == 1


def test_cell_cut_by_the_edge_is_flagged() -> None:
    found = find_leukocytes(smear([(8, 240), (320, 240)]))
    assert [("border" in one.flags) for one in sorted(found, key=lambda one: one.box.x0)] == [True, False]


@pytest.mark.parametrize("gains", [(1, 1, 1), (1.1, 1.0, 0.6), (0.6, 0.8, 1.1)])
def test_leukocytes_are_found_in_a_field_without_red_cells(gains: tuple[float, float, float]) -> None:
    image = smear(CELLS, red_cells=False, nucleus_radius=25)  # most of what is stained is nucleus
    assert hits(np.clip(image * np.array(gains), 0, 255).astype(np.uint8), CELLS) == 4


def test_field_without_leukocytes_is_empty() -> None:
    assert find_leukocytes(smear([])) == ()


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (16, 16), (240, 320), (1, 400)])
@pytest.mark.parametrize("value", [0, 128, 255])
def test_blank_images_hold_nothing(shape: tuple[int, int], value: int) -> None:
    image = np.full((*shape, 3), value, np.uint8)
    assert find_leukocytes(image) == ()
    assert find_cell(image) is None


def test_noise_holds_nothing() -> None:
    noise = np.random.default_rng(0).normal(200, 4, (240, 320, 3)).astype(np.uint8)
    assert find_leukocytes(noise) == ()


def test_sixteen_bits_say_the_same_as_eight() -> None:
    image = smear(CELLS)
    assert find_leukocytes(image.astype(np.uint16) * 257) == find_leukocytes(image)
    assert find_cell(image.astype(np.uint16) * 257) == find_cell(image)


def test_black_surround_of_an_eyepiece_is_no_cell() -> None:
    image = smear(CELLS[:3])
    disc = np.zeros(image.shape[:2], np.uint8)
    cv2.circle(disc, (320, 240), 300, 1, -1)
    image[disc == 0] = 12
    assert hits(image, CELLS[:3]) == 3


class TestFindCell:
    def cut(self, half: int) -> Image:
        return smear([(320, 240)])[240 - half : 240 + half, 320 - half : 320 + half]

    @pytest.mark.parametrize("half", [40, 60, 90, 180])
    def test_framing_changes_nothing(self, half: int) -> None:
        cell = find_cell(self.cut(half))
        assert cell is not None
        assert cell.box.iou(Box(half - 30, half - 30, half + 30, half + 30)) > 0.75

    @pytest.mark.parametrize("factor", [0.5, 2.0])
    def test_resolution_changes_nothing(self, factor: float) -> None:
        image = self.cut(90)
        one, other = find_cell(image), find_cell(cv2.resize(image, None, fx=factor, fy=factor))
        assert one is not None
        assert other is not None
        assert other.box.side_px / factor == pytest.approx(one.box.side_px, rel=0.12)

    def test_takes_the_central_cell(self) -> None:
        image = smear([(320, 240), (230, 240)])[150:330, 230:410]
        cell = find_cell(image)
        assert cell is not None
        assert cell.box.centre == pytest.approx((90, 90), abs=6)

    def test_takes_a_platelet_where_there_is_nothing_else(self) -> None:
        image = smear([])[10:110, 10:110]
        cell = find_cell(image)
        assert cell is not None
        assert cell.box.centre == pytest.approx((50, 52), abs=4)
        assert cell.box.side_px < 20
