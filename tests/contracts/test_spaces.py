"""What every image space must keep."""

from __future__ import annotations

import colorsys
import json
from dataclasses import asdict

import numpy as np
import pytest
import torch

from leukon.export.onnx import raw_to_onnx
from leukon.imaging.spaces import SPACES, Space
from leukon.imaging.spaces.hsv import Hsv
from leukon.imaging.spaces.learned_raw import LearnedRaw
from leukon.models.rgb2raw import Rgb2RawSpec
from leukon.pipeline import Frame, Pipeline, Scale
from leukon.types import Box, Cell

TINY = Rgb2RawSpec(width=8, groups=1, blocks=1)
RGB = np.random.default_rng(3).random((17, 23, 3), np.float32)


@pytest.fixture(params=SPACES)
def space(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Space:
    """Every space with its own defaults; the learned one with a random network."""
    kind = SPACES[request.param]
    if kind is not LearnedRaw:
        return kind()
    torch.manual_seed(0)
    file = tmp_path_factory.getbasetemp() / "rgb2raw.onnx"
    if not file.exists():
        file.write_bytes(raw_to_onnx(TINY.build()))
    return LearnedRaw.of(file)


def test_shape_type_range_and_purity(space: Space) -> None:
    name = space.name
    assert isinstance(space, SPACES[name])
    before = RGB.copy()
    result = space.from_rgb(RGB)
    np.testing.assert_array_equal(before, RGB)
    side = space.pixels_per_sample
    assert result.shape == (17 // side, 23 // side, len(space.channels))
    assert result.dtype == np.float32
    assert np.isfinite(result).all()
    least, greatest = np.transpose(space.ranges)
    assert ((result >= least - 0.005) & (result <= greatest + 0.005)).all()
    extremes = np.array([[[0, 0, 0], [1, 1, 1], [1, 0, 0], [0, 1, 0]]] * 2, np.float32)
    assert np.isfinite(space.from_rgb(extremes)).all()
    np.testing.assert_array_equal(result, type(space)(**asdict(space)).from_rgb(RGB))


def test_the_type_alone_says_the_range(space: Space) -> None:
    eight = np.random.default_rng(4).integers(0, 256, (12, 18, 3), np.uint8)
    expected = space.from_rgb(eight.astype(np.float32) / np.float32(255))
    np.testing.assert_allclose(space.from_rgb(eight), expected, atol=1e-5)
    np.testing.assert_allclose(space.from_rgb(eight.astype(np.uint16) * 257), expected, atol=1e-5)


def test_the_pipeline_takes_it_through_json_and_to_the_wanted_size(space: Space) -> None:
    n = len(space.channels)
    pipeline = Pipeline(frame=Frame(side_px=24), space=space, scale=Scale((0.0,) * n, (1.0,) * n))
    cell = Cell(np.random.default_rng(5).integers(0, 256, (40, 50, 3), np.uint8), Box(5, 5, 35, 35))
    assert pipeline.batch([cell]).shape == (1, n, 24, 24)
    assert Pipeline.from_dict(json.loads(json.dumps(pipeline.to_dict()))) == pipeline


def test_hsv_equals_the_standard_library() -> None:
    expected = np.array([colorsys.rgb_to_hsv(*map(float, pixel)) for pixel in RGB.reshape(-1, 3)])
    result = Hsv().from_rgb(RGB).reshape(-1, 3)
    hue = np.abs(result[:, 0] - expected[:, 0])
    assert np.minimum(hue, 1 - hue).max() < 1e-4
    np.testing.assert_allclose(result[:, 1:], expected[:, 1:], atol=1e-4)
    assert Hsv().from_rgb(np.zeros((1, 1, 3), np.float32)).tolist() == [[[0, 0, 0]]]
