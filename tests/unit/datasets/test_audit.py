"""Audits: planted copies are found, others are not, leaks are told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from leukon.cli.audit import audit as audit_command
from leukon.cli.split import split as split_command
from leukon.datasets.audit import audit
from leukon.datasets.manifest import Entry, Manifest, read_manifest, write_manifest
from leukon.datasets.near import fingerprint, near_pairs
from leukon.imaging.files import write_image

SIDE_PX = 120


def smear(seed: int) -> np.ndarray:
    """A pale ground with red discs and one violet cell in the middle, as single-cell sets show."""
    rng = np.random.default_rng(seed)
    image = np.full((SIDE_PX, SIDE_PX, 3), (235, 225, 220), np.uint8)
    for x, y in rng.integers(0, SIDE_PX, (7, 2)):
        cv2.circle(image, (int(x), int(y)), int(rng.integers(12, 17)), (215, 160, 165), -1)
    cv2.circle(image, (60, 60), 28, (190, 180, 215), -1)
    for x, y in rng.integers(48, 72, (3, 2)):
        cv2.circle(image, (int(x), int(y)), 11, (105, 60, 140), -1)
    noise = rng.normal(0, 3, image.shape)
    return np.clip(cv2.GaussianBlur(image, (0, 0), 1.2) + noise, 0, 255).astype(np.uint8)


def resaved(image: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 70])[1], 1))


COPIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "re-saved": resaved,
    "resized": lambda image: cv2.resize(image, (108, 108), interpolation=cv2.INTER_AREA),
    "halved": lambda image: cv2.resize(image, (60, 60), interpolation=cv2.INTER_AREA),
    "brighter": lambda image: cv2.add(image, (5, 5, 5, 0)),
    "16 bits": lambda image: image.astype(np.uint16) * 257,
}


@pytest.mark.parametrize("change", COPIES)
def test_copies_are_found_and_nothing_else(change: str) -> None:
    originals = [smear(seed) for seed in range(60)]
    prints = [fingerprint(image) for image in (*originals, *map(COPIES[change], originals))]
    found = {(i, j) for i, j, _ in near_pairs(prints)}
    planted = {(i, i + 60) for i in range(60)}
    assert len(found & planted) >= 59
    assert not found - planted


def test_a_black_frame_makes_no_copy() -> None:
    images = [smear(seed) for seed in range(40)]
    for image in images:
        cv2.fillPoly(image, [np.array([[0, 0], [120, 0], [120, 18], [0, 6]])], (0, 0, 0))
    assert list(near_pairs([fingerprint(image) for image in images])) == []


def test_plain_images_are_no_near_copies() -> None:
    plain = [np.full((40, 40, 3), value, np.uint8) for value in (0, 200, 255)]
    assert list(near_pairs([fingerprint(image) for image in plain])) == []
    assert list(near_pairs([])) == []


@pytest.fixture
def planted(tmp_path: Path) -> Manifest:
    for seed in range(8):
        write_image(tmp_path / f"{seed}.png", smear(seed))
    write_image(tmp_path / "near.png", resaved(smear(0)))
    (tmp_path / "exact.png").write_bytes((tmp_path / "1.png").read_bytes())
    (tmp_path / "other label.png").write_bytes((tmp_path / "2.png").read_bytes())
    (tmp_path / "harmless.png").write_bytes((tmp_path / "3.png").read_bytes())
    (tmp_path / "broken.png").write_bytes((tmp_path / "4.png").read_bytes()[:500])
    entries = [Entry(f"{seed}.png", "ig", split="train", subject=f"s{seed}") for seed in range(8)]
    entries += [Entry("near.png", "ig", split="test"), Entry("exact.png", "ig", split="val")]
    entries += [
        Entry("other label.png", "monocyte", split="train"),
        Entry("harmless.png", "ig", split="train"),
    ]
    entries += [Entry("broken.png", "ig", split="test", subject="s4")]
    return Manifest(tmp_path, tuple(entries))


def test_what_was_planted_is_reported(planted: Manifest) -> None:
    found = audit(planted)
    assert {(c.first, c.second, c.kind, c.leaks) for c in found.copies} == {
        ("0.png", "near.png", "near", True),
        ("1.png", "exact.png", "exact", True),
        ("2.png", "other label.png", "exact", False),
    }
    assert found.harmless_copies == 1
    assert [one.path for one in found.unreadable] == ["broken.png"]
    assert [(s.kind, s.name, s.splits) for s in found.straddlers] == [("subject", "s4", ("test", "train"))]
    assert found.counts["train"] == {"ig": 9, "monocyte": 1}
    assert found.counts["val"] == {"ig": 1, "monocyte": 0}
    assert found.leaks
    assert json.loads(json.dumps(found.to_dict()))["leaks"] is True


def test_without_leaks(planted: Manifest) -> None:
    assert not audit(planted.subset(split="train")).leaks
    whole = audit(planted.with_splits([""] * len(planted)))
    assert not whole.leaks
    assert [c.second for c in whole.copies] == ["other label.png"]


def test_a_changed_file_is_told(planted: Manifest) -> None:
    entries = (Entry("0.png", "ig", sha256="0" * 64), Entry("1.png", "ig"))
    found = audit(Manifest(planted.root, entries))
    assert [one.path for one in found.unreadable] == ["0.png"]
    assert "SHA-256" in found.unreadable[0].reason


def test_progress_counts_images(planted: Manifest) -> None:
    steps: dict[str, tuple[int, int]] = {}
    audit(planted, report=lambda what, done, total: steps.update({what: (done, total)}))
    images = len(set(planted.files))
    assert steps == {"Reading images": (images, images), "Comparing images": (images - 1, images - 1)}


def test_group_across_parts_leaks(planted: Manifest) -> None:
    pair = (Entry("5.png", "ig", split="train", group="g"), Entry("6.png", "ig", split="val", group="g"))
    found = audit(Manifest(planted.root, pair))
    assert found.leaks
    assert found.straddlers[0].name == "g"


def app_of(command: Callable[..., None]) -> typer.Typer:
    app = typer.Typer()
    app.command()(command)
    return app


def test_audit_command(planted: Manifest, tmp_path: Path) -> None:
    write_manifest(tmp_path / "m.csv", planted)
    result = CliRunner().invoke(app_of(audit_command), [str(tmp_path / "m.csv"), "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["leaks"] is True
    arguments = [str(tmp_path / "m.csv"), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app_of(audit_command), arguments)
    assert result.exit_code == 1
    assert "other label.png" in result.stdout
    assert "LEAKS" in result.stderr
    assert json.loads((tmp_path / "out" / "audit.json").read_text())["cells"] == len(planted)


def test_split_command_gives_what_audit_accepts(tmp_path: Path) -> None:
    for seed in range(40):
        write_image(tmp_path / "data" / ("ig" if seed % 2 else "monocyte") / f"{seed}.png", smear(seed))
    out = tmp_path / "split.csv"
    result = CliRunner().invoke(
        app_of(split_command), [str(tmp_path / "data"), "--out", str(out), "--seed", "1"]
    )
    assert result.exit_code == 0, result.output
    assert len(read_manifest(out).subset(split="train")) == 28
    result = CliRunner().invoke(app_of(audit_command), [str(out)])
    assert result.exit_code == 0
    assert "does not leak" in result.stderr
