"""The shipped bundle keeps what its card promises."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

import leukon
from leukon.datasets.manifest import Manifest, read_manifest
from leukon.datasets.synthetic import write_cells

FIVE = "basophil", "eosinophil", "lymphocyte", "monocyte", "neutrophil"


def balanced_accuracy(manifest: Manifest, classes: Iterable[str] | None = None) -> float:
    """Classify as a user would, the cells found by Leukon itself."""
    paths = [manifest.root / entry.path for entry in manifest.entries]
    result = leukon.classify(paths, classes=None if classes is None else tuple(classes))
    named = [image.prediction.label if image.prediction else "" for image in result.images]
    truth = np.array([entry.label for entry in manifest.entries])
    right = np.array(named) == truth
    return float(np.mean([right[truth == label].mean() for label in np.unique(truth)]))


def test_generated_cells_of_unseen_seeds(tmp_path: Path) -> None:
    write_cells(tmp_path, 15, 4242, split="test")
    assert balanced_accuracy(read_manifest(tmp_path)) >= 0.86  # 0.93 is measured on 100 a class


def test_pbc(shared_data: Path) -> None:
    assert balanced_accuracy(read_manifest(shared_data / "pbc").subset(split="test")) >= 0.97


@pytest.mark.parametrize("name", ["bcisc", "jtsc"])
def test_other_systems_keep_to_the_card(shared_data: Path, name: str) -> None:
    card = leukon.load_bundle().card
    low = next(system["low"] for system in card["systems"] if system["name"] == name)
    assert balanced_accuracy(read_manifest(f"{name}:{shared_data / name}"), FIVE) >= low - 0.02
