"""``leukon data audit --labels`` from class folders to a ranking and a sheet."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from leukon.imaging.files import read_image, write_image

from .conftest import CELL_COLOURS, Outcome, Picture

pytest.importorskip("cleanlab")
pytest.importorskip("onnx")

Command = Callable[..., Outcome]


def test_a_planted_label_error_is_ranked_first(
    command: Command, drawn_smear: Callable[..., Picture], tiny_bundle: Path, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    for label in CELL_COLOURS:
        for i in range(8):
            image = drawn_smear((label, 40, 40), width=80, height=80) + rng.normal(0, 6, (80, 80, 3))
            path = tmp_path / "cells" / label / f"{label}_{i}.png"
            write_image(path, np.clip(image, 0, 255).astype(np.uint8))
    (tmp_path / "cells/eosinophil/eosinophil_3.png").rename(tmp_path / "cells/lymphocyte/eosinophil_3.png")
    out = tmp_path / "out"
    done = command("data", "audit", tmp_path / "cells", "--labels", "--bundle", tiny_bundle, "--out", out)
    assert done.code == 0, done.err
    with (out / "label_errors.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 24 and [row["rank"] for row in rows[:2]] == ["1", "2"]
    first = rows[0]
    assert (first["path"], first["label"]) == ("lymphocyte/eosinophil_3.png", "lymphocyte")
    assert (first["suggested"], first["likely_wrong"]) == ("eosinophil", "yes")
    assert "1 labels are likely wrong" in done.err
    assert np.ptp(read_image(out / "label_errors.png")) > 100


def test_the_ranking_needs_a_folder_and_enough_cells(
    command: Command, drawn_smear: Callable[..., Picture], tiny_bundle: Path, tmp_path: Path
) -> None:
    for label in CELL_COLOURS:
        image = drawn_smear((label, 40, 40), width=80, height=80)
        write_image(tmp_path / "cells" / label / "1.png", image)
    here = "data", "audit", tmp_path / "cells", "--labels", "--bundle", tiny_bundle
    nowhere = command(*here)
    assert nowhere.code == 2 and "--out" in nowhere.err
    few = command(*here, "--out", tmp_path / "out", "--json")
    assert few.code == 2 and "20 cells of two classes or more, not 3 of 3" in few.err
    assert json.loads((tmp_path / "out" / "audit.json").read_text())
