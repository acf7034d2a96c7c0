"""Learning RGB → raw: the network, its training, and its way into files and bundles."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from leukon.errors import InputError, UnknownNameError
from leukon.export.onnx import after_raw, raw_to_onnx, to_onnx
from leukon.imaging.spaces.learned_raw import LearnedRaw
from leukon.models import ModelSpec
from leukon.models.rgb2raw import Rgb2RawSpec, mosaic_mask
from leukon.pipeline import Scale
from leukon.training.raw_pairs import RawSchedule, draw_pairs, learn_raw, raw_loss

SCHEDULE = RawSchedule(("led-x",), scenes=2, steps=40, batch_size=4, patch_px=32, rate=5e-3)
TINY = Rgb2RawSpec(width=8, groups=1, blocks=1)
RGB = np.random.default_rng(0).integers(0, 256, (21, 34, 3), np.uint8)


@pytest.fixture(scope="module")
def learned() -> tuple[torch.nn.Module, list[float]]:
    torch.set_num_threads(1)
    return learn_raw(SCHEDULE, TINY)


def test_the_loss_falls_and_the_same_call_learns_the_same(learned) -> None:
    network, losses = learned
    assert len(losses) == SCHEDULE.steps
    assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:5])
    unseen = [
        torch.from_numpy(image / np.float32(np.iinfo(image.dtype).max)).permute(2, 0, 1)[None]
        for image in draw_pairs(replace(SCHEDULE, seed=9))[0]
    ]
    torch.manual_seed(0)
    with torch.inference_mode():
        before, after = (raw_loss(n(unseen[0]), unseen[1], mosaic=False) for n in (TINY.build(), network))
    assert after < 0.8 * before
    again, _ = learn_raw(SCHEDULE, TINY)
    for tensor, other in zip(network.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(tensor, other)


def test_the_space_gives_what_the_network_gives(learned, tmp_path: Path) -> None:
    network, _ = learned
    (tmp_path / "n.onnx").write_bytes(raw_to_onnx(network))
    space = LearnedRaw.of(tmp_path / "n.onnx")
    with torch.inference_mode():
        expected = network(torch.from_numpy(RGB / np.float32(255)).permute(2, 0, 1)[None])[0]
    np.testing.assert_allclose(space.from_rgb(RGB), expected.permute(1, 2, 0).numpy(), atol=1e-5)


def test_a_bundle_holds_the_network_in_its_own(learned, tmp_path: Path) -> None:
    raw = raw_to_onnx(learned[0])
    (tmp_path / "n.onnx").write_bytes(raw)
    scale = Scale((0.1, 0.2, 0.3), (0.5, 0.4, 0.6))
    classifier = to_onnx(ModelSpec("timm", "test_resnet").build(3), channels=3, side_px=32)
    rgb = np.random.default_rng(1).random((32, 32, 3), np.float32)
    seen = (LearnedRaw.of(tmp_path / "n.onnx").from_rgb(rgb) - scale.mean) / scale.std
    batches = [np.asarray(x, np.float32).transpose(2, 0, 1)[None] for x in (seen, rgb)]
    apart, whole = (
        onnxruntime.InferenceSession(model).run(["logits"], {"batch": batch})[0]
        for model, batch in zip((classifier, after_raw(classifier, raw, scale)), batches, strict=True)
    )
    np.testing.assert_allclose(whole, apart, atol=1e-4)


def test_another_or_a_missing_network_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "n.onnx"
    file.write_bytes(b"text")
    space = LearnedRaw.of(file)
    with pytest.raises(InputError, match="holds no network from RGB to raw"):
        space.from_rgb(RGB)
    file.write_bytes(b"other")
    with pytest.raises(InputError, match="not the one that was named"):
        space.content()
    with pytest.raises(InputError, match="check the path"):
        LearnedRaw().from_rgb(RGB)
    with pytest.raises(InputError, match="give --model FILE"):
        LearnedRaw.of(None)


def test_the_published_network_has_its_parts() -> None:
    spec = Rgb2RawSpec()
    network = spec.build()
    width = spec.width
    block = 2 * (9 * width**2 + width) + 2 * 9 + (2 * width * 12 + 12 + width)
    block += 2 * width**2 + width
    group = 5 * block + 9 * width**2 + width
    ends = (27 * width + width) + (9 * width**2 + width) + (27 * width + 3) + width  # one PReLU for all
    assert sum(p.numel() for p in network.parameters()) == 3 * group + ends


def test_a_mosaic_keeps_one_value_a_pixel() -> None:
    mask = mosaic_mask(torch.zeros(1, 3, 5, 6))
    assert (mask.sum(dim=1) == 1).all()
    assert mask[0, :, :2, :2].argmax(dim=0).tolist() == [[0, 1], [1, 2]]
    torch.manual_seed(0)
    raw = Rgb2RawSpec(8, 1, 1, mosaic=True).build()(torch.rand(2, 3, 6, 8))
    assert ((raw != 0).sum(dim=1) == 1).all()
    assert raw_loss(raw, raw, mosaic=True) == 0
    assert raw_loss(raw, raw + 0.1 * (1 - mosaic_mask(raw)), mosaic=True) == 0


def test_pairs_are_of_the_systems_and_repeat() -> None:
    (rgb, raw), *_ = pairs = draw_pairs(SCHEDULE)
    assert len(pairs) == 2
    assert (rgb.dtype, raw.dtype, rgb.shape) == (np.uint8, np.uint16, raw.shape)
    np.testing.assert_array_equal(raw, draw_pairs(SCHEDULE)[0][1])
    with pytest.raises(UnknownNameError, match="did you mean 'led-x'"):
        draw_pairs(RawSchedule(("led-y",)))
    with pytest.raises(InputError, match="at least one step"):
        learn_raw(RawSchedule(steps=0))
