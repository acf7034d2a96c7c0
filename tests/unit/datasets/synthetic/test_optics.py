"""Light: dyes, lamps, cameras, noise and processing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from leukon.datasets.synthetic import SYSTEMS, Sensor, Stain, draw_scene, random_system, render
from leukon.datasets.synthetic.camera import ImagingSystem, Optics, Processing, expose
from leukon.datasets.synthetic.render import transmit
from leukon.datasets.synthetic.scene import SceneSpec
from leukon.datasets.synthetic.spectra import (
    ABSORBANCE,
    CAMERAS,
    DYES,
    LAMPS,
    WAVELENGTHS_NM,
    Lamp,
    colour_matrix,
    curve,
)

NOISELESS = Sensor(exposure=0.4, full_well_e=np.inf, read_noise_e=0, black=0, bayer=False)


def peak_nm(dye: str) -> float:
    return float(WAVELENGTHS_NM[ABSORBANCE[DYES.index(dye)].argmax()])


def test_the_dyes_absorb_where_they_should():
    assert peak_nm("eosin") in (510, 520)
    assert 570 <= peak_nm("azure") <= 650
    assert 540 <= peak_nm("purple") <= 590
    assert peak_nm("methylene_blue") in (660, 670)
    assert peak_nm("haemoglobin") in (410, 420)


def test_beer_lambert_by_hand():
    eosin = 0.7
    dyes = np.zeros((1, len(DYES)), np.float32)
    dyes[0, DYES.index("eosin")] = eosin
    narrow = np.zeros((31, 3), np.float32)
    narrow[12] = 1  # light of 520 nm alone
    absorbance = sum(
        height * np.exp(-0.5 * ((520 - centre) / width) ** 2)
        for centre, width, height in ((517, 13, 1.0), (489, 20, 0.45), (440, 40, 0.06))
    )
    got = transmit(dyes, Stain(plasma=0), narrow)
    assert got == pytest.approx(np.full((1, 3), 10 ** -(eosin * absorbance)), rel=1e-4)


def test_twice_the_dye_squares_the_transmission_of_one_wavelength():
    dyes = np.full((1, len(DYES)), 0.1, np.float32)
    narrow = np.zeros((31, 3), np.float32)
    narrow[20] = 1
    once, twice = (transmit(d, Stain(plasma=0), narrow) for d in (dyes, 2 * dyes))
    assert twice == pytest.approx(once**2, rel=1e-4)


def test_halogen_is_a_black_body():
    power = LAMPS["halogen"].spectrum()
    metres = np.array([450e-9, 650e-9])
    planck = metres**-5 / np.expm1(6.62607e-34 * 2.99792e8 / (metres * 1.380649e-23 * 3100))
    assert power[5] / power[25] == pytest.approx(planck[0] / planck[1], rel=1e-3)


@pytest.mark.parametrize("name", sorted(SYSTEMS))
def test_the_colour_matrix_keeps_white(name):
    matrix = colour_matrix(SYSTEMS[name].lamp, SYSTEMS[name].camera)
    assert matrix.sum(1) == pytest.approx(np.ones(3), abs=1e-5)


def test_white_balance_makes_the_background_neutral():
    empty = draw_scene(SceneSpec(20, 20, red_cover=0, platelets_per_1000_um2=0), seed=0)
    tinted, balanced = (render(empty, SYSTEMS[name], 0) for name in ("yellow-fast-stain", "led-x"))
    middle = balanced.srgb[50:150, 50:150].reshape(-1, 3).mean(0)
    assert np.ptp(middle) < 3
    assert np.ptp(tinted.srgb[30:90, 30:90].reshape(-1, 3).mean(0)) > 60


def test_two_lamps_of_equal_background_stain_differently():
    scene = draw_scene(SceneSpec(25, 25, ("monocyte",), centred=True), seed=4)
    pictures = []
    for lamp in ("led-cool", "halogen"):
        system = ImagingSystem(
            LAMPS[lamp], CAMERAS["single-chip"], Optics(vignetting=0, defocus_um=0), NOISELESS,
            Processing(matrix=0, jpeg_quality=None, chroma_blur_px=0, sharpen=0),
        )  # fmt: skip
        pictures.append(render(scene, system, 0))
    empty = (scene.relief < 0.001) & (scene.dyes[..., :4].sum(-1) < 0.02)
    nucleus = pictures[0].nucleus == 1
    assert empty.sum() > 100
    background, stained = (
        np.abs(pictures[0].srgb[where].mean(0) - pictures[1].srgb[where].mean(0)).max()
        for where in (empty, nucleus)
    )
    assert background < 2
    assert stained > 5


def test_raw_is_linear_in_the_exposure():
    scene = draw_scene(SceneSpec(15, 15, ("neutrophil",)), seed=2)
    once, twice = (
        render(scene, replace(SYSTEMS["led-x"], sensor=replace(NOISELESS, exposure=exposure)), 0).raw
        for exposure in (0.3, 0.6)
    )
    assert np.abs(2.0 * once - twice).max() <= 3  # rounding to whole counts
    assert twice.max() < 65535


def test_overexposure_saturates_at_full_scale():
    scene = draw_scene(SceneSpec(10, 10, red_cover=0), seed=2)
    system = replace(SYSTEMS["led-x"], sensor=replace(NOISELESS, exposure=3.0))
    assert np.median(render(scene, system, 0).raw) == 65535


def test_demosaicing_keeps_the_colours_in_place():
    colour = np.broadcast_to(np.array([0.6, 0.3, 0.1], np.float32), (20, 30, 3))
    sensor = Sensor(exposure=1, full_well_e=np.inf, bayer=True)
    rgb, mosaic = expose(colour, sensor, np.random.default_rng(0))
    assert rgb == pytest.approx(colour, abs=1e-3)
    assert mosaic is not None
    assert mosaic[0, 0] > mosaic[0, 1] > mosaic[1, 1] > sensor.black


def test_shot_noise_is_the_root_of_the_electrons():
    light = np.full((200, 200, 3), 1.0, np.float32)
    sensor = Sensor(exposure=0.5, full_well_e=5000, read_noise_e=0, bayer=False)
    rgb, _ = expose(light, sensor, np.random.default_rng(0))
    assert rgb.std() * 5000 == pytest.approx(np.sqrt(2500), rel=0.03)


def test_stains_act_as_chemistry_says():
    def amounts(stain: Stain, source: str) -> dict[str, float]:
        return dict(zip(DYES, stain.uptake()[DYES.index(source)], strict=True))

    acid, alkaline = Stain(ph=6.4), Stain(ph=7.2)
    assert amounts(acid, "eosin")["eosin"] > amounts(alkaline, "eosin")["eosin"]
    assert amounts(acid, "haemoglobin")["azure"] < amounts(alkaline, "haemoglobin")["azure"]
    faded = Stain(fading=0.8)
    assert amounts(faded, "azure")["azure"] < 0.7 * amounts(Stain(), "azure")["azure"]
    assert amounts(faded, "eosin")["eosin"] > 0.85 * amounts(Stain(), "eosin")["eosin"]


def test_a_daylight_filter_makes_halogen_bluer():
    plain, filtered = (LAMPS[name].spectrum() for name in ("halogen", "halogen-daylight"))
    assert filtered[5] / filtered[25] > 1.5 * plain[5] / plain[25]


def test_a_lamp_of_peaks_alone_and_its_maximum():
    lamp = Lamp(peaks=((450, 10, 1.0),))
    assert lamp.spectrum().max() == 1
    assert lamp.spectrum() == pytest.approx(curve(lamp.peaks) / curve(lamp.peaks).max())


def test_random_systems_differ_and_repeat():
    first, again, other = (random_system(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first == again != other
    for seed in range(30):
        response = random_system(np.random.default_rng(seed)).response()
        assert np.isfinite(response).all()
        assert response.sum(0).max() == pytest.approx(1, abs=1e-4)
        assert response.sum(0).min() > 0.02
