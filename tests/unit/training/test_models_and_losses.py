"""Runs with frozen bodies, losses with a state of their own, other planes, and a loss that is no number."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from leukon.datasets.manifest import Manifest, read_manifest
from leukon.errors import InputError
from leukon.imaging.spaces.raw import RawPlanes
from leukon.models import ModelSpec
from leukon.pipeline import Frame, Pipeline
from leukon.training.loader import Batches
from leukon.training.loop import train
from leukon.training.recipe import Optimizer, Recipe
from leukon.types import taxonomy_of

torch.set_num_threads(1)
TAXONOMY = taxonomy_of(["lymphocyte", "neutrophil"])
RECIPE = Recipe(
    name="tiny",
    pipeline=Pipeline(frame=Frame(side_px=32)),
    model=ModelSpec("timm", "test_resnet"),
    loss="weighted_sum",
    optimizer=Optimizer(rate=2e-3),
    epochs=2,
    batch_size=4,
    averaging=0.5,
)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    root = tmp_path_factory.mktemp("cells")
    for split, count in (("train", 6), ("val", 2)):
        for radius, label in ((14, "lymphocyte"), (22, "neutrophil")):
            (root / split / label).mkdir(parents=True)
            for i in range(count):
                image = np.full((80, 80, 3), (230, 226, 232), np.uint8)
                cv2.circle(image, (38 + i, 40), 30, (216, 186, 214), -1)
                cv2.circle(image, (38 + i, 40), radius, (128, 44, 88), -1)
                cv2.imwrite(str(root / split / label / f"{i}.png"), image)
    return read_manifest(root)


def history(run: Path) -> list[dict[str, float]]:
    return json.loads((run / "history.json").read_text())


def test_centres_come_back_with_a_resumed_run(manifest: Manifest, tmp_path: Path) -> None:
    class StoppedError(Exception):
        pass

    def stop(stage: str, done: int, total: int) -> None:
        if stage == "epoch 2" and done == 1:
            raise StoppedError

    train(RECIPE, manifest, tmp_path / "whole", taxonomy=TAXONOMY)
    with pytest.raises(StoppedError):
        train(RECIPE, manifest, tmp_path / "parts", taxonomy=TAXONOMY, report=stop)
    train(RECIPE, manifest, tmp_path / "parts", taxonomy=TAXONOMY)
    assert history(tmp_path / "parts") == history(tmp_path / "whole")
    states = [torch.load(tmp_path / run / "last.pt")["loss_of"] for run in ("whole", "parts")]
    assert states[0]["parts.1.centres"].abs().sum() > 0
    assert torch.equal(states[0]["parts.1.centres"], states[1]["parts.1.centres"])


@pytest.mark.parametrize("begun", [True, False])
def test_a_head_alone_is_trained_where_there_is_a_body_to_keep(
    manifest: Manifest, tmp_path: Path, begun: bool
) -> None:
    torch.save(RECIPE.model.build(2).state_dict(), tmp_path / "w.pth")
    model = replace(RECIPE.model, finetune="head", weights=str(tmp_path / "w.pth") if begun else "")
    recipe = replace(RECIPE, epochs=1, model=model)
    train(recipe, manifest, tmp_path / "run", taxonomy=TAXONOMY)
    torch.manual_seed(recipe.seed)
    start = recipe.model.build(2).state_dict()
    end = torch.load(tmp_path / "run" / "last.pt")["network"]
    moved = {name for name in start if not torch.equal(start[name], end[name])}
    assert moved == {"head.weight", "head.bias"} if begun else moved > {"head.weight", "head.bias"}


def test_a_mosaic_trains_a_network_of_four_planes(manifest: Manifest, tmp_path: Path) -> None:
    source = ModelSpec("timm", "test_resnet").build(2)
    torch.save(source.state_dict(), tmp_path / "w.pth")
    recipe = replace(
        RECIPE,
        epochs=1,
        pipeline=Pipeline(frame=Frame(side_px=32), space=RawPlanes()),
        fit_scale=True,
        model=replace(RECIPE.model, weights=str(tmp_path / "w.pth"), norm="group"),
    )
    classifier = train(recipe, manifest, tmp_path / "run", taxonomy=TAXONOMY)
    assert next(classifier.network.parameters()).shape[1] == 4
    environment = json.loads((tmp_path / "run" / "environment.json").read_text())
    assert environment["started_from"].startswith("w.pth: first layer adapted from 3 to 4 planes")


def test_a_transformer_is_built_for_the_pipelines_side(manifest: Manifest, tmp_path: Path) -> None:
    recipe = replace(RECIPE, epochs=1, model=ModelSpec("simple_vit"))
    assert train(recipe, manifest, tmp_path, taxonomy=TAXONOMY).network.body.image_size == 32


def test_a_loss_that_is_no_number_names_its_files(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    epoch_of = Batches.epoch
    batches = []

    def spoilt(self: Batches, number: int):  # type: ignore[no-untyped-def]
        for step, (batch, labels) in enumerate(epoch_of(self, number)):
            if (number, step) == (1, 1):
                batches.append(self)
                batch = batch * np.nan
            yield batch, labels

    monkeypatch.setattr(Batches, "epoch", spoilt)
    with pytest.raises(InputError) as caught:
        train(RECIPE, manifest, tmp_path, taxonomy=TAXONOMY)
    text = str(caught.value)
    assert text.startswith("the loss is nan in epoch 2, step 2: ")
    names = [cell.name for cell in batches[0].data.cells]
    assert [n for n in names if n in text] == sorted(names[i] for i in batches[0].order(1)[4:8])
    # What the first epoch left is whole, and the run goes on from there.
    assert len(history(tmp_path)) == 1
    assert all(t.isfinite().all() for t in torch.load(tmp_path / "last.pt")["network"].values())
    monkeypatch.setattr(Batches, "epoch", epoch_of)
    train(RECIPE, manifest, tmp_path, taxonomy=TAXONOMY)
    assert len(history(tmp_path)) == 2


def test_weights_spoilt_by_the_last_step_are_not_kept(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(RECIPE, optimizer=Optimizer(rate=1e36))
    monkeypatch.setattr(Batches, "__len__", lambda self: 1)
    with pytest.raises(InputError, match="the loss is nan in epoch 1, step 1"):
        train(recipe, manifest, tmp_path, taxonomy=TAXONOMY)
    assert not (tmp_path / "last.pt").exists()
