"""Unprocessing against the published equations, its inverse, and its noise."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.spaces import published_unprocessing
from hypothesis import given
from hypothesis import strategies as st

from leukon.datasets.synthetic import SYSTEMS, SceneSpec, draw_scene, render
from leukon.errors import InputError
from leukon.imaging.spaces.raw import Raw, RawPlanes
from leukon.imaging.unprocess import Unprocessing, add_noise, draw_noise, draw_unprocessing

RGB = np.random.default_rng(3).integers(0, 256, (40, 56, 3), np.uint8)
WHITE = np.full((4, 4, 3), 255, np.uint8)
cameras = st.integers(0, 10_000).map(lambda seed: draw_unprocessing(np.random.default_rng(seed)))


def bright(image: np.ndarray) -> np.ndarray:
    return (155 + image // 2.55).astype(np.uint8)


@given(cameras)
def test_every_camera_follows_the_published_equations(camera: Unprocessing) -> None:
    for image in (RGB, bright(RGB), WHITE):
        expected = published_unprocessing(image, camera)
        assert np.abs(camera.unprocess(image) - expected).max() < 1e-6
        assert np.abs(camera.unprocess((image / 255).astype(np.float32)) - expected).max() < 1e-5


@given(cameras)
def test_processing_brings_back_what_was_not_clipped(camera: Unprocessing) -> None:
    for image in (RGB, bright(RGB), WHITE, np.zeros_like(WHITE)):
        raw = camera.unprocess(image)
        difference = np.abs(camera.process(raw) - image / 255)[((raw > 0) & (raw < 1)).all(axis=-1)]
        assert difference.max(initial=0) < 1e-3


def test_round_trip_of_a_smear_is_within_a_quarter_of_an_eight_bit_level() -> None:
    scene = draw_scene(SceneSpec(30, 24, ("neutrophil",)), seed=1)
    for system in ("led-x", "yellow-fast-stain", "phone"):
        image = render(scene, SYSTEMS[system], 0).srgb
        assert np.abs(Raw().to_rgb(Raw().from_rgb(image)) - image / 255).max() < 0.25 / 255


def test_white_stays_white_and_greys_take_the_gains() -> None:
    np.testing.assert_allclose(Raw().from_rgb(WHITE), 1, atol=1e-6)
    grey = Raw().from_rgb(np.full((2, 2, 3), 100, np.uint8))[0, 0].astype(float)
    np.testing.assert_allclose(grey / grey[1], [1 / 2.15, 1, 1 / 1.7], rtol=1e-5)


def test_the_default_is_the_mean_of_the_published_cameras() -> None:
    drawn = [draw_unprocessing(np.random.default_rng(seed)) for seed in range(600)]
    assert np.sum(Raw().matrix, axis=1) == pytest.approx([1, 1, 1])
    np.testing.assert_allclose(np.mean([d.matrix for d in drawn], axis=0), Raw().matrix, atol=0.02)
    assert np.mean([1 / d.rgb_gain for d in drawn]) == pytest.approx(1 / 1.25, abs=0.02)
    assert np.mean([d.red_gain for d in drawn]) == pytest.approx(2.15, abs=0.02)
    assert np.mean([d.blue_gain for d in drawn]) == pytest.approx(1.7, abs=0.02)


@pytest.mark.parametrize("gain", [0, -1.0, float("nan")])
def test_a_camera_needs_gains_above_0(gain: float) -> None:
    with pytest.raises(InputError, match="must be above 0"):
        Raw(rgb_gain=gain)


def test_planes_are_the_mosaic_of_raw() -> None:
    raw, planes = Raw().from_rgb(RGB), RawPlanes().from_rgb(RGB)
    for row, column, channel, plane in ((0, 0, 0, 0), (0, 1, 1, 1), (1, 0, 1, 2), (1, 1, 2, 3)):
        np.testing.assert_array_equal(planes[..., plane], raw[row::2, column::2, channel])


@pytest.mark.parametrize(
    ("level", "shot", "read"), [(0.0, 0.01, 1e-4), (0.5, 0.01, 1e-6), (1.0, 0.002, 1e-3)]
)
def test_noise_has_the_stated_variance_and_no_bias(level: float, shot: float, read: float) -> None:
    raw = np.full((200, 200, 3), level, np.float32)
    noise = add_noise(raw, shot, read, np.random.default_rng(0)) - raw
    assert noise.var() == pytest.approx(level * shot + read, rel=0.02)
    assert abs(noise.mean()) < 4 * noise.std() / np.sqrt(noise.size)
    np.testing.assert_array_equal(noise, add_noise(raw, shot, read, np.random.default_rng(0)) - raw)


def test_noise_is_drawn_as_published() -> None:
    drawn = np.log([draw_noise(np.random.default_rng(seed)) for seed in range(800)])
    assert drawn[:, 0].min() >= np.log(1e-4)
    assert drawn[:, 0].max() <= np.log(0.012)
    slope, offset = np.polyfit(drawn[:, 0], drawn[:, 1], 1)
    assert (slope, offset) == (pytest.approx(2.18, abs=0.03), pytest.approx(1.20, abs=0.2))
    assert np.std(drawn[:, 1] - 2.18 * drawn[:, 0]) == pytest.approx(0.26, abs=0.02)
