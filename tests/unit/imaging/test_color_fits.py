"""Maps that are fitted to two imaging systems."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from leukon.errors import InputError, UnknownNameError
from leukon.imaging.color import COLOR_MAPS
from leukon.imaging.color.distil import fit_table
from leukon.imaging.color.fitted import Fitted
from leukon.imaging.color.fitting import (
    METHODS,
    ColorFit,
    Pairs,
    fit_map,
    part_differences,
    read_map,
    write_map,
)
from leukon.imaging.color.look import (
    BACKGROUND,
    NUCLEUS,
    Colors,
    Look,
    Part,
    delta_e2000,
    look_distance,
    to_density,
    to_value,
)
from leukon.imaging.color.looks import LOOKS
from leukon.pipeline import Pipeline
from leukon.types import Image

RNG = np.random.default_rng(4)
PBC = LOOKS["pbc"]
MATRIX = np.array([[1.3, 0.1, -0.1], [0.1, 0.7, 0.1], [0.0, -0.1, 1.2]])


def through(matrix: np.ndarray, white: tuple[float, float, float]) -> Look:
    """PBC as a system whose densities are `matrix` times its own would show it."""
    parts = tuple(
        Part(
            tuple((matrix @ part.mean).tolist()),
            tuple(map(tuple, (matrix @ np.array(part.covariance) @ matrix.T).tolist())),
        )
        for part in PBC.parts
        if part is not None
    )
    return Look("other", white, PBC.white_spread, parts, 40, 40)


OTHER = through(MATRIX, (0.6, 0.7, 0.65))


def smear(look: Look, side: int = 60, dtype: type = np.uint8) -> Image:
    """Draw a nucleus in a cell on an empty background."""
    y, x = np.mgrid[:side, :side] - side / 2
    radius = np.hypot(x, y) / side
    part = np.where(radius < 0.2, NUCLEUS, np.where(radius < 0.33, 2, BACKGROUND))
    means = np.array([p.mean for p in look.parts if p is not None])
    full = np.iinfo(dtype).max
    return np.rint(full * to_value(means[part], np.array(look.white))).astype(dtype)


def test_delta_e_is_that_of_scikit_image() -> None:
    a, b = RNG.random((2, 300, 3))
    np.testing.assert_allclose(delta_e2000(a, b), deltaE_ciede2000(rgb2lab(a), rgb2lab(b)), atol=0.02)
    assert (delta_e2000(a, a) == 0).all()
    grey = np.full((1, 3), 0.5)
    np.testing.assert_allclose(
        delta_e2000(grey, a[:1]), deltaE_ciede2000(rgb2lab(grey), rgb2lab(a[:1])), atol=0.02
    )


@pytest.mark.parametrize("method", METHODS)
def test_a_fit_brings_the_parts_nearer(method: str) -> None:
    fit = fit_map(method, OTHER, PBC)
    assert fit.quality.fits
    assert fit.quality.delta_e_after < (0.6 if method == "plain" else 0.3) * fit.quality.delta_e_before
    mapped = fit.map.for_image(smear(OTHER))(smear(OTHER))
    wanted = smear(PBC)
    # The published scalings move the background a little; all others keep it.
    tolerance = 15 if method in ("affine", "reinhard") else 2
    assert np.abs(mapped[0, 0].astype(int) - wanted[0, 0]).max() <= tolerance
    if method in ("density", "hedlund_morell"):
        centre = delta_e2000(mapped[30, 30] / 255, wanted[30, 30] / 255)
        assert centre < 4


@pytest.mark.parametrize("method", METHODS)
def test_a_system_mapped_to_itself_hardly_changes(method: str) -> None:
    image = smear(PBC)
    mapped = fit_map(method, PBC, PBC).map.for_image(image)(image)
    assert np.abs(mapped.astype(int) - image).max() <= (40 if method == "plain" else 4)


@pytest.mark.parametrize("method", METHODS)
def test_files_keep_every_bit(method: str, tmp_path) -> None:
    fit = fit_map(method, OTHER, PBC)
    write_map(tmp_path / "map.json", fit)
    assert read_map(tmp_path / "map.json") == fit
    pipeline = Pipeline(color=fit.map)
    assert Pipeline.from_dict(json.loads(json.dumps(pipeline.to_dict()))) == pipeline


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_hard_images_pass(method: str, dtype: type) -> None:
    full = np.iinfo(dtype).max
    color = fit_map(method, OTHER, PBC).map
    for image, word in (
        (np.zeros((20, 30, 3), dtype), "too dark"),
        (np.full((20, 30, 3), full, dtype), "over-exposed"),
    ):
        mapped = color.for_image(image)
        assert not mapped.fit_quality.fits
        assert word in mapped.fit_quality.reason
        np.testing.assert_array_equal(mapped(image), image)
    for image in (
        np.full((1, 1, 3), full // 2, dtype),
        RNG.integers(0, full, (1, 90, 3), dtype, endpoint=True),
        np.full((9, 9, 3), np.rint(0.59 * full), dtype),
    ):
        mapped = color.for_image(image)
        assert mapped.fit_quality.fits
        assert mapped(image).shape == image.shape
        assert mapped(image).dtype == dtype


def test_without_a_background_that_of_the_system_is_taken() -> None:
    color = fit_map("density", OTHER, PBC).map
    nucleus = np.full((30, 30, 3), smear(OTHER)[30, 30])
    mapped = color.for_image(nucleus)
    assert "no background" in mapped.fit_quality.note
    np.testing.assert_array_equal(mapped(nucleus)[0, 0], color.for_image(smear(OTHER))(smear(OTHER))[30, 30])


def test_the_white_of_each_image_is_its_own() -> None:
    color = fit_map("density", OTHER, PBC).map
    redder = replace(OTHER, white=(0.7, 0.6, 0.5))
    a, b = (color.for_image(smear(look))(smear(look)) for look in (OTHER, redder))
    assert np.abs(a.astype(int) - b).max() <= 4


def test_density_gives_nuclei_their_density_whatever_the_gain() -> None:
    for gain in (0.35, 0.8, 2.5):
        other = through(gain * np.eye(3), (0.8, 0.8, 0.8))
        fit = fit_map("density", other, PBC)
        np.testing.assert_allclose(fit.map.matrix, np.eye(3) / gain, rtol=0.02, atol=0.01)


@pytest.mark.parametrize("method", ["affine", "hedlund_morell", "density", "reinhard"])
def test_pairs_fit_better_than_moments(method: str) -> None:
    source = OTHER.colors()
    turned = np.linalg.inv(MATRIX) @ np.diag([1.1, 0.9, 1.0])
    target = Colors(source.density @ turned.T, source.part, PBC.white)
    fit = fit_map(method, OTHER, PBC, Pairs(source, target, 30))
    alone = fit_map(method, OTHER, PBC)

    def error(color: Fitted) -> float:
        density = color.change(source.density.astype(np.float32)[None])[0]
        white = np.array(PBC.white)
        return float(delta_e2000(to_value(density, white), to_value(target.density, white)).mean())

    assert error(fit.map) <= error(alone.map) + 0.3
    assert error(fit.map) < 6
    assert fit.quality.images == 30


def test_a_part_that_one_system_lacks_is_left_out() -> None:
    no_red = replace(OTHER, parts=tuple(p if i != 1 else None for i, p in enumerate(OTHER.parts)))
    for method in METHODS:
        fit = fit_map(method, no_red, PBC)
        before, after = part_differences(fit.map, no_red, PBC)
        assert len(before) == len(after) == 3
        assert np.isfinite(after).all()
    assert look_distance(no_red, OTHER) == 0


def test_too_little_is_refused() -> None:
    with pytest.raises(
        InputError, match="other shows 3 whole stained cells in 40 usable images: a fit needs 8"
    ):
        fit_map("density", replace(OTHER, cells=3), PBC)
    colors = OTHER.colors()
    with pytest.raises(InputError, match="2 usable pairs: a fit needs 8"):
        fit_map("affine", OTHER, PBC, Pairs(colors, colors, 2))
    blank = replace(OTHER, parts=(OTHER.parts[0], None, None, None))
    with pytest.raises(InputError, match="no nuclei"):
        fit_map("density", blank, PBC)
    with pytest.raises(InputError, match="hardly anything is stained"):
        fit_map("macenko", blank, PBC)
    with pytest.raises(UnknownNameError, match="density"):
        fit_map("densitty", OTHER, PBC)
    with pytest.raises(UnknownNameError, match="unknown method 'z_score'"):
        fit_map("z_score", OTHER, PBC)


def test_files_that_are_no_maps_are_refused(tmp_path) -> None:
    path = tmp_path / "map.json"
    with pytest.raises(InputError, match="check the path"):
        read_map(path)
    for text in ("", "[]", "{}", '{"format": "leukon color map 9"}', '{"format": "leukon color map 1"}'):
        path.write_text(text)
        with pytest.raises(InputError, match="leukon color fit"):
            read_map(path)
    value = fit_map("density", OTHER, PBC).to_dict()
    with pytest.raises(InputError, match="did you mean 'density'"):
        ColorFit.from_dict({**value, "map": {**value["map"], "name": "densitty"}})
    with pytest.raises(InputError):
        ColorFit.from_dict({**value, "source": {"name": "x"}})


def test_maps_whose_numbers_do_not_fit_are_refused(tmp_path) -> None:
    path = tmp_path / "map.json"
    fit = fit_map("affine", OTHER, PBC)
    table = fit_table([(smear(OTHER), smear(PBC))] * 8)
    for color, part, key, value in (
        (fit.map, "map", "matrix", [1.0, 2.0, 3.0]),
        (fit.map, "map", "matrix", "no"),
        (fit.map, "source", "white", None),
        (table, "map", "tables", ["AAAA"]),
        (table, "map", "kernels", [[1.0, 2.0, 3.0]]),
    ):
        record = replace(fit, map=color).to_dict()
        record[part][key] = value
        path.write_text(json.dumps(record))
        with pytest.raises(InputError, match=r"map.json is no colour map \(.*make one with leukon color fit"):
            read_map(path)


def test_densities_and_values_are_inverse() -> None:
    white = np.array([0.9, 0.8, 0.7])
    values = RNG.random((50, 3))
    np.testing.assert_allclose(to_value(to_density(values, white), white), values, atol=1e-12)


def test_the_registry_names_what_can_be_fitted() -> None:
    assert set(METHODS) == {name for name, kind in COLOR_MAPS.items() if issubclass(kind, Fitted)}
