"""Every reader of a published data set, on a small tree in the published layout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from leukon.datasets.manifest import Entry, Manifest, read_manifest
from leukon.datasets.sources import SOURCES
from leukon.errors import LeukonError, ManifestError, UnknownNameError
from leukon.imaging.files import read_image, write_image
from leukon.types import AML_CLASSES, MLL23_CLASSES, PERIPHERAL_BLOOD, Box, Image

GREY = np.full((8, 8, 3), 128, np.uint8)
VOC = "<bndbox><xmin>11</xmin><ymin>21</ymin><xmax>30</xmax><ymax>50</ymax></bndbox>"
VOC_CELL = Box(10, 20, 30, 50)


def paint(root: Path, *names: str, image: Image = GREY) -> None:
    for name in names:
        write_image(root / name, image)


def put(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def all_idb1(root: Path) -> list[Entry]:
    paint(root, "ALL_IDB1/im/Im001_1.jpg", image=np.full((24, 32, 3), 128, np.uint8))
    paint(root, "ALL_IDB1/im/Im034_0.jpg")
    put(root, "ALL_IDB1/xyc/Im001_1.xyc", "12\t13\n")
    rest = {"capture": "all_idb1", "licence": "on request"}
    return [
        Entry("ALL_IDB1/im/Im001_1.jpg", "tumour", box=Box(0, 0, 32, 24), **rest),
        Entry("ALL_IDB1/im/Im034_0.jpg", "normal", box=Box(0, 0, 8, 8), **rest),
    ]


def all_idb2(root: Path) -> list[Entry]:
    paint(root, "ALL_IDB2/img/Im001_1.tif", "ALL_IDB2/img/Im131_0.tif")
    rest = {"capture": "all_idb2", "licence": "on request"}
    return [
        Entry("ALL_IDB2/img/Im001_1.tif", "tumour", **rest),
        Entry("ALL_IDB2/img/Im131_0.tif", "normal", **rest),
    ]


def aml_lmu(root: Path) -> list[Entry]:
    top = "AML-Cytomorphology"
    clear = np.dstack([GREY, np.full((8, 8), 255, np.uint8)])
    for name in ("NGS/NGS_0001.tiff", "KSC/KSC_0001.tiff"):
        (root / top / name).parent.mkdir(parents=True)
        assert cv2.imwrite(str(root / top / name), clear)
    # The re-annotations differ from the annotation, which is the label.
    put(root, "annotations.dat", "NGS/NGS_0001.tiff NGS NGB nan\nKSC/KSC_0001.tiff KSC nan nan\n\n")
    rest = {"capture": "aml_lmu", "licence": "CC-BY-3.0"}
    return [
        Entry(f"{top}/NGS/NGS_0001.tiff", "NGS", **rest),
        Entry(f"{top}/KSC/KSC_0001.tiff", "KSC", **rest),
    ]


def bccd(root: Path) -> list[Entry]:
    wbc = f"<object><name>WBC</name>{VOC}</object>"
    rbc = wbc.replace("WBC", "RBC")
    boxes = {0: wbc + rbc, 1: wbc, 2: wbc, 3: wbc + wbc, 4: rbc}
    for number, objects in boxes.items():
        paint(root, f"images/BloodImage_0000{number}.jpg")
        put(root, f"xml/BloodImage_0000{number}.xml", f"<annotation>{objects}</annotation>")
    lines = [
        ",Image,Category",
        ",0,EOSINOPHIL",
        ",1,",
        ',2,"NEUTROPHIL, NEUTROPHIL"',
        ",3,MONOCYTE",
        ",4,MONOCYTE",
    ]
    put(root, "labels.csv", "\n".join(lines))
    return [Entry("images/BloodImage_00000.jpg", "eosinophil", capture="bccd", licence="MIT", box=VOC_CELL)]


def bcisc(root: Path) -> list[Entry]:
    paint(root, "images/neut_3-2_0.jpg", "images/baso_1-1_0.jpg")
    rest = {"capture": "bcisc", "licence": "Apache-2.0"}
    return [
        Entry("images/baso_1-1_0.jpg", "basophil", group="baso_1", **rest),
        Entry("images/neut_3-2_0.jpg", "neutrophil", group="neut_3", **rest),
    ]


def bloodmnist(root: Path) -> list[Entry]:
    parts = {"train": [0, 3], "val": [7], "test": [6]}
    arrays = {f"{name}_labels": np.array(labels, np.uint8)[:, None] for name, labels in parts.items()}
    arrays |= {f"{name}_images": np.stack([GREY + len(name)] * len(v)) for name, v in parts.items()}
    np.savez_compressed(root / "bloodmnist.npz", **arrays)
    (folder,) = {e.path.split("/")[0] for e in read_manifest(f"bloodmnist:{root}").entries}
    assert folder.startswith("bloodmnist_")
    assert (read_image(root / folder / "val" / "platelet" / "00000.png") == 131).all()
    rest = {"capture": "pbc", "licence": "CC-BY-4.0"}
    return [
        Entry(f"{folder}/train/basophil/00000.png", "basophil", split="train", **rest),
        Entry(f"{folder}/train/ig/00001.png", "ig", split="train", **rest),
        Entry(f"{folder}/val/platelet/00000.png", "platelet", split="val", **rest),
        Entry(f"{folder}/test/neutrophil/00000.png", "neutrophil", split="test", **rest),
    ]


def cnmc(root: Path) -> list[Entry]:
    folds, prelim = "C-NMC_training_data", "C-NMC_test_prelim_phase_data"
    black = np.zeros((450, 450, 3), np.uint8)
    black[150:300, 150:300] = 90
    # Case differs in the distributed names; subject 11 is not subject H11.
    names = (f"{folds}/fold_0/all/UID_11_2_1_all.bmp", f"{folds}/fold_1/hem/uid_h11_3_4_HEM.bmp")
    paint(root, *names, f"{prelim}/1.bmp", f"{prelim}/2.bmp", image=black)
    rows = ["Patient_ID,new_names,labels", "UID_57_29_1_all.bmp,1.bmp,1", "UID_H49_1_2_hem.bmp,2.bmp,0"]
    put(root, f"{prelim}/C-NMC_test_prelim_phase_data_labels.csv", "\n".join(rows))
    rest = {"capture": "cnmc", "licence": "CC-BY-3.0", "box": Box(75, 75, 375, 375)}
    return [
        Entry(names[0], "tumour", subject="11", group="11_2", split="train", **rest),
        Entry(names[1], "normal", subject="H11", group="H11_3", split="train", **rest),
        Entry(f"{prelim}/1.bmp", "tumour", subject="57", group="57_29", split="test", **rest),
        Entry(f"{prelim}/2.bmp", "normal", subject="H49", group="H49_1", split="test", **rest),
    ]


def jtsc(root: Path) -> list[Entry]:
    paint(root, "images/001.png", "images/002.png")
    (root / "labels.csv").write_bytes(b"image ID,class label\r\n1,2\r\n2,5\r\n")
    rest = {"capture": "jtsc", "licence": "GPL-3.0"}
    return [Entry("images/001.png", "lymphocyte", **rest), Entry("images/002.png", "basophil", **rest)]


def kaggle_blood_cells(root: Path) -> list[Entry]:
    top = "dataset2-master/dataset2-master/images"
    rng = np.random.default_rng(0)
    first, second = (cv2.resize(rng.integers(0, 255, (12, 16, 3), np.uint8), (64, 48)) for _ in range(2))
    copies = {
        f"{top}/TRAIN/MONOCYTE/_1_11.jpeg": first,
        f"{top}/TRAIN/MONOCYTE/_1_12.jpeg": first[::-1],  # mirrored
        f"{top}/TRAIN/MONOCYTE/_2_13.jpeg": second,
        f"{top}/TEST/EOSINOPHIL/_1_14.jpeg": second[:, ::-1][::-1] // 2 + 60,  # turned, paler
        f"{top}/TEST_SIMPLE/EOSINOPHIL/_1_15.jpeg": second,
    }
    for name, image in copies.items():
        paint(root, name, image=image)
    put(root, "dataset-master/dataset-master/labels.csv", ",Image,Category\n")
    (root / "dataset-master/dataset-master/JPEGImages").mkdir()
    names = list(copies)
    rest = {"capture": "bccd", "licence": "MIT"}
    return [
        Entry(names[0], "monocyte", split="train", group=names[0], **rest),
        Entry(names[1], "monocyte", split="train", group=names[0], **rest),
        Entry(names[2], "monocyte", split="train", group=names[2], **rest),
        Entry(names[3], "eosinophil", split="test", group=names[2], **rest),
    ]


def lisc(root: Path) -> list[Entry]:
    field = np.full((576, 720, 3), 200, np.uint8)
    mask = np.zeros_like(field)
    mask[100:200, 300:420], mask[120:180, 320:400], mask[400:410, 50:60] = 128, 255, 255
    two = mask.copy()
    two[300:400, 100:200] = 255
    paint(root, "Main Dataset/Baso/1.bmp", "Main Dataset/neut/2.bmp", "Main Dataset/mixt/1.bmp", image=field)
    truth = "Ground Truth Segmentation"
    paint(root, f"{truth}/Baso/areaforexpert1/1_expert.bmp", image=mask)
    paint(root, f"{truth}/Baso/areaforexpert2/1_expert.bmp", image=field)
    paint(root, f"{truth}/neut/areaforexpert1/2_expert.bmp", image=two)
    rest = {"capture": "lisc", "licence": "research use only"}
    return [
        Entry("Main Dataset/Baso/1.bmp", "basophil", box=Box(300, 100, 420, 200), **rest),
        Entry("Main Dataset/neut/2.bmp", "neutrophil", box=Box(300, 100, 420, 200), **rest),
        Entry("Main Dataset/neut/2.bmp", "neutrophil", box=Box(100, 300, 200, 400), **rest),
    ]


def mll23(root: Path) -> list[Entry]:
    paint(root, "basophil/basophil/0001.TIF", "normoblast/0002.TIF", "__MACOSX/basophil/._0001.TIF")
    put(root, "labels.csv", "file,class\n0001.TIF,basophil\n0002.TIF,normoblast\n")
    rest = {"capture": "mll23", "licence": "CC-BY-4.0"}
    return [
        Entry("basophil/basophil/0001.TIF", "basophil", **rest),
        Entry("normoblast/0002.TIF", "normoblast", **rest),
    ]


def pbc(root: Path) -> list[Entry]:
    top = "PBC_dataset_normal_DIB"
    codes = {"ig": ("MMY", "MY", "PMY"), "neutrophil": ("NEUTROPHIL", "SNE"), "platelet": ("PLATELET",)}
    names = [(label, code, f"{top}/{label}/{code}_10.jpg") for label in codes for code in codes[label]]
    paint(root, *(name for _, _, name in names))
    put(root, f"{top}/ig/.DS_169665.jpg", "left behind by a file browser")
    rest = {"capture": "pbc", "licence": "CC-BY-4.0"}
    return [Entry(name, label, subtype=code, **rest) for label, code, name in names]


def raabin_wbc(root: Path) -> list[Entry]:
    names = (
        "Train/Basophil/20190526_163951_0.jpg",
        "TestA/Monocyte/95-4-15-1_1_1.jpg",
        "TestB/Lymphocyte/x.jpg",
    )
    paint(root, *names)
    rest = {"licence": "free for any use"}
    return [
        Entry(names[0], "basophil", group="20190526_163951", capture="raabin", split="train", **rest),
        Entry(names[1], "monocyte", capture="raabin", split="test", **rest),
        Entry(names[2], "lymphocyte", capture="raabin_b", split="test", **rest),
    ]


def segmentation_wbc(root: Path) -> list[Entry]:
    for number in (1, 2):
        paint(root, f"Dataset {number}/001.bmp", f"Dataset {number}/001.png")
    put(root, "Class Labels of Dataset 1.csv", "image ID,class label\n1,3\n")
    put(root, "Class Labels of Dataset 2.csv", "image ID,class\n1,5\n")
    return [
        Entry("Dataset 1/001.bmp", "monocyte", capture="jtsc", licence="GPL-3.0"),
        Entry("Dataset 2/001.bmp", "basophil", capture="cellavision_blog", licence="GPL-3.0"),
    ]


BUILDERS = (all_idb1, all_idb2, aml_lmu, bccd, bcisc, bloodmnist, cnmc, jtsc, kaggle_blood_cells, lisc)
TREES: dict[str, Callable[[Path], list[Entry]]] = {
    builder.__name__: builder for builder in (*BUILDERS, mll23, pbc, raabin_wbc, segmentation_wbc)
}
CLASSES = {*PERIPHERAL_BLOOD.names, *AML_CLASSES.names, *MLL23_CLASSES.names, "normal", "tumour"}


@pytest.mark.parametrize("name", SOURCES)
def test_published_layout(tmp_path: Path, name: str) -> None:
    expected = TREES[name](tmp_path)
    manifest = read_manifest(f"{name}:{tmp_path}")
    assert manifest.root == tmp_path
    assert list(manifest.entries) == expected
    assert set(manifest.labels) <= CLASSES
    assert all(entry.licence for entry in manifest.entries)
    assert all(read_image(file).shape[2] == 3 for file in manifest.files)


@pytest.mark.parametrize("name", SOURCES)
def test_another_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ManifestError, match=str(tmp_path)):
        read_manifest(f"{name}:{tmp_path}")
    write_image(tmp_path / "images" / "odd.png", GREY)
    with pytest.raises(LeukonError, match=str(tmp_path)) as caught:
        read_manifest(f"{name}:{tmp_path}")
    assert "\n" not in str(caught.value)
    with pytest.raises(ManifestError, match="there is no folder"):
        read_manifest(f"{name}:{tmp_path / 'nowhere'}")


def test_unknown_names(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"choose one of all_idb1, .*, segmentation_wbc"):
        read_manifest(f"nosuch:{tmp_path}")


BROKEN: list[tuple[str, str, str | None, str]] = [
    ("aml_lmu", "annotations.dat", None, r"annotations\.dat is missing"),
    ("aml_lmu", "annotations.dat", "NGS/NGS_0001.tiff XYZ", "line 1: 'XYZ' is none of the codes BAS"),
    ("aml_lmu", "annotations.dat", "NGS/NGS_0009.tiff NGS", "1 of 1 images are missing"),
    ("bccd", "labels.csv", "Number,Category\n", r"labels\.csv lacks the column Image"),
    ("bccd", "xml/BloodImage_00000.xml", "<annotation>", r"BloodImage_00000\.xml is no VOC file"),
    ("bloodmnist", "bloodmnist.npz", "PK", r"bloodmnist\.npz is not BloodMNIST's archive"),
    ("cnmc", "C-NMC_test_prelim_phase_data/C-NMC_test_prelim_phase_data_labels.csv", None, "table of labels"),
    ("jtsc", "labels.csv", None, "labels.csv"),
    (
        "lisc",
        "Ground Truth Segmentation/Baso/areaforexpert1/1_expert.bmp",
        None,
        "has no mask areaforexpert1/1_e",
    ),
    ("mll23", "labels.csv", "file\n0009.TIF\n", r"labels\.csv names 1 images that are not there"),
    ("segmentation_wbc", "Class Labels of Dataset 2.csv", None, "Class Labels of Dataset 2.csv' is missing"),
    ("segmentation_wbc", "Class Labels of Dataset 1.csv", "image ID,class label\n1,7\n", "has no class 1…5"),
]


@pytest.mark.parametrize(("name", "file", "text", "message"), BROKEN)
def test_broken_trees(tmp_path: Path, name: str, file: str, text: str | None, message: str) -> None:
    TREES[name](tmp_path)
    if text is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_text(text)
    with pytest.raises(ManifestError, match=message) as caught:
        read_manifest(f"{name}:{tmp_path}")
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def voc_repository(root: Path) -> list[Entry]:
    """BCCD as its authors publish it: official parts, no classes of leukocytes."""
    paint(root, "BCCD/JPEGImages/BloodImage_00000.jpg", "BCCD/JPEGImages/BloodImage_00007.jpg")
    for number, kind in ((0, "WBC"), (7, "RBC")):
        box = f"<object><name>{kind}</name>{VOC}</object>"
        put(root, f"BCCD/Annotations/BloodImage_0000{number}.xml", f"<annotation>{box}{box}</annotation>")
    put(root, "BCCD/ImageSets/Main/train.txt", "BloodImage_00000\n")
    put(root, "BCCD/ImageSets/Main/test.txt", "BloodImage_00007\n")
    rest = {"capture": "bccd", "licence": "MIT", "box": VOC_CELL}
    return [
        Entry("BCCD/JPEGImages/BloodImage_00000.jpg", "leukocyte", split="train", **rest),
        Entry("BCCD/JPEGImages/BloodImage_00007.jpg", "erythrocyte", split="test", **rest),
    ]


def test_bccd_of_its_authors(tmp_path: Path) -> None:
    expected = voc_repository(tmp_path)
    assert list(read_manifest(f"bccd:{tmp_path}").entries) == expected


def test_bccd_table_has_its_columns_in_another_order(tmp_path: Path) -> None:
    expected = voc_repository(tmp_path)
    for file in (tmp_path / "BCCD/Annotations").iterdir():
        file.unlink()
    rows = ["filename,cell_type,xmin,xmax,ymin,ymax", "BloodImage_00000.jpg,WBC,11,30,21,50"]
    put(tmp_path, "test.csv", "\n".join([*rows, "BloodImage_00007.jpg,RBC,11,30,21,50"]))
    assert list(read_manifest(f"bccd:{tmp_path}").entries) == expected


def test_kaggle_originals_and_plain_folders(tmp_path: Path) -> None:
    kaggle_blood_cells(tmp_path / "both")
    top = tmp_path / "both/dataset2-master/dataset2-master/images"
    plain = read_manifest(f"kaggle_blood_cells:{top}")
    assert [e.path.split("/")[0] for e in plain.entries] == ["TRAIN"] * 3 + ["TEST"]
    master = tmp_path / "dataset-master"
    bccd(master)
    (master / "images").rename(master / "JPEGImages")
    (master / "xml").rename(master / "Annotations")
    (entry,) = read_manifest(f"kaggle_blood_cells:{tmp_path / 'dataset-master'}").entries
    assert entry == replace(entry, label="eosinophil", path="JPEGImages/BloodImage_00000.jpg", box=VOC_CELL)


def test_bloodmnist_is_unpacked_once(tmp_path: Path) -> None:
    bloodmnist(tmp_path)
    before: Manifest = read_manifest(f"bloodmnist:{tmp_path}")
    times = [file.stat().st_mtime_ns for file in before.files]
    again = read_manifest(f"bloodmnist:{tmp_path / 'bloodmnist.npz'}")
    assert again.entries == before.entries
    assert [file.stat().st_mtime_ns for file in again.files] == times
