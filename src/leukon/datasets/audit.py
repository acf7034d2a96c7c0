"""What is wrong with a data set: images that cannot be read, copies, and splits that leak."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Any, Literal

from leukon.datasets.manifest import Entry, Manifest, file_sha256
from leukon.datasets.moved import SIDE_PX, Landmarks, landmarks, moved_pairs
from leukon.datasets.near import Fingerprint, fingerprint, near_pairs
from leukon.errors import InputError
from leukon.imaging.files import read_image
from leukon.machine import available_processors


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An image that cannot be used, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Copy:
    """Two files that show the same image, in two parts of the split or with two labels.

    Attributes
    ----------
    first, second : str
        Their paths.
    kind : {"exact", "near", "moved"}
        The same bytes, the same picture (see `leukon.datasets.near`), or the same scene turned, mirrored or
        shifted (see `leukon.datasets.moved`).
    splits, labels : tuple of str
        Of `first` and `second`.
    correlation : float
        Of their thumbnails, or of what both show; 1 for exact copies.
    angle_deg, mirrored : float, bool
        How `first` was turned, −180…180 clockwise, after it was perhaps mirrored left to right, to give
        `second`; 0 and False unless the kind is ``"moved"``.
    """

    first: str
    second: str
    kind: Literal["exact", "near", "moved"]
    splits: tuple[str, str]
    labels: tuple[str, str]
    correlation: float
    angle_deg: float = 0.0
    mirrored: bool = False

    @property
    def leaks(self) -> bool:
        """Whether the two are in different parts of the split."""
        return _differ(self.splits)


@dataclass(frozen=True, slots=True)
class Straddler:
    """An image, group or subject with cells in several parts of the split."""

    kind: Literal["path", "group", "subject"]
    name: str
    splits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Audit:
    """The findings.

    Attributes
    ----------
    cells, images : int
        Entries, and distinct files among them.
    counts : dict
        Entries by split (``""`` where there is none) and label; all labels stand in each split.
    unreadable : tuple of Unreadable
        Also files whose SHA-256 is not the manifest's.
    copies : tuple of Copy
        Across parts of the split or across labels.
    harmless_copies : int
        Pairs within one part and label.
    straddlers : tuple of Straddler
        What lies in several parts.
    """

    cells: int
    images: int
    counts: dict[str, dict[str, int]]
    unreadable: tuple[Unreadable, ...]
    copies: tuple[Copy, ...]
    harmless_copies: int
    straddlers: tuple[Straddler, ...]

    @property
    def leaks(self) -> bool:
        """Whether something of one part of the split is in another one too."""
        return bool(self.straddlers) or any(copy.leaks for copy in self.copies)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"leaks": self.leaks, **asdict(self)}


@dataclass(frozen=True, slots=True)
class _Seen:
    entry: Entry
    sha256: str
    print: Fingerprint
    landmarks: Landmarks


def audit(manifest: Manifest, *, report: Callable[[str, int, int], None] | None = None) -> Audit:
    """Read every image of `manifest` and look for copies and leaks.

    Parameters
    ----------
    manifest : Manifest
    report : callable, optional
        Called with what is being done, the images done and the images in all.

    Returns
    -------
    Audit
        What is found, in the order of the paths; files that cannot be read are listed, never raised.
    """
    images = {entry.path: entry for entry in sorted(manifest.entries, key=lambda e: (e.path, e.split))}

    def look(entry: Entry) -> _Seen | Unreadable:
        path = manifest.root / entry.path
        try:
            digest = file_sha256(path)
            if entry.sha256 and digest != entry.sha256.lower():
                return Unreadable(entry.path, "its SHA-256 is not the manifest's: the file was changed")
            image = read_image(path, enough_px=SIDE_PX)
            return _Seen(entry, digest, fingerprint(image), landmarks(image))
        except InputError as error:
            return Unreadable(entry.path, str(error))

    report = report or (lambda _what, _done, _total: None)
    results = []
    with ThreadPoolExecutor(available_processors()) as pool:
        for result in pool.map(look, images.values()):
            results.append(result)
            report("Reading images", len(results), len(images))
    seen = [result for result in results if isinstance(result, _Seen)]
    pairs = _copies(seen, report)
    copies = tuple(pair for pair in pairs if pair.leaks or pair.labels[0] != pair.labels[1])
    return Audit(
        cells=len(manifest),
        images=len(images),
        counts=_counts(manifest),
        unreadable=tuple(result for result in results if isinstance(result, Unreadable)),
        copies=copies,
        harmless_copies=len(pairs) - len(copies),
        straddlers=_straddlers(manifest),
    )


def _copies(seen: list[_Seen], report: Callable[[str, int, int], None]) -> list[Copy]:
    """Each pair once, by the surest evidence; plain images have no detail to compare, but a hash."""

    def copy(i: int, j: int, kind: Literal["exact", "near", "moved"], correlation: float) -> Copy:
        a, b = seen[i].entry, seen[j].entry
        return Copy(a.path, b.path, kind, (a.split, b.split), (a.label, b.label), min(1.0, correlation))

    found: dict[tuple[int, int], Copy] = {}
    compared = 0

    def advance(images: int) -> None:
        nonlocal compared
        compared += images
        report("Comparing images", compared, len(seen))

    for pair in moved_pairs([one.landmarks for one in seen], advance=advance):
        found[pair.first, pair.second] = replace(
            copy(pair.first, pair.second, "moved", pair.correlation),
            angle_deg=pair.angle_deg,
            mirrored=pair.mirrored,
        )
    for i, j, correlation in near_pairs([one.print for one in seen]):
        found[i, j] = copy(i, j, "near", correlation)
    same = defaultdict(list)
    for position, one in enumerate(seen):
        same[one.sha256].append(position)
    for positions in same.values():
        found |= {(i, j): copy(i, j, "exact", 1.0) for i, j in combinations(positions, 2)}
    return [found[key] for key in sorted(found)]


def _counts(manifest: Manifest) -> dict[str, dict[str, int]]:
    counts = Counter((entry.split, entry.label) for entry in manifest.entries)
    splits = [s for s in ("train", "val", "test", "") if any(split == s for split, _ in counts)]
    return {split: {label: counts[split, label] for label in manifest.labels} for split in splits}


def _straddlers(manifest: Manifest) -> tuple[Straddler, ...]:
    kinds: tuple[Literal["path", "group", "subject"], ...] = ("path", "group", "subject")
    parts: dict[tuple[Literal["path", "group", "subject"], str], set[str]] = defaultdict(set)
    for entry in manifest.entries:
        for kind in kinds:
            if (name := getattr(entry, kind)) and entry.split:
                # One file may be named in two ways, such as through a link.
                name = os.path.normpath(name) if kind == "path" else name
                parts[kind, name].add(entry.split)
    found = [Straddler(kind, name, tuple(sorted(s))) for (kind, name), s in parts.items() if len(s) > 1]
    return tuple(sorted(found, key=lambda s: (kinds.index(s.kind), s.name)))


def _differ(splits: tuple[str, str]) -> bool:
    return "" not in splits and splits[0] != splits[1]
