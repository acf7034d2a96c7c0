"""The count and its limits, against published and independent figures."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from leukon.evaluation.intervals import clopper_pearson
from leukon.smear.differential import CountOptions, Fields, cells_for_width, count
from leukon.types import PERIPHERAL_BLOOD, CellClass, Differential, Prediction, Skipped, Status, Taxonomy


def cells(
    label: str, n: int, status: Status = "ok", taxonomy: Taxonomy = PERIPHERAL_BLOOD
) -> list[Prediction]:
    shares = np.eye(len(taxonomy), dtype=np.float32)[taxonomy.index(label)]
    return [Prediction(label, shares, status)] * n


def codes(result: Differential) -> list[str]:
    return [flag.code for flag in result.flags]


@pytest.mark.parametrize(
    ("n", "low", "high"), [(100, 1.6, 11.3), (200, 2.4, 9.0), (400, 3.1, 7.6), (1000, 3.7, 6.5)]
)
def test_limits_are_those_of_ruemkes_table(n: int, low: float, high: float) -> None:
    found = clopper_pearson(0.05 * n, n)
    assert [round(100 * value, 1) for value in found] == [low, high]


@pytest.mark.parametrize("n", [1, 7, 200, 5000])
def test_limits_agree_with_statsmodels(n: int) -> None:
    for k in sorted({0, 1, n // 3, n - 1, n}):
        expected = np.nan_to_num(proportion_confint(k, n, method="beta"), nan=float(k == n))
        np.testing.assert_allclose(clopper_pearson(k, n), expected, rtol=1e-9, atol=1e-12)


def test_a_share_needs_trials() -> None:
    with pytest.raises(ValueError, match="not a share"):
        clopper_pearson(0, 0)


def test_only_named_leukocytes_are_the_denominator() -> None:
    predictions = (
        cells("neutrophil", 150)
        + cells("lymphocyte", 50)
        + cells("erythroblast", 10)
        + cells("monocyte", 5, "unidentified")
        + cells("platelet", 7, "excluded")
    )
    result = count(PERIPHERAL_BLOOD, predictions, fields=Fields(read=9))
    by_name = {line.name: line for line in result.leukocytes}
    assert (by_name["neutrophil"].percent, by_name["monocyte"].count) == (75.0, 0)
    assert {"erythroblast", "platelet"}.isdisjoint(by_name)
    assert (result.cells_counted, result.cells_unidentified, result.cells_excluded) == (200, 5, 7)
    assert [(line.name, line.percent, line.low) for line in result.per_100] == [("erythroblast", 5.0, None)]
    assert result.fields_read == 9
    assert codes(result) == []


def test_bands_count_as_neutrophils_unless_asked_otherwise() -> None:
    taxonomy = Taxonomy((CellClass("band"), CellClass("neutrophil"), CellClass("monocyte")))
    predictions = cells("band", 1, taxonomy=taxonomy) + cells("neutrophil", 3, taxonomy=taxonomy)
    merged = count(taxonomy, predictions)
    apart = count(taxonomy, predictions, options=CountOptions(merged=()))
    assert [(line.name, line.count) for line in merged.leukocytes] == [("neutrophil", 4), ("monocyte", 0)]
    assert [line.count for line in apart.leukocytes] == [1, 3, 0]


def test_measured_errors_correct_the_shares() -> None:
    named = cells("neutrophil", 70) + cells("monocyte", 30) + cells("platelet", 5, "excluded")
    assert count(PERIPHERAL_BLOOD, named).leukocytes[0].corrected_low is None
    confusion = np.eye(8, 9, dtype=np.int64) * 400
    confusion[6, [5, 6]] = 100, 300  # a quarter of the neutrophils are called monocytes
    errors = confusion.tolist()
    lines = {line.name: line for line in count(PERIPHERAL_BLOOD, named, confusion=errors).leukocytes}
    neutrophil, monocyte = lines["neutrophil"], lines["monocyte"]
    assert (neutrophil.percent, monocyte.percent) == (70, 30)
    assert neutrophil.corrected_percent == pytest.approx(70 / 0.75, abs=2)
    assert neutrophil.corrected_low < neutrophil.corrected_percent < neutrophil.corrected_high  # type: ignore[operator]
    assert sum(line.corrected_percent or 0 for line in lines.values()) == pytest.approx(100)
    assert count(PERIPHERAL_BLOOD, cells("platelet", 3, "excluded"), confusion=errors).cells_counted == 0


def test_correction_follows_classes_that_are_counted_together() -> None:
    taxonomy = Taxonomy((CellClass("band"), CellClass("neutrophil"), CellClass("monocyte")))
    predictions = cells("band", 30, taxonomy=taxonomy) + cells("monocyte", 70, taxonomy=taxonomy)
    # Bands and neutrophils are taken for each other, which does not matter where they are one class.
    confusion = [[500, 500, 0, 0], [500, 500, 0, 0], [0, 0, 1000, 0]]
    lines = count(taxonomy, predictions, confusion=confusion).leukocytes
    assert [line.name for line in lines] == ["neutrophil", "monocyte"]
    assert lines[0].corrected_percent == pytest.approx(30, abs=1)


def test_nothing_to_count_has_no_percentages() -> None:
    result = count(PERIPHERAL_BLOOD, cells("erythroblast", 3))
    assert codes(result) == ["no_cells"]
    assert {(line.percent, line.low, line.high) for line in (*result.leukocytes, *result.per_100)} == {
        (None, None, None)
    }


def test_cells_for_width_is_the_fewest() -> None:
    for share, width in ((0.5, 0.10), (0.05, 0.04), (0.0, 0.03)):
        n = cells_for_width(share, width)
        assert n is not None
        widths = [np.subtract(*clopper_pearson(share * m, m)[::-1]) for m in (n - 1, n)]
        assert widths[0] > width >= widths[1]
    assert cells_for_width(0.5, 1e-6) is None
    assert cells_for_width(0.5, 0.5, n=300) == 300


def test_few_cells_are_flagged_with_how_many_more_help() -> None:
    result = count(PERIPHERAL_BLOOD, cells("neutrophil", 50) + cells("lymphocyte", 50))
    more = (cells_for_width(0.5, 0.10) or 0) - 100
    assert codes(result) == ["too_few_cells"]
    assert f"About {more} more cells" in result.flags[0].message
    narrow = count(
        PERIPHERAL_BLOOD, cells("neutrophil", 50), options=CountOptions(least_cells=60, interval_width=40)
    )
    assert "No interval is wider than 40" in narrow.flags[0].message
    assert codes(count(PERIPHERAL_BLOOD, cells("neutrophil", 200))) == []


@pytest.mark.parametrize(("unidentified", "is_flagged"), [(22, False), (23, True)])
def test_many_unidentified_cells_are_flagged_above_a_tenth(unidentified: int, is_flagged: bool) -> None:
    result = count(PERIPHERAL_BLOOD, cells("monocyte", 200) + cells("ig", unidentified, "unidentified"))
    assert ("many_unidentified" in codes(result)) is is_flagged


def test_weak_classes_come_from_the_card() -> None:
    card = {
        "systems": [
            {"name": "home", "recall": {"basophil": 0.99, "monocyte": 0.97, "platelet": 0.1}},
            {"name": "abroad", "recall": {"basophil": 0.6, "monocyte": None, "other": 0.0}},
        ]
    }
    result = count(PERIPHERAL_BLOOD, cells("neutrophil", 200), card=card)
    assert [flag.message for flag in result.flags] == [
        "The model was measured to be weak in: basophils (60 % found in abroad). Check these classes by eye."
    ]


def test_doubtful_images_are_flagged() -> None:
    fields = Fields(read=4, skipped=(Skipped("a.png", "cut"),), remarks={"too dark": 2})
    result = count(PERIPHERAL_BLOOD, cells("neutrophil", 200), fields=fields)
    assert codes(result) == ["skipped_fields", "poor_image"]
    assert result.flags[1].message == "2 of 4 fields: too dark."
