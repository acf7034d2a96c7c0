"""What is drawn: cells, masks, boxes, and that it repeats."""

from __future__ import annotations

import numpy as np
import pytest

from leukon.datasets.synthetic import SYSTEMS, SceneSpec, Stain, draw_cell_image, draw_scene, render
from leukon.datasets.synthetic.cells import draw_cell, draw_morphology
from leukon.datasets.synthetic.morphology import DIFFERENTIAL, MORPHOLOGIES, Morphology
from leukon.datasets.synthetic.shapes import NUCLEI, UM_PER_PX
from leukon.datasets.synthetic.spectra import DYES
from leukon.errors import InputError, UnknownNameError
from leukon.types import PERIPHERAL_BLOOD

SPEC = SceneSpec(40, 30, ("neutrophil", "lymphocyte", "monocyte"))


def named(kind: Morphology) -> str:
    return f"{kind.label}-{kind.subtype}"


def test_the_table_covers_the_taxonomy():
    assert {kind.label for kind in MORPHOLOGIES} == set(PERIPHERAL_BLOOD.names)
    assert set(DIFFERENTIAL) == set(PERIPHERAL_BLOOD.names) - {"platelet"}
    for kind in MORPHOLOGIES:
        assert not kind.nucleus or set(kind.nucleus.kinds) <= set(NUCLEI)
        assert all(dye in DYES for granules in kind.granules for dye, _ in granules.dyes)


@pytest.mark.parametrize("kind", MORPHOLOGIES, ids=named)
def test_cells_have_the_size_of_their_kind(kind):
    low, high = (np.pi / 4 * diameter**2 for diameter in kind.diameter_um)
    for seed in range(6):
        patch = draw_morphology(kind, np.random.default_rng(seed))
        cell = patch.cell.sum() * UM_PER_PX**2
        nucleus = patch.nucleus.sum() * UM_PER_PX**2
        assert 0.6 * low < cell < 1.35 * high
        if kind.nucleus is None:
            assert nucleus == 0
        else:
            assert 0.5 * kind.nucleus.share[0] < nucleus / cell < min(1, 1.3 * kind.nucleus.share[1])
        assert not (patch.nucleus & ~patch.cell).any()
        assert all(amount.min() >= 0 for amount in patch.dyes.values())


def test_nuclei_hold_the_purple():
    for label in sorted(DIFFERENTIAL):
        patch = draw_cell(label, np.random.default_rng(3))
        bare = patch.cell & ~patch.nucleus
        assert patch.dyes["purple"][patch.nucleus].mean() > 1.5 * patch.dyes["purple"][bare].mean()


def test_an_eosinophil_is_redder_than_a_neutrophil():
    eosin = {}
    for label in ("eosinophil", "neutrophil"):
        patch = draw_cell(label, np.random.default_rng(5))
        eosin[label] = patch.dyes["eosin_packed"][patch.cell & ~patch.nucleus].mean()
    assert eosin["eosinophil"] > 0.1 > eosin["neutrophil"]


def test_the_same_seed_gives_the_same_scene_and_picture():
    first, again, other = (draw_scene(SPEC, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.dyes, again.dyes)
    assert first.cells == again.cells != other.cells
    pictures = [render(first, SYSTEMS["phone"], seed).srgb for seed in (1, 1, 2)]
    assert np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])


def test_systems_agree_pixel_by_pixel():
    scene = draw_scene(SPEC, 1)
    x, y = (render(scene, SYSTEMS[name], 0, stain=Stain()) for name in ("led-x", "halogen-y"))
    z = render(scene, SYSTEMS["scanner-40x"], 0, um_per_px=0.1)
    for other in (y, z):
        assert np.array_equal(x.nucleus, other.nucleus)
        assert np.array_equal(x.cytoplasm, other.cytoplasm)
        assert x.cells == other.cells
    dark_x, dark_y = (picture.raw[..., 1] < np.quantile(picture.raw[..., 1], 0.08) for picture in (x, y))
    assert (dark_x & dark_y).sum() > 0.85 * dark_x.sum()
    assert not np.array_equal(x.srgb, y.srgb)


@pytest.mark.parametrize("um_per_px", [0.07, 0.1, 0.2])
def test_boxes_bound_the_masks(um_per_px):
    picture = render(draw_scene(SPEC, 3), SYSTEMS["led-x"], 0, um_per_px=um_per_px)
    assert picture.srgb.shape == (round(30 / um_per_px), round(40 / um_per_px), 3)
    assert picture.srgb.shape[:2] == picture.raw.shape[:2] == picture.nucleus.shape
    assert not ((picture.nucleus > 0) & (picture.cytoplasm > 0)).any()
    assert {cell.label for cell in picture.cells} >= set(SPEC.cells)
    for number, cell in enumerate(picture.cells, 1):
        mask = (picture.nucleus == number) | (picture.cytoplasm == number)
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        assert cell.box.x0 - 1 <= columns[0]
        assert columns[-1] <= cell.box.x1 + 1
        assert cell.box.y0 - 1 <= rows[0]
        assert rows[-1] <= cell.box.y1 + 1
        if not cell.border and cell.label != "platelet":
            assert mask.sum() > 0.5 * cell.box.area


def test_masks_keep_their_place_in_coarser_pixels():
    scene = draw_scene(SPEC, 3)
    picture = render(scene, SYSTEMS["led-x"], 0, um_per_px=0.37)
    middles = [
        (np.argwhere(mask > 0).mean(axis=0) + 0.5) / mask.shape for mask in (scene.nucleus, picture.nucleus)
    ]
    np.testing.assert_allclose(*middles, atol=0.25 / max(picture.nucleus.shape))


def test_cells_cut_by_the_edge_are_marked():
    picture = render(draw_scene(SceneSpec(12, 12, ("monocyte",), centred=True), 3), SYSTEMS["led-x"], 0)
    assert picture.cells[0].border
    assert picture.cells[0].box.clipped(120, 120) == picture.cells[0].box


@pytest.mark.parametrize("label", PERIPHERAL_BLOOD.names)
def test_a_cell_image_shows_one_cell_in_the_middle(label):
    image, box, subtype = draw_cell_image(label, 11, side_px=120)
    again, _, _ = draw_cell_image(label, 11, side_px=120)
    assert image.shape == (120, 120, 3)
    assert image.dtype == np.uint8
    assert np.array_equal(image, again)
    assert np.hypot(box.centre[0] - 60, box.centre[1] - 60) < 20
    assert (label, subtype) in {(kind.label, kind.subtype) for kind in MORPHOLOGIES}


def test_bad_requests_are_refused():
    with pytest.raises(InputError, match="no area"):
        draw_scene(SceneSpec(0, 10), 0)
    with pytest.raises(UnknownNameError, match="choose one of basophil"):
        draw_scene(SceneSpec(10, 10, ("zebra",)), 0)
    with pytest.raises(InputError, match="um_per_px"):
        render(draw_scene(SceneSpec(5, 5), 0), SYSTEMS["led-x"], 0, um_per_px=0)
    with pytest.raises(InputError, match="positive side"):
        draw_cell_image("monocyte", 0, side_px=0)
