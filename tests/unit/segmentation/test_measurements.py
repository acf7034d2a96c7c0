"""Measurements of drawn cells, whose true values are known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from leukon.segmentation.measurements import MEASUREMENTS, cell_measurements, count_lobes
from leukon.segmentation.parts import CYTOPLASM, NUCLEUS, Parts

SIDE = 200
BACKGROUND, PINK, PURPLE = (230, 228, 226), (200, 160, 210), (90, 50, 150)


def drawn(*lobes: tuple[int, int, int], radius: int = 70) -> tuple[np.ndarray, Parts]:
    """Draw a cell in the middle with round lobes (x, y, radius)."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.circle(mask, (100, 100), radius, CYTOPLASM, -1)
    for x, y, r in lobes:
        cv2.circle(mask, (x, y), r, NUCLEUS, -1)
    image = np.full((SIDE, SIDE, 3), BACKGROUND, np.uint8)
    image[mask == CYTOPLASM], image[mask == NUCLEUS] = PINK, PURPLE
    return image, Parts(mask)


def test_a_round_cell_has_the_measures_of_a_circle() -> None:
    image, cell = drawn((100, 100, 35))
    found = cell_measurements(image, cell)
    assert tuple(found) == MEASUREMENTS
    assert found["area"] == pytest.approx(np.pi * 70**2, rel=0.01)
    assert found["diameter"] == pytest.approx(140, rel=0.01)
    assert found["nucleus_share"] == pytest.approx(0.25, rel=0.02)
    assert found["nc_ratio"] == pytest.approx(1 / 3, rel=0.02)
    assert found["circularity"] > 0.98
    assert found["nucleus_circularity"] > 0.97
    assert found["eccentricity"] < 0.05
    assert found["nucleus_offset"] < 0.01
    assert found["lobes"] == 1
    expected = np.log10((np.array(BACKGROUND) + 2) / (np.array(PURPLE) + 2))
    measured = [found[f"nucleus_{channel}_od"] for channel in ("red", "green", "blue")]
    np.testing.assert_allclose(measured, expected, atol=0.01)


def test_eccentricity_is_that_of_an_ellipse() -> None:
    mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.ellipse(mask, (100, 100), (80, 40), 30, 0, 360, CYTOPLASM, -1)
    found = cell_measurements(np.full((SIDE, SIDE, 3), 200, np.uint8), Parts(mask))
    assert found["eccentricity"] == pytest.approx(np.sqrt(1 - 0.5**2), abs=0.01)
    assert np.isnan(found["nucleus_green_od"])
    assert found["lobes"] == 0


@pytest.mark.parametrize(
    ("lobes", "expected"),
    [
        ([(100, 100, 30)], 1),
        ([(70, 100, 20), (130, 100, 20)], 2),
        ([(75, 100, 25), (125, 100, 26)], 2),
        ([(60, 100, 20), (100, 130, 22), (140, 100, 18)], 3),
        ([(90, 100, 25), (110, 100, 25)], 1),
        ([(80, 100, 30), (150, 100, 3)], 1),
    ],
)
def test_lobes_are_counted_across_necks(lobes: list[tuple[int, int, int]], expected: int) -> None:
    _, cell = drawn(*lobes, radius=90)
    assert count_lobes(cell.mask == NUCLEUS) == expected


def test_granules_show_at_any_magnification() -> None:
    image, cell = drawn((70, 100, 30), radius=80)
    grains = np.random.default_rng(0).integers(0, 2, (67, 67), np.uint8)
    grains = cv2.resize(grains, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST).astype(bool)
    rough = image.copy()
    rough[grains & (cell.mask == CYTOPLASM)] = (210, 80, 120)
    smooth, granular = (cell_measurements(i, cell)["cytoplasm_fine"] for i in (image, rough))
    assert granular > 3 * smooth
    large = cv2.resize(rough, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    doubled = Parts(cv2.resize(cell.mask, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST))
    assert cell_measurements(large, doubled)["cytoplasm_fine"] == pytest.approx(granular, rel=0.1)


def test_only_the_window_is_measured_and_the_depth_does_not_matter() -> None:
    image, cell = drawn((90, 100, 35))
    window = Parts(np.ascontiguousarray(cell.mask[20:190, 25:185]), x0=25, y0=20)
    assert window.box == cell.box
    whole = cell_measurements(image, cell)
    for other in (cell_measurements(image, window), cell_measurements(image.astype(np.uint16) * 257, cell)):
        np.testing.assert_allclose(list(other.values()), list(whole.values()), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "mask", [np.zeros((5, 5)), np.full((1, 1), 255), np.full((1, 9), 128), np.eye(6) * 255]
)
def test_tiny_and_empty_cells_are_measured(mask: np.ndarray) -> None:
    found = cell_measurements(np.full((9, 9, 3), 100, np.uint8), Parts(mask.astype(np.uint8)))
    assert found["area"] == np.count_nonzero(mask)
    assert not any(np.isinf(value) for value in found.values())
