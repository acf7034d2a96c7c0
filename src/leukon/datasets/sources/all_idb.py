"""ALL-IDB1 and ALL-IDB2 (Labati et al. 2011): ``ImNNN_Y``, where Y = 1 is acute lymphoblastic leukaemia.

ALL-IDB1 labels 108 whole fields of healthy subjects and of patients, so its box is the field; ALL-IDB2 labels
260 single cells cut out of them. Never train on one and test on the other: they show the same smears.
"""

from __future__ import annotations

import re
from pathlib import Path

from leukon.datasets.manifest import Entry, Manifest
from leukon.datasets.sources.layout import images_in, size_px
from leukon.errors import ManifestError
from leukon.types import Box

_LABELS = {"0": "normal", "1": "tumour"}


def read_fields(root: Path) -> Manifest:
    """Read ALL-IDB1 below `root`."""
    return _read(root, "all_idb1")


def read_cells(root: Path) -> Manifest:
    """Read ALL-IDB2 below `root`."""
    return _read(root, "all_idb2")


def _read(root: Path, capture: str) -> Manifest:
    entries = []
    for file in images_in(root):
        found = re.fullmatch(r"Im\d+_([01])", file.stem, re.IGNORECASE)
        if found is None:
            raise ManifestError(f"{file} is not named as in ALL-IDB, such as Im001_1.jpg; remove it")
        box = Box(0, 0, *size_px(file)) if capture == "all_idb1" else None
        path = file.relative_to(root).as_posix()
        entries.append(Entry(path, _LABELS[found[1]], capture=capture, licence="on request", box=box))
    return Manifest(root, tuple(entries))
