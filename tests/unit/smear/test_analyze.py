"""What a field's cells become, with a classifier whose answers are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from leukon.imaging.files import write_image
from leukon.smear import analyze, classify
from leukon.smear.analyze import PREVIEWS, settle
from leukon.types import PERIPHERAL_BLOOD, Cell, Prediction, Status, Taxonomy


@dataclass
class Always:
    """Names every cell a neutrophil; with a hash, so that its results are kept."""

    sha256: str = "0"
    taxonomy: Taxonomy = PERIPHERAL_BLOOD
    seen: list[str] = field(default_factory=list)

    def predict(self, cells: Sequence[Cell]) -> list[Prediction]:
        self.seen += [cell.name for cell in cells]
        return [named("neutrophil") for _ in cells]


def named(label: str, status: Status = "ok", reason: str = "") -> Prediction:
    shares = np.full(8, 0.02, np.float32)
    shares[PERIPHERAL_BLOOD.index(label)] = 0.86
    return Prediction(label, shares, status, reason)


def smear(*centres: tuple[int, int], width: int = 320, height: int = 240) -> npt.NDArray[np.uint8]:
    """Red cells on a grid, and a leukocyte at each centre."""
    image = np.full((height, width, 3), (232, 228, 226), np.uint8)
    for x in range(20, width, 55):
        for y in range(20, height, 55):
            if all(np.hypot(x - a, y - b) > 48 for a, b in centres):
                cv2.circle(image, (x, y), 18, (222, 160, 150), -1, cv2.LINE_AA)
    for centre in centres:
        cv2.circle(image, centre, 27, (196, 180, 214), -1, cv2.LINE_AA)
        cv2.circle(image, centre, 19, (104, 52, 146), -1, cv2.LINE_AA)
    return image


@pytest.mark.parametrize(
    ("prediction", "flags", "status", "reason"),
    [
        (named("monocyte"), (), "ok", ""),
        (named("erythroblast"), (), "ok", ""),
        (named("platelet"), (), "excluded", "platelet"),
        (named("monocyte"), ("border",), "excluded", "cut by the image's edge"),
        (named("monocyte"), ("broken",), "excluded", "smudge or broken cell"),
        (named("monocyte", "unidentified", "0.4 is low"), (), "unidentified", "0.4 is low"),
        (named("platelet", "unidentified", "0.4 is low"), (), "unidentified", "0.4 is low"),
        (named("ig", "unidentified", "0.4 is low"), ("border",), "excluded", "cut by the image's edge"),
    ],
)
def test_a_status_for_every_fate(
    prediction: Prediction, flags: tuple[str, ...], status: str, reason: str
) -> None:
    settled = settle(prediction, flags, PERIPHERAL_BLOOD)
    assert (settled.status, settled.reason, settled.label) == (status, reason, prediction.label)


def test_whole_cells_count_and_cut_ones_do_not() -> None:
    analysis = analyze([smear((100, 120), (220, 100)), smear((160, 0))], bundle=Always())
    assert [[c.prediction.status for c in f.cells] for f in analysis.fields] == [["ok", "ok"], ["excluded"]]
    assert analysis.differential.cells_counted == 2
    assert analysis.differential.cells_excluded == 1
    found = analysis.fields[0].cells[1].box.centre
    assert np.hypot(found[0] - 100, found[1] - 120) < 5
    assert analysis.fields[0].preview[:2] == analysis.fields[0].cells[0].thumbnail[:2] == b"\xff\xd8"
    assert analysis.fields[-1].name == "image 2"
    assert len(analysis.fields[:5]) == 2


def test_sixteen_bit_images_give_the_same_count() -> None:
    image = smear((100, 120))
    deep = image.astype(np.uint16) * 257
    assert analyze([image, deep], bundle=Always()).differential.cells_counted == 2


def test_nothing_is_done_twice_and_changes_are_seen(tmp_path: Path) -> None:
    for name in "abc":
        write_image(tmp_path / f"{name}.png", smear((100, 120)))
    (tmp_path / "d.png").write_text("text")
    book = tmp_path / "journal"

    def names(sha256: str = "0") -> list[str]:
        model = Always(sha256)
        analysis = analyze(tmp_path, bundle=model, journal=book)
        assert analysis.differential.cells_counted == 3
        assert [one.name for one in analysis.differential.skipped] == ["d.png"]
        return sorted(model.seen)

    assert names() == ["a.png", "b.png", "c.png"]
    assert names() == []
    write_image(tmp_path / "b.png", smear((120, 120)))
    assert names() == ["b.png"]
    assert names("another bundle") == ["a.png", "b.png", "c.png"]


def test_a_field_without_picture_is_looked_at_again_when_one_is_wanted(tmp_path: Path) -> None:
    tiny = np.full((4, 4, 3), 220, np.uint8)
    last = tmp_path / "z.png"
    write_image(last, smear((100, 120)))
    many = [tiny] * PREVIEWS
    late, early = Always(), Always()
    assert not analyze([*many, last], bundle=late, journal=tmp_path / "j").fields[-1].preview
    assert analyze([last], bundle=early, journal=tmp_path / "j").fields[0].preview
    assert late.seen == early.seen == ["z.png"]


def test_progress_ends_at_the_total(tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    images = [smear((100, 120))] * 3
    analyze(images, bundle=Always(), progress=lambda done, total: steps.append((done, total)))
    assert steps == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_a_fault_of_the_classifier_is_not_taken_for_a_bad_image() -> None:
    class Broken(Always):
        def predict(self, cells: Sequence[Cell]) -> list[Prediction]:
            raise RuntimeError("network")

    with pytest.raises(RuntimeError, match="network"):
        analyze([smear((100, 120))] * 9, bundle=Broken())


def test_opencv_threads_are_left_as_they_were() -> None:
    before = cv2.getNumThreads()
    analyze(smear((100, 120)), bundle=Always())
    assert cv2.getNumThreads() == before


def test_poor_images_are_remarked() -> None:
    good = smear((100, 120))
    analysis = analyze([good, good // 8], bundle=Always())
    assert "poor_image" in [flag.code for flag in analysis.differential.flags]


def test_a_file_may_get_better(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_text("text")
    assert analyze(path, bundle=Always(), journal=tmp_path / "j").differential.fields_read == 0
    write_image(path, smear((100, 120)))
    assert analyze(path, bundle=Always(), journal=tmp_path / "j").differential.fields_read == 1


def test_classify_says_why_there_is_no_name(tmp_path: Path) -> None:
    (tmp_path / "b.png").write_text("text")
    empty = np.full((60, 60, 3), 230, np.uint8)
    result = classify([smear((100, 120)), tmp_path / "b.png", empty], bundle=Always())
    assert [(one.status, bool(one.prediction)) for one in result.images] == [
        ("ok", True),
        ("excluded", False),
        ("excluded", False),
    ]
    assert result.images[2].reason == "no stained cell found"
    assert [one.name for one in result.skipped] == ["b.png"]


def test_classify_resumes(tmp_path: Path) -> None:
    for i in range(20):
        write_image(tmp_path / f"{i}.png", smear((100, 120)))
    first, second = Always(), Always()
    before = classify(tmp_path, bundle=first, journal=tmp_path / "j")
    after = classify(tmp_path, bundle=second, journal=tmp_path / "j")
    assert (len(first.seen), len(second.seen)) == (20, 0)
    assert [one.name for one in before.images] == [f"{i}.png" for i in range(20)]
    assert [one.name for one in after.images] == [one.name for one in before.images]
