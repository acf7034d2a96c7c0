"""``leukon adapt`` from labelled images to a bundle that names them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leukon.imaging.files import write_image

from .conftest import CELL_COLOURS, Outcome, Picture

pytest.importorskip("onnx")

from leukon.adaptation.adapt import Adapted, adapt

Command = Callable[..., Outcome]
NAMES = ",".join(CELL_COLOURS)


@pytest.fixture
def labelled(drawn_smear: Callable[..., Picture]) -> Callable[..., Path]:
    """Write class folders of single cells, each with noise of its own."""

    def write(folder: Path, count: int, seed: int) -> Path:
        rng = np.random.default_rng(seed)
        for label in CELL_COLOURS:
            for i in range(count):
                image = drawn_smear((label, 40, 40), width=80, height=80) + rng.normal(0, 6, (80, 80, 3))
                path = folder / label / f"{i}.png"
                write_image(path, np.clip(image, 0, 255).astype(np.uint8))
        return folder

    return write


def accuracy(command: Command, bundle: Path, data: Path, out: Path) -> float:
    done = command("evaluate", bundle, "--data", data, "--split", "all", "--out", out, "--json")
    assert done.code == 0, done.err
    return float(json.loads(done.out)["balanced_accuracy"]["value"])


def test_a_few_labels_make_a_bundle_that_names_other_cells(
    command: Command, labelled: Callable[..., Path], tiny_bundle: Path, tmp_path: Path
) -> None:
    few, others = labelled(tmp_path / "few", 5, 1), labelled(tmp_path / "others", 6, 2)
    assert accuracy(command, tiny_bundle, others, tmp_path / "before") <= 0.7
    mine = tmp_path / "mine.leukon"
    done = command("adapt", tiny_bundle, "--data", few, "--out", mine, "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert told["written"] == str(mine) and told["before"] < told["after"]
    assert {name: n for name, n in told["cells"].items() if n} == dict.fromkeys(CELL_COLOURS, 5)
    assert accuracy(command, mine, others, tmp_path / "after") == 1


def test_the_table_says_what_was_gained_and_what_was_skipped(
    command: Command, labelled: Callable[..., Path], tiny_bundle: Path, tmp_path: Path
) -> None:
    few = labelled(tmp_path / "few", 4, 1)
    (few / "neutrophil" / "bad.png").write_text("text")
    done = command("adapt", tiny_bundle, "--data", few, "--out", tmp_path / "mine.leukon")
    assert done.code == 0
    assert "balanced accuracy" in done.out and "4 lymphocyte" in done.out
    assert "skipped neutrophil/bad.png" in done.err and f"wrote {tmp_path / 'mine.leukon'}" in done.err


def test_what_does_not_help_is_not_written(
    command: Command,
    labelled: Callable[..., Path],
    tiny_bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few, mine = labelled(tmp_path / "few", 3, 1), tmp_path / "mine.leukon"

    def adapted_for_the_worse(*arguments: Any, **options: Any) -> Adapted:
        done = adapt(*arguments, **options)
        return replace(done, figures=replace(done.figures, before=0.9, after=0.8))

    monkeypatch.setattr("leukon.adaptation.adapt.adapt", adapted_for_the_worse)
    done = command("adapt", tiny_bundle, "--data", few, "--out", mine)
    assert done.code == 1 and "do not help: nothing is written" in done.err
    assert not mine.exists()


def test_wrong_use_is_told_in_one_line(
    command: Command, labelled: Callable[..., Path], tiny_bundle: Path, tmp_path: Path
) -> None:
    few, mine = labelled(tmp_path / "few", 4, 1), tmp_path / "mine.leukon"
    (few / "lymphocyte").rename(few / "blast")
    unknown = command("adapt", tiny_bundle, "--data", few, "--out", mine)
    assert unknown.code == 2 and "labels that the model does not know: 'blast'" in unknown.err
    one = command("adapt", tiny_bundle, "--data", few, "--out", mine, "--classes", "neutrophil,monocyte")
    assert one.code == 2 and "needs two classes" in one.err
    for done in unknown, one:
        assert "Traceback" not in done.err and not mine.exists()


def test_images_without_labels(
    command: Command, labelled: Callable[..., Path], tiny_bundle: Path, tmp_path: Path
) -> None:
    images, mine = labelled(tmp_path / "images", 5, 1), tmp_path / "mine.leukon"
    (images / "bad.png").write_text("text")
    done = command("adapt", tiny_bundle, "--images", images, "--out", mine)
    assert done.code == 0, done.err
    assert "views of a cell named alike" in done.out and "15 cells of 15 images" in done.out
    assert "skipped bad.png" in done.err and mine.exists()
    both = command("adapt", tiny_bundle, "--images", images, "--data", images, "--out", mine)
    neither = command("adapt", tiny_bundle, "--out", mine)
    assert both.code == neither.code == 2 and "--data" in both.err and "--images" in neither.err
