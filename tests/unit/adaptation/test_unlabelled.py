"""Without labels: what is mapped, what the known systems keep, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax

from leukon.adaptation.features import Observer
from leukon.adaptation.unlabelled import adapt_unlabelled, cells_in, recolor_of
from leukon.bundle import Bundle, Calibration, load_bundle, write_bundle
from leukon.datasets.synthetic import SYSTEMS
from leukon.datasets.synthetic.render import draw_cell_image
from leukon.errors import InputError
from leukon.evaluation import Example
from leukon.imaging.color.background import Background
from leukon.imaging.color.fitting import fit_map
from leukon.imaging.color.looks import HOME, LOOKS
from leukon.pipeline import Frame, Pipeline, Scale
from leukon.segmentation.look import measure_look
from leukon.types import Box, Cell, Image

Cells = Callable[..., list[Example]]


def dimmed(examples: list[Example]) -> list[Image]:
    """Return the images of `examples` under a weak yellow lamp."""
    return [(example.cell.image * np.array([0.8, 0.75, 0.5])).astype(np.uint8) for example in examples]


def unsure(bundle: Bundle) -> Bundle:
    """Return `bundle` with probabilities that show small changes."""
    soft = replace(bundle, contents=replace(bundle.contents, calibration=Calibration(40.0)))
    sample = bundle.contents.sample
    shares = soft.probabilities(soft.prepare(sample.cells))
    return replace(soft, contents=replace(soft.contents, sample=replace(sample, probabilities=shares)))


def test_new_cells_are_named_by_their_views_and_known_ones_as_before(
    bundle: Bundle, cells_of: Cells, tmp_path: Path
) -> None:
    soft, home = unsure(bundle), [e.cell for e in cells_of(6, 4000, is_new=False)]
    images = dimmed(cells_of(6, 2000, is_new=False))
    new = [cell for image in images for cell in cells_in(image)]
    found = adapt_unlabelled(soft, images, name="both")
    assert (found.changes.images, found.changes.cells, found.changes.recognised) == (18, len(new), 1)
    assert len(new) >= 12 and 0 < found.changes.agreement_after <= 1
    write_bundle(tmp_path / "both.leukon", found.contents)
    both = load_bundle(tmp_path / "both.leukon")
    before, after = (one.probabilities(one.prepare(home)) for one in (soft, both))
    np.testing.assert_allclose(before, after, atol=1e-5)
    before, after = (one.probabilities(one.prepare(new)) for one in (soft, both))
    np.testing.assert_allclose(after, softmax(Observer(soft).see(new).averaged()[1], axis=1), atol=1e-4)
    assert np.abs(before - after).max() > 1e-3
    assert both.card["adapted"]["from"] == "home" and "unlabelled" in both.contents.card_text


def test_the_networks_input_is_recoloured_as_the_map_does(bundle: Bundle) -> None:
    images = [
        draw_cell_image(label, seed, side_px=150, system=SYSTEMS["phone"])[0]
        for seed, label in enumerate(("neutrophil", "lymphocyte", "monocyte", "eosinophil") * 3)
    ]
    fit = fit_map("affine", measure_look(images, "phone"), LOOKS[HOME])
    scale = Scale((0.5, 0.4, 0.6), (0.2, 0.3, 0.25))
    pipeline = Pipeline(Background(0.92), Frame(side_px=64), scale=scale)
    balanced = replace(bundle, contents=replace(bundle.contents, pipeline=pipeline))
    change = recolor_of(balanced, fit)
    assert change is not None
    cells = [Cell(image, Box(30, 30, 120, 120)) for image in images]
    batch = np.einsum("dc,nchw->ndhw", change.matrix, pipeline.batch(cells)) + change.offset[:, None, None]
    batch = np.clip(batch, change.low[:, None, None], change.high[:, None, None])
    target = replace(fit.map, target_white=(0.92,) * 3)
    wanted = replace(pipeline, color=target).batch(cells)
    unchanged = np.abs(pipeline.batch(cells) - wanted).mean()
    assert np.abs(batch - wanted).mean() < 0.25 * unchanged
    assert recolor_of(bundle, fit) is None  # its pipeline does not balance the background


def test_too_few_cells_and_known_cells_are_refused(bundle: Bundle, cells_of: Cells) -> None:
    blank = [np.full((64, 64, 3), 230, np.uint8)] * 3
    assert cells_in(blank[0]) == []
    with pytest.raises(InputError, match="0 whole cells were found in 3 images: adapting needs 8"):
        adapt_unlabelled(bundle, blank, name="blank")
    home = [e.cell.image for e in cells_of(4, 1000, is_new=False)]
    sample = replace(bundle.contents.sample, cells=tuple(cell for image in home for cell in cells_in(image)))
    same = replace(bundle, contents=replace(bundle.contents, sample=sample))
    with pytest.raises(InputError, match="look like those that the bundle was made with"):
        adapt_unlabelled(same, home, name="home")
