"""The camera's part of augmentation."""

from __future__ import annotations

from dataclasses import replace

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
