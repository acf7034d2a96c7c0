"""What every image space must keep."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest

from leukon.imaging.spaces import SPACES
from leukon.imaging.spaces.hsv import Hsv

RGB = np.random.default_rng(3).random((17, 23, 3), np.float32)


@pytest.mark.parametrize("name", SPACES)
def test_shape_type_range_and_purity(name: str) -> None:
    space = SPACES[name]()
    assert space.name == name
    before = RGB.copy()
    result = space.from_rgb(RGB)
    np.testing.assert_array_equal(before, RGB)
    assert result.shape == (17, 23, len(space.channels))
    assert result.dtype == np.float32
    assert np.isfinite(result).all()
    extremes = np.array([[[0, 0, 0], [1, 1, 1], [1, 0, 0]]], np.float32)
    assert np.isfinite(space.from_rgb(extremes)).all()
    np.testing.assert_array_equal(result, SPACES[name]().from_rgb(RGB))


def test_hsv_equals_the_standard_library() -> None:
    expected = np.array([colorsys.rgb_to_hsv(*map(float, pixel)) for pixel in RGB.reshape(-1, 3)])
    result = Hsv().from_rgb(RGB).reshape(-1, 3)
    hue = np.abs(result[:, 0] - expected[:, 0])
    assert np.minimum(hue, 1 - hue).max() < 1e-4
    np.testing.assert_allclose(result[:, 1:], expected[:, 1:], atol=1e-4)
    assert Hsv().from_rgb(np.zeros((1, 1, 3), np.float32)).tolist() == [[[0, 0, 0]]]
