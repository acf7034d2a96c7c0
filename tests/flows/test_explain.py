"""``leukon explain`` and the background test from images to files."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest


@pytest.fixture
def images(tmp_path: Path, drawn_smear) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for label in ("lymphocyte", "neutrophil"):
        cv2.imwrite(
            str(folder / f"{label}.png"), drawn_smear((label, 60, 60), width=120, height=120)[..., ::-1]
        )
    (folder / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return folder


def test_a_bundle_is_explained_by_occlusion(command, tiny_bundle: Path, images: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = command("explain", tiny_bundle, images, "--out", out, "--json")
    assert done.code == 0, done.err
    summary = json.loads(done.out)
    assert summary == json.loads((out / "explanations.json").read_text())
    assert [Path(one["name"]).name for one in summary["skipped"]] == ["cut.png"]
    for row in summary["images"]:
        assert cv2.imread(str(out / row["overlay"])).shape[1] > 500
        assert 0 <= row["inside"]["occlusion"] <= 1
        assert 0.2 < row["cell_share"] < 0.8
    assert summary["mean"]["occlusion"] > 0
    assert set(summary["mean"]) == {"occlusion", "cell_share"}
    # Overlays are no inputs of the next run.
    again = command("explain", tiny_bundle, tmp_path, "--out", tmp_path / "again", "--json")
    assert len(json.loads(again.out)["images"]) == 2
    table = command("explain", tiny_bundle, images, "--out", out, "--label", "monocyte")
    assert "occlusion" in table.out
    assert json.loads((out / "explanations.json").read_text())["images"][0]["explained"] == "monocyte"


def test_a_bundle_has_no_layers(command, tiny_bundle: Path, images: Path, tmp_path: Path) -> None:
    done = command("explain", tiny_bundle, images, "--layers", "conv5_1", "--out", tmp_path / "out")
    assert done.code == 2
    assert "has no layer 'conv5_1' at hand: explain its training run" in done.err
    done = command("explain", tiny_bundle, images, "--label", "blast", "--out", tmp_path / "out")
    assert (done.code, "unknown class 'blast'" in done.err) == (2, True)


def test_nothing_to_explain_is_exit_code_1(command, tiny_bundle: Path, images: Path, tmp_path: Path) -> None:
    done = command("explain", tiny_bundle, images / "cut.png", "--out", tmp_path / "out")
    assert done.code == 1
    assert "skipped" in done.err


def test_a_run_is_explained_by_its_layers(command, images: Path, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from dataclasses import asdict

    from leukon.models import ModelSpec
    from leukon.pipeline import Frame, Pipeline
    from leukon.storage import write_json
    from leukon.training.recipe import Recipe
    from leukon.types import taxonomy_of

    torch.set_num_threads(1)
    taxonomy = taxonomy_of(["lymphocyte", "neutrophil"])
    recipe = Recipe("tiny", Pipeline(frame=Frame(side_px=64)), model=ModelSpec("timm", "test_resnet"))
    run = tmp_path / "run"
    write_json(run / "recipe.json", recipe.to_dict())
    write_json(run / "data.json", {"manifest": "", "taxonomy": [asdict(c) for c in taxonomy.classes]})
    state = {"network": recipe.model.build(2).state_dict(), "pipeline": recipe.pipeline.to_dict()}
    torch.save(state, run / "best.pt")
    arguments = ("explain", run, images, "--out", tmp_path / "out", "--json")
    summary = json.loads(command(*arguments, "--layers", "layer3,layer4,occlusion").out)
    assert list(summary["images"][0]["inside"]) == ["layer3", "layer4", "occlusion"]
    assert next(iter(json.loads(command(*arguments).out)["mean"])).startswith("layer4")


def test_the_background_test_is_in_the_scores_and_on_the_page(
    command, tiny_bundle: Path, images: Path, tmp_path: Path
) -> None:
    (images / "cut.png").unlink()
    manifest = images / "manifest.csv"
    manifest.write_text("path,label\n" + "".join(f"{n}.png,{n}\n" for n in ("lymphocyte", "neutrophil")))
    arguments = ("evaluate", tiny_bundle, "--data", manifest, "--split", "all", "--out", tmp_path / "out")
    assert json.loads(command(*arguments, "--json").out)["background"] == []
    done = command(*arguments, "--background-test")
    assert "Surroundings masked: accuracy drops by" in done.out
    drops = json.loads((tmp_path / "out" / "scores.json").read_text())["background"]
    assert [d["surroundings"] for d in drops] == ["masked", "recoloured"]
    assert "Does it look at the cell?" in (tmp_path / "out" / "evaluation.html").read_text()
