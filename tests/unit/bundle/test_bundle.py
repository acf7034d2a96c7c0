"""Bundles: the trip to a file and back, and every way in which one can be damaged."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from leukon.bundle import (
    Bundle,
    Calibration,
    Contents,
    Novelty,
    Sample,
    load_bundle,
    read_bundle,
    write_bundle,
)
from leukon.bundle.runtime import Reading
from leukon.errors import BundleError, InputError, UnknownNameError
from leukon.export.onnx import to_onnx
from leukon.imaging.color.identity import Identity
from leukon.pipeline import Frame, Pipeline, Scale
from leukon.types import Box, Cell, CellClass, Taxonomy

TAXONOMY = Taxonomy((CellClass("a"), CellClass("b"), CellClass("c", "platelet")))


class MeanColour(nn.Module):
    """Logits are the channel means, so that the answer is known."""

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return 4 * batch.mean(dim=(2, 3))


def cell(red: int, green: int, blue: int) -> Cell:
    return Cell(np.full((20, 20, 3), (red, green, blue), np.uint8), Box(4, 4, 16, 16))


@pytest.fixture(scope="module")
def contents() -> Contents:
    pipeline = Pipeline(Identity(), Frame(side_px=8), scale=Scale((0.5,) * 3, (0.5,) * 3))
    network = MeanColour()
    cells = cell(200, 20, 20), cell(10, 20, 200)
    logits = network(torch.from_numpy(pipeline.batch(cells)))
    return Contents(
        name="tiny",
        version="1",
        taxonomy=TAXONOMY,
        pipeline=pipeline,
        calibration=Calibration(2.0, 0.6, ((9, 0, 0, 1), (0, 8, 1, 0), (0, 0, 7, 0))),
        provenance={"recipe": {"name": "none"}},
        onnx=to_onnx(network, channels=3, side_px=8),
        sample=Sample(cells, (logits / 2.0).softmax(dim=1).numpy()),
        card={"systems": []},
        card_text="# tiny\n",
    )


@pytest.fixture
def path(contents: Contents, tmp_path: Path) -> Path:
    write_bundle(tmp_path / "tiny.leukon", contents)
    return tmp_path / "tiny.leukon"


def test_what_was_written_is_read(contents: Contents, path: Path) -> None:
    found, sha256 = read_bundle(path)
    assert (found.name, found.taxonomy, found.pipeline) == ("tiny", TAXONOMY, contents.pipeline)
    assert (found.calibration, found.card, found.onnx) == (contents.calibration, contents.card, contents.onnx)
    assert load_bundle(path).sha256 == sha256


def test_bundles_without_measured_errors_are_read(contents: Contents, path: Path) -> None:
    assert load_bundle(path).confusion == contents.calibration.confusion
    with zipfile.ZipFile(path) as archive:
        header = json.loads(archive.read("bundle.json"))
    header["calibration"] = {"temperature": 2.0, "threshold": 0.6}
    rewritten(path, "bundle.json", json.dumps(header).encode())
    assert load_bundle(path).calibration == Calibration(2.0, 0.6)
    assert load_bundle(path).confusion == ()


def test_prediction_sets_hold_what_reaches_its_floor(contents: Contents, tmp_path: Path) -> None:
    floors = 0.9, 0.3, 0.05
    calibration = replace(contents.calibration, floors=floors)
    write_bundle(tmp_path / "sets.leukon", replace(contents, calibration=calibration))
    bundle = load_bundle(tmp_path / "sets.leukon")
    assert bundle.calibration == calibration
    shares = np.array([[0.95, 0.03, 0.02], [0.2, 0.35, 0.45], [0.8, 0.17, 0.03]], np.float32)
    assert [p.candidates for p in bundle.name_cells(Reading(shares))] == [("a",), ("c", "b"), ("a",)]
    kept = bundle.restricted(["a", "c"])
    assert [p.candidates for p in kept.name_cells(Reading(shares[:, [0, 2]]))] == [("a",), ("c",), ("a",)]


@pytest.fixture(scope="module")
def wary(contents: Contents, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle that knows the colours of its sample and takes all within a distance of 1 for familiar."""
    pipeline = contents.pipeline
    network = onnx.load_from_string(contents.onnx)
    # The channel means, a quarter of the logits, are the embedding.
    network.graph.initializer.append(onnx.numpy_helper.from_array(np.array(0.25, np.float32), "quarter"))
    network.graph.node.append(onnx.helper.make_node("Mul", ["logits", "quarter"], ["embedding"]))
    network.graph.output.append(onnx.helper.make_empty_tensor_value_info("embedding"))
    centres = tuple(tuple(row) for row in pipeline.batch(contents.sample.cells).mean(axis=(2, 3)).tolist())
    calibration = replace(contents.calibration, threshold=0.4, novelty=Novelty(centres, usual=0.1))
    path = tmp_path_factory.mktemp("wary") / "wary.leukon"
    write_bundle(path, replace(contents, onnx=network.SerializeToString(), calibration=calibration))
    assert load_bundle(path).calibration == calibration
    return load_bundle(path)


def test_what_is_unlike_training_has_no_name(wary: Bundle) -> None:
    usual, strange = wary.predict([cell(200, 20, 20), cell(250, 250, 20)])
    assert usual.novelty == pytest.approx(0, abs=1e-6) and usual.status == "ok"
    assert strange.novelty > 1 and strange.status == "unidentified"
    assert strange.reason.startswith("unlike the cells that the classifier was trained on")


def test_a_strange_system_makes_it_less_sure(wary: Bundle) -> None:
    known = wary.predict([cell(200, 20, 20)] * 12)
    assert wary.at_system(known) == known
    shifted = wary.predict([cell(170, 60, 20)] * 12)
    excess = wary.excess(shifted)
    assert excess == pytest.approx(shifted[0].novelty / 0.1) and excess > 1
    assert wary.excess(shifted[:9]) == 1
    after = wary.at_system(shifted)[0]
    before = np.log(shifted[0].probabilities.astype(np.float64))
    flattened = np.log(after.probabilities.astype(np.float64))
    np.testing.assert_allclose(np.diff(flattened), np.diff(before) / excess, atol=1e-5)
    assert after.label == shifted[0].label and after.novelty == shifted[0].novelty


def test_on_a_strange_system_another_opinion_holds(wary: Bundle, tmp_path: Path) -> None:
    network = onnx.load_from_string(wary.contents.onnx)
    network.graph.node.append(onnx.helper.make_node("Neg", ["logits"], ["abroad"]))
    network.graph.output.append(onnx.helper.make_empty_tensor_value_info("abroad"))
    path = tmp_path / "two.leukon"
    write_bundle(path, replace(wary.contents, onnx=network.SerializeToString()))
    two = load_bundle(path)
    known, shifted = (two.predict([cell(*color)] * 12) for color in ((200, 20, 20), (170, 60, 20)))
    assert two.at_system(known) == known and known[0].label == "a"
    assert shifted[0].label == "a" and two.at_system(shifted)[0].label == "c"


def test_the_same_contents_give_the_same_bytes(contents: Contents, path: Path) -> None:
    write_bundle(path.with_name("again.leukon"), contents)
    assert path.read_bytes() == path.with_name("again.leukon").read_bytes()


def test_it_predicts_what_the_network_says(contents: Contents, path: Path) -> None:
    cells = [cell(250, 30, 30), cell(30, 240, 60), cell(120, 121, 122)]
    logits = MeanColour()(torch.from_numpy(contents.pipeline.batch(cells)))
    expected = (logits / 2).softmax(dim=1).numpy()
    predictions = load_bundle(path).predict(cells)
    np.testing.assert_allclose([p.probabilities for p in predictions], expected, atol=1e-5)
    assert [p.label for p in predictions] == ["a", "b", TAXONOMY.names[int(expected[2].argmax())]]
    assert [p.status for p in predictions] == ["ok", "ok", "unidentified"]
    assert "below 0.60" in predictions[2].reason
    assert load_bundle(path).predict([]) == []


def test_restricting_renormalises(path: Path) -> None:
    whole = load_bundle(path)
    some = whole.restricted(["c", "a"])
    assert some.taxonomy.names == ("a", "c")
    full = whole.predict([cell(200, 90, 60)])[0].probabilities
    part = some.predict([cell(200, 90, 60)])[0].probabilities
    np.testing.assert_allclose(part, full[[0, 2]] / full[[0, 2]].sum(), rtol=1e-5)
    assert some.restricted(["a", "c"]).taxonomy.names == ("a", "c")
    with pytest.raises(UnknownNameError, match="unknown class 'd': choose one of a, b, c"):
        whole.restricted(["a", "d"])
    with pytest.raises(InputError, match="at least two"):
        whole.restricted(["a"])


def test_another_threshold_names_other_cells(contents: Contents, path: Path) -> None:
    whole = load_bundle(path)
    assert whole.with_threshold(0.6) is whole
    bold, shy = whole.with_threshold(0.0), whole.with_threshold(1.0)
    assert (bold.confusion, bold.sha256) == ((), whole.sha256)
    cells = [cell(200, 90, 60), cell(90, 200, 60), cell(130, 128, 129)]
    assert {one.status for one in bold.predict(cells)} == {"ok"}
    assert {one.status for one in shy.predict(cells)} == {"unidentified"}
    again = pickle.loads(pickle.dumps(bold.restricted(["a", "c"])))
    assert (again.calibration.threshold, again.taxonomy.names) == (0.0, ("a", "c"))
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(InputError, match="is not between 0 and 1"):
            whole.with_threshold(wrong)


def rewritten(path: Path, name: str, data: bytes | None) -> None:
    """Replace or drop one member of the zip file."""
    with zipfile.ZipFile(path) as archive:
        members = {n: archive.read(n) for n in archive.namelist()}
    members.pop(name)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for member, content in (members | ({name: data} if data is not None else {})).items():
            archive.writestr(member, content)
    path.write_bytes(buffer.getvalue())


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda p: p.unlink(), "cannot read bundle"),
        (lambda p: p.write_bytes(b""), "not a bundle"),
        (lambda p: p.write_text("no zip"), "not a bundle"),
        (lambda p: p.write_bytes(p.read_bytes()[:-400]), "not a bundle"),
        (lambda p: rewritten(p, "model.onnx", None), "not a bundle"),
        (lambda p: rewritten(p, "model.onnx", b"other"), "model.onnx does not match its hash"),
        (lambda p: rewritten(p, "bundle.json", b"{}"), "not a bundle"),
        (lambda p: rewritten(p, "bundle.json", b'{"format": 99}'), "bundle format 99, this Leukon reads 1"),
    ],
)
def test_damage_is_told_in_one_line(path: Path, damage, message: str) -> None:
    damage(path)
    with pytest.raises(BundleError, match=message) as caught:
        load_bundle(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_no_flipped_byte_changes_what_it_says(path: Path) -> None:
    intact, data = load_bundle(path).predict([cell(200, 90, 60)])[0], path.read_bytes()
    refused = 0
    for at in range(0, len(data), len(data) // 60):
        path.write_bytes(flip(data, at))
        try:
            prediction = load_bundle(path).predict([cell(200, 90, 60)])[0]
        except BundleError:
            refused += 1
        else:  # a byte that zip files do not use
            np.testing.assert_array_equal(prediction.probabilities, intact.probabilities)
    assert refused > 30


def test_a_bundle_that_drifts_is_refused(contents: Contents, path: Path) -> None:
    sample = contents.sample
    write_bundle(path, replace(contents, sample=replace(sample, probabilities=sample.probabilities[::-1])))
    with pytest.raises(BundleError, match="does not replay its sample"):
        load_bundle(path)
    nan = np.full_like(sample.probabilities, np.nan)
    write_bundle(path, replace(contents, sample=replace(sample, probabilities=nan)))
    with pytest.raises(BundleError, match="does not replay its sample"):
        load_bundle(path)


def test_a_file_that_is_no_network_is_refused(contents: Contents, path: Path) -> None:
    write_bundle(path, replace(contents, onnx=b"no network"))
    with pytest.raises(BundleError, match="no network that can run"):
        load_bundle(path)


@pytest.mark.parametrize(("name", "most_bytes"), [("small", 15_000_000), ("accurate", 40_000_000)])
def test_the_shipped_bundles_load_by_name(name: str, most_bytes: int) -> None:
    bundle = load_bundle(name)
    assert isinstance(bundle, Bundle)
    assert bundle.name == name
    assert bundle.path.stat().st_size <= most_bytes
    assert (bundle.sha256 == load_bundle().sha256) is (name == "small")
    assert {s["name"] for s in bundle.card["systems"]} >= {"pbc", "bcisc", "jtsc", "bccd"}


def test_the_readme_tells_what_the_cards_say() -> None:
    readme = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
    systems = [load_bundle(name).card["systems"] for name in ("small", "accurate")]
    for both in zip(*systems, strict=True):
        figures = [f"{s['balanced_accuracy']:.3f} ({s['low']:.3f}–{s['high']:.3f})" for s in both]
        assert f"| {both[0]['name']}: {both[0]['kind']} | {' | '.join(figures)} |" in readme
