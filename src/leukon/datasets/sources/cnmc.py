"""C-NMC 2019: single cells of leukaemic and healthy subjects, 450×450 px, cut out on black (CC BY 3.0).

``C-NMC_training_data/fold_{0,1,2}/{all,hem}/UID_{subject}_{image}_{cell}_all.bmp`` is the official training
part. The preliminary test part, ``C-NMC_test_prelim_phase_data/{n}.bmp``, is named by a table with the
columns Patient_ID (the original file name), new_names, labels (1 = ALL). Names come in either case.
"""

from __future__ import annotations

import re
from pathlib import Path

from leukon.datasets.manifest import Entry, Manifest
from leukon.datasets.sources.layout import folder_of, images_in, refusal, size_px, table_rows
from leukon.errors import ManifestError
from leukon.types import Box

_NAME = re.compile(r"UID_(H?\d+)_(\d+)_(\d+)_(all|hem)", re.IGNORECASE)
_LABELS = {"all": "tumour", "hem": "normal", "1": "tumour", "0": "normal"}
_COLUMNS = ("Patient_ID", "new_names", "labels")
_CENTRE = 300 / 450


def read(root: Path) -> Manifest:
    """Read the data set below `root`: the folds are ``train``, the preliminary test part is ``test``.

    A cell's group is the image that it was cut from. Its box is the central 300 of 450 px: a black
    background gives a cell finder nothing to measure.
    """
    entries = []
    for file in images_in(root):
        where = file.relative_to(root)
        if any(re.fullmatch(r"fold_\d", part, re.IGNORECASE) for part in where.parts[:-1]):
            entries.append(_entry(root, file, file.stem, _LABELS.get(file.parent.name.lower(), ""), "train"))
    return Manifest(root, (*entries, *_preliminary(root)))


def _preliminary(root: Path) -> list[Entry]:
    folder = folder_of(root, "C-NMC_test_prelim_phase_data")
    if folder is None:
        return []
    tables = sorted(f for f in root.rglob("*.csv") if "prelim" in f.name.lower()) or sorted(
        folder.glob("*.csv")
    )
    if not tables:
        raise refusal(root, "C-NMC 2019", "the table of labels, C-NMC_test_prelim_phase_data_labels.csv,")
    files = {file.name.lower(): file for file in images_in(folder)}
    entries = []
    for row in table_rows(tables[0], _COLUMNS):
        file = files.pop(row["new_names"].lower(), None)
        if file is None or row["labels"] not in ("0", "1"):
            raise ManifestError(
                f"{tables[0]}: {row['new_names']!r} is no image of {folder}, or its label "
                f"{row['labels']!r} is neither 0 nor 1; unpack the data set again"
            )
        entries.append(_entry(root, file, Path(row["Patient_ID"]).stem, _LABELS[row["labels"]], "test"))
    if files:
        raise ManifestError(f"{tables[0]} does not name {min(files)} of {folder}; unpack the table again")
    return entries


def _entry(root: Path, file: Path, name: str, label: str, split: str) -> Entry:
    found = _NAME.fullmatch(name)
    if found is None or not label:
        raise ManifestError(
            f"{file} ({name}) is not named as in C-NMC 2019, such as all/UID_11_1_1_all.bmp; remove it"
        )
    subject = found[1].upper()
    width, height = size_px(file)
    x, y = width / 2, height / 2
    half = _CENTRE * min(width, height) / 2
    return Entry(
        file.relative_to(root).as_posix(),
        label,
        subject=subject,
        group=f"{subject}_{found[2]}",
        capture="cnmc",
        split=split,
        licence="CC-BY-3.0",
        box=Box(x - half, y - half, x + half, y + half),
    )
