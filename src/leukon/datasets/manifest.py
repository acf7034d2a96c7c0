"""The list of labelled images that training, evaluation and audits work from.

A manifest is a CSV or Parquet file with one row per cell:

==================  ====================================================================================
column              what it holds
==================  ====================================================================================
path                image file, relative to the manifest's folder, or absolute; alias ``file``
label               class name
sha256              of the file, hexadecimal
subject             whose blood it is
group               images that must stay in one part of a split; alias ``near_duplicate_group``
capture             the imaging system
split               ``train``, ``val`` or ``test``
licence             under which the image is published; alias ``license``
subtype             a finer label that the source gives, such as a code
x0, y0, x1, y1      the cell's box in px, half open, where the image shows more than the cell
==================  ====================================================================================

Only `path` and `label` are needed; other columns are ignored.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from leukon.datasets.rows import read_rows, write_rows
from leukon.errors import InputError, ManifestError
from leukon.imaging.files import list_images
from leukon.machine import available_processors
from leukon.types import Box

SPLITS = ("train", "val", "test")
"""The parts of a split; an entry without one has ``""``."""

_SPLIT_ALIASES = {"": "", **{name: name for name in SPLITS}, "valid": "val", "validation": "val"}
_TEXTS = ("path", "label", "sha256", "subject", "group", "capture", "split", "licence", "subtype")
_CORNERS = ("x0", "y0", "x1", "y1")
_COLUMNS = {
    **{name: name for name in (*_TEXTS, *_CORNERS)},
    "file": "path",
    "near_duplicate_group": "group",
    "license": "licence",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One labelled cell; texts are empty where nothing is known.

    Attributes
    ----------
    path : str
        Image file with ``/``, relative to the manifest's root, or absolute: ``manifest.root / entry.path``.
    label : str
        Class name.
    sha256 : str
        Of the file, hexadecimal.
    subject, group : str
        Whose blood it is; images that must not be parted.
    capture : str
        The imaging system.
    split : str
        ``"train"``, ``"val"``, ``"test"`` or ``""``.
    licence : str
        Under which the image is published.
    box : Box or None
        The cell in px of the image; None where the image shows a single cell.
    subtype : str
        A finer label that the source gives; nothing is trained or scored by it.
    """

    path: str
    label: str
    sha256: str = ""
    subject: str = ""
    group: str = ""
    capture: str = ""
    split: str = ""
    licence: str = ""
    box: Box | None = None
    subtype: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Labelled images below (or beside) a folder.

    Attributes
    ----------
    root : Path
        The folder that relative paths start from.
    entries : tuple of Entry
        In the order of the file.

    Examples
    --------
    >>> cells = Manifest(Path("."), (Entry("a.png", "monocyte", split="test"), Entry("b.png", "ig")))
    >>> cells.labels
    ('ig', 'monocyte')
    >>> cells.subset(split="test").counts()
    {'monocyte': 1}
    """

    root: Path
    entries: tuple[Entry, ...]

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def labels(self) -> tuple[str, ...]:
        """The distinct labels in alphabetical order."""
        return tuple(sorted({entry.label for entry in self.entries}))

    @property
    def files(self) -> tuple[Path, ...]:
        """The image file of each entry."""
        return tuple(self.root / entry.path for entry in self.entries)

    def subset(self, *, split: str) -> Manifest:
        """Keep the entries of part `split`; perhaps none."""
        if split not in ("", *SPLITS):
            raise ManifestError(f"unknown split {split!r}: choose one of {', '.join(SPLITS)}")
        return replace(self, entries=tuple(e for e in self.entries if e.split == split))

    def with_splits(self, splits: Sequence[str]) -> Manifest:
        """Give each entry the part of the same position in `splits`."""
        pairs = zip(self.entries, splits, strict=True)
        return replace(self, entries=tuple(replace(entry, split=split) for entry, split in pairs))

    def counts(self) -> dict[str, int]:
        """Entries of each label."""
        return dict(sorted(Counter(entry.label for entry in self.entries).items()))

    def digest(self) -> str:
        """SHA-256, hexadecimal, of what the entries say, whatever their order and the place of the root.

        The subtype is left out: it changes nothing that is trained or scored.
        """
        told = ({k: v for k, v in _row(entry).items() if k != "subtype"} for entry in self.entries)
        rows = sorted(json.dumps(row, ensure_ascii=False) for row in told)
        return hashlib.sha256("\n".join(rows).encode()).hexdigest()

    def with_hashes(self, *, advance: Callable[[int], None] | None = None) -> Manifest:
        """Fill in `sha256` where it is missing by reading the files, several at a time.

        Raises
        ------
        InputError
            If a file cannot be read.
        """

        def hashed(entry: Entry) -> Entry:
            return entry if entry.sha256 else replace(entry, sha256=file_sha256(self.root / entry.path))

        entries = []
        with ThreadPoolExecutor(available_processors()) as pool:
            for entry in pool.map(hashed, self.entries):
                entries.append(entry)
                if advance:
                    advance(1)
        return replace(self, entries=tuple(entries))


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, hexadecimal; raises `InputError` where it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror}; check the path and its permissions"
        ) from error


def read_manifest(path: Path | str) -> Manifest:
    """Read a manifest, a folder of class folders, or a published data set.

    Parameters
    ----------
    path : path-like
        One of: a ``.csv`` or ``.parquet`` file; a folder that holds ``manifest.csv``; a folder with one
        folder of images per class, named as the class (in lower case then), perhaps below the folders
        ``train``, ``val`` and ``test``; ``NAME:DIR``, a data set of `leukon.datasets.sources.SOURCES` as
        it was published.

    Raises
    ------
    ManifestError
        If it is none of these, lacks a column, holds a row that cannot be used, or names files that are
        missing.
    MissingExtraError
        If it is a Parquet file and pyarrow is not installed.
    """
    named = re.fullmatch(r"([a-z][a-z0-9_]+):(.+)", str(path))
    path = Path(path)
    if named and not path.exists():
        from leukon.datasets.sources import read_source  # the sources themselves build on this file

        return _checked(read_source(named[1], Path(named[2])), str(path))
    if path.is_dir():
        if (path / "manifest.csv").is_file():
            return read_manifest(path / "manifest.csv")
        return _read_folders(path)
    if not path.exists():
        raise ManifestError(f"there is no manifest {path}; check the path")
    entries = tuple(_entry(row, where) for where, row in read_rows(path, _COLUMNS, needed=_TEXTS[:2]))
    if not entries:
        raise ManifestError(f"{path} holds no rows; add one per image")
    return _checked(Manifest(path.parent, entries), str(path))


def write_manifest(
    path: Path | str, manifest: Manifest, *, columns: Mapping[str, Sequence[str]] | None = None
) -> None:
    """Write `manifest` as CSV or Parquet, by the suffix of `path`.

    Paths are written relative to the new file where the images lie below its folder, else absolute. Further
    `columns`, one text per entry, are for the reader's eye: `read_manifest` ignores them.
    """
    path = Path(path)
    rows = [_row(replace(e, path=_relative(manifest.root / e.path, path.parent))) for e in manifest.entries]
    for name, values in (columns or {}).items():
        for row, value in zip(rows, values, strict=True):
            row[name] = value
    names = (*_TEXTS, *_CORNERS, *(columns or ()))
    used = [name for name in names if name in _TEXTS[:2] or any(row[name] != "" for row in rows)]
    write_rows(path, used, rows)


def _relative(file: Path, folder: Path) -> str:
    file, folder = file.absolute(), folder.absolute()
    return (file.relative_to(folder) if file.is_relative_to(folder) else file).as_posix()


def _row(entry: Entry) -> dict[str, str | float]:
    box = entry.box
    corners = ("",) * 4 if box is None else (float(box.x0), float(box.y0), float(box.x1), float(box.y1))
    texts = {name: getattr(entry, name) for name in _TEXTS}
    return texts | dict(zip(_CORNERS, corners, strict=True))


def _entry(row: Mapping[str, str], where: str) -> Entry:
    for name in ("path", "label"):
        if not row[name]:
            raise ManifestError(f"{where}: the {name} is empty; fill it in or remove the row")
    path = PurePosixPath(row["path"].replace("\\", "/"))
    if ".." in path.parts:
        raise ManifestError(f"{where}: {path} leads out of the manifest's folder; give an absolute path")
    split = _SPLIT_ALIASES.get(row.get("split", "").lower())
    if split is None:
        raise ManifestError(f"{where}: unknown split {row['split']!r}; choose one of {', '.join(SPLITS)}")
    texts = {name: row.get(name, "") for name in _TEXTS} | {"path": str(path), "split": split}
    return Entry(**texts, box=_box(row, where))


def _box(row: Mapping[str, str], where: str) -> Box | None:
    corners = [row.get(name, "") for name in _CORNERS]
    if not any(corners):
        return None
    try:
        box = Box(*map(float, corners))
    except ValueError:
        raise ManifestError(f"{where}: the box {corners} is not four numbers; correct it") from None
    if not (math.isfinite(box.area) and box.width > 0 and box.height > 0):
        raise ManifestError(f"{where}: the box {corners} is empty; x0 < x1 and y0 < y1 are needed")
    return box


def _checked(manifest: Manifest, name: str) -> Manifest:
    """Refuse doubled entries and missing files."""
    doubled = [p for (p, _), n in Counter((e.path, e.box) for e in manifest.entries).items() if n > 1]
    if doubled:
        raise ManifestError(f"{name} names {_some(doubled)} more than once; keep one row of each")
    missing = sorted({str(file) for file in manifest.files if not file.is_file()})
    if missing:
        raise ManifestError(
            f"{name}: {len(missing)} of {len(manifest)} images are missing: {_some(missing)}; "
            "put them back or remove their rows"
        )
    return manifest


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _read_folders(root: Path) -> Manifest:
    """Read class folders, directly below `root` or below split folders."""
    folders = _folders(root)
    parts = {
        folder: _SPLIT_ALIASES[folder.name.lower()]
        for folder in folders
        if folder.name.lower() in _SPLIT_ALIASES
    }
    if parts and len(parts) < len(folders):
        other = next(folder.name for folder in folders if folder not in parts)
        raise ManifestError(
            f"{root} mixes split folders with {other!r}; keep one kind or write a manifest.csv"
        )
    classes = [(split, folder) for part, split in parts.items() for folder in _folders(part)]
    entries = []
    for split, folder in classes or [("", folder) for folder in folders]:
        for file in _images(folder):
            path = file.relative_to(root).as_posix()
            entries.append(Entry(path, folder.name.lower(), split=split))
    if not entries:
        raise ManifestError(
            f"{root} holds neither manifest.csv nor folders of images named as their class; add one"
        )
    return Manifest(root, tuple(entries))


def _folders(folder: Path) -> list[Path]:
    return sorted(f for f in folder.iterdir() if f.is_dir() and not f.name.startswith("."))


def _images(folder: Path) -> list[Path]:
    try:
        return list_images([folder])
    except InputError:  # a folder without images is no class
        return []
