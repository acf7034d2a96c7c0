"""Measurements in the place of an image space."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from leukon.pipeline import Frame, Pipeline, Scale
from leukon.segmentation import MEASUREMENTS
from leukon.segmentation.morphology import Morphology
from leukon.types import Box, Cell


def drawn(radius: int, dtype: type = np.uint8) -> Cell:
    image = np.full((128, 128, 3), (236, 230, 232), np.uint8)
    cv2.circle(image, (64, 64), 40, (190, 170, 214), -1)
    cv2.circle(image, (64, 64), radius, (96, 44, 128), -1)
    return Cell(image.astype(dtype) * (257 if dtype is np.uint16 else 1), Box(19, 19, 110, 110))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_pipeline_gives_measurements(dtype: type) -> None:
    n = len(MEASUREMENTS)
    pipeline = Pipeline(frame=Frame(side_px=1), space=Morphology(), scale=Scale((0.0,) * n, (1.0,) * n))
    batch = pipeline.batch([drawn(14, dtype), drawn(30, dtype)])
    assert batch.shape == (2, n, 1, 1) and np.isfinite(batch).all()
    share = batch[:, MEASUREMENTS.index("nucleus_share"), 0, 0]
    np.testing.assert_allclose(share, [(14 / 40) ** 2, (30 / 40) ** 2], atol=0.05)
    assert Pipeline.from_dict(pipeline.to_dict()) == pipeline


def test_what_cannot_be_measured_is_zero() -> None:
    blank = np.full((128, 256, 3), 230, np.uint8)
    found = Morphology().from_rgb(blank)
    assert found.shape == (1, 2, len(MEASUREMENTS)) and not found.any()
