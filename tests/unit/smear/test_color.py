"""Colour maps in a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leukon.datasets.synthetic.render import draw_cell_image
from leukon.datasets.synthetic.systems import SYSTEMS
from leukon.errors import InputError
from leukon.imaging.color.fitting import ColorFit, fit_map, write_map
from leukon.imaging.color.identity import Identity
from leukon.imaging.color.look import look_distance
from leukon.imaging.color.looks import LOOKS
from leukon.segmentation.look import measure_look
from leukon.smear import analyze, classify
from leukon.smear.color import recoloring
from leukon.smear.sources import sources_of
from leukon.types import PERIPHERAL_BLOOD, Cell, Image, Prediction

PBC = LOOKS["pbc"]


def cells(system: str, count: int = 14) -> list[Image]:
    labels = "neutrophil", "lymphocyte", "monocyte", "eosinophil"
    return [draw_cell_image(labels[i % 4], i, side_px=150, system=SYSTEMS[system])[0] for i in range(count)]


@pytest.fixture(scope="module")
def grey() -> list[Image]:
    return cells("grey-ccd")


@pytest.fixture(scope="module")
def fit(grey: list[Image]) -> ColorFit:
    return fit_map("density", measure_look(grey, "grey"), PBC)


class Watching:
    """A classifier that keeps what it is shown."""

    taxonomy = PERIPHERAL_BLOOD

    def __init__(self) -> None:
        self.seen: list[Image] = []

    def predict(self, cells: Sequence[Cell]) -> list[Prediction]:
        self.seen += [cell.image for cell in cells]
        return [Prediction("neutrophil", np.eye(8, dtype=np.float32)[6]) for _ in cells]


def test_auto_fits_an_unknown_system(grey: list[Image]) -> None:
    chosen = recoloring("auto", sources_of(grey))
    assert chosen.done.startswith("unknown imaging system; density to pbc, fitted on 14 images")
    before = look_distance(measure_look(grey, "a"), PBC)
    after = look_distance(measure_look([chosen(image) for image in grey], "b"), PBC)
    assert after < 0.5 * before
    assert chosen.purpose == recoloring("auto", sources_of(grey)).purpose != ""


def test_auto_leaves_the_look_that_the_bundle_knows(fit: ColorFit, grey: list[Image]) -> None:
    mapped = [fit.map.for_image(image)(image) for image in grey]
    near = replace(PBC, parts=measure_look(mapped, "mapped").parts)
    assert look_distance(near, PBC) < 6  # the drawing is near enough to stand for the home system
    chosen = recoloring("auto", sources_of(mapped))
    assert isinstance(chosen.map, Identity)
    assert chosen.done.startswith("no map: the images look like pbc")
    assert chosen.purpose == ""


def test_auto_says_where_it_cannot_fit(grey: list[Image]) -> None:
    few = recoloring("auto", sources_of(grey[:2]))
    assert "2 usable images: a fit needs 8 or more" in few.warning
    empty = recoloring("auto", sources_of(np.full((60, 60, 3), 220, np.uint8)))
    assert empty.done == "no map: no stained cell was seen to measure the colours on"
    for chosen in (few, empty):
        assert isinstance(chosen.map, Identity)


def test_a_map_of_another_system_warns(fit: ColorFit, grey: list[Image]) -> None:
    assert recoloring(fit, sources_of(grey)).warning == ""
    assert "do not look like grey" in recoloring(fit, sources_of(cells("yellow-fast-stain"))).warning


def test_the_classifier_sees_mapped_images(fit: ColorFit, grey: list[Image], tmp_path: Path) -> None:
    write_map(tmp_path / "map.json", fit)
    for run in (analyze, classify):
        plain, mapped = Watching(), Watching()
        run(grey[0], bundle=plain)
        result = run(grey[0], bundle=mapped, color=tmp_path / "map.json")
        assert len(plain.seen) == len(mapped.seen) > 0
        for a, b in zip(plain.seen, mapped.seen, strict=True):
            np.testing.assert_array_equal(b, fit.map.for_image(a)(a))
        assert dict(result.provenance.settings)["colour"] == "density from grey to pbc"


def test_warnings_are_flags_of_the_count(fit: ColorFit) -> None:
    flags = analyze(cells("yellow-fast-stain", 4), bundle=Watching(), color=fit).differential.flags
    assert [flag.code for flag in flags if "do not look like grey" in flag.message] == ["colour"]


def test_no_map_is_an_error(grey: list[Image], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing\.json"):
        recoloring(tmp_path / "missing.json", sources_of(grey))
