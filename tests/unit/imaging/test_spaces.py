"""Image spaces against scikit-image and their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.color import rgb2hsv, rgb2lab

from leukon.errors import UnknownNameError
from leukon.imaging.spaces import SPACES
from leukon.imaging.spaces.hsv import Hsv
from leukon.imaging.spaces.lab import Lab
from leukon.imaging.spaces.optical_density import OpticalDensity
from leukon.registry import look_up

RGB = np.random.default_rng(8).integers(0, 256, (64, 64, 3), np.uint8)


def test_hsv_equals_scikit_image() -> None:
    difference = np.abs(Hsv().from_rgb(RGB) - rgb2hsv(RGB))
    difference[..., 0] = np.minimum(difference[..., 0], 1 - difference[..., 0])
    assert difference.max() < 1e-4


def test_lab_equals_scikit_image() -> None:
    np.testing.assert_allclose(Lab().from_rgb(RGB) * (100, 128, 128), rgb2lab(RGB), atol=0.03)


def test_densities_of_two_filters_add_up() -> None:
    first, second = (np.random.default_rng(i).uniform(0.1, 1, (8, 8, 3)).astype(np.float32) for i in (0, 1))
    space = OpticalDensity()
    both = space.from_rgb(first * second)
    np.testing.assert_allclose(both, space.from_rgb(first) + space.from_rgb(second), atol=1e-5)


def test_the_background_has_no_density_and_black_a_finite_one() -> None:
    space = OpticalDensity(white=200 / 255)
    assert np.abs(space.from_rgb(np.full((2, 2, 3), 200, np.uint8))).max() < 1e-6
    assert space.from_rgb(np.zeros((2, 2, 3), np.uint8))[0, 0, 0] == pytest.approx(np.log10(400))


def test_the_nearest_name_is_suggested() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'optical_density'"):
        look_up("image space", "optical_densty", SPACES)
