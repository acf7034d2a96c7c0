"""Raw image space by a network that learned it, such as CycleISP's RGB2RAW, run without torch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from leukon.errors import InputError
from leukon.imaging.depth import Floats, Pixels, Ranges, unit


@dataclass(frozen=True, slots=True)
class LearnedRaw:
    """Linear camera RGB in 0…1, as the network in `file` predicts it.

    The network is no number: JSON holds the file's name and hash, and the file must lie at that place. A
    bundle holds it inside its own network.

    Attributes
    ----------
    file : str
        ONNX file: input ``rgb`` (N, 3, H, W) in 0…1, output ``raw`` of the same shape.
    sha256 : str
        Its hash; another file of that name is refused.
    """

    name: ClassVar[str] = "learned_raw"
    channels: ClassVar[tuple[str, ...]] = ("raw red", "raw green", "raw blue")
    ranges: ClassVar[Ranges] = ((0, 1),) * 3
    pixels_per_sample: ClassVar[int] = 1
    file: str = ""
    sha256: str = ""

    @classmethod
    def of(cls, file: Path | None) -> LearnedRaw:
        """Name `file` with the hash that it has now.

        Raises
        ------
        InputError
            If no file is given, or it cannot be read.
        """
        if file is None:
            raise InputError("the space learned_raw needs a network: give --model FILE, made by learn-raw")
        return cls(str(file), hashlib.sha256(_read(str(file))).hexdigest())

    def content(self) -> bytes:
        """Read the network.

        Raises
        ------
        InputError
            If the file is missing, or is another one than was named.
        """
        content = _read(self.file)
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise InputError(
                f"the network {self.file} is not the one that was named: its hash differs; restore it"
            )
        return content

    def from_rgb(self, rgb: Pixels) -> Floats:
        """Convert `rgb`, shape (H, W, 3).

        Raises
        ------
        InputError
            If the file is missing, is another one, or holds no such network.
        """
        batch = np.ascontiguousarray(unit(rgb).transpose(2, 0, 1))[None]
        try:
            raw = _session(self).run(["raw"], {"rgb": batch})[0][0]
        except InputError:
            raise
        except Exception as error:  # onnxruntime raises bare classes of its own
            raise _no_network(self.file, error) from error
        return np.ascontiguousarray(raw.transpose(1, 2, 0), np.float32)


def _read(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise InputError(
            f"cannot read the network {file!r} of the space learned_raw: {error.strerror or error}; "
            "check the path"
        ) from error


@cache
def _session(space: LearnedRaw) -> Any:
    content = space.content()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1  # the images are what is spread over threads
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises bare classes of its own
        raise _no_network(space.file, error) from error


def _no_network(file: str, error: Exception) -> InputError:
    reason = str(error).splitlines()[0]
    return InputError(f"{file} holds no network from RGB to raw ({reason}); make one with learn-raw")
