"""Training learns, resumes, repeats, and turns into a bundle that says the same."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from scipy.special import softmax

from leukon.bundle import load_bundle
from leukon.datasets.manifest import Manifest, read_manifest
from leukon.errors import InputError, ManifestError, UnknownNameError
from leukon.export.bundle import export_runs
from leukon.export.onnx import raw_to_onnx
from leukon.imaging.spaces.learned_raw import LearnedRaw
from leukon.models import ModelSpec
from leukon.models.rgb2raw import Rgb2RawSpec
from leukon.pipeline import Frame, Pipeline, Scale
from leukon.training.augment import Augmentation
from leukon.training.batch_augment import BatchAugmentation
from leukon.training.loader import Batches, load_cells
from leukon.training.loop import train
from leukon.training.recipe import Optimizer, Recipe, load_recipe
from leukon.training.run import load_classifier, together
from leukon.training.teacher import Distillation
from leukon.types import Box, Cell, taxonomy_of

RECIPE = Recipe(
    name="tiny",
    pipeline=Pipeline(frame=Frame(side_px=32)),
    model=ModelSpec("timm", "test_resnet"),
    optimizer=Optimizer(rate=5e-3),
    epochs=8,
    patience=8,
    augmentation=Augmentation(crosstalk=0.03, stain=0.1, coarse=1.5, tight=0),
    batch_size=8,
    averaging=0.5,
)
torch.set_num_threads(1)  # so small a network only waits for a second thread
TAXONOMY = taxonomy_of(["lymphocyte", "neutrophil"])


def drawn(label: str, rng: np.random.Generator) -> np.ndarray:
    """Draw a cell with one round nucleus or with three lobes."""
    image = np.full((96, 96, 3), (232, 226, 230), np.uint8)
    x, y = rng.integers(42, 54, 2).tolist()
    cv2.circle(image, (x, y), 26, (214, 186, 216), -1)
    dark = (88, 44, 128)
    if label == "lymphocyte":
        cv2.circle(image, (x, y), 19, dark, -1)
    else:
        for angle in rng.uniform(0, 2) + np.arange(3) * 2.1:
            cv2.circle(image, (int(x + 12 * np.cos(angle)), int(y + 12 * np.sin(angle))), 8, dark, -1)
    return image


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    root = tmp_path_factory.mktemp("cells")
    rng = np.random.default_rng(0)
    for split, count in (("train", 32), ("val", 12)):
        for label in TAXONOMY.names:
            (root / split / label).mkdir(parents=True)
            for i in range(count):
                cv2.imwrite(str(root / split / label / f"{i}.png"), drawn(label, rng)[..., ::-1])
    return read_manifest(root)


@pytest.fixture(scope="module")
def run(manifest: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    train(RECIPE, manifest, out, taxonomy=TAXONOMY)
    return out


def history(run: Path) -> list[dict[str, float]]:
    return json.loads((run / "history.json").read_text())


def test_it_learns_and_leaves_its_records(run: Path) -> None:
    assert history(run)[-1]["loss"] < history(run)[0]["loss"]
    assert max(row["balanced_accuracy"] for row in history(run)) > 0.8
    assert {p.name for p in run.iterdir()} == {
        "best.pt", "curves.svg", "data.json", "environment.json", "history.json", "last.pt", "recipe.json"
    }  # fmt: skip
    assert json.loads((run / "recipe.json").read_text())["seed"] == 0


def test_a_stopped_run_ends_as_one_that_was_not(run: Path, manifest: Manifest, tmp_path: Path) -> None:
    class StoppedError(Exception):
        pass

    def stop(stage: str, done: int, total: int) -> None:
        if stage == "epoch 2" and done == total:
            raise StoppedError

    with pytest.raises(StoppedError):
        train(RECIPE, manifest, tmp_path / "run", taxonomy=TAXONOMY, report=stop)
    assert len(history(tmp_path / "run")) == 1
    train(RECIPE, manifest, tmp_path / "run", taxonomy=TAXONOMY)
    assert history(tmp_path / "run") == history(run)


def test_a_folder_with_another_run_is_left_alone(run: Path, manifest: Manifest) -> None:
    with pytest.raises(InputError, match="holds a run with another recipe"):
        train(replace(RECIPE, seed=1), manifest, run, taxonomy=TAXONOMY)
    before = history(run)
    train(RECIPE, manifest, run, taxonomy=TAXONOMY)  # nothing is left to do
    assert history(run) == before


def test_it_learns_from_mixed_and_changed_batches(manifest: Manifest, tmp_path: Path) -> None:
    change = BatchAugmentation(
        flip=0.5, stain=0.1, noise=0.02, cutout=0.2, checkerboard=0.1, mixup=0.2, cutmix=1
    )
    recipe = replace(RECIPE, augmentation=Augmentation(extent="none"), batch=change, epochs=10, patience=10)
    train(recipe, manifest, tmp_path / "run", taxonomy=TAXONOMY)
    assert max(row["balanced_accuracy"] for row in history(tmp_path / "run")) > 0.8
    assert json.loads((tmp_path / "run" / "recipe.json").read_text())["batch"]["cutmix"] == 1
    with pytest.raises(InputError, match=r"batch\.cutout is 2"):
        train(replace(recipe, batch=replace(change, cutout=2)), manifest, tmp_path / "no", taxonomy=TAXONOMY)
    assert not (tmp_path / "no").exists()


def test_a_pupil_believes_its_teacher(run: Path, manifest: Manifest, tmp_path: Path) -> None:
    """Taught by the teacher alone, it names cells rightly although it learns from wrong labels."""
    names = TAXONOMY.names
    wrong = {name: names[i - 1] for i, name in enumerate(names)}
    entries = [replace(e, label=wrong[e.label]) if e.split == "train" else e for e in manifest.entries]
    swapped = replace(manifest, entries=tuple(entries))
    plan = Distillation(str(run), share=1, temperature=1)
    larger = replace(RECIPE.pipeline, frame=replace(RECIPE.pipeline.frame, side_px=40))
    pupil = replace(RECIPE, pipeline=larger, seed=1, distillation=plan)
    train(pupil, swapped, tmp_path / "pupil", taxonomy=TAXONOMY)
    assert max(row["balanced_accuracy"] for row in history(tmp_path / "pupil")) > 0.8
    assert json.loads((tmp_path / "pupil" / "recipe.json").read_text())["distillation"]["run"] == run.name
    other = replace(RECIPE, pipeline=replace(larger, scale=Scale((0.0,) * 3, (1.0,) * 3)), distillation=plan)
    with pytest.raises(InputError, match="sees cells in another space, scale or frame"):
        train(other, manifest, tmp_path / "other", taxonomy=TAXONOMY)


def test_a_pupil_may_have_more_opinions_than_its_teacher(manifest: Manifest, tmp_path: Path) -> None:
    teacher = replace(
        RECIPE,
        pipeline=Pipeline(frame=Frame(side_px=32, silhouette=True)),
        model=ModelSpec("silhouette"),
        epochs=1,
    )
    train(teacher, manifest, tmp_path / "teacher", taxonomy=TAXONOMY)
    pupil = replace(
        teacher,
        model=ModelSpec("silhouette", options={"silhouettes": 3}),
        distillation=Distillation(str(tmp_path / "teacher")),
    )
    train(pupil, manifest, tmp_path / "pupil", taxonomy=TAXONOMY)
    assert np.isfinite(history(tmp_path / "pupil")[0]["loss"])


def test_a_damaged_checkpoint_is_named(run: Path, manifest: Manifest, tmp_path: Path) -> None:
    for name in ("recipe.json", "data.json"):
        (tmp_path / name).write_text((run / name).read_text())
    (tmp_path / "last.pt").write_bytes((run / "last.pt").read_bytes()[:5000])
    with pytest.raises(InputError, match=r"last\.pt is damaged .* delete it"):
        train(RECIPE, manifest, tmp_path, taxonomy=TAXONOMY)


def test_the_parts_must_be_there(manifest: Manifest, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no 'train' part"):
        train(RECIPE, manifest.subset(split="val"), tmp_path, taxonomy=TAXONOMY)
    with pytest.raises(ManifestError, match="outside the taxonomy: neutrophil"):
        load_cells(manifest, taxonomy_of(["lymphocyte", "monocyte"]), Pipeline())


def test_the_bundle_says_what_the_run_says(run: Path, manifest: Manifest, tmp_path: Path) -> None:
    summary = export_runs([run], tmp_path / "tiny.leukon", manifest, name="tiny")
    bundle, network = load_bundle(tmp_path / "tiny.leukon"), load_classifier(run)
    assert summary["sha256"] == bundle.sha256
    cells = load_cells(manifest.subset(split="val"), TAXONOMY, Pipeline()).cells
    logits = network.logits(cells) / bundle.calibration.temperature
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose([p.probabilities for p in bundle.predict(cells)], shares, atol=1e-4)
    assert "Research Use Only" in bundle.contents.card_text
    assert bundle.contents.provenance["manifest"] == manifest.digest()
    novelty = [p.novelty for p in bundle.predict(cells)]
    assert np.mean(np.array(novelty) <= 1) >= 0.95
    turned = [replace(cell, image=255 - cell.image) for cell in cells]
    assert np.median([p.novelty for p in bundle.predict(turned)]) > np.max(novelty)


def test_two_streams_ship_with_the_silhouette(manifest: Manifest, tmp_path: Path) -> None:
    recipe = replace(
        RECIPE,
        pipeline=Pipeline(frame=Frame(side_px=32, silhouette=True)),
        model=ModelSpec("mobilenet_v2_silhouette"),
        epochs=1,
    )
    train(recipe, manifest, tmp_path / "run", taxonomy=TAXONOMY)
    export_runs([tmp_path / "run"], tmp_path / "two.leukon", manifest, name="two")
    bundle, network = load_bundle(tmp_path / "two.leukon"), load_classifier(tmp_path / "run")
    cells = load_cells(manifest.subset(split="val"), TAXONOMY, bundle.contents.pipeline).cells
    logits = network.logits(cells) / bundle.calibration.temperature
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose([p.probabilities for p in bundle.predict(cells)], shares, atol=1e-4)


def test_runs_decide_together(run: Path, manifest: Manifest, tmp_path: Path) -> None:
    other = replace(RECIPE, pipeline=Pipeline(frame=Frame(side_px=24)), epochs=1, seed=1)
    train(other, manifest, tmp_path / "other", taxonomy=TAXONOMY)
    runs = [run, tmp_path / "other"]
    export_runs(runs, tmp_path / "both.leukon", manifest, name="both", int8=True)
    bundle = load_bundle(tmp_path / "both.leukon")
    assert bundle.contents.pipeline.frame.side_px == 32
    assert bundle.contents.card_text.count("Recipe `tiny`") == 2
    committee = together([load_classifier(run) for run in runs])
    cells = load_cells(manifest.subset(split="val"), TAXONOMY, Pipeline()).cells
    shares = softmax(committee.logits(cells) / bundle.calibration.temperature, axis=1)
    np.testing.assert_allclose([p.probabilities for p in bundle.predict(cells)], shares, atol=0.02)


def test_runs_of_other_pipelines_do_not_fit_together(run: Path) -> None:
    one = load_classifier(run)
    other = replace(one, pipeline=replace(one.pipeline, frame=Frame(side_px=32, margin=2.0)))
    with pytest.raises(InputError, match="differ in their classes or pipelines"):
        together([one, other])


@pytest.mark.parametrize("sees", [True, False])
def test_a_network_and_its_silhouettes_belong_together(
    manifest: Manifest, tmp_path: Path, sees: bool
) -> None:
    model = ModelSpec("mobilenet_v2_silhouette") if sees else RECIPE.model
    pipeline = Pipeline(frame=Frame(side_px=32, silhouette=not sees))
    with pytest.raises(InputError, match=f"set silhouette={sees} in the frame"):
        train(replace(RECIPE, pipeline=pipeline, model=model), manifest, tmp_path / "run", taxonomy=TAXONOMY)


def test_a_learned_space_ships_inside_the_bundle(manifest: Manifest, tmp_path: Path) -> None:
    model = tmp_path / "rgb2raw.onnx"
    torch.manual_seed(0)
    model.write_bytes(raw_to_onnx(Rgb2RawSpec(width=8, groups=1, blocks=1).build()))
    pipeline = replace(RECIPE.pipeline, space=LearnedRaw.of(model))
    recipe = replace(RECIPE, pipeline=pipeline, fit_scale=True, epochs=1)
    train(recipe, manifest, tmp_path / "run", taxonomy=TAXONOMY)
    cells = load_cells(manifest.subset(split="val"), TAXONOMY, Pipeline()).cells
    logits = load_classifier(tmp_path / "run").logits(cells)
    export_runs([tmp_path / "run"], tmp_path / "tiny.leukon", manifest, name="tiny")
    model.unlink()
    bundle = load_bundle(tmp_path / "tiny.leukon")
    found = np.log([p.probabilities for p in bundle.predict(cells)]) * bundle.calibration.temperature
    np.testing.assert_allclose(found[:, 1] - found[:, 0], logits[:, 1] - logits[:, 0], atol=1e-3)


def test_batches_depend_on_the_seed_alone(manifest: Manifest) -> None:
    data = load_cells(manifest.subset(split="train"), TAXONOMY, Pipeline())
    first, again, other = (
        list(Batches(data, RECIPE.pipeline, Augmentation(), 16, seed).epoch(0)) for seed in (0, 0, 1)
    )
    assert len(first) == 4
    for (a, labels), (b, labels_again) in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(labels, labels_again)
    assert not np.array_equal(first[0][0], other[0][0])


@pytest.mark.parametrize("seed", range(30))
def test_augmentation_keeps_the_cell_in_sight(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cell = Cell(drawn("neutrophil", rng), Box(20, 20, 76, 76))
    changed = Augmentation(tight=0.5)(cell, rng)
    height, width = changed.image.shape[:2]
    assert changed.image.dtype == np.uint8
    x, y = changed.box.centre
    assert 0 < x < width
    assert 0 < y < height
    # The nucleus is the darkest thing; it must still lie inside the box.
    dark = cv2.GaussianBlur(changed.image, (0, 0), 2).sum(axis=2)
    row, column = np.unravel_index(dark.argmin(), dark.shape)
    assert changed.box.x0 <= column < changed.box.x1
    assert changed.box.y0 <= row < changed.box.y1


def test_shipped_recipe_and_bad_pages(tmp_path: Path) -> None:
    assert load_recipe("small").name == "small"
    with pytest.raises(
        UnknownNameError, match=r"unknown recipe 'smal': choose one of .*did you mean 'small'"
    ):
        load_recipe("smal")
    with pytest.raises(UnknownNameError):
        load_recipe("../recipe")
    page = tmp_path / "mine.py"
    with pytest.raises(InputError, match="there is no recipe"):
        load_recipe(str(page))
    page.write_text("RECIPE = 1 / 0\n")
    with pytest.raises(InputError, match="fails: ZeroDivisionError"):
        load_recipe(str(page))
    page.write_text("RECIPES = 1\n")
    with pytest.raises(InputError, match="must define RECIPE"):
        load_recipe(str(page))
    page.write_text("from leukon.training.recipe import Recipe\nRECIPE = Recipe('mine')\n")
    assert load_recipe(str(page)).name == "mine"
