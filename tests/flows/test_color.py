"""`leukon color` and ``--color``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from leukon.datasets.synthetic.render import draw_cell_image
from leukon.datasets.synthetic.systems import SYSTEMS
from leukon.imaging.files import read_image, write_image


@pytest.fixture(scope="module")
def systems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draw the same cells through two systems of one scale."""
    folder = tmp_path_factory.mktemp("systems")
    labels = "neutrophil", "lymphocyte", "monocyte", "eosinophil"
    for name in ("led-x", "halogen-y"):
        for i in range(10):
            image = draw_cell_image(labels[i % 4], i, side_px=150, system=SYSTEMS[name])[0]
            write_image(folder / name / f"{i}.png", image)
    return folder


def difference(a: Path, b: Path) -> float:
    files = sorted(path.name for path in b.glob("*.png"))
    return float(np.mean([np.abs(read_image(a / f).astype(int) - read_image(b / f)).mean() for f in files]))


@pytest.mark.parametrize("options", [(), ("--pairs",)])
def test_fit_and_apply(command, systems, tmp_path, options) -> None:
    x, y, path = systems / "led-x", systems / "halogen-y", tmp_path / "map.json"
    fitted = command(
        "color", "fit", "density", "--source", x, "--target", y, *options, "--out", path, "--json"
    )
    assert fitted.code == 0, fitted.err
    summary = json.loads(fitted.out)
    assert summary["fit_quality"]["delta_e_after"] < summary["fit_quality"]["delta_e_before"]
    assert summary["skipped"] == []
    done = command("color", "apply", path, x, "--out", tmp_path / "out", "--json")
    assert done.code == 0, done.err
    summary = json.loads(done.out)
    assert (len(summary["written"]), summary["warning"], summary["unchanged"]) == (10, "", [])
    assert difference(y, tmp_path / "out") < 0.5 * difference(y, x)


def test_bad_pairs_are_listed(command, systems, tmp_path) -> None:
    for name in ("led-x", "halogen-y"):
        for path in (systems / name).glob("*.png"):
            write_image(tmp_path / name / path.name, read_image(path))
    x, y = tmp_path / "led-x", tmp_path / "halogen-y"
    write_image(y / "0.png", read_image(y / "0.png")[:100])
    (y / "1.png").rename(y / "only.png")
    args = "color", "fit", "affine", "--source", x, "--target", y, "--pairs", "--out", tmp_path / "m.json"
    done = command(*args)
    assert done.code == 0, done.err
    assert "left out 0: sizes differ: 150×150 and 150×100 px" in done.err
    assert f"1.png: no image of its name in {y}" in done.err
    assert "on 8 pairs" in done.err
    write_image(y / "2.png", read_image(y / "3.png"))
    done = command(*args)
    assert done.code == 2
    assert "7 usable pairs: a fit needs 8 or more" in done.err


def test_wrong_use_is_told(command, systems, tmp_path) -> None:
    x, out = systems / "led-x", tmp_path / "m.json"
    few = tmp_path / "few"
    write_image(few / "a.png", read_image(x / "0.png"))
    for source, target, options, message in (
        (few, "pbc", (), "few shows 1 whole stained cells in 1 usable images: a fit needs 8 or more"),
        (x, "pbc", ("--pairs",), "--pairs needs a folder"),
        (x, few, ("--pairs",), "share no image by name"),
        (x, "pbcc", (), "pbcc"),
    ):
        done = command(
            "color", "fit", "density", "--source", source, "--target", target, *options, "--out", out
        )
        assert done.code == 2
        assert message in done.err
        assert "Traceback" not in done.err
    assert not out.exists()
    assert (
        "choose one of"
        in command("color", "fit", "densty", "--source", x, "--target", "pbc", "--out", out).err
    )


def test_apply_warns_and_keeps_what_it_cannot_map(command, systems, tmp_path) -> None:
    path = tmp_path / "map.json"
    x = systems / "led-x"
    command("color", "fit", "density", "--source", x, "--target", "pbc", "--out", path)
    mixed = tmp_path / "mixed"
    for i in range(4):
        image = draw_cell_image("neutrophil", i, side_px=150, system=SYSTEMS["yellow-fast-stain"])[0]
        write_image(mixed / f"{i}.png", image)
    black = np.zeros((20, 20, 3), np.uint16)
    write_image(mixed / "black.tif", black)
    (mixed / "bad.png").write_bytes(b"text")
    done = command("color", "apply", path, mixed, "--out", tmp_path / "out")
    assert done.code == 0
    assert "warning: the images do not look like led-x" in done.err
    assert "black.tif: too dark" in done.err
    assert "bad.png" in done.err
    np.testing.assert_array_equal(read_image(tmp_path / "out" / "black.png"), black)
    done = command("color", "apply", path, mixed, "--out", mixed)
    assert done.code == 2
    assert "would be replaced by what is made of it" in done.err


def test_classify_and_analyze_say_what_they_did(command, systems, tmp_path, tiny_bundle) -> None:
    for name in ("classify", "analyze"):
        out = tmp_path / name
        options = "--bundle", tiny_bundle, "--color", "auto", "--out", out, "--json"
        done = command(name, systems / "led-x", *options)
        assert done.code == 0, done.err
        assert (
            "unknown imaging system; density to pbc"
            in json.loads(done.out)["provenance"]["settings"]["colour"]
        )
    assert "unknown imaging system; density to pbc" in (out / "report.html").read_text()


def test_compare(command, systems, tmp_path, tiny_bundle) -> None:
    x, y = systems / "led-x", systems / "halogen-y"
    for method in ("density", "affine"):
        path = tmp_path / f"{method}.json"
        assert command("color", "fit", method, "--source", x, "--target", y, "--out", path).code == 0
    maps = tmp_path / "density.json", tmp_path / "affine.json"
    options = "--source", x, "--target", y, "--bundle", tiny_bundle, "--out", tmp_path / "out"
    done = command("color", "compare", *maps, *options, "--pairs", "--json")
    assert done.code == 0, done.err
    summary = json.loads(done.out)
    assert summary == json.loads((tmp_path / "out" / "comparison.json").read_text())
    none, density, _ = summary["maps"]
    assert [one["name"] for one in summary["maps"]] == ["none", "density", "affine"]
    assert density["psnr"] > none["psnr"]
    assert none["agreement"]["low"] < none["agreement"]["value"] < none["agreement"]["high"]
    assert read_image(tmp_path / "out" / "sheet.png").shape[1] == 4 * 128
    done = command("color", "compare", *maps, *options)
    assert done.code == 0, done.err
    assert "density" in done.out
    assert command("color", "compare", maps[0], maps[0], *options).code == 2


def test_networks(command, systems, tmp_path, tiny_bundle) -> None:
    x, y, path = systems / "led-x", systems / "halogen-y", tmp_path / "net.onnx"
    args = "color", "fit", "ccgan", "--source", x, "--target", y, "--out", path
    done = command(*args, "--pairs", "--steps", "1")
    assert done.code == 0, done.err
    assert "fitted ccgan from led-x to halogen-y on 10 pairs" in done.err
    assert (tmp_path / "net.training" / "sheet-000001.png").exists()
    done = command("color", "apply", path, x, "--out", tmp_path / "out", "--json")
    assert (done.code, len(json.loads(done.out)["written"])) == (0, 10), done.err
    done = command("classify", x, "--bundle", tiny_bundle, "--color", path, "--out", tmp_path / "c", "--json")
    assert "network from led-x" in json.loads(done.out)["provenance"]["settings"]["colour"], done.err
    closed = "color", "fit", "density", "--source", x, "--target", y, "--out", tmp_path / "m.json"
    for wrong, message in (
        (args, "without them take cyclegan"),
        ((*args[:-1], tmp_path / "a.json", "--pairs"), "with the suffix .onnx"),
        ((*args, "--pairs", "--perceptual", "small"), "ccgan has no feature loss"),
        ((*args, "--pairs", "--size", "large"), "unknown size 'large'"),
        ((*closed, "--steps", "3"), "--steps is for networks"),
        (("color", "fit", "cyclegan", "--source", x, "--target", "pbc", "--out", path), "not images"),
    ):
        done = command(*wrong)
        assert done.code == 2
        assert message in done.err


def test_pair(command, systems, tmp_path) -> None:
    x, y = tmp_path / "x", tmp_path / "y"
    names = {"0": "c", "1": "a", "4": "b"}  # images whose edge cuts the cell have no pair
    for i, name in names.items():
        write_image(x / f"{i}.png", read_image(systems / "led-x" / f"{i}.png"))
        turned = np.rot90(read_image(systems / "halogen-y" / f"{i}.png"))
        write_image(y / f"{name}.png", np.ascontiguousarray(turned))
    (y / "bad.png").write_bytes(b"text")
    done = command("color", "pair", x, y, "--out", tmp_path / "out", "--json")
    assert done.code == 0, done.err
    summary = json.loads(done.out)
    assert summary == json.loads((tmp_path / "out" / "pairs.json").read_text())
    assert len(summary["pairs"]) == 3
    for row in summary["pairs"]:
        assert Path(row["second"]).stem == names[Path(row["first"]).stem]
        assert row["rotation_degrees"] == pytest.approx(-90, abs=1)
        a, b = (read_image(tmp_path / "out" / side / row["name"]) for side in ("first", "second"))
        assert a.shape == b.shape
    assert [Path(one["name"]).name for one in summary["skipped"]] == ["bad.png"]
    blank = tmp_path / "blank"
    write_image(blank / "a.png", np.full((50, 50, 3), 220, np.uint8))
    done = command("color", "pair", x, blank, "--out", tmp_path / "none")
    assert done.code == 1
    assert "aligned 0 cells, left out 3" in done.err


def test_a_table_from_pairs(command, systems, tmp_path) -> None:
    x, y, path = systems / "led-x", systems / "halogen-y", tmp_path / "table.json"
    fit = "color", "fit", "table", "--source", x, "--target", y, "--out", path
    assert "is fitted to --pairs" in command(*fit).err
    for folder in (x, y):  # two of each, turned
        for file in list(folder.glob("*.png")):
            write_image(tmp_path / folder.name / file.name, read_image(file))
            turned = np.ascontiguousarray(np.rot90(read_image(file)))
            write_image(tmp_path / folder.name / f"{file.stem}-turned.png", turned)
    x, y = tmp_path / "led-x", tmp_path / "halogen-y"
    done = command("color", "fit", "table", "--source", x, "--target", y, "--pairs", "--out", path, "--json")
    assert done.code == 0, done.err
    quality = json.loads(done.out)["fit_quality"]
    assert quality["delta_e_after"] < quality["delta_e_before"]
    assert command("color", "apply", path, x, "--out", tmp_path / "out").code == 0
    assert difference(tmp_path / "out", y) < 0.5 * difference(x, y)


def test_distil(command, systems, tmp_path, tiny_bundle) -> None:
    x, path, fast = systems / "led-x", tmp_path / "map.json", tmp_path / "fast.json"
    fit = "color", "fit", "hedlund_morell", "--source", x, "--target", systems / "halogen-y", "--out", path
    assert command(*fit).code == 0
    many = tmp_path / "many"
    for turns in (0, 1):
        for file in x.glob("*.png"):
            write_image(
                many / f"{file.stem}-{turns}.png", np.ascontiguousarray(np.rot90(read_image(file), turns))
            )
    done = command("color", "distil", path, "--source", many, "--out", fast, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["delta_e"] < 2
    done = command("color", "apply", fast, x, "--out", tmp_path / "out")
    assert done.code == 0, done.err
    assert command("color", "apply", path, x, "--out", tmp_path / "slow").code == 0
    assert difference(tmp_path / "out", tmp_path / "slow") < 0.5 * difference(x, tmp_path / "slow")
    few = command("color", "distil", path, "--source", x, "--out", fast)
    assert (few.code, "a table needs 8" in few.err) == (2, True)
