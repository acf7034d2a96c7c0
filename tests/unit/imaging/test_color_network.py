"""Generators as colour maps."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from leukon.errors import InputError
from leukon.export.onnx import transfer_to_onnx
from leukon.imaging.color import network as module
from leukon.imaging.color.fitting import ColorFit, network_record, read_map
from leukon.imaging.color.looks import LOOKS
from leukon.imaging.color.network import NetworkMap
from leukon.imaging.color.quality import FitQuality
from leukon.transfer.generator import GeneratorSpec

RNG = np.random.default_rng(2)


@pytest.fixture(scope="module")
def generator():
    torch.manual_seed(0)
    return GeneratorSpec((4, 6)).build().eval()


@pytest.fixture
def fit(generator, tmp_path) -> ColorFit:
    path = tmp_path / "map.onnx"
    color = NetworkMap(str(path), "", generator.stride, generator.reach, "ccgan")
    record = network_record(ColorFit(color, LOOKS["pbc"], LOOKS["pbc"], FitQuality(images=9)))
    path.write_bytes(transfer_to_onnx(generator, record))
    return read_map(path)


def test_the_file_keeps_everything(fit, generator) -> None:
    assert (fit.map.method, fit.map.stride, fit.map.reach) == ("ccgan", 4, 20)
    assert (fit.source, fit.quality.images) == (LOOKS["pbc"], 9)
    json.dumps(fit.to_dict())


def test_it_maps_as_the_generator_does(fit, generator) -> None:
    image = RNG.integers(0, 256, (32, 40, 3), np.uint8)
    mapped = fit.map.for_image(image)(image)
    batch = torch.from_numpy(image).permute(2, 0, 1)[None] / 255
    with torch.no_grad():
        wanted = ((generator(2 * batch - 1) + 1) * 127.5)[0].permute(1, 2, 0).numpy()
    assert np.abs(mapped - wanted).max() <= 0.51
    wide = image.astype(np.uint16) * 257
    assert np.abs(fit.map.for_image(wide)(wide) / 257 - mapped).max() < 1.5


@pytest.mark.parametrize("shape", [(1, 1), (7, 3), (33, 130)])
def test_any_size(fit, shape) -> None:
    image = RNG.integers(90, 250, (*shape, 3), np.uint8)
    assert fit.map.for_image(image)(image).shape == image.shape


def test_tiles_leave_no_seam(fit, monkeypatch) -> None:
    image = RNG.integers(0, 256, (150, 201, 3), np.uint8)
    whole = fit.map.for_image(image)(image)
    monkeypatch.setattr(module, "MOST_PX", 60)
    tiled = fit.map.for_image(image)(image)
    assert np.abs(whole.astype(int) - tiled).max() <= 1  # where rounding falls on a half


def test_what_shows_nothing_passes(fit) -> None:
    black = np.zeros((10, 10, 3), np.uint8)
    pixels = fit.map.for_image(black)
    assert "too dark" in pixels.fit_quality.reason
    assert pixels(black) is black


def test_wrong_files_are_told(fit, generator, tmp_path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"text")
    (tmp_path / "other.onnx").write_bytes(transfer_to_onnx(generator))
    for name, message in (
        ("none", "cannot read"),
        ("bad", "is no colour map"),
        ("other", "is no colour map"),
    ):
        with pytest.raises(InputError, match=message):
            read_map(tmp_path / f"{name}.onnx")
    image = np.full((8, 8, 3), 200, np.uint8)
    (tmp_path / "map.onnx").write_bytes(transfer_to_onnx(generator))
    with pytest.raises(InputError, match="has changed"):
        fit.map.for_image(image)(image)
