"""Cross-validation: every cell is held out once, nothing finished is trained again, scores are pooled."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from leukon.datasets.manifest import Entry, Manifest
from leukon.errors import InputError
from leukon.models import ModelSpec
from leukon.pipeline import Frame, Pipeline
from leukon.training.crossval import Folding, crossval
from leukon.training.recipe import Optimizer, Recipe
from leukon.types import taxonomy_of

RECIPE = Recipe(
    name="tiny",
    pipeline=Pipeline(frame=Frame(side_px=32)),
    model=ModelSpec("timm", "test_resnet"),
    optimizer=Optimizer(rate=5e-3),
    epochs=2,
    batch_size=8,
    averaging=0.5,
)
LABELS = ("NGS", "tumour")  # of no shipped taxonomy together
THREE = Folding(3, "subject")
torch.set_num_threads(1)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    root = tmp_path_factory.mktemp("cells")
    entries = []
    for i in range(48):
        label = LABELS[i % 2]
        image = np.full((64, 64, 3), (232, 226, 230), np.uint8)
        cv2.circle(image, (32, 32), 18, (214, 186, 216), -1)
        cv2.circle(image, (32, 32), 9 + 5 * (i % 2), (88, 44, 128), -1)
        cv2.imwrite(str(root / f"{i}.png"), image[..., ::-1])
        entries.append(Entry(f"{i}.png", label, subject=f"s{i // 4}"))
    return Manifest(root, tuple(entries))


@pytest.fixture(scope="module")
def out(manifest: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "cv"
    crossval(RECIPE, manifest, out, taxonomy=taxonomy_of(LABELS), folding=THREE)
    return out


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "predictions.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_every_cell_is_held_out_once_and_pooled(manifest: Manifest, out: Path) -> None:
    held_out = [rows(out / f"fold_{k}") for k in (1, 2, 3)]
    assert sorted(row["file"] for fold in held_out for row in fold) == sorted(
        e.path for e in manifest.entries
    )
    subjects = [{row["subject"] for row in fold} for fold in held_out]
    assert not (subjects[0] & subjects[1] or subjects[1] & subjects[2] or subjects[0] & subjects[2])
    assert rows(out) == [row for fold in held_out for row in fold]
    assert (out / "evaluation.html").is_file()
    summary = json.loads((out / "crossval.json").read_text())
    assert summary["cells"] == 48 and summary["clusters"] == 12
    right = np.mean([row["label"] == row["truth"] for row in rows(out)])
    assert summary["pooled"]["accuracy"]["value"] == pytest.approx(right)
    per_fold = [fold["accuracy"] for fold in summary["per_fold"]]
    assert summary["spread"]["accuracy"]["mean"] == pytest.approx(np.mean(per_fold))
    assert summary["spread"]["accuracy"]["sd"] == pytest.approx(np.std(per_fold, ddof=1))


def test_finished_folds_are_not_trained_again(
    manifest: Manifest, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (out / "crossval.json").read_text()
    trained = []

    def train(recipe: Recipe, part: Manifest, run: Path, **_rest: object) -> None:
        trained.append(run.name)
        raise KeyboardInterrupt

    monkeypatch.setattr("leukon.training.crossval.train", train)
    again = crossval(RECIPE, manifest, out, taxonomy=taxonomy_of(LABELS), folding=THREE)
    assert again["per_fold"] == json.loads(before)["per_fold"]
    (out / "fold_3" / "scores.json").unlink()
    with pytest.raises(KeyboardInterrupt):
        crossval(RECIPE, manifest, out, taxonomy=taxonomy_of(LABELS), folding=THREE)
    assert trained == ["fold_3"]


def test_the_held_out_fold_chooses_nothing(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Manifest] = []

    def train(recipe: Recipe, part: Manifest, run: Path, **_rest: object) -> None:
        seen.append(part)
        raise KeyboardInterrupt

    monkeypatch.setattr("leukon.training.crossval.train", train)
    with pytest.raises(KeyboardInterrupt):
        crossval(RECIPE, manifest, tmp_path, taxonomy=taxonomy_of(LABELS), folding=THREE)
    parts = {
        name: {e.subject for e in seen[0].subset(split=name).entries} for name in ("train", "val", "test")
    }
    assert all(parts.values())
    assert sum(map(len, parts.values())) == 12


def test_another_protocol_is_refused(manifest: Manifest, out: Path) -> None:
    with pytest.raises(InputError, match="holds another cross-validation"):
        crossval(RECIPE, manifest, out, taxonomy=taxonomy_of(LABELS), folding=Folding(4))


def test_the_command(
    manifest: Manifest, out: Path, tmp_path: Path, command: Callable[..., tuple[int, str, str]]
) -> None:
    page = tmp_path / "page.py"
    page.write_text(
        "from leukon.training.recipe import *\nfrom leukon.models import ModelSpec\n"
        "from leukon.pipeline import Frame, Pipeline\n"
        "RECIPE = Recipe(name='tiny', pipeline=Pipeline(frame=Frame(side_px=32)),\n"
        "    model=ModelSpec('timm', 'test_resnet'), epochs=1, batch_size=8)\n"
    )
    for entry in manifest.entries:
        (tmp_path / "data" / entry.label).mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / entry.label / entry.path).write_bytes((manifest.root / entry.path).read_bytes())
    arguments = ("crossval", page, "--data", tmp_path / "data", "--out", tmp_path / "cv", "--folds", "2")
    code, printed, told = command(*arguments, "--json")
    assert (code, told) == (0, "")
    assert json.loads(printed) == json.loads((tmp_path / "cv" / "crossval.json").read_text())
    code, printed, told = command(*arguments)
    assert code == 0 and "mean ± SD" in printed and "crossval.json" in told
    code, _, told = command(*arguments[:-1], "40")
    assert code == 2 and told.startswith("leukon: ") and told.count("\n") == 1
    code, _, told = command(*arguments, "--split", "val")
    assert code == 2 and "no cells in the parts val" in told
