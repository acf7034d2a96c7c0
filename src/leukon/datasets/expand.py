"""Expansions: every training image in several fixed variants, written to disk and named in a manifest.

The plan ``paper`` makes 20 of each image, as the paper on EK-means, checkerboard images and VGG19 did (2,497
become 49,940, …). The paper does not state which; here they are each of four positions (as it is, mirrored
left to right, mirrored top to bottom, turned by half) in each of five appearances (plain, either checkerboard
picture, brighter, noisy).

Only the training part is expanded. A variant's group is its source's, so that no grouped split or
cross-validation parts the variants of one image.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from leukon.datasets.manifest import Entry, Manifest, write_manifest
from leukon.errors import InputError, ManifestError
from leukon.imaging.checkerboard import CheckerboardMode, checkerboard
from leukon.imaging.files import read_image, write_image
from leukon.machine import available_processors
from leukon.registry import look_up
from leukon.storage import json_text, write_text
from leukon.types import Box, Image, Skipped

BRIGHTER = 1.2
"""Factor of every channel in the appearance ``brighter``."""
NOISE = 0.02
"""Standard deviation of Gaussian noise in the appearance ``noisy``, as a share of full scale."""

_POSITIONS = {
    "upright": (False, False),
    "hflip": (True, False),
    "vflip": (False, True),
    "turned": (True, True),
}
_APPEARANCES = "plain", "checker_a", "checker_b", "brighter", "noisy"

PLANS: Mapping[str, tuple[str, ...]] = {
    "paper": tuple(f"{position}_{look}" for position in _POSITIONS for look in _APPEARANCES),
    "flips": tuple(f"{position}_plain" for position in _POSITIONS),
}
"""Operations of each plan, ``POSITION_APPEARANCE``."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One image to be made.

    Attributes
    ----------
    source : Entry
        What it is made from.
    operation : str
        How, one of `PLANS`.
    path : str
        Where, below the expansion's folder: ``LABEL/NUMBER_STEM/OPERATION.png``.
    """

    source: Entry
    operation: str
    path: str


@dataclass(frozen=True, slots=True)
class Expansion:
    """What `expand` wrote.

    Attributes
    ----------
    manifest : Manifest
        The variants, then the other parts as they were.
    written, kept : int
        Images made now, and found from an earlier run.
    skipped : tuple of Skipped
        Sources that cannot be read, of which there are no variants.
    """

    manifest: Manifest
    written: int
    kept: int
    skipped: tuple[Skipped, ...]


def planned(manifest: Manifest, plan: str) -> Iterator[tuple[Variant, ...]]:
    """Yield the variants of each entry of the training part; reads no image.

    Raises
    ------
    UnknownNameError
        If there is no such plan.
    ManifestError
        If there is no training part, or some entries are in no part.
    """
    operations = look_up("plan", plan, PLANS)
    parts = {entry.split for entry in manifest.entries}
    if "train" not in parts or "" in parts:
        lack = "some entries are in no part" if "train" in parts else "there is no part 'train'"
        raise ManifestError(
            f"only a training part may be expanded, and {lack}: divide the manifest by leukon data split"
        )
    for number, source in enumerate(manifest.subset(split="train").entries, start=1):
        folder = f"{_safe(source.label)}/{number:06d}_{_safe(Path(source.path).stem)}"
        yield tuple(Variant(source, operation, f"{folder}/{operation}.png") for operation in operations)


def expand(
    manifest: Manifest,
    plan: str,
    out: Path,
    *,
    seed: int = 0,
    mode: CheckerboardMode = "complementary",
    advance: Callable[[int], None] | None = None,
) -> Expansion:
    """Write the variants of the training part, ``manifest.csv`` and ``plan.json`` to `out`.

    The other parts are named in the manifest as they are. Its columns ``source`` and ``operation`` say what
    each variant was made from and how. A call that was stopped goes on where it was.

    Parameters
    ----------
    manifest : Manifest
        With a part ``train``.
    plan : str
        A key of `PLANS`.
    out : Path
        Folder to write to.
    seed : int
        Of the noise; the same seed writes the same images.
    mode : {"complementary", "literal"}
        Of the checkerboard pictures.
    advance : callable, optional
        Called with the number of variants done since the last call.

    Raises
    ------
    ManifestError
        As `planned`, and if no image can be read.
    InputError
        If `out` holds another expansion or cannot be written.
    """
    groups = list(planned(manifest, plan))
    about = {"plan": plan, "operations": PLANS[plan], "seed": seed, "mode": mode, "data": manifest.digest()}
    record = out / "plan.json"
    if record.exists() and record.read_text(encoding="utf-8") != json_text(about):
        raise InputError(f"{out} holds another expansion: choose another --out or delete it")
    write_text(record, json_text(about))

    def make(variants: tuple[Variant, ...]) -> tuple[list[Entry], int] | Skipped:
        source = variants[0].source
        missing = [variant for variant in variants if not (out / variant.path).exists()]
        box, shape = source.box, (0, 0)
        if missing or box is not None:
            try:
                image = read_image(manifest.root / source.path)
            except InputError as error:
                return Skipped(source.path, str(error))
            shape = image.shape[:2]
            for variant in missing:
                number = zlib.crc32(variant.path.encode())
                write_image(out / variant.path, altered(image, variant.operation, (seed, number), mode))
        entries = []
        for variant in variants:
            placed = box and _moved(box, variant.operation, *shape)
            group = source.group or source.path
            entries.append(replace(source, path=variant.path, sha256="", group=group, box=placed))
        return entries, len(missing)

    entries: list[Entry] = []
    sources: list[str] = []
    operations: list[str] = []
    skipped: list[Skipped] = []
    written = 0
    with ThreadPoolExecutor(available_processors()) as pool:
        for variants, made in zip(groups, pool.map(make, groups), strict=True):
            if isinstance(made, Skipped):
                skipped.append(made)
            else:
                entries += made[0]
                sources += [variant.source.path for variant in variants]
                operations += [variant.operation for variant in variants]
                written += made[1]
            if advance:
                advance(len(variants))
    if not entries:
        raise ManifestError(f"no training image can be used; the first: {skipped[0].reason}")
    others = [
        replace(entry, path=str((manifest.root / entry.path).absolute()))
        for entry in manifest.entries
        if entry.split != "train"
    ]
    expanded = Manifest(out, (*entries, *others))
    none = [""] * len(others)
    columns = {"source": [*sources, *none], "operation": [*operations, *none]}
    write_manifest(out / "manifest.csv", expanded, columns=columns)
    return Expansion(expanded, written, len(entries) - written, tuple(skipped))


def altered(
    image: Image, operation: str, seed: Sequence[int] = (0,), mode: CheckerboardMode = "complementary"
) -> Image:
    """Return the variant `operation` of `image`, shape (H, W, 3), in its type; `seed` is of the noise."""
    position, look = operation.split("_", 1)
    across, down = _POSITIONS[position]
    moved: Image = image[:: -1 if down else 1, :: -1 if across else 1]
    if look.startswith("checker"):
        return checkerboard(moved, mode)[look == "checker_b"]
    full = np.iinfo(image.dtype).max
    values = moved.astype(np.float32)
    if look == "brighter":
        values *= BRIGHTER
    elif look == "noisy":
        values += np.random.default_rng(seed).normal(0, NOISE * full, moved.shape).astype(np.float32)
    rounded = np.clip(np.rint(values), 0, full)
    return rounded.astype(np.uint8) if image.dtype == np.uint8 else rounded.astype(np.uint16)


def _moved(box: Box, operation: str, height: int, width: int) -> Box:
    """Where `box` lies in a variant of an image of `height` × `width` px."""
    across, down = _POSITIONS[operation.split("_", 1)[0]]
    x0, x1 = (width - box.x1, width - box.x0) if across else (box.x0, box.x1)
    y0, y1 = (height - box.y1, height - box.y0) if down else (box.y0, box.y1)
    return Box(x0, y0, x1, y1)


def _safe(name: str) -> str:
    """Make `name` the name of a file or folder on any system."""
    return re.sub(r"[^\w.-]+", "_", name).strip(".") or "_"
