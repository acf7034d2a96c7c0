"""Moved copies of generated cells: found at any angle, mirrored, shifted and framed; others are not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from leukon.datasets.moved import landmarks, moved_groups, moved_pairs
from leukon.datasets.synthetic import SYSTEMS, Stain, draw_cell_image

LABELS = "neutrophil", "lymphocyte", "monocyte", "eosinophil"
CELLS, SIDE_PX = 40, 192


@pytest.fixture(scope="module")
def cells() -> list[np.ndarray]:
    """Cells of one stain and system, as alike as those of one slide."""
    system, stain = SYSTEMS["led-x"], Stain()
    return [
        draw_cell_image(LABELS[k % 4], k, side_px=SIDE_PX, system=system, stain=stain)[0]
        for k in range(CELLS)
    ]


def moved(image: np.ndarray, angle_deg: float, mirrored: bool, shift: tuple[float, float]) -> np.ndarray:
    """Mirror left to right, turn clockwise about the centre, shift; a black frame; re-saved."""
    centre = (SIDE_PX - 1) / 2
    matrix = cv2.getRotationMatrix2D((centre, centre), -angle_deg, 1)
    matrix[:, 2] += np.multiply(shift, SIDE_PX)
    upright = np.ascontiguousarray(image[:, ::-1] if mirrored else image)
    turned = cv2.warpAffine(upright, matrix, (SIDE_PX, SIDE_PX))
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", turned, [cv2.IMWRITE_JPEG_QUALITY, 80])[1], 1))


def test_moved_copies_are_found_with_their_turn_and_nothing_else(cells: list[np.ndarray]) -> None:
    rng = np.random.default_rng(0)
    moves = [
        (float(rng.uniform(-180, 180)), bool(rng.integers(2)), tuple(rng.uniform(-0.1, 0.1, 2)))
        for _ in cells
    ]
    copies = [moved(cell, *move) for cell, move in zip(cells, moves, strict=True)]
    found = {(p.first, p.second): p for p in moved_pairs([landmarks(image) for image in (*cells, *copies)])}
    planted = {(k, k + CELLS) for k in range(CELLS)}
    assert not found.keys() - planted
    assert len(found) >= CELLS - 1
    for (k, _), pair in found.items():
        angle, mirrored, _ = moves[k]
        assert pair.mirrored == mirrored
        assert abs((pair.angle_deg - angle + 180) % 360 - 180) < 2


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("angle", [0, 90, 180, 270])
def test_quarters_and_mirrors_without_a_frame(cells: list[np.ndarray], angle: int, mirrored: bool) -> None:
    copies = [np.rot90(one[:, ::-1] if mirrored else one, -angle // 90) for one in cells[:12]]
    prints = [landmarks(np.ascontiguousarray(image)) for image in (*cells[:12], *copies)]
    assert moved_groups(prints) == [*range(12), *range(12)]


def test_a_sheared_copy_in_sixteen_bits_is_found(cells: list[np.ndarray]) -> None:
    shear = np.array([[1.0, 0.15, -0.07 * SIDE_PX], [0.0, 1.0, 0.0]])
    copy = cv2.warpAffine(cells[0], shear, (SIDE_PX, SIDE_PX)).astype(np.uint16) * 257
    assert moved_groups([landmarks(cells[0]), None, landmarks(cells[1]), landmarks(copy)]) == [0, -1, 2, 0]


def test_a_common_frame_and_plain_images_make_no_copies(cells: list[np.ndarray]) -> None:
    framed = [moved(cell, 20, False, (0.05, 0.05)) for cell in cells]
    plain = [np.full((48, 64, 3), value, np.uint8) for value in (0, 128, 128, 255)]
    tiny = [np.full((1, 1, 3), value, np.uint8) for value in (10, 10)]
    assert not list(moved_pairs([landmarks(image) for image in (*framed, *plain, *tiny)]))
    assert not list(moved_pairs([]))
    assert moved_groups([None]) == [-1]
