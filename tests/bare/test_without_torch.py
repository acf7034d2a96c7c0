"""Analysing images needs no torch."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

BLOCKED = "torch", "torchvision", "timm", "onnx", "safetensors", "optuna"
PRELUDE = f"""
import sys
class Wall:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {BLOCKED!r}:
            raise ImportError(name + " is not installed")
sys.meta_path.insert(0, Wall())
from leukon.cli import main
"""


def leukon(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command with torch and its kin out of reach, whether or not they are installed."""
    code = f"{PRELUDE}\nsys.argv[1:] = {[str(a) for a in arguments]!r}\nmain()"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def smears(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("smears")
    made = leukon("data", "synth", "--system", "led-x", "--fields", "2", "--seed", "5", "--out", out)
    assert made.returncode == 0, made.stderr
    return out / "images"


def test_analyze(smears: Path, tmp_path: Path) -> None:
    done = leukon("analyze", smears, "--out", tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    with (tmp_path / "out" / "cells.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert summary["fields"]["read"] == 2
    assert len(rows) > 0
    assert "Research Use Only" in (tmp_path / "out" / "report.html").read_text()


def test_classify(smears: Path, tmp_path: Path) -> None:
    done = leukon("classify", smears, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "predictions.csv").exists()


def test_color(smears: Path, tmp_path: Path) -> None:
    many = tmp_path / "many"
    leukon("data", "synth", "--system", "led-x", "--fields", "5", "--seed", "9", "--out", many)
    options = "--source", many / "images", "--target", "pbc", "--out", tmp_path / "map.json"
    fitted = leukon("color", "fit", "density", *options)
    assert fitted.returncode == 0, fitted.stderr
    applied = leukon("color", "apply", tmp_path / "map.json", smears, "--out", tmp_path / "out")
    assert applied.returncode == 0, applied.stderr
    assert len(list((tmp_path / "out").rglob("*.png"))) == 2


def test_explain(smears: Path, tmp_path: Path) -> None:
    image = next(path for path in sorted(smears.rglob("*")) if path.is_file())
    done = leukon("explain", "small", image, "--out", tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["mean"]["occlusion"] > 0


def test_training_says_what_to_install(tmp_path: Path) -> None:
    done = leukon("train", "small", "--data", tmp_path, "--out", tmp_path / "run")
    assert done.returncode == 2
    assert (
        done.stderr == "leukon: training needs packages that are not installed: pip install 'leukon[train]'\n"
    )


def test_spaces(smears: Path, tmp_path: Path) -> None:
    done = leukon("image", "convert", smears, "--space", "raw", "--out", tmp_path / "raw", "--json")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["written"]) == 2
    done = leukon("image", "learn-raw", "--out", tmp_path / "n.onnx")
    assert done.returncode == 2
    assert done.stderr.endswith("pip install 'leukon[train]'\n")


def test_adapting_says_what_to_install(tmp_path: Path) -> None:
    done = leukon("adapt", "small", "--data", tmp_path, "--out", tmp_path / "new.leukon")
    assert done.returncode == 2
    assert done.stderr.endswith("pip install 'leukon[adapt]'\n")
