"""Reading, writing and finding image files.

`read_image` gives every file the one shape that Leukon computes with, (H, W, 3) RGB, uint8 or uint16:

=====================  ==============================================================================
in the file            in the array
=====================  ==============================================================================
EXIF or TIFF turn      applied
grey, 1 bit, palette   RGB
alpha                  composited on white; a fully opaque alpha changes nothing
CMYK                   RGB without colour management; inverted (Adobe) JPEG are told by their marker
16 bits per sample     uint16, as stored; other depths above 8, and float, are refused
several pages (TIFF)   the first page
=====================  ==============================================================================
"""

from __future__ import annotations

import io
import os
import re
import threading
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt
from PIL import ImageChops, ImageOps
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from leukon.errors import InputError
from leukon.storage import write_bytes
from leukon.types import Image

IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff")
"""Suffixes, in lower case, by which images are found in folders."""

RAW_SUFFIXES = (
    *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".kdc", ".mef"),
    *(".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"),
)
"""Suffixes, in lower case, of camera raw files, which `leukon.imaging.raw_files.read_raw` reads."""

MAX_PIXELS = 200_000_000
"""Largest image that is decoded, in px: 600 MB as 8-bit RGB."""

RESULT_FILES = (
    "differential.json",
    "predictions.csv",
    "evaluation.json",
    "explanations.json",
    "segmentation.json",
)
"""A folder that holds one of these was written by Leukon; its pictures are not inputs."""

_READERS: tuple[tuple[bytes, type[ImageFile]], ...] = (
    (b"\xff\xd8\xff", JpegImageFile),
    (b"\x89PNG\r\n\x1a\n", PngImageFile),
    (b"BM", BmpImageFile),
    (b"II*\0", TiffImageFile),
    (b"MM\0*", TiffImageFile),
    (b"II+\0", TiffImageFile),
    (b"MM\0+", TiffImageFile),
)
_TIFF_BITS, _TIFF_PHOTOMETRIC, _TIFF_SAMPLE_FORMAT = 258, 262, 339
_ORIENTATION = 0x0112
_Pixels = npt.NDArray[Any]
# The list of warning filters belongs to the whole process: one thread at a time may exchange it.
_quiet_lock = threading.RLock()


def read_image(path: Path | str, *, enough_px: int | None = None) -> Image:
    """Read an image file as RGB; the table at the head of this module says what becomes of what.

    Parameters
    ----------
    path : path-like
        A JPEG, PNG, BMP or TIFF file, told by its first bytes, whatever its suffix.
    enough_px : int, optional
        The shorter side that the caller needs, in px. A JPEG that is larger may then come at 1/2 or 1/4
        of its size, its shorter side never below `enough_px`, in a third of the time. Not for images
        whose boxes are known in px of the file.

    Returns
    -------
    ndarray, shape (H, W, 3), uint8 or uint16

    Raises
    ------
    InputError
        If there is no such file, it cannot be read, is none of the formats (camera raw files are told by
        their suffix), is cut short or damaged, is
        larger than `MAX_PIXELS` (found before it is decoded), or holds float or 32-bit samples.
    """
    path = Path(path)
    if path.suffix.lower() in RAW_SUFFIXES:  # many are TIFF, whose first page is a small preview
        raise InputError(
            f"cannot read {path}: it is a camera raw file; develop it by leukon image convert --space rgb"
        )
    data = _read_bytes(path)
    try:
        return _decode(data, enough_px)
    except InputError as error:
        raise InputError(f"cannot read {path}: {error}") from error
    except Exception as error:  # Pillow raises some ten kinds for damaged files
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"cannot read {path}: the file is damaged or cut short ({reason}); copy or export it again"
        ) from error


def _read_bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"cannot read {path}: there is no such file; check the path") from None
    except IsADirectoryError:
        raise InputError(f"cannot read {path}: it is a folder; name an image file") from None
    except PermissionError:
        raise InputError(f"cannot read {path}: permission denied; make the file readable") from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}; check the disk") from error
    if not data:
        raise InputError(f"cannot read {path}: the file is empty; copy or export it again")
    return data


def _decode(data: bytes, enough_px: int | None) -> _Pixels:
    with _quiet_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        header = _open(data)
        width, height = header.size
        if width * height > MAX_PIXELS:
            raise InputError(
                f"its {width}×{height} px exceed the {MAX_PIXELS // 1_000_000} megapixels that are decoded; "
                "cut it into smaller images"
            )
        _refuse_cut(header, data)
        bits = _bits_per_sample(header, data)
        plain = header.mode in ("L", "RGB") and "transparency" not in header.info
        if bits <= 8 and (not plain or isinstance(header, TiffImageFile)):
            return _with_pillow(header)
        orientation = int(header.getexif().get(_ORIENTATION, 1)) if bits == 16 or "exif" in header.info else 1
    if bits == 16:
        return _turned(_deep(data, header), orientation)
    flag = cv2.IMREAD_COLOR
    if enough_px is not None and isinstance(header, JpegImageFile):
        shrink = min(width, height) // max(enough_px, 1)
        flag = cv2.IMREAD_REDUCED_COLOR_2 if 2 <= shrink < 4 else flag
        flag = cv2.IMREAD_REDUCED_COLOR_4 if shrink >= 4 else flag
    image = _with_opencv(data, flag | cv2.IMREAD_IGNORE_ORIENTATION)
    return _turned(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)), orientation)


def _open(data: bytes) -> Any:
    """Read the header alone. The formats are opened by name: Pillow knows some sixty others."""
    for magic, reader in _READERS:
        if data.startswith(magic):
            return reader(io.BytesIO(data))
    raise InputError("it is not a JPEG, PNG, BMP or TIFF image; convert it to one of these")


def _refuse_cut(header: Any, data: bytes) -> None:
    """Look for the end: decoders may fill what is missing with grey and say nothing."""
    whole = True
    if isinstance(header, JpegImageFile):  # the header ends at the scan, past a thumbnail and its end mark
        whole = data.find(b"\xff\xd9", cast(io.BytesIO, header.fp).tell()) >= 0
    elif isinstance(header, PngImageFile):
        whole = data.rfind(b"IEND") >= 0
    elif isinstance(header, BmpImageFile) and header.tile[0].codec_name == "raw":
        _, _, offset, (_, stride, _) = cast(Any, header.tile[0])
        whole = len(data) >= offset + stride * header.size[1]
    if not whole:
        raise InputError("the file is cut short: its end is missing; copy or export it again")


def _bits_per_sample(header: Any, data: bytes) -> int:
    """Bits per sample, 1…8 or 16; anything else is refused, since its range is not known."""
    bits, sample_format = 8, 1
    if isinstance(header, PngImageFile):
        bits = data[24]
    elif isinstance(header, TiffImageFile):
        bits = max(header.tag_v2.get(_TIFF_BITS, (1,)))
        sample_format = max(header.tag_v2.get(_TIFF_SAMPLE_FORMAT, (1,)))
    if sample_format not in (1, 4) or not (bits <= 8 or bits == 16):
        kind = {2: "signed ", 3: "float "}.get(sample_format, "")
        raise InputError(
            f"it holds {bits}-bit {kind}samples, whose range is not known; save it with 8 or 16 bits unsigned"
        )
    return bits


def _with_opencv(data: bytes, flag: int) -> _Pixels:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    if image is None:
        raise InputError("the file is damaged; copy or export it again")
    return np.asarray(image)


def _with_pillow(picture: Any) -> _Pixels:
    """Decode whatever has up to 8 bits and is not plain grey or RGB."""
    inverted = isinstance(picture, JpegImageFile) and picture.mode == "CMYK" and "adobe" not in picture.info
    picture = ImageOps.exif_transpose(picture)
    if inverted:  # Pillow takes each CMYK JPEG for an inverted one; only the Adobe marker says so
        picture = ImageChops.invert(picture)
    if picture.has_transparency_data:
        return _on_white(np.asarray(picture.convert("RGBA")))
    if picture.mode == "LAB":
        raise InputError("it is a CIELAB image; convert it to RGB")
    return np.asarray(picture.convert("RGB"))


def _deep(data: bytes, header: Any) -> _Pixels:
    """Decode 16-bit samples, which Pillow would cut down to 8."""
    image = _with_opencv(data, cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    photometric = header.tag_v2.get(_TIFF_PHOTOMETRIC, 1) if isinstance(header, TiffImageFile) else 1
    if image.dtype != np.uint16 or photometric not in (0, 1, 2):
        raise InputError("this kind of 16-bit image is not supported; save it as 16-bit grey or RGB")
    if image.ndim == 2:
        return np.repeat((65535 - image if photometric == 0 else image)[..., None], 3, axis=2)
    if image.shape[2] == 4:
        return _on_white(image[..., [2, 1, 0, 3]])
    return np.ascontiguousarray(image[..., ::-1])


def _on_white(image: _Pixels) -> _Pixels:
    """Composite (H, W, 4) with straight alpha on white."""
    colour, alpha = image[..., :3], image[..., 3:]
    full = np.iinfo(image.dtype).max
    if (alpha == full).all():
        return np.ascontiguousarray(colour)
    white = np.float64(full)
    return np.rint(white - (white - colour) * (alpha / white)).astype(image.dtype)


def _turned(image: _Pixels, orientation: int) -> _Pixels:
    """Undo the turn that EXIF orientation 1…8 states; other values are ignored, as viewers do."""
    if orientation in (5, 6, 7, 8):
        image = image.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    return np.ascontiguousarray(image)


def write_image(path: Path | str, image: Image) -> None:
    """Write `image` as PNG, TIFF, BMP or JPEG (quality 95), by the suffix of `path`, at once or not at all.

    Parameters
    ----------
    path : path-like
        Its folder is made where it is missing.
    image : ndarray, shape (H, W, 3), uint8 or uint16
        16 bits are kept by PNG and TIFF.

    Raises
    ------
    InputError
        If the suffix is none of `IMAGE_SUFFIXES`, the format cannot hold the image, or the place cannot
        be written.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in IMAGE_SUFFIXES:
        raise InputError(f"cannot write {path}: choose a suffix of {', '.join(IMAGE_SUFFIXES)}")
    if image.dtype == np.uint16 and suffix not in (".png", ".tif", ".tiff"):
        raise InputError(f"cannot write {path}: {suffix} holds 8 bits, the image has 16; choose .png or .tif")
    options = [cv2.IMWRITE_JPEG_QUALITY, 95] if suffix in (".jpg", ".jpeg") else []
    _, encoded = cv2.imencode(suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    write_bytes(path, encoded.tobytes())


def list_images(inputs: Sequence[Path], suffixes: Sequence[str] = IMAGE_SUFFIXES) -> list[Path]:
    """List the image files among `inputs`, each once: files as given, folders with all that is below.

    Files of a folder come in natural order (``2.png`` before ``10.png``) and by `suffixes`; hidden
    ones and folders below that Leukon itself wrote (see `RESULT_FILES`) are left out. A file that is
    named is kept whatever its suffix.

    Raises
    ------
    InputError
        If an input is missing, or a folder holds no image.
    """
    found: dict[Path, None] = {}
    for entry in map(Path, inputs):
        if entry.is_dir():
            inside = sorted(
                _images_below(entry, tuple(suffixes)), key=lambda path: _natural(path.relative_to(entry))
            )
            if not inside:
                raise InputError(f"no image in or below {entry}: looked for {', '.join(suffixes)}")
            found.update(dict.fromkeys(inside))
        elif entry.exists():
            found[entry] = None
        else:
            raise InputError(f"there is no file or folder {entry}; check the path")
    return list(found)


def _images_below(top: Path, suffixes: tuple[str, ...]) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise InputError(f"cannot list {error.filename}: {error.strerror}; make it readable") from error

    for folder, folders, names in os.walk(top, onerror=refuse):
        here = Path(folder)
        if here != top and not set(RESULT_FILES).isdisjoint(names):
            folders.clear()
            continue
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if not name.startswith(".") and name.lower().endswith(suffixes):
                yield here / name


def _natural(path: Path) -> list[list[tuple[int, int, str]]]:
    """Sort key: runs of digits by their value, the rest by its letters, folder by folder."""
    pieces = [re.findall(r"\d+|\D+", part.casefold()) for part in path.parts]
    key = [[(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in part] for part in pieces]
    return [*key, [(0, 0, str(path))]]
