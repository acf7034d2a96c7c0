"""Manifests, sources and the audit on published data sets."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from leukon.datasets.audit import audit
from leukon.datasets.manifest import read_manifest


def test_pbc_leaks_nothing_but_scenes_that_it_shows_twice(shared_data: Path) -> None:
    manifest = read_manifest(shared_data / "pbc")
    started = time.perf_counter()
    found = audit(manifest)
    print(f"{found.images} images audited in {time.perf_counter() - started:.1f} s")  # noqa: T201
    assert found.images == 9391
    assert len(found.counts["test"]) == 8
    assert not found.unreadable
    assert not found.straddlers
    # Neighbouring cells, and cells taken by both imaging systems: looked at one by one, all of one scene.
    assert {copy.kind for copy in found.copies} == {"moved"}
    assert {frozenset(copy.splits) for copy in found.copies} == {frozenset({"train", "val"})}
    assert len(found.copies) == 9
    assert found.harmless_copies == 24


def test_class_folders_of_both_parts(shared_data: Path) -> None:
    manifest = read_manifest(shared_data / "kaggle_blood_cells")
    assert len(manifest.subset(split="train")) == 9957
    assert len(manifest.subset(split="test")) == 2487
    assert manifest.labels == ("eosinophil", "lymphocyte", "monocyte", "neutrophil")


@pytest.mark.parametrize(("name", "cells"), [("bccd", 341), ("bcisc", 128), ("jtsc", 300)])
def test_sources(shared_data: Path, name: str, cells: int) -> None:
    assert len(read_manifest(f"{name}:{shared_data / name}")) == cells
