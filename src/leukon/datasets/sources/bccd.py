"""BCCD: 364 fields of 640×480 px from one camera (MIT), in any of the forms that it goes round in.

``BCCD/{JPEGImages,Annotations}`` holds Pascal VOC boxes, ``BCCD/ImageSets/Main`` the official parts; Kaggle's
``dataset-master`` adds ``labels.csv``, the leukocyte of each field by the number of the image (some are
blank, some name several). With that table a cell enters where its field has one label and one leukocyte box;
without it every box enters as leukocyte, erythrocyte or platelet. Where the VOC files are missing,
``test.csv`` gives the boxes; its columns stand in the order xmin, xmax, ymin, ymax.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

from leukon.datasets.manifest import Entry, Manifest
from leukon.datasets.sources.layout import digits, folder_of, images_in, refusal, table_rows
from leukon.errors import ManifestError
from leukon.types import PERIPHERAL_BLOOD, Box

_KINDS = {"wbc": "leukocyte", "rbc": "erythrocyte", "platelets": "platelet"}
_CORNERS = ("xmin", "ymin", "xmax", "ymax")


def read(root: Path) -> Manifest:
    """Read the data set below `root`; boxes, 1-based and inclusive, become half open."""
    return read_fields(root, "BCCD", "bccd")


def read_fields(root: Path, name: str, capture: str) -> Manifest:
    """Read fields in the layout of BCCD as data set `name`."""
    folder = folder_of(root, "JPEGImages", "images")
    if folder is None:
        raise refusal(root, name, "the folder JPEGImages (or images)")
    files = images_in(folder)
    objects = _objects(folder, root, name)
    table = folder.parent / "labels.csv"
    classes = _classes(table) if table.is_file() else None
    parts = _parts(folder.parent / "ImageSets" / "Main")
    entries: dict[Entry, None] = {}  # some boxes are published twice
    for file in files:
        found = objects.get(file.stem, [])
        if classes is not None:
            label = classes.get(digits(file.stem), "")
            whites = [box for kind, box in found if kind == "leukocyte"]
            found = [(label, whites[0])] if label in PERIPHERAL_BLOOD.names and len(whites) == 1 else []
        path = file.relative_to(root).as_posix()
        for label, box in found:
            split = parts.get(file.stem, "")
            entries[Entry(path, label, capture=capture, split=split, licence="MIT", box=box)] = None
    return Manifest(root, tuple(entries))


def _classes(table: Path) -> dict[int | None, str]:
    """Leukocyte by number of the image."""
    rows = table_rows(table, ("Image", "Category"))
    return {digits(row["Image"]): row["Category"].lower() for row in rows}


def _parts(folder: Path) -> dict[str, str]:
    """Part of the official split by name of the image."""
    parts = {}
    for name in ("train", "val", "test"):
        file = folder / f"{name}.txt"
        if file.is_file():
            parts.update(dict.fromkeys(file.read_text(encoding="utf-8").split(), name))
    return parts


def _objects(images: Path, root: Path, name: str) -> dict[str, list[tuple[str, Box]]]:
    """Kind and box of every object, by name of the image."""
    folders = [images.parent / folder for folder in ("Annotations", "xml")]
    annotations = [file for folder in folders for file in sorted(folder.glob("*.xml"))]
    found: dict[str, list[tuple[str, Box]]] = defaultdict(list)
    for file in annotations:
        try:
            for item in ElementTree.parse(file).findall("object"):
                corners = [item.findtext(f"bndbox/{corner}", "") for corner in _CORNERS]
                _add(found[file.stem], item.findtext("name", ""), corners)
        except (OSError, ValueError, ElementTree.ParseError) as error:
            raise ManifestError(f"{file} is no VOC file ({error}); unpack {name} again") from error
    if annotations:
        return found
    places = (images.parent, images.parent.parent, root)
    tables = [place / "test.csv" for place in places if (place / "test.csv").is_file()]
    if not tables:
        raise refusal(root, name, "Annotations/*.xml (or xml/*.xml)")
    for row in table_rows(tables[0], ("filename", "cell_type", *_CORNERS)):
        try:
            _add(found[Path(row["filename"]).stem], row["cell_type"], [row[corner] for corner in _CORNERS])
        except ValueError as error:
            raise ManifestError(f"{tables[0]}: {error} in the row {row}; unpack {name} again") from error
    return found


def _add(found: list[tuple[str, Box]], kind: str, corners: list[str]) -> None:
    x0, y0, x1, y1 = map(float, corners)
    if kind.lower() not in _KINDS:
        raise ValueError(f"unknown object {kind!r}")
    if x0 <= x1 and y0 <= y1:  # some published boxes are empty
        found.append((_KINDS[kind.lower()], Box(x0 - 1, y0 - 1, x1, y1)))
