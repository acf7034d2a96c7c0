"""Checkerboard pictures in both modes of the paper."""

from __future__ import annotations

import numpy as np
import pytest

from leukon.errors import UnknownNameError
from leukon.imaging.checkerboard import checkerboard


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [(1, 1), (5, 4), (6, 7)])
def test_complementary_pictures_add_up_to_the_image(size: tuple[int, int], dtype: type) -> None:
    image = np.random.default_rng(0).integers(1, 255, (*size, 3)).astype(dtype)
    first, second = checkerboard(image)
    assert first.dtype == dtype
    np.testing.assert_array_equal(first + second, image)
    assert not (first * second).any()
    assert np.count_nonzero(first[..., 0]) == -(-size[0] * size[1] // 2)


def test_literal_pictures_are_what_the_printed_loops_make() -> None:
    image = np.random.default_rng(0).integers(1, 255, (6, 8, 3), np.uint8)
    expected = np.zeros((2, *image.shape), np.uint8)
    for i in range(0, 6, 2):
        for j in range(0, 8, 2):
            expected[0, i, j] = image[i, j]
            expected[1, i, j + 1] = image[i, j + 1]
    np.testing.assert_array_equal(checkerboard(image, "literal"), expected)


def test_an_unknown_mode_is_told() -> None:
    with pytest.raises(UnknownNameError, match="complementary"):
        checkerboard(np.zeros((2, 2, 3), np.uint8), "complimentary")
