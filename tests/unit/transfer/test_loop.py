"""Training the generators."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from leukon.errors import InputError
from leukon.imaging.files import read_image
from leukon.training.loop import DivergedError
from leukon.transfer.discriminator import DiscriminatorSpec
from leukon.transfer.generator import GeneratorSpec
from leukon.transfer.loop import learn_transfer
from leukon.transfer.pictures import Pictures
from leukon.transfer.recipe import PUBLISHED

RNG = np.random.default_rng(3)
SOURCE = [cv2.resize(RNG.integers(100, 256, (5, 6, 3), np.uint8), (24, 20)) for _ in range(6)]
TARGET = [(image * 0.6).astype(np.uint8) for image in SOURCE]
PAIRS = Pictures(SOURCE, TARGET, are_paired=True)


def tiny(method: str, **changes):
    size = {
        "generator": GeneratorSpec((4, 6), adds=True),
        "discriminator": DiscriminatorSpec((4, 6, 6)),
        "batch_size": 2,
        "side_px": 16,
        "steps": 4,
        "rate": 1e-3,
        "averaging": 0.5,
        "checkpoint_every": 2,
    }
    return replace(PUBLISHED[method], **{**size, **changes})


def tensors(network):
    return network.state_dict().values()


@pytest.mark.parametrize("method", ["ccgan", "cyclegan"])
def test_a_stopped_training_goes_on_to_the_same_end(tmp_path, method) -> None:
    recipe = tiny(method)
    pictures = PAIRS if recipe.is_paired else Pictures(SOURCE, TARGET[:4], are_paired=False)
    whole = learn_transfer(recipe, pictures, tmp_path / "whole")
    learn_transfer(replace(recipe, steps=2), pictures, tmp_path / "parts")
    parts = learn_transfer(recipe, pictures, tmp_path / "parts")
    for a, b in zip(tensors(whole), tensors(parts), strict=True):
        torch.testing.assert_close(a, b)
    history = json.loads((tmp_path / "parts" / "history.json").read_text())
    assert [row["step"] for row in history] == [2, 4]
    assert set(history[0]) == {
        "step", "generator", "way back", "discriminator", "source's discriminator",
    }  # fmt: skip
    assert read_image(tmp_path / "parts" / "sheet-000004.png").shape == (4 * 16, 4 * 16, 3)


def test_the_running_average_of_the_weights_is_kept(tmp_path) -> None:
    steps = []
    for number in (1, 2, 3):
        learn_transfer(tiny("ccgan", steps=number, averaging=0.5), PAIRS, tmp_path)
        state = torch.load(tmp_path / "last.pt", weights_only=True)
        steps.append(
            (state["networks"]["generator.encoder.0.0.weight"], state["average"]["encoder.0.0.weight"])
        )
    (_, first), (weight, second), (_, _) = steps
    decay = 2 / 12  # the average may not lag behind in the first steps
    torch.testing.assert_close(second, first * decay + weight * (1 - decay))
    learn_transfer(tiny("ccgan", averaging=0), PAIRS, tmp_path / "none")
    state = torch.load(tmp_path / "none" / "last.pt", weights_only=True)
    for name, own in state["average"].items():
        torch.testing.assert_close(own, state["networks"][f"generator.{name}"])


def test_it_learns_the_target(tmp_path) -> None:
    recipe = tiny("pcnet", steps=40, checkpoint_every=40, rate=3e-3)
    network = learn_transfer(recipe, PAIRS, tmp_path, eye=torch.nn.Identity())
    x, y = PAIRS.batch(6, 16, (99,))
    with torch.no_grad():
        assert (network(x) - y).abs().mean() < 0.5 * (x - y).abs().mean()


def test_a_diverging_training_keeps_its_last_state(tmp_path) -> None:
    learn_transfer(tiny("ccgan", steps=2), PAIRS, tmp_path)
    kept = torch.load(tmp_path / "last.pt", weights_only=True)
    kept["optimizers"]["generator"]["param_groups"][0]["lr"] = float("nan")
    torch.save(kept, tmp_path / "last.pt")
    with pytest.raises(DivergedError, match=r"diverges at step 3 .*keeps the state of step 2"):
        learn_transfer(tiny("ccgan", steps=6), PAIRS, tmp_path)
    after = torch.load(tmp_path / "last.pt", weights_only=True)
    assert after["step"] == 2
    assert all(t.isfinite().all() for t in after["networks"].values())


def test_wrong_use_is_told(tmp_path) -> None:
    recipe = tiny("ccgan")
    for changed, pictures, message in (
        (replace(recipe, side_px=18), PAIRS, "squares of 18 px do not suit"),
        (recipe, Pictures(SOURCE, TARGET, are_paired=False), "without them take cyclegan"),
        (tiny("pcnet"), PAIRS, "a perceptual network serves the feature loss"),
    ):
        with pytest.raises(InputError, match=message):
            learn_transfer(changed, pictures, tmp_path / "a")
    with pytest.raises(InputError, match="pair 0 has pictures of two sizes"):
        Pictures([SOURCE[0][:5]], [TARGET[0]], are_paired=True)
    with pytest.raises(InputError, match="one of them has none"):
        Pictures([], TARGET, are_paired=False)
    learn_transfer(tiny("ccgan", steps=1), PAIRS, tmp_path / "b")
    with pytest.raises(InputError, match="another recipe or pictures"):
        learn_transfer(tiny("ccgan", seed=1), PAIRS, tmp_path / "b")
    (tmp_path / "b" / "last.pt").write_bytes(b"text")
    with pytest.raises(InputError, match="is damaged"):
        learn_transfer(tiny("ccgan", steps=2), PAIRS, tmp_path / "b")


def test_squares_of_pairs_match_and_small_pictures_are_mirrored() -> None:
    x, y = PAIRS.batch(3, 32, (1,))
    assert x.shape == (3, 3, 32, 32)
    assert (((x + 1) * 0.6 - (y + 1)).abs() < 0.01).all()
    torch.testing.assert_close(x, PAIRS.batch(3, 32, (1,))[0])
    assert (x != PAIRS.batch(3, 32, (2,))[0]).any()
