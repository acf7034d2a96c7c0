"""Running a classifier over examples, the figures, and the page."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics

from leukon.errors import InputError, UnknownNameError
from leukon.evaluation import Example, Provenance, Restricted, evaluate, write_evaluation
from leukon.evaluation.evaluate import BATCH_SIZE
from leukon.evaluation.plots import roc_curve
from leukon.evaluation.results import draw, summarise
from leukon.types import Box, Cell, CellClass, Prediction, Skipped, Taxonomy

TAXONOMY = Taxonomy((CellClass("a", title="<Alpha>"), CellClass("b"), CellClass("c")))
PROVENANCE = Provenance("m", "ff", "d.csv", "test", "00", (), {}, "0", "now")


class Reader:
    """Says the class that is painted into the first pixel, as surely as its second."""

    taxonomy = TAXONOMY

    def __init__(self):
        self.sizes = []

    def predict(self, cells):
        self.sizes.append(len(cells))
        found = []
        for cell in cells:
            k, percent = int(cell.image[0, 0, 0]), int(cell.image[0, 0, 1])
            p = np.full(3, (1 - percent / 100) / 2, np.float32)
            p[k] = percent / 100
            status = "ok" if percent > 60 else "unidentified"
            found.append(Prediction(TAXONOMY.names[k], p, status, "" if status == "ok" else "unsure"))
        return found


def example(label, says, percent=90, name="x.png", **who):
    image = np.full((20, 20, 3), 200, np.uint8)
    image[0, 0] = (TAXONOMY.index(says), percent, 0)
    return Example(Cell(image, Box(0, 0, 20, 20), name), label, **who)


def some():
    return [
        *(example("a", "a", subject="s1") for _ in range(40)),
        *(example("b", "b", subject="s2") for _ in range(40)),
        example("a", "b", 70, "mild.png", subject="s1"),
        example("b", "c", 95, "=bold.png", subject="s2"),
        example("c", "c", 50, "unsure.png", subject="s3"),
        Skipped("bad.png", "cut short"),
    ]


def test_batches_order_skips_and_mistakes():
    reader = Reader()
    found = evaluate(reader, iter(some()))
    assert reader.sizes == [BATCH_SIZE, 83 - BATCH_SIZE]
    assert found.scores.confusion.tolist() == [[40, 1, 0], [0, 40, 1], [0, 0, 1]]
    assert [m.outcome.name for m in found.mistakes] == ["=bold.png", "mild.png"]
    assert found.skipped == (Skipped("bad.png", "cut short"),)
    assert [(s.name, s.count, s.right) for s in found.subjects][2] == ("s3", 1, 1)
    assert found.clusters == 3


def test_nothing_usable_and_unknown_labels_are_errors():
    with pytest.raises(InputError, match=r"1 images could not be used, such as bad.png: cut short"):
        evaluate(Reader(), [Skipped("bad.png", "cut short")])
    image = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(UnknownNameError, match="zebra"):
        evaluate(Reader(), [Example(Cell(image, Box(0, 0, 4, 4)), "zebra")])


def test_sixteen_bit_cells_beyond_the_edge_have_thumbnails():
    image = np.full((20, 20, 3), 40000, np.uint16)
    image[0, 0] = (1, 90, 0)
    found = evaluate(Reader(), [Example(Cell(image, Box(-5, 10, 30, 45)), "a")])
    assert found.mistakes[0].jpeg[:2] == b"\xff\xd8"


def test_restricted_renormalises_and_renames():
    kept = Restricted(Reader(), TAXONOMY.restricted(("a", "b")))
    (found,) = kept.predict([example("a", "c", 80).cell])
    assert found.label == "a" and found.probabilities.tolist() == [0.5, 0.5]


def test_figures_are_valid_and_the_same_each_time():
    found = evaluate(Reader(), some())
    first, second = draw(found), draw(found)
    assert first == second
    for data in first.values():
        assert ET.fromstring(data).tag.endswith("svg")


def test_roc_curve_has_the_area_of_scikit_learn():
    rng = np.random.default_rng(0)
    scores, positive = np.round(rng.random(200), 1), rng.random(200) < 0.4
    x, y = roc_curve(scores, positive)
    assert np.trapezoid(y, x) == pytest.approx(metrics.roc_auc_score(positive, scores))
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)


def test_files_say_the_same_and_the_page_stands_alone(tmp_path):
    found = evaluate(Reader(), some())
    summary = write_evaluation(found, PROVENANCE, tmp_path)
    assert json.loads((tmp_path / "scores.json").read_text()) == summary == summarise(found, PROVENANCE)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "predictions.csv").read_text())))
    assert len(rows) == 83 and rows[82]["status"] == "unidentified" and rows[80]["p_b"] == "0.70000"
    page = (tmp_path / "evaluation.html").read_text()
    assert "http://" not in page and "https://" not in page and "<script" not in page
    assert "&lt;Alpha&gt;" in page and "<Alpha>" not in page
    for words in (
        "For Research Use Only",
        "cut short",
        "=bold.png",
        "unidentified",
        f"{100 * found.scores.balanced_accuracy:.1f}",
    ):
        assert words in page
    assert sorted(p.name for p in (tmp_path / "figures").iterdir()) == [
        "confusion.svg",
        "recall.svg",
        "reliability.svg",
        "roc.svg",
    ]


def test_prediction_sets_are_measured(tmp_path):
    class Sets(Reader):
        def predict(self, cells):
            return [replace(found, candidates=(found.label, "c")) for found in super().predict(cells)]

    summary = write_evaluation(evaluate(Sets(), some()), replace(PROVENANCE, coverage=0.95), tmp_path)
    sets = summary["prediction_sets"]
    assert sets["mean_size"] == 2 and sets["coverage"]["value"] == pytest.approx(81 / 83)
    assert sets["classes"]["a"]["value"] == pytest.approx(40 / 41)
    assert sets["classes"]["a"]["low"] < 40 / 41 < sets["classes"]["a"]["high"]
    assert "that 95 % of the sets hold the truth" in (tmp_path / "evaluation.html").read_text()
    assert summarise(evaluate(Reader(), some()), PROVENANCE)["prediction_sets"] is None


def test_absent_classes_one_class_and_no_mistake_still_make_a_page(tmp_path):
    found = evaluate(Reader(), [example("a", "a")] * 3)
    summary = write_evaluation(found, PROVENANCE, tmp_path)
    assert summary["macro"]["auroc"] == {"value": None, "low": None, "high": None}
    page = (tmp_path / "evaluation.html").read_text()
    assert "No cell of: B, C" in page and "None." in page
