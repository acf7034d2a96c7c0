"""Support vector machines on deep features, in the same bench as networks."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from leukon.bundle import load_bundle
from leukon.datasets.manifest import Manifest, read_manifest
from leukon.errors import InputError, ManifestError
from leukon.export.bundle import export_runs
from leukon.models import ModelSpec, Network
from leukon.models.svm import Kernel
from leukon.pipeline import Frame, Pipeline
from leukon.segmentation import MEASUREMENTS
from leukon.segmentation.morphology import Morphology
from leukon.training.augment import Augmentation
from leukon.training.loader import load_cells
from leukon.training.loop import train
from leukon.training.recipe import Recipe, Svm
from leukon.training.run import load_classifier
from leukon.training.svm import embed_training_part, fit_svm
from leukon.types import taxonomy_of

torch.set_num_threads(1)
TAXONOMY = taxonomy_of(["lymphocyte", "neutrophil"])
RECIPE = Recipe(
    name="svm",
    pipeline=Pipeline(frame=Frame(side_px=32)),
    augmentation=Augmentation(extent="geometry"),
    model=ModelSpec("timm", "test_resnet"),
    epochs=2,
    svm=Svm(penalties=(0.01, 1.0)),
)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    root = tmp_path_factory.mktemp("cells")
    rng = np.random.default_rng(0)
    for split, count in (("train", 12), ("val", 6)):
        for radius, label in ((14, "lymphocyte"), (22, "neutrophil")):
            (root / split / label).mkdir(parents=True)
            for i in range(count):
                image = np.full((80, 80, 3), (230, 226, 232), np.uint8)
                x, y = rng.integers(34, 46, 2).tolist()
                cv2.circle(image, (x, y), 30, (216, 186, 214), -1)
                cv2.circle(image, (x, y), radius, (128, 44, 88), -1)
                cv2.imwrite(str(root / split / label / f"{i}.png"), image)
    return read_manifest(root)


@pytest.fixture(scope="module")
def run(manifest: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "svm"
    train(RECIPE, manifest, out, taxonomy=TAXONOMY)
    return out


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
@pytest.mark.parametrize("classes", [2, 4])
def test_it_is_scikit_learns_machine(kernel: Kernel, classes: int) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(80) % classes
    features = (rng.normal(size=(80, 6)) * [1, 5, 0.1, 2, 1, 1] + labels[:, None]).astype(np.float32)
    features[:, 5] = 3.0  # says nothing
    head = fit_svm(features, labels, classes, kernel=kernel, penalty=2.0)
    found = head(torch.from_numpy(features)).numpy()
    for k in range(classes):
        gamma = 1 / 6
        # The linear kernel is divided by the number of features, which C takes up.
        machine = SVC(
            C=2.0 if kernel == "rbf" else 2.0 * gamma, kernel=kernel, gamma=gamma, class_weight="balanced"
        )
        reference = make_pipeline(StandardScaler(), machine).fit(features, labels == k)
        np.testing.assert_allclose(found[:, k], reference.decision_function(features), atol=5e-3)


def test_it_tells_cells_apart_and_keeps_the_best_penalty(run: Path, manifest: Manifest) -> None:
    history = json.loads((run / "history.json").read_text())
    assert [row["penalty"] for row in history] == [0.01, 1.0]
    data = load_cells(manifest.subset(split="val"), TAXONOMY, RECIPE.pipeline)
    classifier = load_classifier(run)
    right = np.mean(
        [
            p.label == TAXONOMY.names[k]
            for p, k in zip(classifier.predict(data.cells), data.labels, strict=True)
        ]
    )
    assert right == max(row["balanced_accuracy"] for row in history) > 0.9
    best = next(row for row in history if row["balanced_accuracy"] == right)
    assert len(classifier.network.head.vectors) == best["support_vectors"]


def test_a_stopped_run_goes_on_with_the_features_that_it_has(
    run: Path, manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class StoppedError(Exception):
        pass

    def stop(stage: str, _done: int, _total: int) -> None:
        if stage == "features of val":
            raise StoppedError

    with pytest.raises(StoppedError):
        train(RECIPE, manifest, tmp_path, taxonomy=TAXONOMY, report=stop)
    embedded = []
    embed = Network.embed

    def counting(self: Network, batch: torch.Tensor) -> torch.Tensor:
        embedded.append(len(batch))
        return embed(self, batch)

    monkeypatch.setattr(Network, "embed", counting)
    train(RECIPE, manifest, tmp_path, taxonomy=TAXONOMY)
    assert embedded == []  # all were computed before the stop
    assert (tmp_path / "history.json").read_text() == (run / "history.json").read_text()
    states = [torch.load(folder / "best.pt")["network"] for folder in (run, tmp_path)]
    assert all(torch.equal(t, states[1][n]) for n, t in states[0].items())
    assert not (tmp_path / "features").exists()


def test_damaged_features_are_named(manifest: Manifest, tmp_path: Path) -> None:
    (tmp_path / "features" / "val").mkdir(parents=True)
    (tmp_path / "features" / "val" / "0.npy").write_bytes(b"half")
    with pytest.raises(InputError, match=r"features .*0\.npy are damaged .*delete the file"):
        train(RECIPE, manifest, tmp_path, taxonomy=TAXONOMY)
    np.save(tmp_path / "features" / "val" / "0.npy", np.zeros((3, 2), np.float32))
    with pytest.raises(InputError, match="are of another run"):
        train(RECIPE, manifest, tmp_path, taxonomy=TAXONOMY)


def test_augmented_cells_are_seen_anew_in_every_pass(manifest: Manifest, tmp_path: Path) -> None:
    data = load_cells(manifest.subset(split="train"), TAXONOMY, RECIPE.pipeline)
    features, labels = embed_training_part(
        RECIPE.model.build(2), RECIPE.pipeline, data, tmp_path,
        augmentation=RECIPE.augmentation, passes=2, seed=0, advance=lambda _n: None,
    )  # fmt: skip
    first, second = np.split(features, 2)
    assert first.shape == (24, 96) and not np.array_equal(first, second)
    assert labels.tolist() == data.labels.tolist() * 2


def test_its_bundle_needs_no_torch(run: Path, manifest: Manifest, tmp_path: Path) -> None:
    export_runs([run], tmp_path / "svm.leukon", manifest, name="svm")
    bundle = load_bundle(tmp_path / "svm.leukon")
    cells = load_cells(manifest.subset(split="val"), TAXONOMY, RECIPE.pipeline).cells
    logits = load_classifier(run).logits(cells) / bundle.calibration.temperature
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose([p.probabilities for p in bundle.predict(cells)], shares, atol=1e-3)


def test_morphology_tells_cells_apart_and_ships(manifest: Manifest, tmp_path: Path) -> None:
    recipe = replace(
        RECIPE,
        pipeline=Pipeline(frame=Frame(side_px=1), space=Morphology()),
        fit_scale=True,
        augmentation=Augmentation(extent="none"),
        model=ModelSpec("linear"),
        epochs=1,
    )
    classifier = train(recipe, manifest, tmp_path / "run", taxonomy=TAXONOMY)
    data = load_cells(manifest.subset(split="val"), TAXONOMY, recipe.pipeline)
    named = [TAXONOMY.index(p.label) for p in classifier.predict(data.cells)]
    np.testing.assert_array_equal(named, data.labels)  # one class has much more nucleus than the other
    export_runs([tmp_path / "run"], tmp_path / "m.leukon", manifest, name="m")
    bundle = load_bundle(tmp_path / "m.leukon")
    assert bundle.prepare(data.cells).shape == (12, len(MEASUREMENTS), 1, 1)
    assert [TAXONOMY.index(p.label) for p in bundle.predict(data.cells)] == named


def test_every_class_must_occur(manifest: Manifest, tmp_path: Path) -> None:
    recipe = replace(RECIPE, epochs=1)
    with pytest.raises(ManifestError, match="a class has no cells in the train part"):
        train(recipe, manifest, tmp_path, taxonomy=taxonomy_of([*TAXONOMY.names, "monocyte"]))


def test_the_command(
    manifest: Manifest, tmp_path: Path, command: Callable[..., tuple[int, str, str]]
) -> None:
    page = tmp_path / "page.py"
    page.write_text(
        "from leukon.training.recipe import *\nfrom leukon.models import ModelSpec\n"
        "from leukon.pipeline import Frame, Pipeline\n"
        "RECIPE = Recipe('svm', pipeline=Pipeline(frame=Frame(side_px=32)),\n"
        "    model=ModelSpec('timm', 'test_resnet'), epochs=1, svm=Svm('linear', (1.0,)))\n"
    )
    code, printed, told = command("train", page, "--data", manifest.root, "--out", tmp_path / "run", "--json")
    assert (code, told) == (0, "")
    assert json.loads(printed)["penalty"] == 1.0
    code, printed, _ = command(
        "evaluate",
        tmp_path / "run",
        "--data",
        manifest.root,
        "--split",
        "val",
        "--out",
        tmp_path / "s",
        "--json",
    )
    assert code == 0 and json.loads(printed)["cells"] == 12
