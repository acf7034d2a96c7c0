"""What is wrong with a data set: images that cannot be read, copies, and splits that leak."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, Literal

from leukon.datasets.manifest import Entry, Manifest, file_sha256
from leukon.datasets.near import ENOUGH_PX, Fingerprint, fingerprint, near_pairs
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
    kind : {"exact", "near"}
        The same bytes, or the same scene (see `leukon.datasets.near`).
    splits, labels : tuple of str
        Of `first` and `second`.
    correlation : float
        Of their thumbnails; 1 for exact copies.
    """

    first: str
    second: str
    kind: Literal["exact", "near"]
    splits: tuple[str, str]
    labels: tuple[str, str]
    correlation: float

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


def audit(manifest: Manifest, *, advance: Callable[[int], None] | None = None) -> Audit:
    """Read every image of `manifest` and look for copies and leaks.

    Parameters
    ----------
    manifest : Manifest
    advance : callable, optional
        Called with 1 after each image.

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
            return _Seen(entry, digest, fingerprint(read_image(path, enough_px=ENOUGH_PX)))
        except InputError as error:
            return Unreadable(entry.path, str(error))

    results = []
    with ThreadPoolExecutor(available_processors()) as pool:
        for result in pool.map(look, images.values()):
            results.append(result)
            if advance:
                advance(1)
    seen = [result for result in results if isinstance(result, _Seen)]
    pairs = [_copy(seen[i], seen[j], correlation) for i, j, correlation in _pairs(seen)]
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


def _pairs(seen: list[_Seen]) -> list[tuple[int, int, float]]:
    """Exact and near copies, each pair once; plain images have no detail to correlate, but a hash."""
    found = {(i, j): correlation for i, j, correlation in near_pairs([s.print for s in seen])}
    same = defaultdict(list)
    for position, one in enumerate(seen):
        same[one.sha256].append(position)
    for positions in same.values():
        found |= {(i, j): 1.0 for k, i in enumerate(positions) for j in positions[k + 1 :]}
    return [(i, j, correlation) for (i, j), correlation in sorted(found.items())]


def _copy(first: _Seen, second: _Seen, correlation: float) -> Copy:
    a, b = first.entry, second.entry
    kind: Literal["exact", "near"] = "exact" if first.sha256 == second.sha256 else "near"
    return Copy(a.path, b.path, kind, (a.split, b.split), (a.label, b.label), min(1.0, correlation))


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
