"""segmentation_WBC (Zheng et al. 2018): 300 cells of 120×120 px and 100 of 300×300 px (GPL-3.0).

``Dataset {1,2}/NNN.bmp`` beside their masks ``NNN.png``, and ``Class Labels of Dataset {1,2}.csv``, whose
second column has two names. Dataset 1 is JTSC (`leukon.datasets.sources.jtsc` reads it re-cut).
"""

from __future__ import annotations

from pathlib import Path

from leukon.datasets.manifest import Entry, Manifest
from leukon.datasets.sources.jtsc import LABELS
from leukon.datasets.sources.layout import digits, folder_of, images_in, refusal, table_rows
from leukon.errors import ManifestError

_CAPTURES = {1: "jtsc", 2: "cellavision_blog"}


def read(root: Path) -> Manifest:
    """Read the data sets below `root`; the masks are no cells."""
    entries = []
    for number, capture in _CAPTURES.items():
        folder = folder_of(root, f"Dataset {number}")
        if folder is None:
            continue
        places = (folder, folder.parent)
        tables = [table for place in places for table in sorted(place.glob(f"Class Labels*{number}.csv"))]
        if not tables:
            raise refusal(root, "segmentation_WBC", f"'Class Labels of Dataset {number}.csv'")
        classes = {}
        for row in table_rows(tables[0], ("image ID",)):
            name, label = list(row.values())[:2]
            classes[digits(name)] = label
        for file in images_in(folder):
            if file.suffix.lower() != ".bmp":
                continue
            label = LABELS.get(classes.get(digits(file.stem), ""), "")
            if not label:
                raise ManifestError(f"{tables[0]} has no class 1…5 for {file}; unpack the table again")
            path = file.relative_to(root).as_posix()
            entries.append(Entry(path, label, capture=capture, licence="GPL-3.0"))
    return Manifest(root, tuple(entries))
