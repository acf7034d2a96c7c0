"""Silhouettes: drawn in place, alike however a cell is framed and coloured, learnt beside the picture."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from leukon.pipeline import Frame, Pipeline
from leukon.segmentation import find_cell
from leukon.segmentation.cell import cell_of, silhouette_of
from leukon.segmentation.silhouette import (
    LEAST_CYTOPLASM,
    LEAST_NUCLEUS,
    NUCLEUS,
    SIDE_PX,
    draw_silhouette,
    level_of,
)
from leukon.training.augment import Augmentation
from leukon.types import Box, Cell, Image

BACKGROUND, CELL, CHROMATIN = (228, 224, 226), (186, 168, 214), (92, 44, 130)


def picture(*, side: int = 200, radius: int = 40, at: tuple[int, int] = (100, 100)) -> Image:
    """A cell with a nucleus in its left half."""
    image = np.full((side, side, 3), BACKGROUND, np.uint8)
    cv2.circle(image, at, radius, CELL, -1, cv2.LINE_AA)
    cv2.circle(image, (at[0] - radius // 4, at[1]), radius * 3 // 5, CHROMATIN, -1, cv2.LINE_AA)
    return image


def test_it_shows_each_part_where_it_lies() -> None:
    nucleus = np.zeros((100, 100), np.uint8)
    nucleus[40:60, 30:50] = 1
    corners = np.array([[29.5, 29.5], [69.5, 29.5], [69.5, 69.5], [29.5, 69.5]], np.float32)
    drawn = draw_silhouette(nucleus, corners, Box(30, 30, 70, 70), tone=0.3)
    assert drawn.shape == (SIDE_PX, SIDE_PX)
    expected = np.zeros((SIDE_PX, SIDE_PX), np.uint8)  # the cell's 40 px are half of the 80 px: one to one
    expected[20:60, 20:60] = level_of(0.3)
    expected[30:50, 20:40] = NUCLEUS
    assert np.count_nonzero(drawn != expected) <= 4 * 40  # edges alone


def test_a_cell_has_the_same_one_at_any_size_and_place() -> None:
    first = find_cell(picture())
    second = find_cell(picture(side=480, radius=100, at=(260, 230)))
    assert first is not None and second is not None
    assert first.silhouette is not None and second.silhouette is not None
    assert np.mean(np.abs(first.silhouette.astype(int) - second.silhouette)) < 6
    left, right = first.silhouette[:, :40] == NUCLEUS, first.silhouette[:, 40:] == NUCLEUS
    assert left.sum() > 1.5 * right.sum()


def cytoplasm_of(image: Image) -> float:
    """The commonest level between outside and nucleus."""
    found = find_cell(image)
    assert found is not None and found.silhouette is not None
    levels = found.silhouette[(found.silhouette > LEAST_CYTOPLASM) & (found.silhouette < LEAST_NUCLEUS)]
    return int(np.bincount(levels).argmax())


def test_its_cytoplasm_is_as_dense_beside_the_nucleus_whatever_the_camera() -> None:
    image = picture()
    light = image / 255
    nucleus, cytoplasm = (float(np.log10(BACKGROUND[1] / colour[1])) for colour in (CHROMATIN, CELL))
    assert abs(cytoplasm_of(image) - level_of(cytoplasm / nucleus)) <= 8
    yellow, dark, flat = light * (1, 0.9, 0.6), 0.5 * light, light**0.7
    for other in (yellow, dark, flat):
        assert abs(cytoplasm_of((255 * other).round().astype(np.uint8)) - cytoplasm_of(image)) <= 8
    dense = image.copy()
    dense[np.all(image == CELL, axis=2)] = 160, 110, 170
    assert cytoplasm_of(dense) > cytoplasm_of(image) + 40


def test_levels_leave_room_on_both_sides() -> None:
    assert LEAST_CYTOPLASM < level_of(-1.0) < level_of(0.2) < level_of(0.5) < level_of(9.0) < LEAST_NUCLEUS


def test_it_is_looked_for_in_a_given_box() -> None:
    found = cell_of(picture())
    assert found is not None and found.silhouette is not None
    looked_for = silhouette_of(Cell(found.image, found.box))
    assert np.mean(np.abs(found.silhouette.astype(int) - looked_for)) < 6


def test_where_nothing_is_stained_it_is_empty() -> None:
    blank = np.full((60, 60, 3), 230, np.uint8)
    assert not silhouette_of(Cell(blank, Box(10, 10, 50, 50))).any()


def test_it_comes_after_the_planes_of_the_space_and_in_their_frame() -> None:
    cell = cell_of(picture())
    assert cell is not None
    pipeline = Pipeline(frame=Frame(side_px=56, margin=1.4, silhouette=True))
    batch = pipeline.batch([cell])
    assert batch.shape == (1, 4, 56, 56) == (1, pipeline.planes, 56, 56)
    np.testing.assert_array_equal(batch[:, :3], replace(pipeline, frame=Frame(56)).batch([cell]))
    plane = batch[0, 3]
    levels = np.round(plane * 255).astype(int)
    assert {0, cytoplasm_of(picture()), NUCLEUS} <= set(levels.ravel())
    dark = batch[0, 1] < batch[0, 1].mean() - 1.5 * batch[0, 1].std()
    assert np.mean(plane[dark] > 0.9) > 0.9  # the nucleus lies on the nucleus
    assert pipeline.fit([cell]).scale.mean == replace(pipeline, frame=Frame(56)).fit([cell]).scale.mean


@pytest.mark.parametrize("extent", ["all", "geometry"])
def test_augmentation_moves_it_apart_from_the_picture(extent: str) -> None:
    cell = cell_of(picture())
    assert cell is not None and cell.silhouette is not None
    change = Augmentation(extent=extent, elastic=0.045)  # type: ignore[arg-type]
    once, again, other = (change(cell, np.random.default_rng(seed)).silhouette for seed in (0, 0, 1))
    assert once is not None and again is not None and other is not None
    np.testing.assert_array_equal(once, again)
    assert once.dtype == np.uint8 and once.shape == cell.silhouette.shape
    assert np.mean(once != other) > 0.05
    area = np.count_nonzero(cell.silhouette == NUCLEUS)
    assert 0.5 * area < np.count_nonzero(once == NUCLEUS) < 1.6 * area
    levels = {int(change(cell, np.random.default_rng(seed)).silhouette[40, 62]) for seed in range(30)}  # type: ignore[index]
    assert len(levels) > 5  # its cytoplasm is paler or denser


def test_without_augmentation_it_stays() -> None:
    cell = cell_of(picture())
    assert cell is not None
    assert Augmentation(extent="none")(cell, np.random.default_rng(0)) is cell
