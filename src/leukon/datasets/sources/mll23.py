"""MLL23: 41,621 leukocytes of 288×288 px in 18 classes, one scanner (CC BY 4.0).

Shetab Boushehri et al., Scientific Data 12:1773 (2025). One folder of ``.TIF`` files per class (the archives
unpack to a folder within a folder), and a table of the images.
"""

from __future__ import annotations

import csv
from pathlib import Path

from leukon.datasets.manifest import Entry, Manifest
from leukon.datasets.sources.layout import images_in
from leukon.errors import ManifestError
from leukon.types import MLL23_CLASSES


def read(root: Path) -> Manifest:
    """Read the data set below `root`; labels are the folders' names in lower case.

    Rows of a table beside the folders that name an image which is not there are refused.
    """
    files = images_in(root)
    for table in sorted(root.glob("*.csv")):
        _compare(table, {file.name.lower() for file in files})
    entries = []
    for file in files:
        label = file.parent.name.lower().replace(" ", "_")
        if label not in MLL23_CLASSES.names:
            raise ManifestError(
                f"{file} is in none of the class folders ({', '.join(MLL23_CLASSES.names)}); remove it"
            )
        path = file.relative_to(root).as_posix()
        entries.append(Entry(path, label, capture="mll23", licence="CC-BY-4.0"))
    return Manifest(root, tuple(entries))


def _compare(table: Path, names: set[str]) -> None:
    try:
        with table.open(encoding="utf-8-sig", newline="") as stream:
            fields = [field for row in csv.reader(stream) for field in row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ManifestError(f"cannot read {table}: {error}; unpack the data set again") from error
    listed = [
        Path(f.strip().replace("\\", "/")).name
        for f in fields
        if f.strip().lower().endswith((".tif", ".tiff"))
    ]
    missing = [name for name in listed if name.lower() not in names]
    if missing:
        raise ManifestError(
            f"{table} names {len(missing)} images that are not there, such as {missing[0]}; "
            "unpack the class folders again"
        )
