"""BCCD: 364 fields of 640×480 px from one camera (MIT).

``labels.csv`` names the leukocyte of each field by the number of the image (some are blank, some name
several), ``xml/`` holds Pascal VOC boxes. A cell enters where the field has one label and one leukocyte box.
"""

from __future__ import annotations

import csv
from pathlib import Path
from xml.etree import ElementTree

from leukon.datasets.manifest import Entry, Manifest
from leukon.errors import ManifestError
from leukon.imaging.files import list_images
from leukon.types import PERIPHERAL_BLOOD, Box


def read(root: Path) -> Manifest:
    """Read the data set below `root`; VOC boxes, 1-based and inclusive, become half open."""
    table = root / "labels.csv"
    entries = []
    try:
        with table.open(encoding="utf-8-sig", newline="") as stream:
            labels = {int(row["Image"]): row["Category"].strip().lower() for row in csv.DictReader(stream)}
        for file in list_images([root / "images"]):
            label = labels.get(int(file.stem.rpartition("_")[2]), "")
            boxes = _leukocytes(root / "xml" / f"{file.stem}.xml")
            if label in PERIPHERAL_BLOOD.names and len(boxes) == 1:
                path = file.relative_to(root).as_posix()
                entries.append(Entry(path, label, capture="bccd", licence="MIT", box=boxes[0]))
    except (OSError, KeyError, ValueError, ElementTree.ParseError) as error:
        raise ManifestError(f"{root} is not the data set BCCD ({error!r}); unpack it again") from error
    return Manifest(root, tuple(entries))


def _leukocytes(file: Path) -> list[Box]:
    found = ElementTree.parse(file).findall("object[name='WBC']/bndbox")
    corners = [[float(box.findtext(name, "")) for name in ("xmin", "ymin", "xmax", "ymax")] for box in found]
    return [Box(x0 - 1, y0 - 1, x1, y1) for x0, y0, x1, y1 in corners]
