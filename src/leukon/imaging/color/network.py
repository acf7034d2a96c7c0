"""A generator network as a colour map, run without torch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np

from leukon.errors import InputError
from leukon.imaging.color.fitted import Fitted
from leukon.imaging.color.identity import Unchanged
from leukon.imaging.color.quality import FitQuality
from leukon.imaging.depth import unit
from leukon.types import Image

NETWORKS = "ccgan", "pcnet", "cyclegan"
"""The methods whose maps are networks; training one takes torch, and applying it does not."""

SUFFIX = ".onnx"
NOTE = "leukon"
"""Key of the ONNX file's metadata under which the map's record lies, as JSON."""

MOST_PX = 768
"""Longest side that the network is given at once."""


@dataclass(frozen=True, slots=True)
class NetworkMap:
    """What a generator makes of a picture; it looks at neighbours, and so cannot stand in a pipeline.

    Attributes
    ----------
    file : str
        ONNX file: input ``source`` (N, 3, H, W) in 0…1, output ``target`` of the same shape.
    sha256 : str
        Its hash; another file of that name is refused.
    stride, reach : int
        What sides must be multiples of, and how far away a pixel can matter to another, px.
    method : str
        One of `NETWORKS`.
    """

    name: ClassVar[str] = "network"
    file: str
    sha256: str
    stride: int
    reach: int
    method: str

    def for_image(self, image: Image) -> NetworkPixels | Unchanged:
        """Look whether `image`, shape (H, W, 3), can be mapped, and return what maps it."""
        looked = Fitted().for_image(image)
        return looked if isinstance(looked, Unchanged) else NetworkPixels(self)


@dataclass(frozen=True, slots=True)
class NetworkPixels:
    """A network for one image, or for a part of it that is taken for all there is."""

    map: NetworkMap
    fit_quality: FitQuality = field(default_factory=FitQuality)

    def __call__(self, image: Image) -> Image:
        """Map `image`, shape (H, W, 3), of any size; same shape and dtype.

        Large images go through in tiles that see as much around them as the network can, so that the result
        is that of the whole.
        """
        stride = self.map.stride
        height, width = image.shape[:2]
        padded = cv2.copyMakeBorder(unit(image), 0, -height % stride, 0, -width % stride, cv2.BORDER_REFLECT)
        session = _session(self.map)
        full = np.iinfo(image.dtype).max
        mapped = np.empty_like(image)
        for (y0, y1, top, bottom), (x0, x1, left, right) in (
            (row, column)
            for row in _tiles(padded.shape[0], stride, self.map.reach)
            for column in _tiles(padded.shape[1], stride, self.map.reach)
        ):
            tile = np.ascontiguousarray(padded[top:bottom, left:right].transpose(2, 0, 1))[None]
            out = session.run(["target"], {"source": tile})[0][0]
            inner = out[:, y0 - top : y1 - top, x0 - left : x1 - left].transpose(1, 2, 0)
            kept = inner[: height - y0, : width - x0]
            mapped[y0:y1, x0:x1] = np.rint(kept * full)
        return mapped


def _tiles(length: int, stride: int, reach: int) -> Iterator[tuple[int, int, int, int]]:
    """Divide `length` px: where each tile begins and ends, and what is given to the network for it."""
    core = length if length <= MOST_PX else max(stride, (MOST_PX - 2 * reach) // stride * stride)
    for start in range(0, length, core):
        end = min(length, start + core)
        yield start, end, max(0, start - reach), min(length, end + reach)


@cache
def _session(network: NetworkMap) -> Any:
    content = read_network(network.file)
    if hashlib.sha256(content).hexdigest() != network.sha256:
        raise InputError(f"the network {network.file} has changed since it was read: start anew")
    return open_network(content, network.file)


def read_network(file: str) -> bytes:
    """Read an ONNX file.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the colour map {file}: {error.strerror}; check the path") from error


def open_network(content: bytes, file: str) -> Any:
    """Open an ONNX network by onnxruntime.

    Raises
    ------
    InputError
        If it is none.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises bare classes of its own
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{file} is no colour map ({reason}); make one with leukon color fit") from error
