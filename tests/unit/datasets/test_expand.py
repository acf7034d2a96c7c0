"""Expansions: the paper's counts, honest groups, resumption, and refusals."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leukon.datasets.expand import PLANS, altered, expand, planned
from leukon.datasets.manifest import Entry, Manifest, read_manifest
from leukon.datasets.splits import folds
from leukon.errors import InputError, ManifestError
from leukon.imaging.files import read_image, write_image
from leukon.types import Box

RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 256, (6, 8, 3), np.uint8)
# Table 1 of the paper, its misprint of 249 neutrophils corrected by the sum it states.
TABLE_1 = {"eosinophil": 2497, "lymphocyte": 2483, "monocyte": 2478, "neutrophil": 2499}
EXPANDED = {"eosinophil": 49940, "lymphocyte": 49660, "monocyte": 49560, "neutrophil": 49980}


@pytest.fixture
def cells(tmp_path: Path) -> Manifest:
    entries = []
    for number, (label, split) in enumerate(
        [("ig", "train"), ("a/b", "train"), ("ig", "val"), ("ig", "test")]
    ):
        write_image(tmp_path / "in" / f"{number}.png", np.roll(IMAGE, number, axis=0))
        entries.append(Entry(f"{number}.png", label, split=split))
    entries[1] = replace(entries[1], group="smear 3", box=Box(1, 0, 4, 2), subject="s1", sha256="0" * 64)
    return Manifest(tmp_path / "in", tuple(entries))


def test_the_papers_counts() -> None:
    entries = [Entry(f"{label}/{k}", label, split="train") for label, n in TABLE_1.items() for k in range(n)]
    entries += [Entry(f"test/{k}", "monocyte", split="test") for k in range(620)]
    variants = [v for group in planned(Manifest(Path(), tuple(entries)), "paper") for v in group]
    assert Counter(v.source.label for v in variants) == EXPANDED
    assert len(variants) == 199140
    assert len({v.path for v in variants}) == len(variants)
    assert {v.source.split for v in variants} == {"train"}


def test_twenty_different_variants_of_each_image(cells: Manifest, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = expand(cells, "paper", out)
    assert (done.written, done.kept, done.skipped) == (40, 0, ())
    again = read_manifest(out)
    train = again.subset(split="train")
    assert train.counts() == {"a/b": 20, "ig": 20}
    assert len({read_image(file).tobytes() for file in train.files[:20]}) == 20
    assert [read_image(file).tobytes() for file in again.subset(split="test").files] == [
        np.roll(IMAGE, 3, axis=0).tobytes()
    ]
    with (out / "manifest.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert {(r["source"], r["group"]) for r in rows} == {("0.png", "0.png"), ("1.png", "smear 3"), ("", "")}
    assert [r["operation"] for r in rows[:20]] == list(PLANS["paper"])
    boxed = {r["operation"]: [float(r[k]) for k in ("x0", "y0", "x1", "y1")] for r in rows[20:40]}
    assert boxed["upright_plain"] == [1, 0, 4, 2]
    assert boxed["hflip_noisy"] == [4, 0, 7, 2]
    assert boxed["turned_checker_a"] == [4, 4, 7, 6]
    assert not any(entry.sha256 for entry in train.entries)


def test_no_fold_parts_the_variants_of_an_image(tmp_path: Path) -> None:
    for number in range(6):
        write_image(tmp_path / f"{number}.png", IMAGE)
    entries = tuple(Entry(f"{n}.png", "ig", split="train") for n in range(6))
    done = expand(Manifest(tmp_path, entries), "paper", tmp_path / "out")
    for fold in folds(done.manifest, 3):
        parts = {}
        for entry in fold.entries:
            assert parts.setdefault(entry.group, entry.split) == entry.split


def test_what_each_operation_does() -> None:
    image = np.full((40, 40, 3), 100, np.uint8)
    assert (altered(image, "upright_brighter") == 120).all()
    assert (altered(image * 2, "upright_brighter") == 240).all()
    noise = altered(image, "upright_noisy").astype(float) - 100
    assert abs(noise.std() - 0.02 * 255) < 0.3
    np.testing.assert_array_equal(altered(IMAGE, "vflip_plain"), IMAGE[::-1])
    np.testing.assert_array_equal(altered(IMAGE, "turned_plain"), IMAGE[::-1, ::-1])
    sixteen = altered(IMAGE.astype(np.uint16) * 257, "upright_checker_b")
    np.testing.assert_array_equal(sixteen // 257, altered(IMAGE, "upright_checker_b"))


def test_it_goes_on_where_it_stopped_and_is_the_same(cells: Manifest, tmp_path: Path) -> None:
    first = expand(cells, "paper", tmp_path / "a").manifest
    before = {e.path: file.read_bytes() for e, file in zip(first.entries[:40], first.files, strict=False)}
    for path in list(before)[::3]:
        (tmp_path / "a" / path).unlink()
    resumed = expand(cells, "paper", tmp_path / "a")
    assert (resumed.written, resumed.kept) == (14, 26)
    assert {
        e.path: f.read_bytes() for e, f in zip(resumed.manifest.entries[:40], first.files, strict=False)
    } == before
    with pytest.raises(InputError, match="holds another expansion"):
        expand(cells, "paper", tmp_path / "a", seed=1)


def test_only_a_training_part_is_expanded(cells: Manifest, tmp_path: Path) -> None:
    for unfit in (
        cells.subset(split="test"),
        cells.with_splits([""] * 4),
        cells.with_splits(["train", "", "", ""]),
    ):
        with pytest.raises(ManifestError, match="only a training part may be expanded"):
            expand(unfit, "paper", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_read_is_listed(cells: Manifest, tmp_path: Path) -> None:
    cells.files[0].write_bytes(b"text")
    done = expand(cells, "flips", tmp_path / "out")
    assert [one.name for one in done.skipped] == ["0.png"]
    assert read_manifest(tmp_path / "out").subset(split="train").counts() == {"a/b": 4}
    cells.files[1].write_bytes(b"text")
    with pytest.raises(ManifestError, match="no training image can be used"):
        expand(cells, "flips", tmp_path / "none")
