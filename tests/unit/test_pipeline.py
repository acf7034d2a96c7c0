"""The pipeline: order, fidelity, and the trip through JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leukon.errors import InputError, UnknownNameError
from leukon.imaging.color.background import Background
from leukon.imaging.color.identity import Identity
from leukon.imaging.spaces.hsv import Hsv
from leukon.imaging.spaces.raw import RawPlanes
from leukon.pipeline import Frame, Pipeline, Scale
from leukon.types import Box, Cell

PLAIN = Scale((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
finite = st.floats(-1e6, 1e6)


def scene(seed: int = 0, shape: tuple[int, int] = (90, 120)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), np.uint8)


@given(st.tuples(finite, finite, finite), st.floats(1e-3, 10), st.integers(1, 512))
def test_json_brings_back_the_very_same_numbers(mean, std, side) -> None:
    pipeline = Pipeline(Background(0.9), Frame(side, 1.3, 0.5), Hsv(), Scale(mean, (std,) * 3))
    assert Pipeline.from_dict(json.loads(json.dumps(pipeline.to_dict()))) == pipeline


def test_a_cell_that_fits_is_cut_and_scaled_exactly() -> None:
    image = scene()
    pipeline = Pipeline(Identity(), Frame(side_px=20, margin=1.0), scale=Scale((0.5,) * 3, (0.25,) * 3))
    batch = pipeline.batch([Cell(image, Box(30, 40, 50, 60))])
    expected = (image[40:60, 30:50].astype(np.float32) / 255 - 0.5) / 0.25
    np.testing.assert_allclose(batch[0], expected.transpose(2, 0, 1), atol=1e-6)


def test_what_lies_outside_the_image_is_filled() -> None:
    image = np.zeros((10, 10, 3), np.uint8)
    pipeline = Pipeline(Identity(), Frame(side_px=20, margin=2.0, fill=1.0), scale=PLAIN)
    plane = pipeline.batch([Cell(image, Box(0, 0, 10, 10))])[0, 0]
    assert (plane[5:15, 5:15] == 0).all()
    assert plane.sum() == 400 - 100


@pytest.mark.parametrize("method", ["ekmeans", "outline"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_what_lies_around_an_isolated_cell_is_filled(method: str, dtype: type) -> None:
    image = np.full((96, 96, 3), (232, 226, 230), np.uint8)
    cv2.circle(image, (20, 48), 14, (226, 168, 160), -1)  # a red cell
    cv2.circle(image, (52, 48), 20, (190, 170, 214), -1)
    cv2.circle(image, (52, 48), 11, (96, 44, 128), -1)
    kept = image.copy()
    cell = Cell(image.astype(dtype) * (257 if dtype is np.uint16 else 1), Box(32, 28, 73, 69))
    frame = Frame(side_px=96, margin=96 / 41, fill=0.5, isolate=method)
    shown = Pipeline(Identity(), frame, scale=PLAIN).batch([cell])[0]
    plain = Pipeline(Identity(), replace(frame, isolate=""), scale=PLAIN).batch([cell])[0]
    y, x = np.mgrid[:96, :96]
    distance = np.hypot(x - 48, y - 48)  # the cell is framed in the middle
    inside, outside = distance < 17, distance > 24
    np.testing.assert_array_equal(shown[:, inside], plain[:, inside])
    np.testing.assert_allclose(shown[:, outside], 0.5, atol=0.01)
    np.testing.assert_array_equal(image, kept)  # nobody's image is painted on


def test_a_way_to_isolate_that_does_not_exist() -> None:
    pipeline = Pipeline(frame=Frame(isolate="ekmean"))
    with pytest.raises(UnknownNameError, match=r"unknown isolation 'ekmean': .* did you mean 'ekmeans'"):
        pipeline.batch([Cell(scene(), Box(10, 10, 40, 40))])


def test_resizing_comes_before_hue_so_that_red_never_turns_green() -> None:
    image = np.zeros((40, 40, 3), np.uint8)
    image[:, ::2] = (255, 0, 10)  # hues just below and just above 0: their mean as numbers is cyan
    image[:, 1::2] = (255, 10, 0)
    pipeline = Pipeline(Identity(), Frame(side_px=20, margin=1.0), Hsv(), PLAIN)
    hue = pipeline.batch([Cell(image, Box(0, 0, 40, 40))])[0, 0]
    assert (np.minimum(hue, 1 - hue) < 0.02).all()


def test_sixteen_bit_equals_eight_bit() -> None:
    image = scene()
    wide = image.astype(np.uint16) * 257
    box = Box(20, 20, 70, 70)
    pipeline = Pipeline(scale=PLAIN)
    eight, sixteen = pipeline.batch([Cell(image, box)]), pipeline.batch([Cell(wide, box)])
    assert np.abs(eight - sixteen).max() < 2 / 255


def test_the_batch_equals_the_cells_one_by_one() -> None:
    cells = [Cell(image, Box(x, x, x + 30, x + 30)) for image in (scene(1), scene(2)) for x in (5, 25)]
    pipeline = Pipeline()
    single = np.concatenate([pipeline.batch([cell]) for cell in cells])
    np.testing.assert_array_equal(pipeline.batch(cells), single)
    assert pipeline.batch([]).shape == (0, 3, 128, 128)


def test_fit_makes_the_channels_standard_and_freezes_the_numbers() -> None:
    cells = [Cell(scene(i), Box(10, 10, 80, 80)) for i in range(4)]
    fitted = Pipeline(Identity()).fit(cells)
    batch = fitted.batch(cells)
    np.testing.assert_allclose(batch.mean(axis=(0, 2, 3)), 0, atol=1e-4)
    np.testing.assert_allclose(batch.std(axis=(0, 2, 3)), 1, atol=1e-4)
    with pytest.raises(InputError, match="no cells"):
        Pipeline().fit([])


def test_a_scale_of_other_channels_is_refused_and_can_be_fitted() -> None:
    cells = [Cell(scene(), Box(10, 10, 50, 50))]
    planes = Pipeline(space=RawPlanes(), frame=Frame(side_px=16))
    with pytest.raises(InputError, match="raw_planes has 4 channels, the pipeline's scale 3: fit the scale"):
        planes.batch(cells)
    assert planes.fit(cells).batch(cells).shape == (1, 4, 16, 16)


@pytest.mark.parametrize(
    ("damage", "error"),
    [
        (lambda d: d.pop("frame"), InputError),
        (lambda d: d["frame"].update(colour="red"), InputError),
        (lambda d: d["space"].update(name="lba"), UnknownNameError),
        (lambda d: d.update(scale=None), InputError),
    ],
)
def test_a_damaged_description_is_refused(damage, error) -> None:
    value = Pipeline().to_dict()
    damage(value)
    with pytest.raises(error):
        Pipeline.from_dict(value)


@pytest.mark.parametrize("gains", [(1.0, 0.8, 0.6), (0.5, 0.7, 1.0), (0.9, 1.0, 0.9)])
def test_the_background_takes_the_target_under_any_lamp(gains) -> None:
    white = np.full((200, 200, 3), 240, np.uint8)
    cv2.circle(white, (100, 100), 50, (90, 40, 130), -1)
    image = np.clip(white * np.array(gains), 0, 255).astype(np.uint8)
    cell = Cell(image, Box(50, 50, 150, 150))
    batch = Pipeline(Background(0.92), Frame(100, 1.5), scale=PLAIN).batch([cell])
    assert np.abs(batch[0, :, 2, 2] - 0.92).max() < 0.01


def test_a_replaced_slot_leaves_the_others() -> None:
    pipeline = replace(Pipeline(), space=Hsv())
    assert pipeline.frame == Pipeline().frame
