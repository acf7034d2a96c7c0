"""Kaggle "Blood Cell Images": BCCD's fields, and 12,444 augmented copies of them in four classes (MIT).

``dataset2-master/dataset2-master/images/{TRAIN,TEST,TEST_SIMPLE}/{CLASS}/_{n}_{hash}.jpeg`` holds the copies,
320×240 px: turned, mirrored, sheared and shifted after a split by original, so that TRAIN and TEST share
none. ``n`` is no original's number. Every image of TEST comes from one of 71 originals, which TEST_SIMPLE
holds: it is left out. ``dataset-master`` holds the originals with boxes.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from leukon.datasets.manifest import Entry, Manifest
from leukon.datasets.moved import SIDE_PX, Landmarks, landmarks, moved_groups
from leukon.datasets.sources.bccd import read_fields
from leukon.datasets.sources.layout import folder_of, images_in, refusal
from leukon.errors import InputError, ManifestError
from leukon.imaging.files import read_image
from leukon.machine import available_processors

_CLASSES = ("eosinophil", "lymphocyte", "monocyte", "neutrophil")


def read(root: Path) -> Manifest:
    """Read the copies below `root`, or else the originals.

    A group is the copies of one original, found by `leukon.datasets.moved` in some minutes: write them down
    once by ``leukon data split``. Some fields were photographed twice, so that three groups lie in both parts
    of the official split.
    """
    train = folder_of(root, "TRAIN")
    if train is None:
        if folder_of(root, "JPEGImages") is None:
            raise refusal(root, "Kaggle blood-cells", "the folder TRAIN (or JPEGImages)")
        return read_fields(root, "Kaggle blood-cells", "bccd")
    entries = []
    for part, split in (("train", "train"), ("test", "test")):
        for file in images_in(folder_of(train.parent, part) or train.parent / part):
            label = file.parent.name.lower()
            if label not in _CLASSES:
                raise ManifestError(
                    f"{file} is in none of the class folders {', '.join(_CLASSES)} (in capitals); remove it"
                )
            path = file.relative_to(root).as_posix()
            entries.append(Entry(path, label, capture="bccd", split=split, licence="MIT"))

    def look(entry: Entry) -> Landmarks | None:
        try:
            return landmarks(read_image(root / entry.path, enough_px=SIDE_PX))
        except InputError:  # audit and training list what cannot be read
            return None

    with ThreadPoolExecutor(available_processors()) as pool:
        groups = moved_groups(list(pool.map(look, entries)))
    named = (replace(e, group=entries[g].path) if g >= 0 else e for e, g in zip(entries, groups, strict=True))
    return Manifest(root, tuple(named))
