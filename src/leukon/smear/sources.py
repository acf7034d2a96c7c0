"""Inputs of a run: files, folders, arrays and fields, all as named sources of one image each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from leukon.errors import InputError
from leukon.imaging.files import list_images, read_image
from leukon.types import Field, Image

Input = Path | str | Field | npt.NDArray[np.uint8] | npt.NDArray[np.uint16]


@dataclass(frozen=True, eq=False, slots=True)
class Source:
    """One image to come: a file, or an image in memory."""

    name: str
    path: str = ""
    image: Image | None = None

    def read(self, *, enough_px: int | None = None) -> Image:
        """Return the image; raises `InputError` as `read_image` does."""
        return self.image if self.image is not None else read_image(self.path, enough_px=enough_px)

    def key(self) -> str | None:
        """Tell the file and its state, so that a changed file is read again; None for images in memory."""
        if not self.path:
            return None
        try:
            state = os.stat(self.path)  # noqa: PTH116
        except OSError:
            return None
        return f"{self.path}|{state.st_size}|{state.st_mtime_ns}"

    def fault(self, error: Exception) -> str:
        """Say why the image cannot be used, without its path, which stands beside it."""
        if isinstance(error, InputError):
            return str(error).removeprefix(f"cannot read {self.path}: ")
        return f"the image cannot be analysed ({type(error).__name__}: {str(error).splitlines()[:1]})"


def sources_of(inputs: Input | Sequence[Input]) -> list[Source]:
    """List the images behind `inputs`, in their order, each file once.

    Files are named by their path below the folder that holds all of them; images in memory by the name of
    their field, or by number.

    Raises
    ------
    InputError
        If an input is missing, a folder is empty, or an array is no RGB image.
    """
    if isinstance(inputs, (str, Path, Field, np.ndarray)):
        inputs = [inputs]
    files = _files([entry for entry in inputs if isinstance(entry, (str, Path))])
    sources: dict[str, Source] = {}
    for number, entry in enumerate(inputs, 1):
        if isinstance(entry, (str, Path)):
            sources.update(files.pop(str(entry), {}))
            continue
        field = entry if isinstance(entry, Field) else Field(entry)
        _check(field.image, number)
        name = field.name or f"image {number}"
        sources[f"memory {number}"] = Source(name, image=field.image)
    if not sources:
        raise InputError("there is nothing to analyse: give files, folders or images")
    return list(sources.values())


def _files(entries: list[str | Path]) -> dict[str, dict[str, Source]]:
    """Per entry, its files by absolute path."""
    found = {str(e): [os.path.abspath(p) for p in list_images([Path(e)])] for e in entries}  # noqa: PTH100
    folders = {os.path.dirname(p) for paths in found.values() for p in paths}  # noqa: PTH120
    top = os.path.commonpath(folders) if folders else ""
    return {
        entry: {path: Source(_printable(os.path.relpath(path, top)), path) for path in paths}
        for entry, paths in found.items()
    }


def _printable(name: str) -> str:
    """Spell bytes that are no UTF-8 as escapes: outputs are UTF-8."""
    return os.fsencode(name).decode("utf-8", "backslashreplace").replace(os.sep, "/")


def _check(image: object, number: int) -> None:
    whole = isinstance(image, np.ndarray) and image.ndim == 3 and image.shape[2] == 3 and image.size > 0
    if not whole or image.dtype not in (np.uint8, np.uint16):  # type: ignore[attr-defined]
        what = (
            f"{image.dtype} of shape {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        )
        raise InputError(f"input {number} is {what}: give RGB images of shape (H, W, 3), uint8 or uint16")
