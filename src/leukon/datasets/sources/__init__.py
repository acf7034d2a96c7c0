"""Readers of published data sets as they are published, one file each.

Each takes the folder that the data set was unpacked to and returns its `Manifest`, with labels of
`leukon.types.PERIPHERAL_BLOOD`. ``read_manifest("bcisc:DIR")`` uses them by name. (PBC needs none here: it
comes in class folders.)
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from leukon.datasets.manifest import Manifest
from leukon.datasets.sources import bccd, bcisc, jtsc
from leukon.errors import ManifestError
from leukon.registry import look_up

SOURCES: dict[str, Callable[[Path], Manifest]] = {
    "bccd": bccd.read,
    "bcisc": bcisc.read,
    "jtsc": jtsc.read,
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
    if not (root / "images").is_dir():
        raise ManifestError(f"{root} is not the data set {name}: it has no folder images; check the path")
    manifest = read(root)
    if not manifest.entries:
        raise ManifestError(f"{root} is not the data set {name}: it holds no cell that can be used")
    return manifest
