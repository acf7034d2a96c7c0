"""JTSC: 300 leukocytes of about 120×120 px, rapid stain, Moticam camera (GPL-3.0).

Zheng et al., "Fast and robust segmentation of white blood cell images by self-supervised learning",
Micron 107 (2018). ``labels.csv`` numbers the images and gives classes 1…5.
"""

from __future__ import annotations

import csv
from pathlib import Path

from leukon.datasets.manifest import Entry, Manifest
from leukon.errors import ManifestError
from leukon.imaging.files import list_images

LABELS = {"1": "neutrophil", "2": "lymphocyte", "3": "monocyte", "4": "eosinophil", "5": "basophil"}


def read(root: Path) -> Manifest:
    """Read the data set below `root`."""
    table = root / "labels.csv"
    try:
        with table.open(encoding="utf-8-sig", newline="") as stream:
            classes = {int(row["image ID"]): row["class label"].strip() for row in csv.DictReader(stream)}
        files = list_images([root / "images"])
        labels = [LABELS[classes[int(file.stem)]] for file in files]
    except (OSError, KeyError, ValueError) as error:
        raise ManifestError(
            f"{table} is not the table of JTSC ({error!r}); unpack the data set again"
        ) from error
    entries = (
        Entry(file.relative_to(root).as_posix(), label, capture="jtsc", licence="GPL-3.0")
        for file, label in zip(files, labels, strict=True)
    )
    return Manifest(root, tuple(entries))
