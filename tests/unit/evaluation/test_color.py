"""Scores of colour maps."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from scipy.linalg import sqrtm
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from leukon.datasets.synthetic.render import draw_cell_image
from leukon.datasets.synthetic.systems import SYSTEMS
from leukon.errors import InputError
from leukon.evaluation.color import Sample, Share, compare_maps, frechet_distance, map_sheet, psnr, ssim
from leukon.imaging.color.affine import Affine
from leukon.imaging.color.fitting import fit_map
from leukon.imaging.color.identity import Identity
from leukon.segmentation.look import measure_look
from leukon.types import Cell, Image, Prediction, taxonomy_of

RNG = np.random.default_rng(3)
LABELS = "neutrophil", "lymphocyte", "monocyte", "eosinophil"


def drawn(system: str) -> list[Image]:
    return [draw_cell_image(LABELS[i % 4], i, side_px=140, system=SYSTEMS[system])[0] for i in range(10)]


class ByRed:
    """Names cells by how much red light their centre lets through."""

    taxonomy = taxonomy_of(["dark", "light"])

    def predict(self, cells: Sequence[Cell]) -> list[Prediction]:
        found = []
        for cell in cells:
            x, y = (int(v) for v in cell.box.centre)
            light = float(np.clip(cell.image[y - 8 : y + 8, x - 8 : x + 8, 0].mean() / 255, 0.01, 0.99))
            share = np.array([1 - light, light], np.float32)
            found.append(Prediction(self.taxonomy.names[int(share.argmax())], share))
        return found


@pytest.fixture(scope="module")
def pairs() -> list[Sample]:
    return [
        Sample(str(i), a, b) for i, (a, b) in enumerate(zip(drawn("led-x"), drawn("halogen-y"), strict=True))
    ]


def test_psnr_and_ssim_are_scikit_images() -> None:
    a = RNG.integers(0, 256, (50, 60, 3), np.uint8)
    b = cv2.GaussianBlur(a, (0, 0), 1)
    assert psnr(a, b) == pytest.approx(peak_signal_noise_ratio(a, b), abs=1e-6)
    grey = [cv2.cvtColor(x.astype(np.float32) / 255, cv2.COLOR_RGB2GRAY) for x in (a, b)]
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
    assert ssim(a, b) == pytest.approx(structural_similarity(*grey, **options), abs=2e-3)
    assert (psnr(a, a), ssim(a, a)) == (100, pytest.approx(1))


def test_the_frechet_distance() -> None:
    a = RNG.normal(size=(400, 3)) @ RNG.normal(size=(3, 3))
    b = RNG.normal(size=(300, 3)) @ RNG.normal(size=(3, 3)) + 1
    first, second = np.cov(a.T), np.cov(b.T)
    gap = ((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum()
    exact = np.sqrt(gap + np.trace(first + second - 2 * sqrtm(first @ second).real))
    assert frechet_distance(a, b) == pytest.approx(exact, rel=1e-4)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-4)
    assert frechet_distance(a, a + np.array([3, 4, 0])) == pytest.approx(5, rel=1e-4)


def test_pairs(pairs: list[Sample]) -> None:
    source = measure_look([one.image for one in pairs], "x")
    target = measure_look([one.target for one in pairs if one.target is not None], "y")
    fit = fit_map("density", source, target)
    crossed = Affine(source.white, target.white, ((-1, 0, 0), (0, -1, 0), (0, 0, -1)), (1, 1, 1))
    none, same, good, bad = compare_maps(
        {"same": Identity(), "good": fit.map, "bad": crossed}, pairs, ByRed(), target
    )
    assert none.name == "none"
    assert none.agreement.of == none.relabelled.of == 10
    assert (none.relabelled.count, none.nucleus_iou, none.ratio_change) == (0, 1, 0)
    assert (same.delta_e, same.psnr, same.agreement) == (none.delta_e, none.psnr, none.agreement)
    assert none.is_safe
    assert good.is_safe
    assert good.delta_e["background"] < 0.3 * none.delta_e["background"]
    assert good.delta_e["nucleus"] < none.delta_e["nucleus"]
    assert good.psnr > none.psnr
    assert not bad.is_safe
    assert bad.psnr < none.psnr


def test_sets_without_pairs(pairs: list[Sample]) -> None:
    others = [one.target for one in pairs if one.target is not None]
    samples = [Sample(one.name, one.image) for one in pairs]
    target = measure_look(others, "y")
    fit = fit_map("density", measure_look([s.image for s in samples], "x"), target)
    none, good = compare_maps({"good": fit.map}, samples, ByRed(), target, others)
    assert none.agreement.to_dict() == {"value": None, "low": None, "high": None}
    assert none.psnr is None
    assert good.delta_e["nucleus"] < none.delta_e["nucleus"]
    assert good.feature_distance < none.feature_distance
    alone = compare_maps({"good": fit.map}, samples, ByRed(), target)
    assert alone[0].feature_distance is None


def test_nothing_to_compare_is_refused(pairs: list[Sample]) -> None:
    target = measure_look([one.image for one in pairs], "x")
    with pytest.raises(InputError, match="no stained cell"):
        compare_maps({}, [Sample("blank", np.full((40, 40, 3), 220, np.uint8))], ByRed(), target)


def test_shares_have_exact_limits() -> None:
    assert Share(0, 0).to_dict()["value"] is None
    assert Share(5, 100).to_dict() == pytest.approx({"value": 0.05, "low": 0.0164, "high": 0.1128}, abs=1e-4)


def test_the_sheet_holds_every_picture(pairs: list[Sample]) -> None:
    sheet = map_sheet({"a": Identity(), "b": Identity()}, pairs[:3])
    assert sheet.shape == (2 * 24 + 6 * 128, 4 * 128, 3)
    np.testing.assert_array_equal(sheet[24:152, :128], sheet[24:152, 128:256])
    assert map_sheet({"a": Identity()}, [Sample("x", pairs[0].image)]).shape[1] == 2 * 128
