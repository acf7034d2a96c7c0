"""Plain EK-means of a cell's colours."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from leukon.segmentation.cluster_parts import cluster_parts
from leukon.segmentation.parts import CYTOPLASM, NUCLEUS
from leukon.types import Box, Cell


def drawn(*, is_turned: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Draw a cell of two lobes with red cells around it; return its true mask too."""
    image = np.full((120, 120, 3), (236, 230, 232), np.uint8)
    mask = np.zeros((120, 120), np.uint8)
    for centre in ((18, 60), (60, 14), (104, 96)):
        cv2.circle(image, centre, 14, (226, 160, 152), -1)
    cv2.circle(image, (60, 60), 26, (190, 170, 214), -1)
    cv2.circle(mask, (60, 60), 26, CYTOPLASM, -1)
    for x in (52, 70):
        cv2.circle(image, (x, 60), 8, (96, 44, 128), -1)
        cv2.circle(mask, (x, 60), 8, NUCLEUS, -1)
    if is_turned:
        image[:, :20] = 0
    noise = np.random.default_rng(0).normal(0, 3, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8), mask


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * (a & b).sum() / (a.sum() + b.sum())


@pytest.mark.parametrize("is_turned", [False, True])
def test_nucleus_and_cytoplasm_without_red_cells(is_turned: bool) -> None:
    image, truth = drawn(is_turned=is_turned)
    found = np.zeros_like(truth)
    cluster_parts(Cell(image, Box(33, 33, 87, 87))).paint(found)
    assert dice(found == NUCLEUS, truth == NUCLEUS) > 0.9
    assert dice(found > 0, truth > 0) > 0.93


def test_windows_that_hold_nothing_to_part() -> None:
    flat = np.full((40, 40, 3), 200, np.uint8)
    for image, box in (
        (flat, Box(5, 5, 35, 35)),
        (flat[:1, :1], Box(0, 0, 1, 1)),
        (drawn()[0], Box(90, 2, 118, 30)),
    ):
        parts = cluster_parts(Cell(image, box))
        assert not (parts.mask == NUCLEUS).all()
        assert parts.whole(image).shape == image.shape[:2]


def test_a_cell_that_reaches_past_the_image() -> None:
    image, truth = drawn()
    cut = np.ascontiguousarray(image[:, 56:])
    found = cluster_parts(Cell(cut, Box(-23, 33, 31, 87))).whole(cut)
    assert dice(found, truth[:, 56:] > 0) > 0.85
