"""Reading what a camera's sensor gave: DNG and the makers' raw files, and linear 16-bit TIFF."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from leukon.errors import InputError, MissingExtraError
from leukon.imaging.files import MAX_PIXELS, RAW_SUFFIXES, read_image


def is_raw(path: Path) -> bool:
    """Tell by its suffix whether `path` is a camera raw file."""
    return path.suffix.lower() in RAW_SUFFIXES


def read_raw(path: Path | str) -> npt.NDArray[np.uint16]:
    """Read linear camera RGB: no white balance, no colour matrix, no tone curve.

    Parameters
    ----------
    path : path-like
        A camera raw file (one of `RAW_SUFFIXES`; needs the extra ``raw``), or a 16-bit RGB TIFF or PNG that
        holds such values already, which is returned as stored.

    Returns
    -------
    ndarray of uint16, shape (H, W, 3)
        Demosaiced linearly, upright, black level taken off, 65535 at the sensor's white level.

    Raises
    ------
    InputError
        If the file cannot be read, is too large, or is none of these.
    MissingExtraError
        If it is a camera raw file and rawpy is not installed.
    """
    path = Path(path)
    if not is_raw(path):
        image = read_image(path)
        if image.dtype != np.uint16:
            raise InputError(
                f"cannot read {path} as raw: it has 8 bits; give a camera raw file or a linear 16-bit TIFF"
            )
        return np.asarray(image, np.uint16)
    try:
        import rawpy
    except ImportError as error:
        raise MissingExtraError("reading camera raw files", "raw") from error
    if not path.is_file():
        raise InputError(f"cannot read {path}: there is no such file; check the path")
    try:
        with rawpy.imread(str(path)) as raw:
            if raw.sizes.raw_height * raw.sizes.raw_width > MAX_PIXELS:
                raise InputError(
                    f"cannot read {path}: it exceeds the {MAX_PIXELS // 1_000_000} megapixels that are "
                    "decoded; cut it into smaller images"
                )
            return np.asarray(
                raw.postprocess(
                    demosaic_algorithm=rawpy.DemosaicAlgorithm.LINEAR,
                    user_wb=[1.0, 1.0, 1.0, 1.0],
                    output_color=rawpy.ColorSpace.raw,
                    output_bps=16,
                    gamma=(1, 1),
                    no_auto_bright=True,
                    adjust_maximum_thr=0,  # the stated white level, not the image's own maximum
                ),
                np.uint16,
            )
    except (rawpy.LibRawError, rawpy.NotSupportedError) as error:
        raise InputError(
            f"cannot read {path}: {_reason(error)}; copy it again, or convert it to DNG"
        ) from error


def _reason(error: Exception) -> str:
    text = error.args[0] if error.args else type(error).__name__
    return text.decode() if isinstance(text, bytes) else str(text)
