"""Smears on disk."""

from __future__ import annotations

import csv

import cv2
import numpy as np
import pytest

from leukon.datasets.synthetic import write_cells, write_fields
from leukon.errors import InputError, UnknownNameError
from leukon.types import PERIPHERAL_BLOOD

SYSTEMS = ("led-x", "halogen-y")


def rows_of(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_fields_come_with_masks_and_boxes(tmp_path):
    boxes = rows_of(write_fields(tmp_path, SYSTEMS, 2, seed=1, size_px=(160, 120)))
    fields = rows_of(tmp_path / "fields.csv")
    assert len(fields) == 4
    for field in fields:
        picture = cv2.imread(str(tmp_path / field["path"]))
        assert picture.shape == (120, 160, 3)
        cells = [row for row in boxes if row["path"] == field["path"]]
        assert cells
        assert {row["label"] for row in cells} <= set(PERIPHERAL_BLOOD.names)
        stem = (tmp_path / field["path"]).stem
        mask = cv2.imread(
            str(tmp_path / "masks" / field["capture"] / f"{stem}_cytoplasm.png"), cv2.IMREAD_UNCHANGED
        )
        assert mask.dtype == np.uint16
        assert mask.max() <= len(cells)
    x, y = ([row["x0"] for row in boxes if row["capture"] == name] for name in SYSTEMS)
    assert x == y


def test_a_stopped_run_goes_on(tmp_path):
    write_fields(tmp_path, SYSTEMS, 2, seed=1, size_px=(160, 120))
    images = tmp_path / "images"
    kept, lost = images / "led-x" / "field_0001.png", images / "halogen-y" / "field_0002.png"
    before, content = kept.stat().st_mtime_ns, lost.read_bytes()
    first = (tmp_path / "manifest.csv").read_text()
    lost.unlink()
    steps = []
    write_fields(tmp_path, SYSTEMS, 2, seed=1, size_px=(160, 120), advance=steps.append)
    assert kept.stat().st_mtime_ns == before
    assert lost.read_bytes() == content
    assert (tmp_path / "manifest.csv").read_text() == first
    assert sum(steps) == 4


def test_another_seed_draws_anew(tmp_path):
    write_fields(tmp_path, SYSTEMS[:1], 1, seed=1, size_px=(100, 80))
    before = (tmp_path / "images" / "led-x" / "field_0001.png").read_bytes()
    write_fields(tmp_path, SYSTEMS[:1], 1, seed=2, size_px=(100, 80))
    assert (tmp_path / "images" / "led-x" / "field_0001.png").read_bytes() != before


def test_bad_requests_are_refused(tmp_path):
    with pytest.raises(UnknownNameError, match="imaging system 'nope'"):
        write_fields(tmp_path, ["nope"], 1, seed=0)
    with pytest.raises(InputError, match="at least one system"):
        write_fields(tmp_path, [], 1, seed=0)
    with pytest.raises(InputError, match="positive count"):
        write_cells(tmp_path, 0, seed=0)


def test_cells_fill_class_folders(tmp_path):
    rows = rows_of(write_cells(tmp_path, 2, seed=3, side_px=64, split="val"))
    assert list(rows[0]) == ["path", "label", "split", "group", "capture", "x0", "y0", "x1", "y1"]
    assert [row["label"] for row in rows] == [name for name in PERIPHERAL_BLOOD.names for _ in range(2)]
    assert len({row["group"] for row in rows}) == len(rows)
    for row in rows:
        assert row["path"].startswith(row["label"] + "/")
        assert row["split"] == "val"
        assert cv2.imread(str(tmp_path / row["path"])).shape == (64, 64, 3)
