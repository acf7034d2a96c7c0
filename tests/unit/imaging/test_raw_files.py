"""Camera raw files, written here as minimal DNG, and linear 16-bit images."""

from __future__ import annotations

import builtins
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile

from leukon.errors import InputError, MissingExtraError
from leukon.imaging.convert import channels_figure, file_in_space, in_range, write_values
from leukon.imaging.files import read_image
from leukon.imaging.raw_files import read_raw
from leukon.imaging.spaces.lab import Lab
from leukon.imaging.spaces.raw import Raw, RawPlanes
from leukon.imaging.spaces.rgb import Rgb

BLACK, WHITE = 1024, 65535
LINEAR = np.array([0.2, 0.5, 0.35])


def write_dng(path: Path, mosaic: np.ndarray) -> None:
    """Write an RGGB mosaic with the tags that a DNG cannot do without."""
    unity = [one for value in np.eye(3).ravel() for one in (int(value), 1)]
    tags = [
        (33421, "H", 2, (2, 2), True),  # CFARepeatPatternDim
        (33422, "B", 4, bytes([0, 1, 1, 2]), True),  # CFAPattern
        (50706, "B", 4, bytes([1, 4, 0, 0]), True),  # DNGVersion
        (50708, "s", 0, "Leukon test camera", True),  # UniqueCameraModel
        (50714, "I", 1, BLACK, True),  # BlackLevel
        (50717, "I", 1, WHITE, True),  # WhiteLevel
        (50721, "2i", 9, unity, True),  # ColorMatrix1
        (50728, "2I", 3, [2, 1, 1, 1, 3, 1], True),  # AsShotNeutral, to be ignored
        (50778, "H", 1, 21, True),  # CalibrationIlluminant1
    ]
    tifffile.imwrite(path, mosaic, photometric=32803, extratags=tags)


@pytest.fixture
def dng(tmp_path: Path) -> Path:
    mosaic = np.empty((48, 64), np.uint16)
    for row, column, channel in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        mosaic[row::2, column::2] = BLACK + round(LINEAR[channel] * (WHITE - BLACK))
    write_dng(tmp_path / "a.dng", mosaic)
    return tmp_path / "a.dng"


def test_a_dng_gives_linear_camera_rgb(dng: Path) -> None:
    image = read_raw(dng)
    assert (image.shape, image.dtype) == ((48, 64, 3), np.uint16)
    np.testing.assert_allclose(image / 65535, np.broadcast_to(LINEAR, image.shape), atol=1e-4)


def test_a_dng_goes_into_the_raw_spaces_as_it_is_and_into_others_developed(dng: Path) -> None:
    raw = file_in_space(dng, Raw())
    np.testing.assert_allclose(raw[5, 5], LINEAR, atol=1e-4)
    planes = file_in_space(dng, RawPlanes())
    np.testing.assert_allclose(planes[5, 5], LINEAR[[0, 1, 1, 2]], atol=1e-4)
    rgb = file_in_space(dng, Rgb())
    np.testing.assert_allclose(Raw().from_rgb(rgb), raw, atol=1e-4)


def test_a_preview_is_not_taken_for_the_picture(dng: Path) -> None:
    with pytest.raises(InputError, match="camera raw file; develop it by leukon image convert"):
        read_image(dng)


def test_linear_sixteen_bit_images_are_kept_and_eight_bits_refused(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 65536, (8, 8, 3), np.uint16)
    cv2.imwrite(str(tmp_path / "a.tif"), image[..., ::-1])
    np.testing.assert_array_equal(read_raw(tmp_path / "a.tif"), image)
    cv2.imwrite(str(tmp_path / "b.tif"), (image // 257).astype(np.uint8))
    with pytest.raises(InputError, match="has 8 bits; give a camera raw file"):
        read_raw(tmp_path / "b.tif")


@pytest.mark.parametrize("content", [b"", b"text" * 500, None])
def test_damaged_raw_files_are_told_in_one_line(tmp_path: Path, dng: Path, content: bytes | None) -> None:
    path = tmp_path / "bad.nef"
    path.write_bytes(dng.read_bytes()[:3000] if content is None else content)
    with pytest.raises(InputError, match=r"cannot read .*bad.nef: .*; copy it again") as caught:
        read_raw(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="there is no such file"):
        read_raw(tmp_path / "none.nef")


def test_the_extra_is_named_where_rawpy_is_missing(dng: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load = builtins.__import__

    def without_rawpy(name: str, *rest: object) -> object:
        if name == "rawpy":
            raise ImportError(name)
        return load(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_rawpy)
    with pytest.raises(MissingExtraError, match=r"pip install 'leukon\[raw\]'"):
        read_raw(dng)


@pytest.mark.parametrize("suffix", [".npy", ".png", ".tif"])
def test_values_are_written_and_come_back(tmp_path: Path, suffix: str) -> None:
    values = Lab().from_rgb(np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8))
    write_values(tmp_path / f"a{suffix}", values, Lab())
    if suffix == ".npy":
        np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), values)
        return
    stored = read_image(tmp_path / f"a{suffix}")
    np.testing.assert_allclose(stored / 65535, in_range(values, Lab()), atol=1e-5)
    with pytest.raises(InputError, match="4 channels"):
        write_values(tmp_path / f"b{suffix}", np.zeros((4, 4, 4), np.float32), RawPlanes())


def test_the_figure_has_a_row_for_each_space() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    spaces = Rgb(), Lab(), RawPlanes()
    heights = []
    for count in (1, 3):
        png = channels_figure([(space, space.from_rgb(rgb)) for space in spaces[:count]])
        heights.append(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR).shape[0])
    assert heights[1] > 2.5 * heights[0]
