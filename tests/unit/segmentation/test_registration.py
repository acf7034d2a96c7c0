"""The same cells in two systems: one generated scene through both, moved by a known shift, turn and scale."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from leukon.datasets.synthetic.render import render
from leukon.datasets.synthetic.scene import draw_scene, random_spec
from leukon.datasets.synthetic.systems import SYSTEMS
from leukon.segmentation.pairs import structure_agreement
from leukon.segmentation.registration import AlignedPair, aligned_crops, pair_cells
from leukon.types import Image

LABELS = "neutrophil", "lymphocyte", "monocyte", "eosinophil"
MOVES = (  # turn in degrees, scale, shift in px
    (0.0, 1.0, (7.3, -4.6)),
    (4.0, 1.08, (-11.7, 9.2)),
    (-33.0, 0.9, (3.4, 14.8)),
    (90.0, 1.0, (0.5, 0.5)),
)


def moved(image: Image, turn: float, scale: float, shift: tuple[float, float]) -> tuple[Image, np.ndarray]:
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -turn, scale)
    matrix[:, 2] += shift
    border = np.median(image[:5].reshape(-1, 3), axis=0).tolist()
    return cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderValue=border), matrix


@pytest.fixture(scope="module")
def scenes() -> list[tuple[Image, Image]]:
    found = []
    for seed in range(3):
        spec = random_spec(np.random.default_rng(seed), 56, 48, LABELS)
        scene = draw_scene(spec, seed)
        found.append(tuple(render(scene, SYSTEMS[name], seed).srgb for name in ("led-x", "halogen-y")))
    return found


def errors(pair: AlignedPair, matrix: np.ndarray) -> np.ndarray:
    box = pair.first.box
    corners = np.array([[x, y, 1] for x in (box.x0, box.x1) for y in (box.y0, box.y1)])
    return np.linalg.norm(corners @ (pair.matrix - matrix).T, axis=1)


@pytest.mark.parametrize(("turn", "scale", "shift"), MOVES)
def test_known_moves_are_found(scenes, turn, scale, shift) -> None:
    shown = [moved(b, turn, scale, shift) for _, b in scenes]
    order = [2, 0, 1]
    pairs, unpaired = pair_cells([a for a, _ in scenes], [shown[i][0] for i in order])
    assert len(pairs) >= 3  # of six cells; a move takes some out of the picture
    assert all(order[pair.second.image] == pair.first.image for pair in pairs)
    error = np.concatenate([errors(pair, shown[pair.first.image][1]) for pair in pairs])
    assert np.median(error) < 0.5
    assert np.percentile(error, 90) < 1.5
    assert np.median([pair.scale for pair in pairs]) == pytest.approx(scale, rel=0.01)
    assert all(one.reason for one in unpaired)


def test_other_cells_find_no_partner(scenes) -> None:
    strangers = [
        render(
            draw_scene(random_spec(np.random.default_rng(s), 56, 48, LABELS), s), SYSTEMS["halogen-y"], s
        ).srgb
        for s in (50, 51)
    ]
    pairs, unpaired = pair_cells([a for a, _ in scenes], strangers)
    assert pairs == ()
    assert len(unpaired) >= 4  # of six cells, those that are found whole


def test_crops_show_the_same_pixels(scenes) -> None:
    first, second = scenes[0]
    turned, _ = moved(second, 12, 1.05, (4.2, -3.3))
    pairs, _ = pair_cells([first], [turned])
    for pair in pairs:
        a, b = aligned_crops(pair, first, turned)
        assert a.shape == b.shape
        assert structure_agreement(a, b) > 0.9


def test_nothing_to_pair() -> None:
    blank = np.full((60, 60, 3), 225, np.uint8)
    assert pair_cells([blank], [blank]) == ((), ())
