"""Readers of published data sets as they are published, one file each.

Each takes the folder that the data set was unpacked to and returns its `Manifest`, with labels of
`leukon.types.PERIPHERAL_BLOOD` where they map, else with the data set's own. ``read_manifest("bcisc:DIR")``
uses them by name. Where a data set has an official split, the manifest carries it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from leukon.datasets.manifest import Manifest
from leukon.datasets.sources import (
    all_idb,
    aml_lmu,
    bccd,
    bcisc,
    bloodmnist,
    cnmc,
    jtsc,
    kaggle_blood_cells,
    lisc,
    mll23,
    pbc,
    raabin_wbc,
    segmentation_wbc,
)
from leukon.errors import ManifestError
from leukon.registry import look_up

SOURCES: dict[str, Callable[[Path], Manifest]] = {
    "all_idb1": all_idb.read_fields,
    "all_idb2": all_idb.read_cells,
    "aml_lmu": aml_lmu.read,
    "bccd": bccd.read,
    "bcisc": bcisc.read,
    "bloodmnist": bloodmnist.read,
    "cnmc": cnmc.read,
    "jtsc": jtsc.read,
    "kaggle_blood_cells": kaggle_blood_cells.read,
    "lisc": lisc.read,
    "mll23": mll23.read,
    "pbc": pbc.read,
    "raabin_wbc": raabin_wbc.read,
    "segmentation_wbc": segmentation_wbc.read,
}


def read_source(name: str, root: Path) -> Manifest:
    """Read data set `name` from folder `root`.

    Raises
    ------
    UnknownNameError
        If there is no reader of that name.
    ManifestError
        If the folder does not have the published layout.
    """
    read = look_up("data set", name, SOURCES)
    if not root.exists():
        raise ManifestError(f"there is no folder {root} with the data set {name}; check the path")
    manifest = read(root)
    if not manifest.entries:
        raise ManifestError(
            f"{root} is not the data set {name} as published: it holds no cell that can be used; "
            "check the path or unpack the data set again"
        )
    return manifest
