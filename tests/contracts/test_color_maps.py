"""What every colour map must keep."""

from __future__ import annotations

import json

import numpy as np
import pytest

from leukon.imaging.color import COLOR_MAPS
from leukon.pipeline import Pipeline

RNG = np.random.default_rng(5)
IMAGES = {
    "noise": RNG.integers(0, 256, (40, 50, 3), np.uint8),
    "white": np.full((30, 30, 3), 255, np.uint8),
    "black": np.zeros((30, 30, 3), np.uint8),
    "pixel": np.full((1, 1, 3), 120, np.uint8),
    "sliver": RNG.integers(0, 256, (1, 300, 3), np.uint8),
}


@pytest.mark.parametrize("image", IMAGES.values(), ids=IMAGES)
@pytest.mark.parametrize("name", COLOR_MAPS)
def test_shape_type_and_pixel_by_pixel(name: str, image: np.ndarray) -> None:
    color = COLOR_MAPS[name]()
    assert color.name == name
    before = image.copy()
    mapped = color.for_image(image)(image)
    np.testing.assert_array_equal(before, image)
    assert mapped.shape == image.shape
    assert mapped.dtype == image.dtype
    # The pipeline cuts first and maps then: a map must not look at neighbours.
    part = color.for_image(image)(np.ascontiguousarray(image[:, :20]))
    np.testing.assert_array_equal(part, mapped[:, :20])
    wide = image.astype(np.uint16) * 257
    assert np.abs(color.for_image(wide)(wide) / 257 - mapped).max() < 1.5


@pytest.mark.parametrize("name", COLOR_MAPS)
def test_the_pipeline_takes_it_through_json(name: str) -> None:
    pipeline = Pipeline(color=COLOR_MAPS[name]())
    assert Pipeline.from_dict(json.loads(json.dumps(pipeline.to_dict()))) == pipeline
