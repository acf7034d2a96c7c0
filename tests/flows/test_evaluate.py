"""``leukon evaluate`` from a manifest on disk to the page."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from leukon.cli.evaluate import evaluate
from leukon.errors import ManifestError
from leukon.types import CellClass, Prediction, Taxonomy


class ByColour:
    """Tells violet nuclei from blue ones: enough to follow images through the command."""

    name, version, sha256 = "colour", "1", "ab" * 32

    def __init__(self, names=("blue", "grey", "violet")):
        self.taxonomy = Taxonomy(tuple(CellClass(name) for name in names))

    def restricted(self, names):
        return ByColour(self.taxonomy.restricted(names).names)

    def predict(self, cells):
        found = []
        for cell in cells:
            x, y = (round(value) for value in cell.box.centre)
            red, _, blue = cell.image[y - 2 : y + 3, x - 2 : x + 3].mean(axis=(0, 1))
            label = "violet" if red > 0.6 * blue else "blue"
            p = np.full(len(self.taxonomy), 0.1 / (len(self.taxonomy) - 1), np.float32)
            p[self.taxonomy.index(label)] = 0.9
            found.append(Prediction(label, p))
        return found


@pytest.fixture
def app(monkeypatch):
    import leukon.bundle

    monkeypatch.setattr(leukon.bundle, "load_bundle", lambda source: ByColour())
    app = typer.Typer()
    app.command()(evaluate)
    return app


@pytest.fixture
def manifest(tmp_path):
    folder = tmp_path / "data"
    (folder / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    rows = ["file,label,split"]
    for i in range(24):
        label = ("violet", "blue")[i % 2]
        image = np.full((120, 120, 3), (232, 222, 226), np.float64)
        colour = (120, 45, 140) if label == "violet" else (50, 55, 150)
        cv2.circle(image, (60, 60), 34, (205, 190, 225), -1)
        cv2.circle(image, (58 + i % 5, 60), 22, colour, -1)
        image = np.clip(cv2.GaussianBlur(image, (0, 0), 1.2) + rng.normal(0, 2, image.shape), 0, 255)
        cv2.imwrite(str(folder / "images" / f"{i}.png"), image.astype(np.uint8)[..., ::-1])
        rows.append(f"images/{i}.png,{label},{'test' if i < 20 else 'train'}")
    (folder / "images" / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    rows.append("images/cut.png,blue,test")
    path = folder / "manifest.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def test_scores_page_and_json(app, manifest, tmp_path):
    out = tmp_path / "out"
    result = CliRunner().invoke(app, ["any", "--data", str(manifest), "--out", str(out), "--json"])
    assert result.exit_code == 0, result.exception
    summary = json.loads(result.stdout)
    assert summary == json.loads((out / "scores.json").read_text())
    assert summary["cells"] == 20 and summary["balanced_accuracy"]["value"] == 1
    assert [item["name"].endswith("cut.png") for item in summary["skipped"]] == [True]
    assert summary["provenance"]["model_sha256"] == "ab" * 32
    assert "cut.png" in (out / "evaluation.html").read_text()


def test_the_table_tells_the_headline(app, manifest, tmp_path):
    result = CliRunner().invoke(
        app, ["any", "--data", str(manifest), "--out", str(tmp_path / "o"), "--split", "train"]
    )
    assert "Balanced accuracy 100.0" in result.stdout and "4 cells" in result.stdout


def test_labels_the_model_does_not_know(app, manifest, tmp_path):
    manifest.write_text(manifest.read_text().replace("images/2.png,violet", "images/2.png,blast"))
    arguments = ["any", "--data", str(manifest), "--out", str(tmp_path / "o")]
    error = CliRunner().invoke(app, arguments).exception
    assert isinstance(error, ManifestError) and "'blast'" in str(error) and "--classes" in str(error)
    result = CliRunner().invoke(app, [*arguments, "--classes", "violet,blue", "--json"])
    summary = json.loads(result.stdout)
    assert summary["provenance"]["left_out"] == {"blast": 1}
    assert summary["cells"] == 19 and [c["name"] for c in summary["classes"]] == ["blue", "violet"]


def test_an_empty_split_names_those_that_exist(app, manifest, tmp_path):
    arguments = ["any", "--data", str(manifest), "--out", str(tmp_path / "o"), "--split", "val"]
    error = CliRunner().invoke(app, arguments).exception
    assert isinstance(error, ManifestError) and "test (21), train (4)" in str(error)
