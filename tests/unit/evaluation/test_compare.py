"""Comparing answers: scores, tests and what may not be compared."""

from __future__ import annotations

import csv
import json
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics

from leukon.errors import InputError, UnknownNameError
from leukon.evaluation import Answers, compare, write_comparison
from leukon.evaluation.answers import Known
from leukon.evaluation.bootstrap import bootstrap
from leukon.evaluation.paired import holm, mcnemar, paired_bootstrap
from leukon.evaluation.plots import comparison_roc_figure

CLASSES = ("a", "b", "c")
PROVENANCE = {
    "models": {"weak": "", "fair": "ab", "strong": ""},
    "data": "d.csv",
    "split": "test",
    "skipped": 0,
    "version": "0",
    "created": "now",
}


def answers(name, accuracy, *, count=240, seed=0, subjects=0):
    truth = np.random.default_rng(9).integers(0, 3, count)
    rng = np.random.default_rng(seed)
    said = np.where(rng.random(count) < accuracy, truth, (truth + 1) % 3)
    p = 0.02 + rng.random((count, 3)) * 0.3
    p[np.arange(count), said] += 0.6
    subject = [f"s{i % subjects}" if subjects else "" for i in range(count)]
    cells = tuple(
        Known(f"{i}.png", CLASSES[k], s) for i, (k, s) in enumerate(zip(truth, subject, strict=True))
    )
    return Answers(name, CLASSES, cells, p / p.sum(axis=1, keepdims=True))


def three(**options):
    return [answers(n, a, seed=i, **options) for i, (n, a) in enumerate(PEOPLE.items())]


PEOPLE = {"weak": 0.6, "fair": 0.8, "strong": 0.83}


def test_figures_are_those_of_the_single_functions():
    given = three()
    found = compare(given)
    truth = found.truth
    for one, contestant in zip(given, found.contestants, strict=True):
        assert contestant.intervals == bootstrap(one.probabilities, truth)
    pair = found.pairs[1]
    assert (pair.first, pair.second) == ("weak", "strong")
    assert pair.differences == paired_bootstrap(given[0].probabilities, given[2].probabilities, truth)
    right = [one.probabilities.argmax(axis=1) == truth for one in given]
    exact = [mcnemar(right[a], right[b]) for a, b in ((0, 1), (0, 2), (1, 2))]
    assert [p.mcnemar for p in found.pairs] == exact
    assert [p.mcnemar_holm for p in found.pairs] == list(holm([test.p for test in exact]))
    assert found.clusters == 240 and not found.subjects


def test_verdicts_name_the_better_and_say_what_is_chance():
    first, _, last = compare(three()).pairs
    assert first.is_significant
    assert first.verdict.startswith("fair is significantly better than weak in accuracy (+")
    assert not last.is_significant
    assert "strong and fair do not differ significantly in accuracy (+2.5 points" in last.verdict
    assert "exact McNemar" in last.verdict


def test_subjects_are_drawn_whole_and_the_worst_is_named():
    given = three(subjects=8)
    found = compare(given)
    assert found.subjects == found.clusters == 8
    assert "paired bootstrap" in found.pairs[0].verdict
    best = found.contestants[2]
    right = best.probabilities.argmax(axis=1) == found.truth
    shares = [right[i::8].mean() for i in range(8)]
    assert best.subject_macro == pytest.approx(np.mean(shares))
    assert best.subject_macro_interval.low < best.subject_macro < best.subject_macro_interval.high
    assert best.worst_subject.right / best.worst_subject.count == min(shares)
    difference = found.pairs[1].differences["subject_macro"][0]
    assert difference.value == pytest.approx(best.subject_macro - found.contestants[0].subject_macro)


def test_classes_in_another_order_are_the_same_classes():
    one = answers("one", 0.8)
    turned = replace(
        one, name="turned", classes=("c", "a", "b"), probabilities=one.probabilities[:, [2, 0, 1]]
    )
    found = compare([one, turned], resamples=20)
    np.testing.assert_array_equal(found.contestants[1].probabilities, one.probabilities)


def test_what_may_not_be_compared():
    one = answers("one", 0.8)
    other = replace(one, name="other", cells=(*one.cells[:-1], Known("else.png", "a")))
    with pytest.raises(InputError, match=r"other do not speak of the same cells \(239.png, . against|, a\)"):
        compare([one, other])
    with pytest.raises(InputError, match=r"\(240 and 239\): evaluate both on the same data"):
        compare([one, replace(other, cells=one.cells[:-1])])
    with pytest.raises(InputError, match="name with --classes"):
        compare([one, replace(one, name="other", classes=("a", "b", "d"))])
    with pytest.raises(InputError, match="distinct names"):
        compare([one, one])
    with pytest.raises(UnknownNameError, match="unknown class 'blast'"):
        compare([one, replace(one, name="other")], positive="blast")


def test_files_say_the_same_and_the_page_stands_alone(tmp_path):
    found = compare(three(subjects=8), positive="b")
    summary = write_comparison(found, PROVENANCE, tmp_path)
    assert json.loads((tmp_path / "comparison.json").read_text()) == summary
    with (tmp_path / "pairs.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    exact = [row for row in rows if row["test"] == "exact McNemar"]
    assert [float(row["p_holm"]) for row in exact] == [p.mcnemar_holm for p in found.pairs]
    page = (tmp_path / "comparison.html").read_text()
    assert "http://" not in page and "https://" not in page and "<script" not in page
    for words in (
        "For Research Use Only",
        found.pairs[0].verdict.split(" (")[0],
        "Class “b”",
        found.contestants[0].worst_subject.name,
    ):
        assert words in page


def test_roc_curves_of_the_mean_have_the_mean_area():
    found = compare(three(), resamples=20)
    figure = comparison_roc_figure(found)
    for one, line in zip(found.contestants, figure.axes[0].lines, strict=False):
        expected = metrics.roc_auc_score(found.truth, one.probabilities, multi_class="ovr", average="macro")
        assert np.trapezoid(line.get_ydata(), line.get_xdata()) == pytest.approx(expected, abs=0.002)
        assert line.get_label() == f"{one.name}  {100 * expected:.1f}"
    from leukon.evaluation.plots import svg

    assert ET.fromstring(svg(figure)).tag.endswith("svg")
