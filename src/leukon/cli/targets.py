"""Which file each image of a command becomes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def targets_of(
    inputs: Sequence[Path], out: Path, suffix: str, suffixes: Sequence[str] = ()
) -> dict[Path, Path]:
    """Name the file below `out` that each image among `inputs` becomes.

    Raises
    ------
    InputError
        If two images would become one file, or one would replace itself.
    """
    from leukon.errors import InputError
    from leukon.imaging.files import IMAGE_SUFFIXES, list_images

    targets: dict[Path, Path] = {}
    for entry in inputs:
        for image in list_images([entry], suffixes or IMAGE_SUFFIXES):
            below = image.relative_to(entry) if entry.is_dir() else Path(image.name)
            target = out / below.with_suffix(suffix)
            if targets.setdefault(target, image).resolve() != image.resolve():
                raise InputError(f"{targets[target]} and {image} would both become {target}; rename one")
            if target.resolve() == image.resolve():
                raise InputError(
                    f"{image} would be replaced by its own map: choose another folder with --out"
                )
    return targets
