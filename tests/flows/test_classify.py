"""``leukon classify`` from files to predictions."""

from __future__ import annotations

import csv
import importlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from leukon.imaging.files import write_image
from leukon.types import PERIPHERAL_BLOOD

from .conftest import Outcome, Picture

Command = Callable[..., Outcome]


@pytest.fixture
def folder(tmp_path: Path, drawn_smear: Callable[..., Picture]) -> Path:
    """Cells in three framings, a bad file and an empty picture."""
    here = tmp_path / "cells"
    for size in (70, 120, 200):
        half = size // 2
        image = drawn_smear(("neutrophil", half, half), width=size, height=size)
        write_image(here / f"{size}.png", image)
    (here / "bad.png").write_text("text")
    write_image(here / "blank.png", np.full((80, 80, 3), 230, np.uint8))
    return here


def rows(path: Path) -> dict[str, dict[str, str]]:
    with path.open(newline="") as stream:
        return {row["file"]: row for row in csv.DictReader(stream)}


def test_every_image_gets_a_row(command: Command, folder: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    done = command("classify", folder, "--out", tmp_path / "out", "--bundle", tiny_bundle)
    assert done.code == 0
    assert "Cells by class" in done.out
    assert "skipped bad.png: it is not a JPEG" in done.err
    found = rows(tmp_path / "out" / "predictions.csv")
    assert list(found) == ["70.png", "120.png", "200.png", "bad.png", "blank.png"]
    assert list(found["70.png"]) == [
        *("file", "label", "confidence"),
        *(f"p_{name}" for name in PERIPHERAL_BLOOD.names),
        *("status", "reason", "candidates", "novelty"),
    ]
    assert len({found[f"{size}.png"]["label"] for size in (70, 120, 200)}) == 1
    assert (found["blank.png"]["status"], found["blank.png"]["label"]) == ("excluded", "")
    assert found["blank.png"]["reason"] == "no stained cell found"
    assert found["bad.png"]["status"] == "excluded"


def test_classes_restrict_and_renormalise(
    command: Command, folder: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    common = "--bundle", tiny_bundle
    command("classify", folder, "--out", tmp_path / "all", *common)
    kept = "monocyte", "basophil"
    done = command("classify", folder, "--out", tmp_path / "few", *common, "--classes", "monocyte, basophil")
    assert done.code == 0
    every, few = rows(tmp_path / "all" / "predictions.csv"), rows(tmp_path / "few" / "predictions.csv")
    columns = [name for name in few["70.png"] if name.startswith("p_")]
    assert columns == ["p_basophil", "p_monocyte"]
    shares = [float(few["70.png"][name]) for name in columns]
    whole = [float(every["70.png"][name]) for name in columns]
    assert sum(shares) == pytest.approx(1, abs=1e-3)
    assert few["70.png"]["label"] in kept
    if sum(whole) > 0.05:
        assert shares[0] == pytest.approx(whole[0] / sum(whole), abs=0.01)


@pytest.mark.parametrize(("confidence", "status"), [("0", "ok"), ("1", "unidentified")])
def test_the_confidence_to_name_from_can_be_set(
    command: Command, folder: Path, tiny_bundle: Path, tmp_path: Path, confidence: str, status: str
) -> None:
    common = "--out", tmp_path / "out", "--bundle", tiny_bundle
    command("classify", folder, *common)
    assert command("classify", folder, *common, "--confidence", confidence).code == 0
    found = rows(tmp_path / "out" / "predictions.csv")
    assert {found[f"{size}.png"]["status"] for size in (70, 120, 200)} == {status}


def test_summary_as_json(command: Command, folder: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    done = command("classify", folder, "--out", tmp_path / "out", "--bundle", tiny_bundle, "--json")
    summary = json.loads(done.out)
    assert summary["images"] == 5
    assert summary["status"]["excluded"] == 2
    assert sum(summary["status"].values()) == 5
    assert [one["name"] for one in summary["skipped"]] == ["bad.png"]


def test_a_second_run_gives_the_same(
    command: Command, folder: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    arguments = "classify", folder, "--out", tmp_path / "out", "--bundle", tiny_bundle
    command(*arguments)
    first = (tmp_path / "out" / "predictions.csv").read_bytes()
    command(*arguments)
    assert (tmp_path / "out" / "predictions.csv").read_bytes() == first


@pytest.mark.parametrize(
    ("classes", "told"),
    [
        ("monocyte,unicorn", "choose one of basophil, eosinophil"),
        ("monocyte", "name at least two"),
        (",", "no class is named"),
    ],
)
def test_wrong_classes_are_one_line(
    command: Command, folder: Path, tiny_bundle: Path, tmp_path: Path, classes: str, told: str
) -> None:
    out = tmp_path / "out"
    done = command("classify", folder, "--out", out, "--bundle", tiny_bundle, "--classes", classes)
    assert (done.code, done.out) == (2, "")
    assert told in done.err
    assert done.err.count("\n") == 1


def test_nothing_readable_is_exit_code_1(command: Command, tiny_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("text")
    done = command("classify", tmp_path / "a.png", "--out", tmp_path / "out", "--bundle", tiny_bundle)
    assert done.code == 1
    assert rows(tmp_path / "out" / "predictions.csv")["a.png"]["status"] == "excluded"


def test_processes_say_what_threads_say(
    command: Command, folder: Path, tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    common = "--bundle", tiny_bundle, "--classes", "neutrophil,lymphocyte"
    command("classify", folder, "--out", tmp_path / "threads", *common)
    module = importlib.import_module("leukon.smear.classify")
    monkeypatch.setattr(module, "PROCESSES_FROM", 1)
    monkeypatch.setattr(module, "GROUP", 2)
    monkeypatch.setattr("leukon.smear.run.available_processors", lambda: 2)
    assert command("classify", folder, "--out", tmp_path / "processes", *common).code == 0
    assert rows(tmp_path / "processes" / "predictions.csv") == rows(tmp_path / "threads" / "predictions.csv")
