"""What the readers share: finding folders, files and tables as they were published, or saying what lacks."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from io import StringIO
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from leukon.errors import InputError, ManifestError
from leukon.imaging.files import list_images


def refusal(root: Path, name: str, expected: str) -> ManifestError:
    """Say that `root` is not data set `name`, and what was `expected` there."""
    return ManifestError(
        f"{root} is not the data set {name} as published: {expected} is missing; "
        "check the path or unpack the data set again"
    )


def images_in(folder: Path) -> list[Path]:
    """List the images below `folder` in natural order; none where there is no such folder.

    What macOS adds to archives is left out.
    """
    try:
        return [f for f in list_images([folder]) if "__MACOSX" not in f.parts] if folder.is_dir() else []
    except InputError:  # a folder without images
        return []


def folder_of(root: Path, *names: str) -> Path | None:
    """Find a folder called one of `names`, in either case: `root` itself, or up to four levels below."""
    wanted = {name.lower() for name in names}
    level = [root.absolute()]
    for _ in range(5):
        for folder in level:
            if folder.name.lower() in wanted:
                return root if folder == root.absolute() else root / folder.relative_to(root.absolute())
        level = sorted(child for folder in level for child in _folders(folder))
    return None


def _folders(folder: Path) -> Iterable[Path]:
    return (f for f in folder.iterdir() if f.is_dir() and f.name[0] not in "._")


def table_rows(table: Path, columns: Iterable[str]) -> list[dict[str, str]]:
    """Read the rows of a CSV file that has at least `columns`; texts are stripped.

    Raises
    ------
    ManifestError
        If the file is missing, is not UTF-8 CSV, or lacks a column.
    """
    try:
        reader = csv.DictReader(StringIO(table.read_text(encoding="utf-8-sig"), newline=""))
        rows = [{k.strip(): (v or "").strip() for k, v in row.items() if k is not None} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error, AttributeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ManifestError(f"cannot read {table}: {reason}; unpack the data set again") from error
    have = [name.strip() for name in reader.fieldnames or ()]
    missing = [name for name in columns if name not in have]
    if missing:
        raise ManifestError(
            f"{table} lacks the column {' and '.join(missing)}, it has {', '.join(have) or 'none'}; "
            "unpack the data set again"
        )
    return rows


def digits(text: str) -> int | None:
    """Return the last number in `text`, if there is one.

    Examples
    --------
    >>> digits("BloodImage_00012"), digits("readme")
    (12, None)
    """
    found = re.findall(r"\d+", text)
    return int(found[-1]) if found else None


def size_px(file: Path) -> tuple[int, int]:
    """Width and height of an image from its header alone; raises `ManifestError`."""
    try:
        with Image.open(file) as image:
            return image.size
    except (OSError, UnidentifiedImageError) as error:
        raise ManifestError(f"cannot read the image {file}: {error}; unpack the data set again") from error
