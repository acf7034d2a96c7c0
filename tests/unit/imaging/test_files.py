"""Reading, writing and finding image files."""

from __future__ import annotations

import io
import os
import struct
import time
import warnings
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from leukon.errors import InputError
from leukon.imaging.files import IMAGE_SUFFIXES, list_images, read_image, write_image


def picture(height: int = 60, width: int = 80, seed: int = 0) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.clip(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), 0, 255)


RGB = picture()
RGB16 = RGB.astype(np.uint16) * 256 + 17


def png_with_size(width: int, height: int) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 100)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def as_jpeg(image: Pillow.Image, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", **options)
    return stream.getvalue()


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_image(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    assert ";" in message, "the remedy is missing"
    return message


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_plain_rgb_is_read_as_stored(tmp_path: Path, suffix: str) -> None:
    Pillow.fromarray(RGB).save(tmp_path / f"a{suffix}")
    assert np.array_equal(read_image(tmp_path / f"a{suffix}"), RGB)


def test_jpeg_agrees_with_pillow(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(as_jpeg(Pillow.fromarray(RGB), quality=95))
    other = np.asarray(Pillow.open(tmp_path / "a.jpg"))
    assert np.abs(read_image(tmp_path / "a.jpg").astype(int) - other).max() <= 3


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif"])
def test_grey_becomes_rgb(tmp_path: Path, suffix: str) -> None:
    grey = np.tile(np.arange(0, 240, 3, dtype=np.uint8), (60, 1))
    Pillow.fromarray(grey).save(tmp_path / f"a{suffix}")
    image = read_image(tmp_path / f"a{suffix}")
    assert image.shape == (60, 80, 3)
    assert np.abs(image.astype(int) - grey[..., None]).max() <= (2 if suffix == ".jpg" else 0)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_palette_and_one_bit(tmp_path: Path, suffix: str) -> None:
    palette = Pillow.fromarray(RGB).quantize(16)
    palette.save(tmp_path / f"p{suffix}")
    assert np.array_equal(read_image(tmp_path / f"p{suffix}"), np.asarray(palette.convert("RGB")))
    bits = RGB[..., 0] > 128
    Pillow.fromarray(bits).save(tmp_path / f"b{suffix}")
    assert np.array_equal(read_image(tmp_path / f"b{suffix}"), np.repeat(bits[..., None] * 255, 3, axis=2))


def test_white_is_zero_tiff(tmp_path: Path) -> None:
    grey = Pillow.fromarray(RGB[..., 0])
    grey.save(tmp_path / "a.tif", tiffinfo={262: 0})
    assert np.array_equal(
        read_image(tmp_path / "a.tif"), np.asarray(Pillow.open(tmp_path / "a.tif").convert("RGB"))
    )


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("colour", ["RGBA", "LA"])
def test_alpha_is_composited_on_white(tmp_path: Path, suffix: str, colour: str) -> None:
    source = Pillow.fromarray(RGB).convert(colour[:-1])
    source.putalpha(255)
    source.save(tmp_path / f"opaque{suffix}")
    assert np.array_equal(read_image(tmp_path / f"opaque{suffix}"), np.asarray(source.convert("RGB")))
    source.putalpha(Pillow.fromarray(np.tile(np.array([0, 51], np.uint8), (60, 40))))
    source.save(tmp_path / f"clear{suffix}")
    image, colours = read_image(tmp_path / f"clear{suffix}"), np.asarray(source.convert("RGB")).astype(float)
    assert (image[:, ::2] == 255).all()
    assert np.abs(image[:, 1::2] - (0.2 * colours[:, 1::2] + 0.8 * 255)).max() <= 0.51


def test_png_colour_key_is_transparent(tmp_path: Path) -> None:
    flat = np.zeros((4, 4, 3), np.uint8)
    flat[:, :2] = (10, 20, 30)
    Pillow.fromarray(flat).save(tmp_path / "a.png", transparency=(10, 20, 30))
    image = read_image(tmp_path / "a.png")
    assert (image[:, :2] == 255).all()
    assert (image[:, 2:] == 0).all()


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_are_kept(tmp_path: Path, suffix: str) -> None:
    for name, stored in (("grey", RGB16[..., 0]), ("rgb", RGB16[..., ::-1])):
        cv2.imwrite(str(tmp_path / f"{name}{suffix}"), stored)
    image = read_image(tmp_path / f"rgb{suffix}")
    assert image.dtype == np.uint16
    assert np.array_equal(image, RGB16)
    assert np.array_equal(read_image(tmp_path / f"grey{suffix}"), np.repeat(RGB16[..., :1], 3, axis=2))


def test_sixteen_bit_alpha_on_white(tmp_path: Path) -> None:
    alpha = np.full((60, 80), 65535, np.uint16)
    alpha[:, :40] = 0
    cv2.imwrite(str(tmp_path / "a.png"), np.dstack([RGB16[..., ::-1], alpha]))
    image = read_image(tmp_path / "a.png")
    assert (image[:, :40] == 65535).all()
    assert np.array_equal(image[:, 40:], RGB16[:, 40:])


def test_range_is_not_guessed_from_dark_pixels(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "dark.png"), np.full((5, 5, 3), 200, np.uint16))
    image = read_image(tmp_path / "dark.png")
    assert image.dtype == np.uint16
    assert (image == 200).all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_orientation_is_applied(tmp_path: Path, suffix: str, orientation: int) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a{suffix}"
    Pillow.fromarray(RGB).save(path, exif=exif)
    turns = [lambda a: a, np.fliplr, lambda a: np.rot90(a, 2), np.flipud, lambda a: a.transpose(1, 0, 2)]
    turns += [lambda a: np.rot90(a, -1), lambda a: np.rot90(a, 2).transpose(1, 0, 2), np.rot90]
    expected = turns[orientation - 1](RGB)
    image = read_image(path)
    assert image.shape == expected.shape
    assert np.abs(image.astype(int) - expected).mean() < (6 if suffix == ".jpg" else 0.01)


def test_cmyk_jpeg_follows_the_adobe_marker(tmp_path: Path) -> None:
    cmyk = Pillow.fromarray(RGB).convert("CMYK")
    adobe = as_jpeg(cmyk, quality=98, subsampling=0)
    marker = adobe.index(b"\xff\xee")
    length = struct.unpack(">H", adobe[marker + 2 : marker + 4])[0]
    (tmp_path / "adobe.jpg").write_bytes(adobe)
    assert np.abs(read_image(tmp_path / "adobe.jpg").astype(int) - RGB).mean() < 3

    straight = as_jpeg(Pillow.eval(cmyk, lambda v: 255 - v), quality=98, subsampling=0)
    (tmp_path / "straight.jpg").write_bytes(straight[:marker] + straight[marker + 2 + length :])
    assert np.abs(read_image(tmp_path / "straight.jpg").astype(int) - RGB).mean() < 3


def test_cmyk_tiff(tmp_path: Path) -> None:
    Pillow.fromarray(RGB).convert("CMYK").save(tmp_path / "a.tif")
    assert np.abs(read_image(tmp_path / "a.tif").astype(int) - RGB).max() <= 1


def test_first_page_of_a_tiff(tmp_path: Path) -> None:
    pages = [Pillow.fromarray(RGB), Pillow.fromarray(255 - RGB)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    assert np.array_equal(read_image(tmp_path / "a.tif"), RGB)


@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.int16, np.uint32])
def test_samples_without_a_known_range_are_refused(tmp_path: Path, dtype: type) -> None:
    Pillow.fromarray(RGB[..., 0].astype(dtype)).save(tmp_path / "a.tif")
    assert "range is not known" in refusal(tmp_path / "a.tif")


def test_large_images_are_refused_before_decoding(tmp_path: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(png_with_size(60_000, 60_000))
    started = time.perf_counter()
    assert "60000×60000" in refusal(tmp_path / "bomb.png")
    assert time.perf_counter() - started < 0.5
    (tmp_path / "large.png").write_bytes(png_with_size(20_000, 9_000))  # below: damaged, not too large
    assert "megapixels" not in refusal(tmp_path / "large.png")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".tif"])
@pytest.mark.parametrize("share", [0.001, 0.3, 0.7, 0.99])
def test_cut_files_are_refused(
    tmp_path: Path, suffix: str, share: float, capfd: pytest.CaptureFixture[str]
) -> None:
    Pillow.fromarray(picture(480, 640)).save(tmp_path / f"whole{suffix}")
    data = (tmp_path / f"whole{suffix}").read_bytes()
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(data[: max(10, int(len(data) * share))])
    assert "cut short" in refusal(path)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("progressive", [False, True])
def test_a_thumbnail_does_not_hide_a_cut(tmp_path: Path, progressive: bool) -> None:
    thumbnail = as_jpeg(Pillow.fromarray(picture(20, 20)))
    data = as_jpeg(Pillow.fromarray(picture(480, 640)), progressive=progressive)
    data = data[:2] + b"\xff\xe5" + struct.pack(">H", len(thumbnail) + 2) + thumbnail + data[2:]
    (tmp_path / "whole.jpg").write_bytes(data)
    assert read_image(tmp_path / "whole.jpg").shape == (480, 640, 3)
    (tmp_path / "cut.jpg").write_bytes(data[: int(len(data) * 0.8)])
    assert "cut short" in refusal(tmp_path / "cut.jpg")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".tif"])
def test_trailing_bytes_are_fine(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    Pillow.fromarray(RGB).save(path)
    before = read_image(path)
    path.write_bytes(path.read_bytes() + bytes(range(256)) * 3)
    assert np.array_equal(read_image(path), before)


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("not an image")
    (tmp_path / "empty.png").touch()
    assert "not a JPEG" in refusal(tmp_path / "text.png")
    assert "empty" in refusal(tmp_path / "empty.png")
    assert "folder" in refusal(tmp_path)
    assert "no such file" in refusal(tmp_path / "missing.png")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_permission(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.touch(mode=0o000)
    assert "permission" in refusal(path)


def test_permission_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert "make the file readable" in refusal(tmp_path / "a.png")


@settings(max_examples=150, deadline=None)
@given(kind=st.sampled_from(["JPEG", "PNG", "BMP", "TIFF"]), data=st.data())
def test_damage_never_escapes(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject
) -> None:
    stream = io.BytesIO()
    Pillow.fromarray(RGB[:16, :16]).save(stream, kind)
    content = bytearray(stream.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damage") / "a"
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            image = read_image(path)
        except InputError as error:
            assert "\n" not in str(error)
        else:
            assert image.ndim == 3
            assert image.shape[2] == 3
            assert image.dtype in (np.uint8, np.uint16)


def test_damaged_exif_is_quiet(tmp_path: Path) -> None:
    data = as_jpeg(Pillow.fromarray(RGB))
    exif = b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01\x03\0\xff\xff\0\0"
    (tmp_path / "a.jpg").write_bytes(
        data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]
    )
    assert read_image(tmp_path / "a.jpg").shape == RGB.shape


def test_reduced_jpeg_looks_like_an_area_average(tmp_path: Path) -> None:
    large = picture(480, 640)
    (tmp_path / "a.jpg").write_bytes(as_jpeg(Pillow.fromarray(large), quality=95))
    full = read_image(tmp_path / "a.jpg")
    for enough_px, side_px in ((481, 480), (241, 480), (240, 240), (160, 240), (120, 120), (20, 120)):
        image = read_image(tmp_path / "a.jpg", enough_px=enough_px)
        assert image.shape == (side_px, side_px * 4 // 3, 3)
        area = cv2.resize(full, image.shape[1::-1], interpolation=cv2.INTER_AREA)
        assert np.abs(image.astype(int) - area).mean() < 1
    write_image(tmp_path / "a.png", large)
    assert np.array_equal(read_image(tmp_path / "a.png", enough_px=20), large)


@pytest.mark.parametrize("suffix", IMAGE_SUFFIXES)
def test_write_and_read_again(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "new" / f"a{suffix}"
    write_image(path, RGB)
    difference = np.abs(read_image(path).astype(int) - RGB)
    assert difference.mean() < 2 if suffix in (".jpg", ".jpeg") else difference.max() == 0
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    if suffix in (".png", ".tif", ".tiff"):
        write_image(path, RGB16)
        assert np.array_equal(read_image(path), RGB16)
    else:
        with pytest.raises(InputError, match="holds 8 bits"):
            write_image(path, RGB16)


def test_write_refuses_other_suffixes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="choose a suffix"):
        write_image(tmp_path / "a.webp", RGB)


def test_list_images(tmp_path: Path) -> None:
    for name in (
        "10.png",
        "2.PNG",
        "sub/1.jpg",
        ".hidden.png",
        ".git/1.png",
        "out/1.png",
        "out/differential.json",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    odd = tmp_path / "scan.dat"
    odd.touch()
    names = [p.relative_to(tmp_path).as_posix() for p in list_images([odd, tmp_path, tmp_path / "2.PNG"])]
    assert names == ["scan.dat", "2.PNG", "10.png", "sub/1.jpg"]


def test_a_folder_named_by_the_user_is_read_beside_its_results(tmp_path: Path) -> None:
    for name in ("1.png", "differential.json"):
        (tmp_path / name).touch()
    assert list_images([tmp_path]) == [tmp_path / "1.png"]


def test_list_images_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"looked for \.bmp, \.jpeg"):
        list_images([tmp_path])
    with pytest.raises(InputError, match="no file or folder"):
        list_images([tmp_path / "missing"])
