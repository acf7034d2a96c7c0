"""BCISC: single leukocytes of 256×256 px with strongly varying white balance (Apache-2.0).

``images/neut_3-2_0.jpg`` is a neutrophil of group 3, image 2. Groups are kept apart by class.
"""

from __future__ import annotations

import re
from pathlib import Path

from leukon.datasets.manifest import Entry, Manifest
from leukon.datasets.sources.layout import images_in
from leukon.errors import ManifestError

_LABELS = {
    "baso": "basophil",
    "eosi": "eosinophil",
    "lymp": "lymphocyte",
    "mono": "monocyte",
    "neut": "neutrophil",
}


def read(root: Path) -> Manifest:
    """Read the data set below `root`; the label and the image's group come from the file names."""
    entries = []
    for file in images_in(root / "images"):
        match = re.fullmatch(r"([a-z]{4})_(\d+)-(\d+)_\d+", file.stem)
        if match is None or match[1] not in _LABELS:
            raise ManifestError(f"{file} is not named as in BCISC, such as neut_3-2_0.jpg; remove it")
        group = f"{match[1]}_{match[2]}"
        path = file.relative_to(root).as_posix()
        entries.append(Entry(path, _LABELS[match[1]], group=group, capture="bcisc", licence="Apache-2.0"))
    return Manifest(root, tuple(entries))
