"""Raabin-WBC: cropped leukocytes in five classes from two microscopes (Kouzehkanan et al. 2022).

``Train/{Class}``, ``TestA/{Class}`` come from one system, ``TestB/{Class}`` from another one (lymphocytes and
neutrophils only). Both test folders are ``test``; the capture tells them apart.
"""

from __future__ import annotations

import re
from pathlib import Path

from leukon.datasets.manifest import Entry, Manifest
from leukon.datasets.sources.layout import folder_of, images_in, refusal
from leukon.errors import ManifestError

_PARTS = {"Train": ("train", "raabin"), "TestA": ("test", "raabin"), "TestB": ("test", "raabin_b")}
_LABELS = {
    "basophil": "basophil",
    "eosinophil": "eosinophil",
    "lymphocyte": "lymphocyte",
    "small lymph": "lymphocyte",
    "large lymph": "lymphocyte",
    "monocyte": "monocyte",
    "neutrophil": "neutrophil",
}


def read(root: Path) -> Manifest:
    """Read the data set below `root`; cells that were cropped from one photograph are a group."""
    train = folder_of(root, "Train")
    if train is None:
        raise refusal(root, "Raabin-WBC", "the folder Train")
    entries = []
    for part, (split, capture) in _PARTS.items():
        for file in images_in(
            folder_of(train.parent, part, f"{part[:-1]}-{part[-1]}") or train.parent / part
        ):
            folder = file.parent.name
            if folder.lower() not in _LABELS:
                raise ManifestError(
                    f"{file} is in none of the class folders {', '.join(_LABELS)} of Raabin-WBC; remove it"
                )
            taken = re.match(r"\d{8}_\d{6}", file.stem)
            entries.append(
                Entry(
                    file.relative_to(root).as_posix(),
                    _LABELS[folder.lower()],
                    group=taken[0] if taken else "",
                    capture=capture,
                    split=split,
                    licence="free for any use",
                    subtype=folder if "lymph " in f"{folder.lower()} " else "",
                )
            )
    return Manifest(root, tuple(entries))
