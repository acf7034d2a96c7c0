"""Label errors that were planted are ranked first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from leukon.bundle import Bundle
from leukon.errors import InputError
from leukon.evaluation import Example

pytest.importorskip("cleanlab")

from leukon.adaptation.label_errors import rank_labels, suspect_sheet

Cells = Callable[..., list[Example]]


def test_planted_errors_come_first(bundle: Bundle, cells_of: Cells) -> None:
    cells = cells_of(20, 6000, is_new=True)
    planted = {3: "lobed", 25: "small", 50: "large"}
    wrong = [replace(cell, label=planted.get(i, cell.label)) for i, cell in enumerate(cells)]
    ranked = rank_labels(bundle, wrong)
    assert len(ranked) == len({one.example.cell.name for one in ranked}) == 60
    assert {one.example.cell.name for one in ranked[:3]} == {cells[i].cell.name for i in planted}
    true = {cell.cell.name: cell.label for cell in cells}
    assert all(one.is_issue and one.suggested == true[one.example.cell.name] for one in ranked[:3])
    quality = np.array([one.quality for one in ranked])
    assert (np.diff(quality) >= 0).all() and quality[3] > 2 * quality[2]
    assert sum(one.is_issue for one in ranked) <= 6


def test_classes_that_the_bundle_does_not_know_are_ranked_too(bundle: Bundle, cells_of: Cells) -> None:
    cells = [replace(cell, label=f"other {cell.label}") for cell in cells_of(10, 7000, is_new=False)]
    assert {one.suggested for one in rank_labels(bundle, cells)} == {cell.label for cell in cells}


def test_the_sheet_shows_each_suspect(bundle: Bundle, cells_of: Cells) -> None:
    ranked = rank_labels(bundle, cells_of(8, 8000, is_new=False))
    one, ten = suspect_sheet(ranked[:1]), suspect_sheet(ranked[:10])
    assert ten.shape == (2 * one.shape[0], 8 * one.shape[1], 3) and ten.dtype == np.uint8
    np.testing.assert_array_equal(ten[: one.shape[0], : one.shape[1]], one)
    assert (ten[one.shape[0] :, 2 * one.shape[1] :] == 255).all()  # nothing beyond the tenth


def test_too_little_is_refused(bundle: Bundle, cells_of: Cells) -> None:
    cells = cells_of(8, 9000, is_new=False)
    with pytest.raises(InputError, match="20 cells of two classes or more, not 10 of 2"):
        rank_labels(bundle, cells[:10])
    with pytest.raises(InputError, match="not 24 of 1"):
        rank_labels(bundle, [replace(cell, label="large") for cell in cells])
