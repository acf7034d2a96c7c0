"""Manifests: reading, writing, and what is refused."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from leukon.datasets.manifest import Entry, Manifest, read_manifest, write_manifest
from leukon.errors import ManifestError, MissingExtraError
from leukon.types import Box


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())


def manifest_of(root: Path, text: str) -> Path:
    (root / "manifest.csv").write_text(text)
    return root / "manifest.csv"


FULL = (
    Entry("a.png", "ig", "0" * 64, "s1", "g1", "dm96", "train", "CC BY 4.0", Box(0, 1, 10, 20.5)),
    Entry("a.png", "ig", box=Box(30, 1, 40, 20)),
    Entry("b/c.png", "monocyte", split="test"),
)


@pytest.mark.parametrize("name", ["m.csv", "m.parquet"])
def test_write_and_read_again(tmp_path: Path, name: str) -> None:
    pytest.importorskip("pyarrow")
    touch(tmp_path, "a.png", "b/c.png")
    write_manifest(tmp_path / name, Manifest(tmp_path, FULL))
    again = read_manifest(tmp_path / name)
    assert again == Manifest(tmp_path, FULL)


def test_written_elsewhere_it_finds_its_images(tmp_path: Path) -> None:
    touch(tmp_path / "data", "a.png", "b/c.png")
    write_manifest(tmp_path / "mine" / "m.csv", Manifest(tmp_path / "data", FULL))
    assert all(file.is_file() for file in read_manifest(tmp_path / "mine" / "m.csv").files)
    write_manifest(tmp_path / "m.csv", Manifest(tmp_path / "data", FULL))
    assert read_manifest(tmp_path / "m.csv").entries[0].path == "data/a.png"


def test_aliases_and_other_columns(tmp_path: Path) -> None:
    touch(tmp_path, "x/1.jpg")
    manifest_of(tmp_path, "\ufefffile,label,code,split,near_duplicate_group\nx/1.jpg,ig,PMY,validation,g7\n")
    assert read_manifest(tmp_path).entries == (Entry("x/1.jpg", "ig", split="val", group="g7"),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,label\na.png,ig\n", "lacks the column path"),
        ("path,file,label\na.png,a.png,ig\n", "two columns for path"),
        ("path,label\na.png,\n", "line 2: the label is empty"),
        ("path,label\na.png,ig,3\n", "line 2: it has not 2 fields"),
        ("path,label\na.png\n", "line 2: it has not 2 fields"),
        ("path,label,split\na.png,ig,train\na.png,ig,exam\n", "line 3: unknown split 'exam'"),
        ("path,label\na.png,ig\na.png,ig\n", "a.png more than once"),
        ("path,label\n../a.png,ig\n", "line 2: ../a.png leads out"),
        (
            "path,label\n1.png,a\n2.png,a\n3.png,a\n4.png,a\n",
            "4 of 4 images are missing: .*1.png.* and 1 more",
        ),
        ("path,label,x0,y0,x1,y1\na.png,ig,0,0,5,\n", "line 2: the box .* is not four numbers"),
        ("path,label,x0,y0,x1,y1\na.png,ig,5,0,5,9\n", "line 2: the box .* is empty"),
        ("path,label,x0,y0,x1,y1\na.png,ig,nan,0,5,9\n", "line 2: the box .* is empty"),
        ("path,label\n", "holds no rows"),
        ("", "lacks the column path and label"),
    ],
)
def test_malformed_manifests(tmp_path: Path, text: str, message: str) -> None:
    touch(tmp_path, "a.png")
    with pytest.raises(ManifestError, match=message) as caught:
        read_manifest(manifest_of(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_what_is_no_manifest(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "empty").mkdir()
    for name, message in (
        ("a.txt", r"give a \.csv"),
        ("missing.csv", "no manifest"),
        ("binary.csv", "UTF-8"),
        ("empty", "neither"),
    ):
        with pytest.raises(ManifestError, match=message):
            read_manifest(tmp_path / name)
    with pytest.raises(ManifestError, match="ends in"):
        write_manifest(tmp_path / "m.txt", Manifest(tmp_path, FULL))


def test_class_folders(tmp_path: Path) -> None:
    touch(tmp_path, "Monocyte/2.png", "Monocyte/10.png", "ig/PMY/1.png", "notes/readme.txt", ".cache/1.png")
    read = read_manifest(tmp_path)
    assert [(e.path, e.label) for e in read.entries] == [
        ("Monocyte/2.png", "monocyte"),
        ("Monocyte/10.png", "monocyte"),
        ("ig/PMY/1.png", "ig"),
    ]


def test_class_folders_below_split_folders(tmp_path: Path) -> None:
    touch(tmp_path, "TRAIN/IG/1.png", "TEST/IG/2.png", "valid/IG/3.png")
    assert {(e.path, e.label, e.split) for e in read_manifest(tmp_path).entries} == {
        ("TRAIN/IG/1.png", "ig", "train"),
        ("TEST/IG/2.png", "ig", "test"),
        ("valid/IG/3.png", "ig", "val"),
    }
    touch(tmp_path, "monocyte/4.png")
    with pytest.raises(ManifestError, match="mixes split folders with 'monocyte'"):
        read_manifest(tmp_path)


def test_parts_and_counts() -> None:
    manifest = Manifest(Path("x"), FULL)
    assert manifest.labels == ("ig", "monocyte")
    assert manifest.counts() == {"ig": 2, "monocyte": 1}
    assert manifest.subset(split="test").entries == FULL[2:]
    assert [e.split for e in manifest.with_splits(["val", "", "test"]).entries] == ["val", "", "test"]
    with pytest.raises(ManifestError, match="unknown split"):
        manifest.subset(split="exam")


def test_digest_tells_contents_alone() -> None:
    digest = Manifest(Path("x"), FULL).digest()
    assert digest == Manifest(Path("y"), FULL[::-1]).digest()
    assert digest != Manifest(Path("x"), FULL[:2]).digest()
    assert digest != Manifest(Path("x"), FULL).with_splits(["train", "", "val"]).digest()


def test_hashes_are_those_of_the_files(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "b.png")
    manifest = Manifest(tmp_path, (Entry("a.png", "ig"), Entry("b.png", "ig", sha256="given")))
    hashed = manifest.with_hashes()
    assert [e.sha256 for e in hashed.entries] == [hashlib.sha256(b"a.png").hexdigest(), "given"]


def test_parquet_needs_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "m.parquet").touch()
    with pytest.raises(MissingExtraError, match=r"leukon\[data\]"):
        read_manifest(tmp_path / "m.parquet")
