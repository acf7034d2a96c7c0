"""`leukon image`: convert, show, learn-raw."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from leukon.imaging.files import read_image, write_image
from leukon.imaging.spaces.hsv import Hsv
from leukon.imaging.spaces.raw import Raw

RGB = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for name in ("1.png", "sub/1.png", "2.tif"):
        write_image(tmp_path / "in" / name, RGB)
    return tmp_path / "in"


def test_convert_writes_every_image_and_lists_what_it_cannot_read(command, images, tmp_path) -> None:
    (images / "bad.png").write_bytes(b"text")
    done = command("image", "convert", images, "--space", "hsv", "--out", tmp_path / "out", "--json")
    assert done.code == 0
    summary = json.loads(done.out)
    assert summary == json.loads((tmp_path / "out" / "convert.json").read_text())
    assert (summary["space"]["name"], summary["channels"]) == ("hsv", ["hue", "saturation", "value"])
    assert [Path(p).relative_to(tmp_path / "out").as_posix() for p in summary["written"]] == [
        *("1.npy", "2.npy", "sub/1.npy"),
    ]
    np.testing.assert_array_equal(np.load(summary["written"][2]), Hsv().from_rgb(RGB))
    assert [Path(one["path"]).name for one in summary["skipped"]] == ["bad.png"]


def test_a_raw_picture_goes_there_and_back(command, images, tmp_path) -> None:
    raw, rgb = tmp_path / "raw", tmp_path / "rgb"
    for out, source, *options in (
        (raw, images / "1.png", "--space", "raw"),
        (rgb, raw / "1.tif", "--space", "rgb", "--from-raw"),
    ):
        assert command("image", "convert", source, *options, "--format", "tif", "--out", out).code == 0
    np.testing.assert_allclose(read_image(raw / "1.tif") / 65535, Raw().from_rgb(RGB), atol=1e-4)
    assert np.abs(read_image(rgb / "1.tif") / 257 - RGB).max() < 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--space", "raw_plane"), "did you mean 'raw_planes'"),
        (("--space", "raw_planes", "--format", "png"), "choose --format npy"),
        (("--space", "raw", "--format", "npz"), "did you mean 'npy'"),
        (("--space", "learned_raw"), "give --model FILE"),
    ],
)
def test_wrong_wishes_are_told_in_one_line(command, images, tmp_path, arguments, message) -> None:
    done = command("image", "convert", images / "1.png", *arguments, "--out", tmp_path / "out")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert message in done.err
    assert not (tmp_path / "out").exists()


def test_two_images_never_become_one_file(command, images, tmp_path) -> None:
    write_image(images / "1.bmp", RGB)
    done = command("image", "convert", images, images / "1.png", "--space", "raw", "--out", tmp_path / "out")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "would both become" in done.err


def test_nothing_readable_is_exit_code_1(command, images, tmp_path) -> None:
    arguments = "--space", "raw", "--from-raw", "--out", tmp_path / "out"
    done = command("image", "convert", images / "1.png", *arguments)
    assert done.code == 1
    assert "has 8 bits" in done.err


def test_show_draws_one_figure(command, images, tmp_path) -> None:
    done = command("image", "show", images / "1.png", "--out", tmp_path / "a.png", "--spaces", "rgb,lab")
    assert done.code == 0
    figure = cv2.imread(str(tmp_path / "a.png"))
    assert min(figure.shape[:2]) > 400
    for options, message in (
        (("--out", tmp_path / "a.jpg"), "ends in .png"),
        (("--out", tmp_path / "a.png", "--spaces", ","), "--spaces names none"),
        (("--out", tmp_path / "a.png", "--spaces", "hvs"), "did you mean 'hsv'"),
    ):
        done = command("image", "show", images / "1.png", *options)
        assert (done.code, done.err.count("\n")) == (2, 1)
        assert message in done.err


def test_a_learned_network_converts(command, images, tmp_path) -> None:
    size = "--width", "8", "--groups", "1", "--blocks", "1", "--steps", "2", "--scenes", "1"
    model = tmp_path / "n.onnx"
    done = command("image", "learn-raw", "--system", "led-x", "--out", model, *size, "--json")
    assert json.loads(done.out)["model"] == str(model)
    arguments = "--space", "learned_raw", "--model", model, "--out", tmp_path / "out"
    assert command("image", "convert", images / "1.png", *arguments).code == 0
    assert np.load(tmp_path / "out" / "1.npy").shape == RGB.shape
    done = command("image", "learn-raw", "--out", model, "--width", "12")
    assert (done.code, "choose a multiple of 8" in done.err) == (2, True)


def test_checkerboard_writes_two_pictures_of_each_image(command, images, tmp_path) -> None:
    (images / "bad.png").write_bytes(b"text")
    done = command("image", "checkerboard", images, "--out", tmp_path / "out")
    assert done.code == 0
    assert "3 of 4 images" in done.err
    pictures = [read_image(tmp_path / "out" / "sub" / name) for name in ("1.a.png", "1.b.png")]
    np.testing.assert_array_equal(sum(pictures), RGB)
    done = command("image", "checkerboard", images / "bad.png", "--out", tmp_path / "out")
    assert done.code == 1
    done = command("image", "checkerboard", images, "--out", tmp_path / "out", "--mode", "litteral")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "did you mean 'literal'" in done.err


def test_expand_through_the_command_line(command, images, tmp_path) -> None:
    (tmp_path / "m.csv").write_text("path,label,split\nin/1.png,ig,train\nin/2.tif,ig,test\n")
    done = command("data", "expand", tmp_path / "m.csv", "--out", tmp_path / "out", "--json")
    assert done.code == 0
    summary = json.loads(done.out)
    assert summary["labels"] == {"ig": {"before": 1, "after": 20}}
    assert len(list((tmp_path / "out").rglob("*.png"))) == 20
    done = command("data", "expand", images, "--out", tmp_path / "other")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "leukon data split" in done.err
