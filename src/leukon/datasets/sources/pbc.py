"""PBC (Acevedo et al. 2020): 17,092 cells of 360×363 px in eight classes, CellaVision DM96 (CC BY 4.0).

``PBC_dataset_normal_DIB/{class}/{CODE}_{id}.jpg``. The code refines the class: the immature granulocytes (ig)
are MY, MMY, PMY or IG, the neutrophils SNE, BNE or NEUTROPHIL.
"""

from __future__ import annotations

from pathlib import Path

from leukon.datasets.manifest import Entry, Manifest
from leukon.datasets.sources.layout import images_in
from leukon.errors import ManifestError

_LABELS = {
    "BA": "basophil",
    "EO": "eosinophil",
    "ERB": "erythroblast",
    "IG": "ig",
    "MMY": "ig",
    "PMY": "ig",
    "MY": "ig",
    "LY": "lymphocyte",
    "MO": "monocyte",
    "BNE": "neutrophil",
    "SNE": "neutrophil",
    "NEUTROPHIL": "neutrophil",
    "PLATELET": "platelet",
}


def read(root: Path) -> Manifest:
    """Read the data set below `root`; the code is the subtype."""
    entries = []
    for file in images_in(root):
        # The whole code, since MY ends MMY and PMY too.
        code = file.stem.partition("_")[0].upper()
        if code not in _LABELS:
            raise ManifestError(
                f"{file} is not named as in PBC, such as MMY_1234.jpg: the codes are {', '.join(_LABELS)}; "
                "remove it"
            )
        path = file.relative_to(root).as_posix()
        entries.append(Entry(path, _LABELS[code], capture="pbc", licence="CC-BY-4.0", subtype=code))
    return Manifest(root, tuple(entries))
