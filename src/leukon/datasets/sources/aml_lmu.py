"""AML-Cytomorphology_LMU ("Matek_19"): 18,365 leukocytes in 15 classes, 400×400 px with alpha (CC BY 3.0).

``AML-Cytomorphology/{CODE}/{CODE}_NNNN.tiff`` and ``annotations.dat`` without header: file, annotation, two
re-annotations of some cells. The first annotation is the label; no subjects are known.
"""

from __future__ import annotations

from pathlib import Path

from leukon.datasets.manifest import Entry, Manifest
from leukon.datasets.sources.layout import refusal
from leukon.errors import ManifestError
from leukon.types import AML_CLASSES


def read(root: Path) -> Manifest:
    """Read the data set below `root`; labels are the published codes."""
    table = next(iter(sorted(root.rglob("annotations.dat"))), None)
    if table is None:
        raise refusal(root, "AML-Cytomorphology_LMU", "annotations.dat")
    folders = {folder.name: folder for folder in sorted(root.rglob("[A-Z][A-Z][A-Z]")) if folder.is_dir()}
    entries = []
    for number, line in enumerate(table.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        folder, _, name = words[0].partition("/")
        if len(words) < 2 or words[1] not in AML_CLASSES.names:
            raise ManifestError(
                f"{table} line {number}: {' '.join(words[1:2]) or 'no code'!r} is none of the codes "
                f"{', '.join(AML_CLASSES.names)}; unpack the file again"
            )
        if folder not in folders:
            raise ManifestError(
                f"{table} line {number} names {words[0]}, but {root} has no folder {folder}; unpack it again"
            )
        path = (folders[folder] / name).relative_to(root).as_posix()
        entries.append(Entry(path, words[1], capture="aml_lmu", licence="CC-BY-3.0"))
    return Manifest(root, tuple(entries))
