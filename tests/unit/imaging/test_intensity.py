"""Intensity normalization against SimpleITK."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import SimpleITK

from leukon.errors import InputError, MissingExtraError
from leukon.imaging.color.linear import Linear
from leukon.imaging.color.rescale import Rescale
from leukon.imaging.color.z_score import ZScore
from leukon.imaging.denoise import curvature_flow
from leukon.pipeline import Frame, Pipeline, Scale
from leukon.types import Box, Cell, Image

RNG = np.random.default_rng(2)
SHADES = (RNG.normal((190, 140, 160), (20, 30, 12), (60, 70, 3))).clip(20, 230)
IMAGES = [SHADES.astype(np.uint8), (SHADES * 250).astype(np.uint16)]


def by_channel(image: Image, run) -> np.ndarray:
    planes = [SimpleITK.GetArrayFromImage(run(SimpleITK.GetImageFromArray(p.astype(float)))) for p in image.T]
    return np.stack(planes).T


def exactly(linear: Linear, image: Image) -> np.ndarray:
    """Apply the map without rounding or clipping: shares of full scale."""
    return image / np.iinfo(image.dtype).max * linear.factors + linear.offsets


@pytest.mark.parametrize("image", IMAGES, ids=["uint8", "uint16"])
def test_z_scores_equal_simpleitk(image: Image) -> None:
    expected = by_channel(image, SimpleITK.Normalize)
    linear = ZScore().for_image(image)
    np.testing.assert_allclose((exactly(linear, image) - 0.5) / 0.125, expected, atol=1e-9)
    level = 1 / np.iinfo(image.dtype).max
    pipeline = Pipeline(ZScore(), Frame(60, 1.0), scale=Scale((0.5,) * 3, (0.125,) * 3))
    batch = pipeline.batch([Cell(image, Box(0, 0, 60, 60))])[0].transpose(1, 2, 0)
    np.testing.assert_allclose(batch, np.clip(expected[:, :60], -4, 4), atol=0.51 * level / 0.125 + 1e-5)


@pytest.mark.parametrize("image", IMAGES, ids=["uint8", "uint16"])
def test_rescaling_equals_simpleitk(image: Image) -> None:
    full = np.iinfo(image.dtype).max
    expected = by_channel(image, lambda plane: SimpleITK.RescaleIntensity(plane, 0, 1))
    np.testing.assert_allclose(exactly(Rescale().for_image(image), image), expected, atol=1e-9)
    np.testing.assert_allclose(Rescale().for_image(image)(image), expected * full, atol=0.51)


@pytest.mark.parametrize("image", IMAGES, ids=["uint8", "uint16"])
def test_percentiles_equal_numpy_and_simpleitk(image: Image) -> None:
    def window(plane: SimpleITK.Image) -> SimpleITK.Image:
        low, high = np.percentile(SimpleITK.GetArrayViewFromImage(plane), (1.3, 97))
        return SimpleITK.IntensityWindowing(plane, low, high, 0, 1)

    mapped = exactly(Rescale(1.3, 97).for_image(image), image).clip(0, 1)
    np.testing.assert_allclose(mapped, by_channel(image, window), atol=1e-9)


def test_a_channel_of_one_level_has_a_place() -> None:
    image = IMAGES[0].copy()
    image[..., 1] = 77
    assert np.unique(ZScore(mean=0.6).for_image(image)(image)[..., 1]) == round(0.6 * 255)
    assert np.unique(Rescale().for_image(image)(image)[..., 1]) == 0
    flat = by_channel(np.full((3, 3, 3), 77), lambda plane: SimpleITK.RescaleIntensity(plane, 0, 1))
    assert (flat == 0).all()
    image[:3, 0, 1] = 70, 80, 90
    assert np.unique(Rescale(10, 90).for_image(image)(image)[..., 1]).tolist() == [0, 255]


def test_percentiles_out_of_order_are_refused() -> None:
    with pytest.raises(InputError, match="from 99 to 1 %: give 0 <= low < high <= 100"):
        Rescale(99, 1)


@pytest.mark.parametrize("image", IMAGES, ids=["uint8", "uint16"])
def test_curvature_flow_is_simpleitks(image: Image) -> None:
    expected = by_channel(image, lambda plane: SimpleITK.CurvatureFlow(plane, 0.1, 4))
    smooth = curvature_flow(image, time_step=0.1, iterations=4)
    assert smooth.dtype == image.dtype
    np.testing.assert_allclose(smooth, expected, atol=0.6)
    assert smooth.std() < image.std()


def test_curvature_flow_refuses_unstable_steps_and_names_its_extra(monkeypatch) -> None:
    with pytest.raises(InputError, match=r"at most 0\.125"):
        curvature_flow(IMAGES[0], time_step=0.2)
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    with pytest.raises(MissingExtraError, match=r"leukon\[itk\]"):
        curvature_flow(IMAGES[0])
