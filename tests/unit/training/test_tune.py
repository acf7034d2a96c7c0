"""The search for settings: its front, its seed, what a stop leaves, and its command."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from leukon.datasets.manifest import Manifest, read_manifest
from leukon.errors import InputError, ManifestError, UnknownNameError
from leukon.models import ModelSpec
from leukon.pipeline import Frame, Pipeline
from leukon.training.loop import train
from leukon.training.recipe import Optimizer, Range, Recipe, load_recipe, load_search, with_settings
from leukon.training.run import history, load_classifier
from leukon.training.tune import tune
from leukon.types import taxonomy_of

torch.set_num_threads(1)
TAXONOMY = taxonomy_of(["lymphocyte", "neutrophil"])
RECIPE = Recipe(
    name="tiny",
    pipeline=Pipeline(frame=Frame(side_px=16)),
    model=ModelSpec("convnet", options={"hidden": 8}),
    optimizer=Optimizer(rate=0.01, momentum=0.9),
    epochs=1,
    batch_size=8,
    averaging=0,
)
SEARCH = {
    "model.options.filters": (2, 4),
    "model.options.kernel": (3, 5),
    "optimizer.rate": Range(1e-3, 1e-1, log=True),
    "batch_size": Range(4, 8),
}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    root = tmp_path_factory.mktemp("cells")
    for split in ("train", "val"):
        for radius, label in ((14, "lymphocyte"), (22, "neutrophil")):
            (root / split / label).mkdir(parents=True)
            for i in range(6):
                image = np.full((80, 80, 3), (230, 226, 232), np.uint8)
                cv2.circle(image, (36 + i, 40), 30, (216, 186, 214), -1)
                cv2.circle(image, (36 + i, 40), radius, (128, 44, 88), -1)
                cv2.imwrite(str(root / split / label / f"{i}.png"), image)
    return read_manifest(root)


def search(manifest: Manifest, out: Path, trials: int, **changes: object) -> dict:
    return tune(RECIPE, SEARCH, manifest, out, taxonomy=TAXONOMY, trials=trials, cost="gflops", **changes)


@pytest.fixture(scope="module")
def out(manifest: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("tuned") / "out"
    search(manifest, out, 11)  # ten at random, then one by what they came to
    return out


def trials(out: Path) -> list[dict[str, str]]:
    with (out / "trials.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_front_is_what_nothing_beats(out: Path) -> None:
    rows = trials(out)
    assert [row["number"] for row in rows] == [str(i) for i in range(11)]
    points = [(float(r["val_balanced_accuracy"]), -float(r["gflops"])) for r in rows]
    for point, row in zip(points, rows, strict=True):
        beaten = any(
            other != point and all(o >= p for o, p in zip(other, point, strict=True)) for other in points
        )
        assert (row["is_best"] == "True") == (not beaten)
    summary = json.loads((out / "tuning.json").read_text())
    assert {str(row["number"]) for row in summary["front"]} == {
        r["number"] for r in rows if r["is_best"] == "True"
    }
    assert (out / "front.svg").read_bytes().startswith(b"<?xml") and (out / "settings.svg").is_file()


def test_trials_are_runs_with_the_settings_that_were_drawn(out: Path) -> None:
    for row in trials(out):
        recipe = json.loads((out / row["run"] / "recipe.json").read_text())
        assert recipe["model"]["options"] == {
            "hidden": 8,
            "filters": int(row["model.options.filters"]),
            "kernel": int(row["model.options.kernel"]),
        }
        assert recipe["optimizer"]["rate"] == float(row["optimizer.rate"])
        assert 4 <= recipe["batch_size"] <= 8
        best = max(h["balanced_accuracy"] for h in history(out / row["run"]))
        assert best == float(row["val_balanced_accuracy"])
        assert not (out / row["run"] / "last.pt").exists()
    assert load_classifier(out / row["run"]).taxonomy.names == TAXONOMY.names


def test_a_stopped_search_ends_as_one_that_was_not(
    manifest: Manifest, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def stopping(*arguments: object, **rest: object) -> object:
        calls.append(arguments)
        if len(calls) in (3, 11):
            raise KeyboardInterrupt
        return train(*arguments, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr("leukon.training.tune.train", stopping)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            search(manifest, tmp_path, 11)
    search(manifest, tmp_path, 11)
    assert len(calls) == 13
    assert trials(tmp_path) == trials(out)
    search(manifest, tmp_path, 5)  # there are that many already
    assert len(calls) == 13


def test_another_seed_is_another_search(manifest: Manifest, out: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds another search"):
        search(manifest, out, 3, seed=1)
    search(manifest, tmp_path, 2, seed=1)
    assert [r["run"] for r in trials(tmp_path)] != [r["run"] for r in trials(out)][:2]


def test_a_trial_without_a_loss_fails_and_the_search_goes_on(manifest: Manifest, tmp_path: Path) -> None:
    summary = tune(
        RECIPE, {"optimizer.rate": (1e36,)}, manifest, tmp_path, taxonomy=TAXONOMY, trials=2, cost="gflops"
    )
    assert (summary["trials"], summary["failed"], summary["front"]) == (2, 2, [])
    assert trials(tmp_path)[0]["val_balanced_accuracy"] == ""
    with pytest.raises(ManifestError, match="no 'train' part"):
        tune(RECIPE, SEARCH, manifest.subset(split="val"), tmp_path / "x", taxonomy=TAXONOMY, trials=1)


def test_settings_that_do_not_exist(manifest: Manifest, tmp_path: Path) -> None:
    for path, message in (
        ("optimizer.rat", r"unknown setting 'optimizer.rat': part 'rat': .* did you mean 'rate'"),
        ("optimizer.rate.log", r"part 'log': choose one of \(none\)"),
        ("epoch", "did you mean 'epochs'"),
    ):
        with pytest.raises(UnknownNameError, match=message):
            with_settings(RECIPE, {path: 1})
    with pytest.raises(InputError, match="cannot search epochs in Range"):
        tune(RECIPE, {"epochs": Range(3, 1)}, manifest, tmp_path, taxonomy=TAXONOMY, trials=1)


def test_a_damaged_store_is_named(manifest: Manifest, out: Path, tmp_path: Path) -> None:
    (tmp_path / "protocol.json").write_text((out / "protocol.json").read_text())
    (tmp_path / "study.db").write_bytes(b"nothing of a database" * 100)
    with pytest.raises(InputError, match=r"cannot use .*study\.db .*: delete it") as caught:
        search(manifest, tmp_path, 1)
    assert "\n" not in str(caught.value)


def test_what_pages_search(tmp_path: Path) -> None:
    found = load_search("convnet")
    with_settings(load_recipe("convnet"), dict.fromkeys(found, 1))
    assert set(load_search("small")) == {"optimizer.rate", "optimizer.weight_decay"}
    page = tmp_path / "page.py"
    for text in ("{}", "1", "{'epochs': [1]}", "{'epochs': ()}"):
        page.write_text(f"from leukon.training.recipe import *\nRECIPE = Recipe('a')\nSEARCH = {text}\n")
        with pytest.raises(InputError, match=r"SEARCH of .*page\.py must be"):
            load_search(str(page))


def test_momentum_is_gradient_descent(manifest: Manifest, tmp_path: Path) -> None:
    train(replace(RECIPE, model=ModelSpec("timm", "test_resnet"), pipeline=Pipeline(frame=Frame(side_px=32))),
          manifest, tmp_path, taxonomy=TAXONOMY)  # fmt: skip
    groups = torch.load(tmp_path / "last.pt")["optimizer"]["param_groups"]
    assert {group["momentum"] for group in groups} == {0.9}
    assert {group["weight_decay"] for group in groups} == {0.02, 0.0}


def test_the_command(
    manifest: Manifest, tmp_path: Path, command: Callable[..., tuple[int, str, str]]
) -> None:
    arguments = ("tune", "convnet", "--data", manifest.root, "--out", tmp_path / "t", "--trials", "2")
    arguments += ("--epochs", "1", "--side", "16")
    code, printed, told = command(*arguments, "--json")
    assert (code, told) == (0, "")
    summary = json.loads(printed)
    assert summary == json.loads((tmp_path / "t" / "tuning.json").read_text())
    assert summary["trials"] == 2 and summary["front"][0]["time_ms"] > 0
    code, printed, told = command(*arguments)
    assert code == 0 and "Pareto front of 2 trials" in printed and "front.svg" in told
    code, _, told = command(*arguments, "--against", "flops")
    assert code == 2 and "holds another search" in told and told.count("\n") == 1
