"""White balance where there is no background to balance on."""

from __future__ import annotations

import cv2
import numpy as np

from leukon.imaging.color.background import Background, background_level


def cut_out(side_px: int, radius_px: int) -> np.ndarray:
    """A violet cell on black, as C-NMC 2019 distributes them."""
    image = np.zeros((side_px, side_px, 3), np.uint8)
    centre = (side_px // 2, side_px // 2)
    cv2.circle(image, centre, radius_px, (180, 130, 200), -1)
    cv2.circle(image, centre, radius_px * 2 // 3, (80, 30, 120), -1)
    return image


def test_black_around_a_cell_is_not_taken_for_light() -> None:
    image = cut_out(450, 90)
    assert background_level(image).tolist() == [180, 130, 200]
    balanced = Background().for_image(image)(image)
    assert balanced.max() < 255  # nothing is driven into saturation
    assert (balanced[image.any(axis=2) == 0] == 0).all()


def test_an_image_that_is_all_black_stays_so() -> None:
    black = np.zeros((64, 64, 3), np.uint8)
    assert not Background().for_image(black)(black).any()


def test_a_background_blown_out_in_two_channels_is_found_all_the_same() -> None:
    """As a halogen lamp without white balance gives it: yellow, red and green at full scale."""
    image = np.full((120, 120, 3), (255, 255, 160), np.uint8)
    cv2.circle(image, (60, 60), 40, (200, 150, 110), -1)
    cv2.circle(image, (60, 60), 25, (120, 50, 90), -1)
    np.testing.assert_allclose(background_level(image), [255, 255, 160], atol=1)


def test_a_blown_out_spot_says_nothing_of_the_lamp() -> None:
    image = np.full((120, 120, 3), (150, 190, 180), np.uint8)
    cv2.circle(image, (30, 30), 28, (255, 255, 255), -1)
    np.testing.assert_allclose(background_level(image), [150, 190, 180], atol=1)


def test_a_background_blown_out_as_a_whole_is_white() -> None:
    image = np.full((120, 120, 3), 255, np.uint8)
    cv2.circle(image, (60, 60), 40, (200, 150, 210), -1)
    np.testing.assert_allclose(background_level(image), 255, atol=1)
