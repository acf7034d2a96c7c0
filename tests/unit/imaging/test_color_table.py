"""Fast tables and how they are made."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from leukon.datasets.synthetic import SYSTEMS, random_stain
from leukon.datasets.synthetic.render import draw_cell_image
from leukon.errors import InputError
from leukon.evaluation.color import fidelity
from leukon.imaging.color import map_from_dict, map_to_dict
from leukon.imaging.color.distil import distil, fit_table
from leukon.imaging.color.fitted import Fitted
from leukon.imaging.color.hedlund_morell import HedlundMorell
from leukon.imaging.color.look import Colors
from leukon.imaging.color.quality import FitQuality
from leukon.imaging.color.table import (
    KERNEL_PX,
    NODES,
    TOP,
    Looked,
    Table,
    packed,
    positions,
    stain_colors,
    unpacked,
)

NO_KERNELS = np.zeros((0, KERNEL_PX, KERNEL_PX), np.float32)
LABELS = "neutrophil", "lymphocyte", "monocyte", "eosinophil"


@pytest.fixture(scope="module")
def cells() -> list[np.ndarray]:
    return [
        draw_cell_image(
            LABELS[i % 4],
            i,
            side_px=96,
            system=SYSTEMS["led-x"],
            stain=random_stain(np.random.default_rng(i)),
        )[0]
        for i in range(16)
    ]


@pytest.fixture(scope="module")
def teacher() -> HedlundMorell:
    rng = np.random.default_rng(0)
    part = np.repeat(np.arange(4), 200)
    centres = np.array([[0, 0, 0], [0.1, 0.15, 0.1], [0.2, 0.3, 0.1], [0.5, 0.8, 0.2]])
    density = centres[part] + rng.normal(0, 0.02, (800, 3))
    turned = density @ np.array([[0.9, 0.1, 0], [0.1, 1.2, 0.1], [0, 0.1, 0.8]]) + part[:, None] * 0.01
    return HedlundMorell.fit(Colors(density, part, (0.9, 0.9, 0.9)), Colors(turned, part, (0.9, 0.85, 0.8)))


def test_it_looks_up_trilinearly() -> None:
    rng = np.random.default_rng(1)
    table = rng.random((NODES, NODES, NODES, 3)).astype(np.float32)
    image = rng.integers(0, 256, (20, 30, 3), np.uint8)
    white = np.array([0.9, 0.8, 0.7])
    at = np.minimum(image / 255 / white / TOP, 1) * (NODES - 1)
    np.testing.assert_allclose(positions(image, white), at, atol=1e-4)
    from scipy.interpolate import RegularGridInterpolator

    wanted = RegularGridInterpolator([np.arange(NODES)] * 3, table)(at) * 255
    mapped = Looked(table, white, FitQuality(), NO_KERNELS)(image)
    # OpenCV places the fraction between two nodes on a grid of 1/32.
    assert np.abs(mapped - wanted).mean() < 2
    assert np.abs(mapped - wanted).max() < 255 / 32 * 2
    wide = Looked(table, white, FitQuality(), NO_KERNELS)(image.astype(np.uint16) * 257)
    assert np.abs(wide / 257 - mapped).max() < 255 / 32 * 2


def test_tables_are_kept_bit_by_bit() -> None:
    table = np.random.default_rng(1).random((NODES, NODES, NODES, 3)).astype(np.float16)
    np.testing.assert_array_equal(unpacked(packed(table)), table)
    color = Table((0.9, 0.9, 0.9), (packed(table),) * 2, (0.1, 0.2, 0.3, 0.4), ((1.0, 0, 0, 0),))
    assert map_from_dict(json.loads(json.dumps(map_to_dict(color)))) == color


def test_a_distilled_table_does_what_its_teacher_does(cells, teacher) -> None:
    table = distil(teacher, cells[4:])
    assert fidelity(table, teacher, cells[:4])["delta_e"] < 1.5
    plain = fidelity(Fitted(), teacher, cells[:4])["delta_e"]
    assert plain > 3
    assert table.kernels == ()  # its teacher minds no neighbours either


class _ByStain:
    """A teacher whose red depends on the stain of the whole image."""

    name = "by stain"

    def for_image(self, image):
        share = stain_colors(image, Fitted().for_image(image))[2]  # of red in nuclei
        shift = 0 if np.isnan(share) else np.clip(400 * (share - 0.35), -40, 40)

        class Pixels:
            fit_quality = FitQuality()

            def __call__(self, part):
                return np.clip(part + np.array([shift, 0, 0]), 0, 255).astype(np.uint8)

        return Pixels()


def test_a_table_adapts_to_the_stain(cells) -> None:
    adaptive = distil(_ByStain(), cells[4:])
    assert 1 < len(adaptive.tables) <= 3
    fixed = replace(adaptive, tables=adaptive.tables[:1], basis=())
    loss = [fidelity(table, _ByStain(), cells[:12])["delta_e"] for table in (adaptive, fixed)]
    assert loss[0] < 0.95 * loss[1]


def test_neighbours_give_the_sharpness_of_the_target(cells, teacher) -> None:
    mapped = [teacher.for_image(cell)(cell) for cell in cells]
    soft = [cv2.GaussianBlur(cell, (0, 0), 2) for cell in mapped]
    sharp = [cv2.addWeighted(cell, 2, blurred, -1, 0) for cell, blurred in zip(mapped, soft, strict=True)]
    table = fit_table(list(zip(cells[4:], sharp[4:], strict=True)), teacher.source_white)
    assert len(table.kernels) == 3
    # What is softer than the source is not imitated.
    assert fit_table(list(zip(cells[4:], soft[4:], strict=True)), teacher.source_white).kernels == ()
    assert map_from_dict(json.loads(json.dumps(map_to_dict(table)))) == table

    def error(color: Table) -> float:
        off = [color.for_image(a)(a).astype(int) - b for a, b in zip(cells[4:], sharp[4:], strict=True)]
        return float(np.sqrt(np.mean(np.square(off))))

    assert error(table) < 0.9 * error(replace(table, kernels=()))
    # Large images go through in strips, which must not show: they are the lower the wider the image.
    large = np.tile(cells[0], (4, 8, 1))
    pixels = table.for_image(large)
    np.testing.assert_array_equal(pixels(large[:, :96])[:, :90], pixels(large)[:, :90])


def test_what_cannot_be_mapped(cells, teacher) -> None:
    with pytest.raises(InputError, match="3 images can be mapped: a table needs 8"):
        distil(teacher, [*cells[:3], np.zeros((9, 9, 3), np.uint8)])
    table = distil(teacher, cells)
    assert "too dark" in table.for_image(np.zeros((9, 9, 3), np.uint8)).fit_quality.reason
    plain = np.full((9, 9, 3), 220, np.uint8)
    assert table.for_image(plain)(plain).shape == plain.shape
    with pytest.raises(InputError, match="nothing to compare the maps on"):
        fidelity(table, teacher, [])
