"""Every reader of a published data set, on a small tree in the published layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from leukon.datasets.manifest import Entry, read_manifest
from leukon.datasets.sources import SOURCES
from leukon.errors import LeukonError, ManifestError, UnknownNameError
from leukon.imaging.files import write_image
from leukon.types import PERIPHERAL_BLOOD, Box

GREY = np.full((8, 8, 3), 128, np.uint8)


def bcisc(root: Path) -> list[Entry]:
    write_image(root / "images" / "neut_3-2_0.jpg", GREY)
    write_image(root / "images" / "baso_1-1_0.jpg", GREY)
    rest = {"capture": "bcisc", "licence": "Apache-2.0"}
    return [
        Entry("images/baso_1-1_0.jpg", "basophil", group="baso_1", **rest),
        Entry("images/neut_3-2_0.jpg", "neutrophil", group="neut_3", **rest),
    ]


def jtsc(root: Path) -> list[Entry]:
    for number in (1, 2):
        write_image(root / "images" / f"00{number}.png", GREY)
    (root / "labels.csv").write_bytes(b"image ID,class label\r\n1,2\r\n2,5\r\n")
    rest = {"capture": "jtsc", "licence": "GPL-3.0"}
    return [Entry("images/001.png", "lymphocyte", **rest), Entry("images/002.png", "basophil", **rest)]


def bccd(root: Path) -> list[Entry]:
    box = "<bndbox><xmin>11</xmin><ymin>21</ymin><xmax>30</xmax><ymax>50</ymax></bndbox>"
    wbc = f"<object><name>WBC</name>{box}</object>"
    rbc = wbc.replace("WBC", "RBC")
    boxes = {0: wbc + rbc, 1: wbc, 2: wbc, 3: wbc + wbc, 4: rbc}
    for number, objects in boxes.items():
        write_image(root / "images" / f"BloodImage_0000{number}.jpg", GREY)
        (root / "xml").mkdir(exist_ok=True)
        (root / "xml" / f"BloodImage_0000{number}.xml").write_text(f"<annotation>{objects}</annotation>")
    lines = [
        ",Image,Category",
        ",0,EOSINOPHIL",
        ",1,",
        ',2,"NEUTROPHIL, NEUTROPHIL"',
        ",3,MONOCYTE",
        ",4,MONOCYTE",
    ]
    (root / "labels.csv").write_text("\n".join(lines))
    cell = Box(10, 20, 30, 50)
    return [Entry("images/BloodImage_00000.jpg", "eosinophil", capture="bccd", licence="MIT", box=cell)]


TREES: dict[str, Callable[[Path], list[Entry]]] = {"bccd": bccd, "bcisc": bcisc, "jtsc": jtsc}


@pytest.mark.parametrize("name", SOURCES)
def test_published_layout(tmp_path: Path, name: str) -> None:
    expected = TREES[name](tmp_path)
    manifest = read_manifest(f"{name}:{tmp_path}")
    assert manifest.root == tmp_path
    assert list(manifest.entries) == expected
    assert set(manifest.labels) <= set(PERIPHERAL_BLOOD.names)
    assert all(entry.licence for entry in manifest.entries)


@pytest.mark.parametrize("name", SOURCES)
def test_another_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ManifestError, match=str(tmp_path)):
        read_manifest(f"{name}:{tmp_path}")
    write_image(tmp_path / "images" / "odd.png", GREY)
    with pytest.raises(LeukonError, match=str(tmp_path)) as caught:
        read_manifest(f"{name}:{tmp_path}")
    assert "\n" not in str(caught.value)


def test_unknown_names(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="choose one of bccd, bcisc, jtsc"):
        read_manifest(f"nosuch:{tmp_path}")
