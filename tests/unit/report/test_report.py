"""The files of a report: complete, honest about what they leave out, safe against hostile names."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from leukon.errors import InputError
from leukon.report import NOTICE, write_analysis, write_classification
from leukon.report.gallery import ENDS, gallery_of
from leukon.report.html import FIELDS_SHOWN, _text_on
from leukon.smear import Fields, count
from leukon.types import (
    PERIPHERAL_BLOOD,
    Analysis,
    Box,
    Classification,
    FieldResult,
    FoundCell,
    NamedImage,
    Prediction,
    Provenance,
    Skipped,
    Status,
)

HOSTILE = "<script>alert('1')</script> \"q\" & é,ü.png"
MADE = Provenance("tiny", "1", "ab" * 32, "0.1.0", "2026-11-20T12:00:00+00:00", (("kept", "<b>"),), 3)
JPEG = cv2.imencode(".jpg", np.full((8, 8, 3), 200, np.uint8))[1].tobytes()


def cell(
    label: str,
    confidence: float = 0.9,
    status: Status = "ok",
    reason: str = "",
    candidates: tuple[str, ...] = (),
) -> FoundCell:
    shares = np.full(8, (1 - confidence) / 7, np.float32)
    shares[PERIPHERAL_BLOOD.index(label)] = confidence
    return FoundCell(Box(1, 2, 31.25, 42), Prediction(label, shares, status, reason, candidates), JPEG)


def analysis_of(fields: Sequence[FieldResult], confusion: Sequence[Sequence[int]] = ()) -> Analysis:
    predictions = (one.prediction for field in fields for one in field.cells)
    skipped = tuple(Skipped(one.name, one.skipped) for one in fields if one.skipped)
    images = Fields(len(fields) - len(skipped), skipped)
    result = count(PERIPHERAL_BLOOD, predictions, fields=images, confusion=confusion)
    return Analysis(result, fields, PERIPHERAL_BLOOD, MADE)


@pytest.fixture
def analysis() -> Analysis:
    cells = (
        cell("neutrophil"),
        cell("lymphocyte", 0.7, candidates=("lymphocyte", "monocyte")),
        cell("erythroblast"),
        cell("monocyte", 0.3, "unidentified", "confidence 0.30 is below 0.50"),
        cell("platelet", 0.8, "excluded", "platelet"),
    )
    return analysis_of(
        [
            FieldResult(HOSTILE, 640, 480, cells, ("too dark",), preview=JPEG),
            FieldResult("empty.png", 640, 480, preview=JPEG),
            FieldResult("bad.png", skipped="cut <short>"),
        ]
    )


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_cells_csv_holds_every_cell(tmp_path: Path, analysis: Analysis) -> None:
    write_analysis(tmp_path, analysis)
    found = rows(tmp_path / "cells.csv")
    assert list(found[0]) == [
        *("field", "x0", "y0", "x1", "y1", "label", "confidence"),
        *(f"p_{name}" for name in PERIPHERAL_BLOOD.names),
        *("status", "reason", "candidates", "novelty"),
    ]
    assert len(found) == 5
    assert found[0]["field"] == HOSTILE
    assert (found[0]["x0"], found[0]["x1"], found[0]["confidence"]) == ("1.0", "31.2", "0.9000")
    assert sum(float(found[1][f"p_{name}"]) for name in PERIPHERAL_BLOOD.names) == pytest.approx(1, abs=1e-3)
    assert [row["status"] for row in found] == ["ok", "ok", "ok", "unidentified", "excluded"]
    assert [row["candidates"] for row in found] == ["", "lymphocyte|monocyte", "", "", ""]
    assert "lymphocyte or monocyte?" in (tmp_path / "report.html").read_text()


def test_differential_says_the_same_in_json_and_csv(tmp_path: Path, analysis: Analysis) -> None:
    summary = write_analysis(tmp_path, analysis)
    assert json.loads((tmp_path / "differential.json").read_text()) == summary
    table = rows(tmp_path / "differential.csv")
    counts = {row["name"]: int(row["count"]) for row in table if row["kind"] == "class"}
    assert counts == {line["name"]: line["count"] for line in summary["leukocytes"]}
    assert counts["neutrophil"] == 1
    assert summary["cells"] == {
        "counted": 2,
        "unidentified": 1,
        "excluded": 1,
        "excluded_by_reason": {"platelet": 1},
    }
    assert summary["fields"] == {"read": 2, "skipped": [{"name": "bad.png", "reason": "cut <short>"}]}
    assert summary["notice"] == NOTICE
    assert summary["provenance"]["bundle"]["sha256"] == "ab" * 32
    assert [row["text"] for row in table if row["kind"] == "flag"] == [f["message"] for f in summary["flags"]]
    assert {row["name"] for row in table if row["kind"] == "provenance"} >= {
        "bundle sha256",
        "leukon",
        "time",
    }


def test_corrected_limits_are_shown_where_errors_were_measured(tmp_path: Path, analysis: Analysis) -> None:
    write_analysis(tmp_path, analysis)
    assert {row["corrected_low_95"] for row in rows(tmp_path / "differential.csv")} == {""}
    assert "corrected" not in (tmp_path / "report.html").read_text().lower().split("</style>")[1]
    measured = analysis_of(analysis.fields, (50 * np.eye(8, 9, dtype=np.int64)).tolist())
    summary = write_analysis(tmp_path, measured)
    lines = {row["name"]: row for row in rows(tmp_path / "differential.csv") if row["kind"] == "class"}
    for line in summary["leukocytes"]:
        assert float(lines[line["name"]]["corrected_high_95"]) == pytest.approx(
            line["corrected_high"], abs=0.01
        )
    page = (tmp_path / "report.html").read_text()
    assert "95 % limits, corrected" in page
    assert f"{summary['leukocytes'][0]['corrected_high']:.1f}" in page


class Page(HTMLParser):
    """Collects elements, and what they would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.pictures_without_text = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "data", "action")]
        self.pictures_without_text += tag == "img" and not dict(attrs).get("alt")


def test_page_is_one_file_that_fetches_and_runs_nothing(tmp_path: Path, analysis: Analysis) -> None:
    write_analysis(tmp_path, analysis, title="<img src=x onerror=alert(1)>")
    text = (tmp_path / "report.html").read_text()
    page = Page(text)
    assert {"script", "link", "iframe", "object"}.isdisjoint(page.tags)
    assert all(address.startswith("data:image/jpeg;base64,") for address in page.addresses)
    assert page.addresses
    assert page.pictures_without_text == 0
    assert not re.search(r"url\(|@import|https?://", text)
    assert "&lt;script&gt;" in text
    assert "cut &lt;short&gt;" in text


def test_page_says_what_a_reader_needs(tmp_path: Path, analysis: Analysis) -> None:
    summary = write_analysis(tmp_path, analysis, title="Slide 7")
    text = (tmp_path / "report.html").read_text()
    assert text.count(NOTICE) == 2
    for wanted in ("Slide 7", "ab" * 32, "2026-11-20", "too dark", "no cell found", "monocyte?"):
        assert wanted in text
    for flag in summary["flags"]:
        assert flag["message"] in text
    assert not re.search(r"diagnos(is|ed)|patient|disease|normal range|leuk(a)?emia", text, re.IGNORECASE)
    headings = [tag for tag in Page(text).tags if re.fullmatch(r"h\d", tag)]
    assert headings[0] == "h1"
    assert headings.count("h1") == 1


def test_an_empty_result_still_gives_every_file(tmp_path: Path) -> None:
    write_analysis(tmp_path, analysis_of([FieldResult("bad.png", skipped="cut")]))
    text = (tmp_path / "report.html").read_text()
    assert "No cell was found" in text
    assert "No field could be read" in text
    assert len(rows(tmp_path / "cells.csv")) == 0


def test_of_many_cells_and_fields_the_page_shows_some_and_says_so(tmp_path: Path) -> None:
    n = FIELDS_SHOWN + 20
    fields = [
        FieldResult(f"{i}", 64, 48, (cell("neutrophil", 0.5 + i / 1000), cell("monocyte")), preview=JPEG)
        for i in range(n)
    ]
    write_analysis(tmp_path, analysis_of(fields))
    text = (tmp_path / "report.html").read_text()
    assert text.count("<figure>") == FIELDS_SHOWN
    assert f"Showing {FIELDS_SHOWN} of {n} fields" in text
    assert text.count(f"showing {2 * ENDS} of {n}: the {ENDS} surest and the {ENDS} least sure") == 2
    assert len(rows(tmp_path / "cells.csv")) == 2 * n


def test_gallery_is_sorted_and_keeps_both_ends() -> None:
    confidences = np.random.default_rng(0).permutation(200) / 1000 + 0.5
    fields = [FieldResult(f"{i}", 9, 9, (cell("ig", float(c)),)) for i, c in enumerate(confidences)]
    (group,) = gallery_of(fields, PERIPHERAL_BLOOD)
    shown = [one.cell.prediction.confidence for one in group.cells]
    expected = sorted((float(np.float32(c)) for c in confidences), reverse=True)
    assert group.total == 200
    assert shown == expected[:ENDS] + expected[-ENDS:]
    few = gallery_of(fields[: ENDS + 5], PERIPHERAL_BLOOD)[0]
    assert len(few.cells) == few.total == ENDS + 5


@pytest.mark.parametrize("colour", [c.colour for c in PERIPHERAL_BLOOD.classes])
def test_labels_can_be_read_on_their_colour(colour: str) -> None:
    def luminance(code: str) -> float:
        values = np.array([int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    low, high = sorted((luminance(colour), luminance(_text_on(colour))))
    assert (high + 0.05) / (low + 0.05) >= 4.5


def test_predictions_csv_has_a_row_for_every_image(tmp_path: Path) -> None:
    images = [
        NamedImage("a.png", cell("ig").prediction),
        NamedImage("b.png", None, "no stained cell found"),
        NamedImage("c.png", None, "cut short", is_readable=False),
    ]
    result = Classification(images, (Skipped("c.png", "cut short"),), PERIPHERAL_BLOOD, MADE)
    summary = write_classification(tmp_path, result)
    found = rows(tmp_path / "predictions.csv")
    assert [(r["file"], r["label"], r["status"], r["reason"]) for r in found] == [
        ("a.png", "ig", "ok", ""),
        ("b.png", "", "excluded", "no stained cell found"),
        ("c.png", "", "excluded", "cut short"),
    ]
    assert summary["status"] == {"ok": 1, "unidentified": 0, "excluded": 2}
    assert summary["classes"]["ig"] == 1
    assert summary["skipped"] == [{"name": "c.png", "reason": "cut short"}]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, analysis: Analysis) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        write_analysis(tmp_path / "file", analysis)
