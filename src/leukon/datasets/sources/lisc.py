"""LISC: fields of 720×576 px with leukocytes that two experts outlined (Rezatofighi & Soltanian-Zadeh 2011).

``Main Dataset/{Baso,eosi,lymp,mixt,mono,neut}/N.bmp`` and
``Ground Truth Segmentation/{class}/areaforexpert1/N_expert.bmp``, the mask of every cell. The fields of mixt
show several classes at once, so that no class of a cell is known: they are left out.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import ndimage

from leukon.datasets.manifest import Entry, Manifest
from leukon.datasets.sources.layout import folder_of, images_in, refusal
from leukon.errors import ManifestError
from leukon.imaging.files import read_image
from leukon.types import Box

_LABELS = {
    "baso": "basophil",
    "eosi": "eosinophil",
    "lymp": "lymphocyte",
    "mono": "monocyte",
    "neut": "neutrophil",
}
_LEAST_SHARE = 0.25  # of the largest outlined area: smaller ones are slips of the pen


def read(root: Path) -> Manifest:
    """Read the data set below `root`: a cell and its box for each area that the first expert outlined."""
    fields = folder_of(root, "Main Dataset", "Main_Dataset")
    masks = folder_of(root, "Ground Truth Segmentation", "Ground_Truth_Segmentation")
    if fields is None or masks is None:
        raise refusal(root, "LISC", "the folder 'Main Dataset' or 'Ground Truth Segmentation'")
    outlines = {(f.parent.parent.name.lower()[:4], f.stem.lower()): f for f in images_in(masks) if _first(f)}
    entries = []
    for file in images_in(fields):
        kind = file.parent.name.lower()[:4]
        if kind == "mixt":
            continue
        if kind not in _LABELS:
            raise ManifestError(f"{file} is in none of the class folders {', '.join(_LABELS)}; remove it")
        outline = outlines.get((kind, f"{file.stem.lower()}_expert"))
        if outline is None:
            raise ManifestError(
                f"{file} has no mask areaforexpert1/{file.stem}_expert.bmp below {masks}; unpack it again"
            )
        path = file.relative_to(root).as_posix()
        for box in _boxes(outline):
            entries.append(Entry(path, _LABELS[kind], capture="lisc", licence="research use only", box=box))
    return Manifest(root, tuple(entries))


def _first(file: Path) -> bool:
    return file.parent.name.lower() == "areaforexpert1"


def _boxes(outline: Path) -> list[Box]:
    inside = read_image(outline).max(axis=2) >= 64
    labels, count = ndimage.label(inside)
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    slices = ndimage.find_objects(labels)
    kept = [s for s, area in zip(slices, areas, strict=True) if area >= _LEAST_SHARE * areas.max(initial=0)]
    return [Box(x.start, y.start, x.stop, y.stop) for y, x in kept]
