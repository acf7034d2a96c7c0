"""The bars that leukocyte detection has to clear on real and generated fields of many microscopes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
import field_detection  # type: ignore[import-not-found]

BARS = [
    ("bccd", 0.97, 0.95),
    ("raabin_fields", 0.93, 0.93),
    ("pig_wbc", 0.80, 0.80),
    ("generated", 0.90, 0.90),
]


@pytest.mark.parametrize(("name", "recall", "precision"), BARS)
def test_leukocytes_of_fields_are_found(
    shared_data: Path, name: str, recall: float, precision: float
) -> None:
    scores = field_detection.score_fields(shared_data, name)
    assert scores["recall"] >= recall
    assert scores["precision"] >= precision


@pytest.mark.parametrize("name", ["jtsc", "bcisc", "bccd"])
def test_box_of_a_single_cell_agrees_with_its_mask(shared_data: Path, name: str) -> None:
    scores = field_detection.score_cells(shared_data, name, step=2)
    assert scores["median_iou"] >= 0.85
    assert scores["share_below_0.6"] <= 0.1
