"""``leukon compare`` from labelled cells to the page."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

PAGE = """
from dataclasses import replace
from leukon.imaging.spaces.hsv import Hsv
from leukon.models import ModelSpec
from leukon.pipeline import Frame, Pipeline
from leukon.training.recipe import Optimizer, Recipe

RGB = Recipe(
    name="rgb", pipeline=Pipeline(frame=Frame(side_px=48)), model=ModelSpec("timm", "test_resnet"),
    optimizer=Optimizer(rate=5e-3), epochs=9, batch_size=8, averaging=0.5,
)
RECIPES = {"rgb": RGB, "hsv": replace(RGB, name="hsv", pipeline=replace(RGB.pipeline, space=Hsv())),
           "never": replace(RGB, name="never")}
"""


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory, drawn_smear) -> Path:
    """Eight training, four validation and ten test cells of two classes, of five subjects."""
    folder = tmp_path_factory.mktemp("cells")
    rows = ["path,label,split,subject"]
    parts = ("train",) * 8 + ("val",) * 4 + ("test",) * 10
    for label in ("eosinophil", "lymphocyte"):
        for i, split in enumerate(parts):
            picture = drawn_smear((label, 60 + i % 4, 60), width=120, height=120)
            noise = np.random.default_rng(i).normal(0, 3, picture.shape)
            name = f"{label}-{i}.png"
            cv2.imwrite(str(folder / name), np.clip(picture + noise, 0, 255).astype(np.uint8)[..., ::-1])
            rows.append(f"{name},{label},{split},{'' if split != 'test' else f's{i % 5}'}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
    return folder / "manifest.csv"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recipes") / "spaces.py"
    path.write_text(PAGE)
    return path


def test_a_set_is_trained_once_and_compared(command, manifest: Path, page: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ("compare", page, "--data", manifest, "--out", out, "--only", "rgb,hsv", "--epochs", "1")
    done = command(*arguments, "--side", "32", "--json")
    assert done.code == 0, done.err
    summary = json.loads(done.out)
    assert summary == json.loads((out / "comparison.json").read_text())
    assert [model["name"] for model in summary["models"]] == ["rgb", "hsv"]
    assert summary["subjects"] == summary["clusters"] == 5
    assert summary["positive"] == "lymphocyte"
    (pair,) = summary["pairs"]
    assert pair["mcnemar"]["p"] == pair["mcnemar"]["p_holm"]  # one pair needs no correction
    assert {p.name for p in out.iterdir()} == {
        "comparison.csv", "comparison.html", "comparison.json", "pairs.csv", "roc.svg", "runs"
    }  # fmt: skip
    resolved = json.loads((out / "runs" / "hsv" / "recipe.json").read_text())
    assert (resolved["epochs"], resolved["pipeline"]["frame"]["side_px"]) == (1, 32)
    kept = (out / "runs" / "hsv" / "best.pt").stat().st_mtime_ns
    again = command(*arguments, "--side", "32", "--json")
    assert json.loads(again.out)["models"] == summary["models"]
    assert (out / "runs" / "hsv" / "best.pt").stat().st_mtime_ns == kept

    # The finished runs, and their evaluations, compare to the same figures.
    runs = [out / "runs" / name for name in ("rgb", "hsv")]
    for run in runs:
        assert command("evaluate", run, "--data", manifest, "--out", tmp_path / "e" / run.name).code == 0
    table = command("compare", *runs, "--data", manifest, "--out", tmp_path / "again")
    assert "Worst subject" in table.out
    assert pair["verdict"] in table.out
    read = command(
        "compare", tmp_path / "e" / "rgb", tmp_path / "e" / "hsv", "--out", tmp_path / "r", "--json"
    )
    (other,) = json.loads(read.out)["pairs"]
    assert other["mcnemar"] == pair["mcnemar"]
    with (out / "comparison.csv").open(newline="") as stream:
        rows = {(r["model"], r["average"], r["score"]): r for r in csv.DictReader(stream)}
    scores = json.loads((tmp_path / "e" / "hsv" / "scores.json").read_text())
    for average in ("macro", "weighted"):
        for column in ("value", "low", "high"):
            expected = scores[average]["f1"][column]
            assert rows["hsv", average, "f1"][column] == ("" if expected is None else str(expected))


def test_a_bundle_beside_results_of_other_cells(
    command, tiny_bundle: Path, manifest: Path, tmp_path: Path
) -> None:
    one = ("evaluate", tiny_bundle, "--data", manifest)
    assert command(*one, "--split", "val", "--out", tmp_path / "val").code == 0
    assert command(*one, "--split", "train", "--out", tmp_path / "train").code == 0
    done = command("compare", tmp_path / "val", tmp_path / "train", "--out", tmp_path / "out")
    assert done.code == 2
    assert "val and train do not speak of the same cells (8 and 16): evaluate both on the same" in done.err
    done = command("compare", tmp_path / "val", tiny_bundle, "--split", "val", "--out", tmp_path / "out")
    assert (done.code, "--data" in done.err) == (2, True)
    done = command(
        "compare",
        tmp_path / "val",
        tiny_bundle,
        "--split",
        "val",
        "--data",
        manifest,
        "--out",
        tmp_path / "o",
    )
    assert done.code == 0, done.err
    assert "tiny 1 and val do not differ significantly in accuracy (+0.0 points" in done.out


def test_what_cannot_be_compared_says_why(command, page: Path, manifest: Path, tmp_path: Path) -> None:
    def error(*arguments: str | Path) -> str:
        done = command("compare", *arguments, "--data", manifest, "--out", tmp_path / "out")
        assert done.code == 2
        return str(done.err)

    assert "unknown recipe of" in error(page, "--only", "rgb,hvs")
    assert "needs two recipes" in error(page, "--only", "rgb")
    assert "unknown recipe set 'no_such'" in error("no_such")
    assert "alone has nothing to be compared with" in error(tmp_path)
    assert "are for a set of recipes" in error("small", "small", "--epochs", "1")
