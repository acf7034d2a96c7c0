"""Where the pictures made of given images go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from leukon.errors import InputError
from leukon.imaging.files import list_images


def targets_of(inputs: Sequence[Path], out: Path, suffix: str, suffixes: Sequence[str]) -> dict[Path, Path]:
    """Map each file to write below `out` to its image; folders keep what is below them.

    Raises
    ------
    InputError
        If two images would become one file, one would replace itself, or as `list_images`.
    """
    targets: dict[Path, Path] = {}
    for entry in inputs:
        for image in list_images([entry], suffixes):
            below = image.relative_to(entry) if entry.is_dir() else Path(image.name)
            target = out / below.with_suffix(suffix)
            if targets.setdefault(target, image).resolve() != image.resolve():
                raise InputError(f"{targets[target]} and {image} would both become {target}; rename one")
            if target.resolve() == image.resolve():
                raise InputError(f"{image} would be replaced by what is made of it: choose another --out")
    return targets
