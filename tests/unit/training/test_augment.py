"""The camera's part of augmentation."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from leukon.training.augment import Augmentation, through_another_camera
from leukon.types import Box, Cell

IMAGE = np.random.default_rng(0).integers(40, 230, (64, 64, 3), np.uint8)
CELL = Cell(IMAGE, Box(16, 16, 48, 48))


def test_another_camera_adds_noise_and_keeps_the_picture() -> None:
    changed = [through_another_camera(IMAGE, np.random.default_rng(seed)) for seed in range(24)]
    np.testing.assert_array_equal(changed[0], through_another_camera(IMAGE, np.random.default_rng(0)))
    assert np.corrcoef(np.mean(changed, axis=0).ravel(), IMAGE.ravel())[0, 1] > 0.98
    spread = [np.abs(one - IMAGE.astype(float)).mean() for one in changed]
    assert min(spread) > 1
    assert max(spread) > 3 * min(spread)


def test_it_is_off_by_default_and_acts_where_it_is_asked_for() -> None:
    still = Augmentation(noise=0, coarse=1.2, blur_px=0.3, jpeg=0, plain=1, tight=0)
    assert still.sensor == 0
    off = still(CELL, np.random.default_rng(5)).image.astype(float)
    on = replace(still, sensor=1.0)(CELL, np.random.default_rng(5)).image
    assert np.abs(on - off).mean() > 1


STILL = Augmentation(
    crosstalk=0, saturation=0, blown=0, stain=0, cast=0, gamma=0, plain=0, tight=0, jpeg=0, noise=0,
    coarse=1.2, soft=0, zoom=0, stretch=0, shift=0,
)  # fmt: skip


def smear() -> Cell:
    """A cell with a violet nucleus and pink cytoplasm on a bright background."""
    image = np.full((64, 64, 3), 230, np.uint8)
    cv2.circle(image, (32, 32), 16, (215, 170, 185), -1)
    cv2.circle(image, (32, 32), 9, (95, 50, 140), -1)
    return Cell(image, Box(16, 16, 48, 48))


def test_a_cell_without_hue_keeps_its_shades() -> None:
    image = replace(STILL, grey=1.0)(smear(), np.random.default_rng(1)).image.astype(int)
    assert np.abs(np.diff(image, axis=2)).max() <= 12  # sharpening and the drawn light leave a trace
    nucleus, cytoplasm, background = image[32, 32, 1], image[32, 45, 1], image[4, 4, 1]
    assert nucleus < cytoplasm < background


def test_dyes_change_the_hue_and_leave_the_background() -> None:
    hues = []
    for seed in range(12):
        image = replace(STILL, dyes=0.5)(smear(), np.random.default_rng(seed)).image.astype(float)
        red, green, blue = image[32, 45] / image[3, 3]
        hues.append(red - blue)
        assert green < 1
    assert np.ptp(hues) > 0.05
    plain = [STILL(smear(), np.random.default_rng(seed)).image.astype(float) for seed in range(12)]
    assert np.ptp([(i[32, 45] / i[3, 3])[0] - (i[32, 45] / i[3, 3])[2] for i in plain]) < np.ptp(hues)


def test_elastic_bends_the_outline() -> None:
    def roundness(augmentation: Augmentation, seed: int) -> float:
        image = augmentation(smear(), np.random.default_rng(seed)).image
        contours, _ = cv2.findContours((image[..., 1] < 120).astype(np.uint8), cv2.RETR_EXTERNAL, 1)
        largest = max(contours, key=cv2.contourArea)
        return float(4 * np.pi * cv2.contourArea(largest) / cv2.arcLength(largest, True) ** 2)

    bent = np.mean([roundness(replace(STILL, elastic=0.08), seed) for seed in range(10)])
    straight = np.mean([roundness(STILL, seed) for seed in range(10)])
    assert bent < straight - 0.03
