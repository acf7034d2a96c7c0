"""``leukon segment`` from files to masks and measurements."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from leukon.imaging.files import write_image
from leukon.segmentation import METHODS

Rows = list[dict[str, str]]


def rows_of(folder: Path) -> Rows:
    with (folder / "cells.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def mask_of(path: Path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


@pytest.fixture
def folder(tmp_path: Path, drawn_smear: Callable) -> Path:
    """A field of two cells, an image of one, one without any, and a file that is no image."""
    inside = tmp_path / "in"
    field = drawn_smear(("neutrophil", 90, 80), ("lymphocyte", 230, 160))
    write_image(inside / "fields" / "field.png", field)
    write_image(inside / "cell.png", np.ascontiguousarray(field[30:130, 40:140]))
    write_image(inside / "red.png", drawn_smear())
    (inside / "bad.png").write_bytes(b"no image")
    return inside


def test_masks_measurements_and_overlays(folder: Path, tmp_path: Path, command: Callable) -> None:
    out = tmp_path / "out"
    ended = command("segment", folder, "--out", out, "--um-per-pixel", "0.2")
    assert ended.code == 0
    assert "bad.png: it is not a JPEG" in ended.err
    assert "red.png: no leukocyte found" in ended.err
    rows = rows_of(out)
    assert [(row["file"], row["cell"]) for row in rows] == [
        ("cell.png", "1"),
        ("fields/field.png", "1"),
        ("fields/field.png", "2"),
    ]
    for row in rows:
        assert float(row["diameter_px"]) == pytest.approx(54, abs=4)
        assert float(row["nucleus_diameter_px"]) == pytest.approx(38, abs=3)
        assert float(row["area_um2"]) == pytest.approx(float(row["area_px2"]) * 0.04, rel=1e-3)
        assert row["lobes"] == "1"
    mask = mask_of(out / "fields" / "field.mask.png")
    assert mask.shape == (240, 320)
    assert set(np.unique(mask)) == {0, 128, 255}
    assert [mask[80, 90], mask[80, 90 + 23], mask[160, 230], mask[5, 5]] == [255, 128, 255, 0]
    assert not mask_of(out / "red.mask.png").any()
    assert cv2.imread(str(out / "cell.overlay.jpg")).shape == (100, 100, 3)


def test_a_second_run_goes_on_and_results_are_no_inputs(
    folder: Path, command: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = folder / "out"
    first = json.loads(command("segment", folder, "--out", out, "--json").out)
    assert (first["images"], first["leukocytes"]) == (4, 3)
    assert [one["name"] for one in first["skipped"]] == ["bad.png"]
    assert first["without_leukocyte"] == ["red.png"]
    before = (out / "cells.csv").read_bytes()
    (out / "cell.mask.png").unlink()
    read = []
    import leukon.smear.segment as run

    monkeypatch.setattr(run, "segment", lambda image, **_: read.append(image.shape) or ())
    assert command("segment", folder, "--out", out).code == 0
    assert read == [(100, 100, 3)]
    monkeypatch.undo()
    (out / "cell.mask.png").unlink()
    assert command("segment", folder, "--out", out).code == 0
    assert (out / "cells.csv").read_bytes() == before


@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_a_plain_cell(
    folder: Path, tmp_path: Path, command: Callable, method: str
) -> None:
    image = cv2.imread(str(folder / "cell.png"))
    noise = np.random.default_rng(0).integers(0, 9, image.shape, np.uint8)
    cv2.imwrite(str(folder / "cell.png"), cv2.add(image, noise))
    assert command("segment", folder / "cell.png", "--out", tmp_path, "--method", method).code == 0
    mask = mask_of(tmp_path / "cell.mask.png")
    assert np.count_nonzero(mask == 255) == pytest.approx(np.pi * 19.5**2, rel=0.1)
    assert mask[50, 50] == 255


@pytest.mark.parametrize(
    ("image", "cells"),
    [
        (np.full((1, 1, 3), 200, np.uint8), "auto"),
        (np.full((120, 120, 3), 100, np.uint8), "central"),
        (np.zeros((20, 300, 3), np.uint8), "every"),
        (np.full((1, 500, 3), (90, 40, 140), np.uint8), "auto"),
    ],
    ids=["pixel", "one colour", "black", "sliver"],
)
def test_images_without_a_leukocyte_get_an_empty_mask(
    tmp_path: Path, command: Callable, image: np.ndarray, cells: str
) -> None:
    write_image(tmp_path / "in.png", image)
    ended = command("segment", tmp_path / "in.png", "--out", tmp_path / "out", "--cells", cells)
    assert ended.code == 0
    assert "in.png: no leukocyte found" in ended.err
    mask = mask_of(tmp_path / "out" / "in.mask.png")
    assert mask.shape == image.shape[:2]
    assert not mask.any()


@pytest.mark.parametrize("method", METHODS)
def test_three_colours_are_enough(tmp_path: Path, command: Callable, method: str) -> None:
    image = np.full((100, 100, 3), (230, 228, 226), np.uint8)
    cv2.circle(image, (50, 50), 30, (200, 170, 210), -1)
    cv2.circle(image, (50, 50), 20, (90, 40, 140), -1)
    write_image(tmp_path / "in.png", image)
    assert command("segment", tmp_path / "in.png", "--out", tmp_path, "--method", method).code == 0
    mask = mask_of(tmp_path / "in.mask.png")
    assert np.count_nonzero(mask == 255) == pytest.approx(np.pi * 20**2, rel=0.15)
    assert not mask[0].any()


def test_a_cell_cut_by_the_edge_is_flagged(tmp_path: Path, command: Callable, drawn_smear: Callable) -> None:
    image = np.ascontiguousarray(drawn_smear(("neutrophil", 90, 80))[30:130, 85:185])
    write_image(tmp_path / "in.png", image)
    assert command("segment", tmp_path / "in.png", "--out", tmp_path / "out", "--cells", "central").code == 0
    (row,) = rows_of(tmp_path / "out")
    assert row["flags"] == "border"
    assert float(row["area_px2"]) < 0.3 * 100 * 100


def test_wrong_usage_is_one_line(folder: Path, tmp_path: Path, command: Callable) -> None:
    write_image(folder / "cell.jpg", np.full((9, 9, 3), 9, np.uint8))
    for arguments, said in (
        (["--method", "magic"], "unknown segmentation method 'magic'"),
        (["--cells", "all"], "unknown choice of cells 'all'"),
        ([], "would both become"),
    ):
        ended = command("segment", folder, "--out", tmp_path / "out", *arguments)
        assert ended.code == 2
        assert said in ended.err
        assert ended.err.count("\n") == 1
