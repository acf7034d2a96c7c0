"""``leukon analyze`` from files to report, in good and bad luck."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from leukon.imaging.files import write_image

from .conftest import Outcome, Picture

OUTPUTS = "cells.csv", "differential.csv", "differential.json", "report.html"
TIME = re.compile(r"20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\+00:00| UTC)")

Command = Callable[..., Outcome]
Draw = Callable[..., Picture]


@pytest.fixture
def smear(tmp_path: Path, drawn_smear: Draw) -> Path:
    """Three fields, five whole cells."""
    folder = tmp_path / "smear"
    write_image(folder / "1.png", drawn_smear(("neutrophil", 100, 120), ("lymphocyte", 220, 100)))
    write_image(folder / "2.jpg", drawn_smear(("eosinophil", 160, 120)))
    write_image(folder / "10.tif", drawn_smear(("neutrophil", 90, 80), ("neutrophil", 200, 150)))
    return folder


def contents(folder: Path) -> dict[str, str]:
    return {name: TIME.sub("TIME", (folder / name).read_text()) for name in OUTPUTS}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_smear_gives_every_output(command: Command, smear: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    done = command("analyze", smear, "--out", tmp_path / "out", "--bundle", tiny_bundle)
    assert done.code == 0
    assert "Leukocyte differential" in done.out
    assert "For Research Use Only" in " ".join(done.out.split())
    assert "report.html" in done.err
    cells = rows(tmp_path / "out" / "cells.csv")
    assert [row["field"] for row in cells] == ["1.png", "1.png", "2.jpg", "10.tif", "10.tif"]
    summary = json.loads((tmp_path / "out" / "differential.json").read_text())
    counted = sum(row["status"] == "ok" and row["label"] != "erythroblast" for row in cells)
    assert summary["cells"]["counted"] == counted
    assert summary["provenance"]["bundle"]["name"] == "tiny"
    assert summary["provenance"]["settings"]["cells wanted"] == "200"


def test_json_is_all_that_stdout_holds(
    command: Command, smear: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    done = command("analyze", smear, "--out", tmp_path / "out", "--bundle", tiny_bundle, "--json")
    assert json.loads(done.out) == json.loads((tmp_path / "out" / "differential.json").read_text())


def test_a_second_run_gives_the_same(
    command: Command, smear: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    out = smear / "out"  # inside the input, as people do
    arguments = "analyze", smear, "--out", out, "--bundle", tiny_bundle
    command(*arguments)
    first = contents(out)
    command(*arguments)
    assert contents(out) == first
    (out / ".journal.jsonl").unlink()
    command(*arguments)
    assert contents(out) == first


def test_bad_files_are_listed_and_stop_nothing(
    command: Command, smear: Path, tiny_bundle: Path, tmp_path: Path, drawn_smear: Draw
) -> None:
    hostile = 'it\'s a "cell" <script>alert(1)<!-- ü.png'
    write_image(smear / hostile, drawn_smear(("neutrophil", 100, 120)))
    jpeg = (smear / "2.jpg").read_bytes()
    (smear / "cut.jpg").write_bytes(jpeg[: len(jpeg) // 2])
    (smear / "text.png").write_text("no picture")
    (smear / "empty.png").write_text("")
    (smear / "folder.png").mkdir()
    write_image(smear / "one.png", np.full((1, 1, 3), 128, np.uint8))
    cv2.imwrite(str(smear / "float.tif"), np.ones((9, 9), np.float32))
    deep = drawn_smear(("lymphocyte", 100, 120)).astype(np.uint16) * 257
    write_image(smear / "deep.png", deep)
    out = tmp_path / "out"
    done = command("analyze", smear, "--out", out, "--bundle", tiny_bundle)
    assert done.code == 0
    summary = json.loads((out / "differential.json").read_text())
    assert [one["name"] for one in summary["fields"]["skipped"]] == [
        "cut.jpg",
        "empty.png",
        "float.tif",
        "text.png",
    ]
    assert all(one["reason"] and "\n" not in one["reason"] for one in summary["fields"]["skipped"])
    assert summary["fields"]["read"] == 6
    assert {row["field"] for row in rows(out / "cells.csv")} >= {hostile, "deep.png"}
    assert "<script" not in (out / "report.html").read_text()


def test_when_no_image_can_be_used_the_outputs_say_why(
    command: Command, tiny_bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_text("text")
    done = command("analyze", tmp_path / "in", "--out", tmp_path / "out", "--bundle", tiny_bundle)
    assert done.code == 1
    assert "none of the 1 images could be used" in done.err
    assert contents(tmp_path / "out").keys() == set(OUTPUTS)


def test_wrong_usage_is_one_line(command: Command, smear: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("kept")
    for inputs, out, told in (
        (tmp_path / "empty", tmp_path / "out", "no image in or below"),
        (tmp_path / "missing", tmp_path / "out", "there is no file or folder"),
        (smear, tmp_path / "file", "is a file; name a folder"),
        (smear, Path("/proc/out"), "cannot write"),
    ):
        done = command("analyze", inputs, "--out", out, "--bundle", tiny_bundle)
        assert (done.code, done.out) == (2, "")
        assert told in done.err
        assert done.err.startswith("leukon: ")
        assert done.err.count("\n") == 1
    assert (tmp_path / "file").read_text() == "kept"


def test_fewer_cells_are_named_where_more_confidence_is_wanted(
    command: Command, smear: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    unidentified = []
    for confidence in "0", "1":
        done = command(
            *("analyze", smear, "--out", tmp_path / "out", "--bundle", tiny_bundle, "--json"),
            *("--confidence", confidence),
        )
        summary = json.loads(done.out)
        unidentified.append(summary["cells"]["unidentified"])
    assert unidentified[0] == 0 < unidentified[1]


def test_a_full_disk_is_one_line(
    command: Command, smear: Path, tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    done = command("analyze", smear, "--out", tmp_path / "out", "--bundle", tiny_bundle)
    assert done.code == 2
    assert "the disk is full" in done.err
    assert done.err.count("\n") == 1
    assert not (tmp_path / "out" / "report.html").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_a_killed_run_goes_on_and_ends_the_same(
    command: Command, tiny_bundle: Path, tmp_path: Path, drawn_smear: Draw
) -> None:
    names = [f"{i}.png" for i in range(150)]
    for i, name in enumerate(names):
        image = drawn_smear(("neutrophil", 90 + i % 40, 120), ("lymphocyte", 220, 60 + i % 90))
        write_image(tmp_path / "in" / name, image)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    command("analyze", tmp_path / "in", "--out", whole, "--bundle", tiny_bundle)

    arguments = ["analyze", str(tmp_path / "in"), "--out", str(killed), "--bundle", str(tiny_bundle)]
    start = [sys.executable, "-c", "from leukon.cli import main; main()", *arguments]
    book = killed / ".journal.jsonl"
    with subprocess.Popen(start, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        end = time.monotonic() + 60
        while time.monotonic() < end and (not book.exists() or book.read_bytes().count(b"\n") < 10):
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
    assert not (killed / "report.html").exists()
    before = book.read_bytes()
    done_before = before.count(b"\n") - 1
    assert 0 < done_before < len(names)

    assert command(*arguments).code == 0
    after = book.read_bytes()
    assert after.startswith(before[: before.rfind(b"\n") + 1])
    assert after.count(b"\n") - 1 == len(names)
    assert contents(killed) == contents(whole)
