"""The images that ``leukon color`` reads, of one folder or by name of two, and how near a map brings them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leukon.cli.console import Advance
    from leukon.imaging.color import ColorMap
    from leukon.imaging.color.fitting import ColorFit, Pairs
    from leukon.imaging.color.look import Look
    from leukon.types import Image, Skipped

MEASURED = 24
MOST_IMAGES = 300
IMAGES_HELP = "Images to measure at most, spread evenly over the folder."


def spread(folder: Path, most: int) -> list[Path]:
    """List images of `folder`, at most so many, spread evenly."""
    from leukon.imaging.files import list_images

    files = list_images([folder])
    step = len(files) / min(most, len(files))
    return [files[int(i * step)] for i in range(min(most, len(files)))]


def measured(files: Sequence[Path], name: str, advance: Advance, skipped: list[Skipped]) -> Look:
    """Measure the look of a system on `files`; those that cannot be read are put among `skipped`."""
    from leukon.segmentation.look import measure_look

    return measure_look(readable(files, advance, skipped), name)


def readable(files: Sequence[Path], advance: Advance, skipped: list[Skipped]) -> Iterator[Image]:
    """Read `files` one by one; those that cannot be read are put among `skipped`."""
    from leukon.errors import InputError
    from leukon.imaging.files import read_image
    from leukon.types import Skipped

    for path in files:
        try:
            yield read_image(path)
        except InputError as error:
            skipped.append(Skipped(str(path), str(error)))
        advance(1)


def _matched(source: Path, target: Path, most: int) -> tuple[dict[str, tuple[Path, Path]], list[Skipped]]:
    """Match the files with one name below both folders, at most so many, spread evenly."""
    from leukon.errors import InputError
    from leukon.imaging.files import list_images
    from leukon.types import Skipped

    names = [
        {path.relative_to(folder).with_suffix("").as_posix(): path for path in list_images([folder])}
        for folder in (source, target)
    ]
    shared = [name for name in names[0] if name in names[1]]
    skipped = [
        Skipped(str(path), f"no image of its name in {other}")
        for own, there, other in ((names[0], names[1], target), (names[1], names[0], source))
        for name, path in own.items()
        if name not in there
    ]
    if not shared:
        raise InputError(f"{source} and {target} share no image by name: pairs must have the same names")
    step = len(shared) / min(most, len(shared))
    chosen = [shared[int(i * step)] for i in range(min(most, len(shared)))]
    return {name: (names[0][name], names[1][name]) for name in chosen}, skipped


def _read_pairs(
    chosen: dict[str, tuple[Path, Path]], skipped: list[Skipped]
) -> Iterator[tuple[str, Image, Image]]:
    from leukon.cli.console import progress
    from leukon.errors import InputError
    from leukon.imaging.files import read_image
    from leukon.types import Skipped

    with progress("pairs", len(chosen)) as advance:
        for name, (a, b) in chosen.items():
            try:
                yield name, read_image(a), read_image(b)
            except InputError as error:
                skipped.append(Skipped(name, str(error)))
            advance(1)


def read_paired(source: Path, target: Path, most: int) -> tuple[list[Look], Pairs, list[Skipped]]:
    """Measure both looks and the pairs of files with one name below both folders."""
    from leukon.cli.console import progress
    from leukon.segmentation.pairs import pair_colors

    chosen, skipped = _matched(source, target, most)
    looks = []
    for folder, files in zip((source, target), zip(*chosen.values(), strict=True), strict=True):
        with progress(str(folder), len(files)) as advance:
            looks.append(measured(files, folder.name, advance, []))
    pairs, left_out = pair_colors(_read_pairs(chosen, skipped), looks[0], looks[1])
    return looks, pairs, [*skipped, *left_out]


def read_pictures(
    source: Path, target: Path, most: int, *, pairs: bool
) -> tuple[tuple[list[Image], Look], tuple[list[Image], Look], list[Skipped]]:
    """Read the images of both systems and measure their looks; those that are no pairs are left out."""
    from leukon.cli.console import progress
    from leukon.segmentation.look import measure_look
    from leukon.segmentation.pairs import mismatch
    from leukon.types import Skipped

    skipped: list[Skipped] = []
    pictures: tuple[list[Image], list[Image]] = [], []
    if pairs:
        chosen, skipped = _matched(source, target, most)
        for name, *pair in _read_pairs(chosen, skipped):
            reason = mismatch(*pair)
            if reason:
                skipped.append(Skipped(name, reason))
                continue
            for own, image in zip(pictures, pair, strict=True):
                own.append(image)
    else:
        for own, folder in zip(pictures, (source, target), strict=True):
            files = spread(folder, most)
            with progress(str(folder), len(files)) as advance:
                own.extend(readable(files, advance, skipped))
    a, b = (
        (own, measure_look(own, folder.name)) for own, folder in zip(pictures, (source, target), strict=True)
    )
    return a, b, skipped


def judged(
    color: ColorMap, source: tuple[Sequence[Image], Look], target: tuple[Sequence[Image], Look]
) -> ColorFit:
    """Tell how near `color` brings the look of the source's images to the target's."""
    from leukon.imaging.color.fitting import ColorFit
    from leukon.imaging.color.look import look_distance
    from leukon.imaging.color.quality import FitQuality
    from leukon.segmentation.look import measure_look

    step = -(-len(source[0]) // MEASURED)
    mapped = measure_look([color.for_image(image)(image) for image in source[0][::step]], "mapped")
    before, after = (look_distance(look, target[1]) for look in (source[1], mapped))
    quality = FitQuality(images=len(source[0]), delta_e_before=before, delta_e_after=after)
    return ColorFit(color, source[1], target[1], quality)
