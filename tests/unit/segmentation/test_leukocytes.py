"""Nucleus and cytoplasm of drawn cells, at any scale, in any company."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from leukon.errors import UnknownNameError
from leukon.segmentation import Parts, find_cell, segment
from leukon.segmentation.otsu import two_thresholds

BACKGROUND, RED, PALE, PURPLE = (232, 228, 226), (222, 160, 150), (206, 196, 222), (96, 52, 150)


def drawn(*cells: tuple[int, int], red: tuple[tuple[int, int], ...] = (), side: int = 200) -> np.ndarray:
    """Draw cells of radius 30 with a nucleus of radius 20 off their middle, and red cells of radius 20."""
    image = np.full((side, side, 3), BACKGROUND, np.uint8)
    for x, y in red:
        cv2.circle(image, (x, y), 20, RED, -1, cv2.LINE_AA)
    for x, y in cells:
        cv2.circle(image, (x, y), 30, PALE, -1, cv2.LINE_AA)
        cv2.circle(image, (x - 8, y), 20, PURPLE, -1, cv2.LINE_AA)
    noise = np.random.default_rng(0).normal(0, 2, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def painted(cells: tuple[Parts, ...], shape: tuple[int, ...]) -> np.ndarray:
    mask = np.zeros(shape[:2], np.uint8)
    for cell in cells:
        cell.paint(mask)
    return mask


def dice(found: np.ndarray, x: int, y: int, radius: int) -> float:
    truth = np.zeros(found.shape, np.uint8)
    cv2.circle(truth, (x, y), radius, 1, -1)
    return 2 * np.count_nonzero(found & (truth > 0)) / (np.count_nonzero(found) + np.count_nonzero(truth))


TOUCHING = ((100 + 48, 100), (100, 100 + 48), (100, 100 - 48), (30, 30), (170, 30), (30, 170), (170, 170))


@pytest.mark.parametrize("red", [(), TOUCHING], ids=["alone", "among red cells that touch it"])
def test_pale_cytoplasm_is_told_from_background_and_red_cells(red: tuple[tuple[int, int], ...]) -> None:
    (cell,) = segment(drawn((100, 100), red=red))
    mask = painted((cell,), (200, 200))
    assert dice(mask > 0, 100, 100, 30) > 0.95
    assert dice(mask == 255, 92, 100, 20) > 0.96


@pytest.mark.parametrize("count", [60, 120, 200])
def test_dark_granules_are_not_nucleus(count: int) -> None:
    image, rng = drawn((100, 100)), np.random.default_rng(1)
    cytoplasm = np.zeros(image.shape[:2], np.uint8)
    cv2.circle(cytoplasm, (100, 100), 28, 1, -1)
    cv2.circle(cytoplasm, (92, 100), 21, 0, -1)
    for y, x in rng.choice(np.argwhere(cytoplasm), count):
        cv2.circle(image, (int(x), int(y)), 2, (150, 60, 130), -1, cv2.LINE_AA)
    image = np.asarray(cv2.GaussianBlur(image, (0, 0), 1), np.uint8)
    assert dice(painted(segment(image), image.shape) == 255, 92, 100, 20) > 0.95


@pytest.mark.parametrize("factor", [0.4, 2.5, 5])
def test_the_scale_and_the_depth_do_not_matter(factor: float) -> None:
    image = drawn((100, 100), red=TOUCHING)
    image = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    at = round(100 * factor)
    for picture in (image, image.astype(np.uint16) * 257):
        mask = painted(segment(picture), picture.shape)
        assert dice(mask > 0, at, at, round(30 * factor)) > 0.93
        assert dice(mask == 255, round(92 * factor), at, round(20 * factor)) > 0.93


def test_auto_takes_the_central_cell_or_every_one() -> None:
    image = drawn((100, 100), (185, 20))
    assert len(segment(image)) == 1
    assert len(segment(image, cells="central")) == 1
    places = (60, 60), (180, 170), (60, 190)
    field = drawn(*places, red=((120, 40), (200, 80), (120, 110), (30, 120)), side=250)
    assert [tuple(round(v, -1) for v in cell.box.centre) for cell in segment(field)] == list(places)
    assert len(segment(field, cells="central")) == 1


def test_lobes_far_apart_are_one_nucleus() -> None:
    image = np.full((130, 130, 3), BACKGROUND, np.uint8)
    cv2.circle(image, (65, 65), 40, PALE, -1, cv2.LINE_AA)
    lobes = (47, 55), (83, 55), (65, 85)
    for lobe in lobes:
        cv2.circle(image, lobe, 13, PURPLE, -1, cv2.LINE_AA)
    mask = painted(segment(image, cells="central"), image.shape)
    assert dice(mask > 0, 65, 65, 40) > 0.95
    assert all(mask[y, x] == 255 for x, y in lobes)


@pytest.mark.parametrize("apart", [50, 56, 62])
def test_the_central_one_of_two_cells_in_touch_is_found_alone(apart: int) -> None:
    mask = painted(segment(drawn((90, 100), (90 + apart, 100)), cells="central"), (200, 200))
    assert dice(mask == 255, 82, 100, 20) > 0.95


def test_two_cells_in_touch_are_not_one() -> None:
    image = drawn((80, 100), (136, 100))
    found = segment(image, cells="every")
    assert len(found) == 2
    for cell in found:
        assert 0.75 < np.count_nonzero(cell.mask) / (np.pi * 30**2) < 1.35


def test_a_black_sliver_is_not_the_cell() -> None:
    image = drawn((100, 100), red=TOUCHING)
    cv2.fillPoly(image, [np.array([[60, 199], [140, 199], [140, 190]])], (0, 0, 0))
    found = find_cell(image)
    assert found is not None
    assert np.hypot(found.box.centre[0] - 100, found.box.centre[1] - 100) < 6


def test_unknown_names_are_told() -> None:
    for arguments in ({"method": "magic"}, {"cells": "all"}):
        with pytest.raises(UnknownNameError):
            segment(drawn((100, 100)), **arguments)


def test_two_thresholds_separate_three_levels_as_scikit_image_does() -> None:
    filters = pytest.importorskip("skimage.filters")
    values = np.random.default_rng(0).normal([[40], [120], [200]], 12, (3, 4000))
    levels = values.clip(0, 255).astype(np.uint8)
    found = two_thresholds(np.bincount(levels.ravel(), minlength=256))
    np.testing.assert_allclose(found, filters.threshold_multiotsu(levels, classes=3), atol=1)
