"""Splits: stratified, grouped, and the same whatever the order."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leukon.datasets.manifest import SPLITS, Entry, Manifest
from leukon.datasets.splits import folds, protocol_split, split_manifest
from leukon.errors import ManifestError
from leukon.types import Box


def cells(label: str, count: int, **columns: str) -> list[Entry]:
    return [Entry(f"{label}/{i}.png", label, **columns) for i in range(count)]


def manifest_of(entries: list[Entry]) -> Manifest:
    return Manifest(Path("data"), tuple(entries))


def by_path(manifest: Manifest) -> dict[str, str]:
    return {entry.path: entry.split for entry in manifest.entries}


@pytest.mark.parametrize(("count", "expected"), [(1000, (700, 100, 200)), (50, (35, 5, 10)), (10, (7, 1, 2))])
def test_each_label_has_its_shares(count: int, expected: tuple[int, int, int]) -> None:
    done = split_manifest(manifest_of(cells("ig", count) + cells("monocyte", 40)))
    for name, cells_wanted in zip(("train", "val", "test"), expected, strict=True):
        assert abs(done.subset(split=name).counts()["ig"] - cells_wanted) <= 1


def test_order_does_not_matter_and_seeds_do() -> None:
    entries = cells("ig", 60) + cells("monocyte", 33)
    first = split_manifest(manifest_of(entries), seed=3)
    assert by_path(first) == by_path(split_manifest(manifest_of(entries[::-1]), seed=3))
    assert by_path(first) != by_path(split_manifest(manifest_of(entries), seed=4))
    assert [e.path for e in first.entries] == [e.path for e in entries]


rows = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 12), st.integers(0, 9)), min_size=40, max_size=120
)


@settings(max_examples=60, deadline=None)
@given(rows=rows, by=st.sampled_from(["group", "subject"]), seed=st.integers(0, 5))
def test_nothing_is_parted(rows: list[tuple[str, int, int]], by: str, seed: int) -> None:
    entries = [
        Entry(f"{i}.png", label, group=f"g{group}" if group else "", subject=f"s{subject}")
        for i, (label, group, subject) in enumerate(rows)
    ]
    try:
        done = split_manifest(manifest_of(entries), {"train": 0.5, "test": 0.5}, seed=seed, by=by)  # type: ignore[arg-type]
    except ManifestError:
        return  # everything hangs together; tested below
    for kind in {"group", by}:
        parts = defaultdict(set)
        for entry in done.entries:
            parts[getattr(entry, kind)].add(entry.split)
        assert all(len(splits) == 1 for name, splits in parts.items() if name)


def test_groups_of_all_sizes_stay_balanced() -> None:
    entries = [
        Entry(f"{label}{g}/{i}.png", label, group=f"{label}{g}")
        for label in ("ig", "monocyte")
        for g in range(60)
        for i in range(1 + g % 9)
    ]
    done = split_manifest(manifest_of(entries))
    for label, count in done.counts().items():
        for name, share in (("train", 0.7), ("val", 0.1), ("test", 0.2)):
            assert abs(done.subset(split=name).counts()[label] / count - share) < 0.02


def test_cells_of_one_image_stay_together() -> None:
    entries = [Entry(f"{i // 4}.png", "ig", box=Box(i, 0, i + 1, 1)) for i in range(200)]
    done = split_manifest(manifest_of(entries), by=None)
    assert len({(e.path, e.split) for e in done.entries}) == 50


def test_what_is_impossible() -> None:
    alone = cells("ig", 30, group="one") + cells("monocyte", 30)
    with pytest.raises(ManifestError, match=r"'ig' come from 1 group\(s\), too few for 3 parts"):
        split_manifest(manifest_of(alone))
    with pytest.raises(ManifestError, match="3 cells of 'ig' are too few to have some in val"):
        split_manifest(manifest_of(cells("ig", 3)))
    with pytest.raises(ManifestError, match="no entry names its subject"):
        split_manifest(manifest_of(cells("ig", 30)), by="subject")
    with pytest.raises(ManifestError, match="no entries"):
        split_manifest(manifest_of([]))


@pytest.mark.parametrize(
    "fractions", [{"train": 0.5}, {"train": 0.5, "exam": 0.5}, {"train": 1.2, "test": -0.2}, {}]
)
def test_fractions_must_make_sense(fractions: dict[str, float]) -> None:
    with pytest.raises(ManifestError, match="sum to 1"):
        split_manifest(manifest_of(cells("ig", 30)), fractions)


def test_folds_test_each_cell_once() -> None:
    manifest = manifest_of(cells("ig", 53) + cells("monocyte", 20, group=""))
    parts = folds(manifest, 5, seed=1)
    tested = [entry.path for part in parts for entry in part.subset(split="test").entries]
    assert sorted(tested) == sorted(entry.path for entry in manifest.entries)
    assert {part.subset(split="test").counts()["monocyte"] for part in parts} == {4}
    with pytest.raises(ManifestError, match="at least 2"):
        folds(manifest, 1)


def test_folds_with_a_part_to_choose_on() -> None:
    manifest = manifest_of([Entry(f"{i}.png", "ab"[i % 2], subject=f"s{i // 6}") for i in range(240)])
    for part in folds(manifest, 4, by="subject", val=True):
        names = {
            name: {e.subject for e in part.subset(split=name).entries} for name in ("train", "val", "test")
        }
        assert [len(names[name]) for name in ("train", "val", "test")] == [27, 3, 10]
        assert len(set.union(*names.values())) == 40


def test_a_rare_label_need_not_be_in_the_part_to_choose_on() -> None:
    manifest = manifest_of(cells("ig", 60) + cells("monocyte", 4))
    for part in folds(manifest, 2, val=True):
        assert part.subset(split="train").counts() == {"ig": 27, "monocyte": 2}
        assert part.subset(split="val").counts() == {"ig": 3}
    with pytest.raises(ManifestError, match="1 cells for training are too few to choose an epoch"):
        folds(manifest_of(cells("ig", 2)), 2, val=True)


def test_few_large_groups_are_parted_to_choose_on_but_not_to_test_on() -> None:
    manifest = manifest_of([Entry(f"{i}.png", "ig", group=f"g{i % 2}") for i in range(60)])
    for part in folds(manifest, 2, val=True):
        groups = [{e.group for e in part.subset(split=name).entries} for name in SPLITS]
        assert groups[0] == groups[1] != groups[2]


def test_protocols() -> None:
    official = [Entry(f"{i}.png", "ab"[i % 2], group=f"g{i // 4}", split="train") for i in range(160)]
    official += [Entry(f"t{i}.png", "ab"[i % 2], split="test") for i in range(20)]
    manifest = manifest_of(official)
    done = protocol_split(manifest, "official")
    assert done.subset(split="test").entries == manifest.subset(split="test").entries
    groups = [{e.group for e in done.subset(split=name).entries} for name in ("train", "val")]
    assert len(groups[0]) == 36 and len(groups[1]) == 4 and not groups[0] & groups[1]
    assert protocol_split(done, "official") == done
    assert protocol_split(manifest, "holdout") == split_manifest(manifest)
    assert protocol_split(manifest, "random_7_1_2", by="group") == split_manifest(manifest, by=None)
    with pytest.raises(ManifestError, match="no entry names its subject"):
        protocol_split(manifest, "grouped")
    with pytest.raises(ManifestError, match=r"no official split, the parts are train: choose .* holdout"):
        protocol_split(manifest.subset(split="train"), "official")
