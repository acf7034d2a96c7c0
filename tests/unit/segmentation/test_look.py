"""Measuring how an imaging system looks, on generated smears."""

from __future__ import annotations

import numpy as np
import pytest

from leukon.datasets.synthetic.render import draw_cell_image, render
from leukon.datasets.synthetic.scene import draw_scene, random_spec
from leukon.datasets.synthetic.systems import SYSTEMS
from leukon.errors import InputError
from leukon.imaging.color.look import BACKGROUND, CYTOPLASM, NUCLEUS, look_distance
from leukon.imaging.color.white import white_level
from leukon.segmentation.look import measure_look, part_map
from leukon.types import PERIPHERAL_BLOOD, Image

LABELS = [name for name in PERIPHERAL_BLOOD.names if name != "platelet"]


def cells(system: str, seeds: range) -> list[Image]:
    return [
        draw_cell_image(LABELS[seed % len(LABELS)], seed, side_px=160, system=SYSTEMS[system])[0]
        for seed in seeds
    ]


def test_parts_agree_with_the_drawing() -> None:
    spec = random_spec(np.random.default_rng(1), 40, 32, ("neutrophil", "lymphocyte", "monocyte"))
    drawn = render(draw_scene(spec, 3), SYSTEMS["halogen-y"], 3)
    found = part_map(drawn.srgb)
    assert found is not None
    assert found.scale == 1
    assert found.cells == 3
    assert (drawn.nucleus[found.part == NUCLEUS] > 0).mean() > 0.9
    assert (drawn.cytoplasm[found.part == CYTOPLASM] > 0).mean() > 0.75
    assert (drawn.nucleus[found.part == BACKGROUND] == 0).all()


def test_a_system_is_nearer_to_itself_than_to_others() -> None:
    names = "led-x", "halogen-y", "phone"
    first = {name: measure_look(cells(name, range(12)), name) for name in names}
    second = {name: measure_look(cells(name, range(20, 32)), name) for name in names}
    for name in names:
        own = look_distance(second[name], first[name])
        assert own < 5
        assert all(look_distance(second[name], first[other]) > 2 * own for other in names if other != name)


def test_colors_part_systems_unless_each_has_its_matrix() -> None:
    goal, alike, raw = (
        measure_look(cells(name, range(12)), name) for name in ("halogen-y", "led-x", "led-raw")
    )
    near, far = (look_distance(look, goal, white=False) for look in (alike, raw))
    assert near < 3
    assert 5 < far < 12  # as real systems lie from that of PBC


def test_depth_does_not_matter() -> None:
    images = cells("led-x", range(4))
    wide = [image.astype(np.uint16) * 257 for image in images]
    assert look_distance(measure_look(images, "a"), measure_look(wide, "b")) < 0.01


def test_a_background_that_one_channel_clips_is_found() -> None:
    image = np.full((80, 80, 3), (255, 232, 120), np.uint8)
    image[20:60, 20:60] = 150, 60, 110
    np.testing.assert_allclose(white_level(image) * 255, (255, 232, 120))


def test_nothing_to_measure_is_refused() -> None:
    blank = np.full((60, 60, 3), 230, np.uint8)
    assert part_map(blank) is None
    with pytest.raises(InputError, match="here holds no image of a stained cell"):
        measure_look([blank, np.zeros((5, 5, 3), np.uint8)], "here")
