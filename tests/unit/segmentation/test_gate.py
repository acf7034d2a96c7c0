"""Images that are not fit to be judged."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from leukon.datasets.synthetic.camera import ImagingSystem
from leukon.datasets.synthetic.render import render
from leukon.datasets.synthetic.scene import Scene, SceneSpec, draw_scene
from leukon.datasets.synthetic.systems import SYSTEMS
from leukon.imaging.color.white import white_level
from leukon.segmentation import find_leukocytes
from leukon.segmentation.gate import (
    COLOR_CAST,
    FAINT,
    NO_CONTRAST,
    OUT_OF_FOCUS,
    OVEREXPOSED,
    SPOT,
    TOO_DARK,
    faults_of,
)
from leukon.types import Image


@pytest.fixture(scope="module")
def scene() -> Scene:
    return draw_scene(SceneSpec(60, 50, ("neutrophil", "lymphocyte", "monocyte")), 5)


def faults(image: Image) -> tuple[str, ...]:
    return faults_of(image, find_leukocytes(image))


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_named_system_passes(name: str, scene: Scene) -> None:
    assert faults(render(scene, SYSTEMS[name], 1).srgb) in ((), (COLOR_CAST,) * (name == "yellow-fast-stain"))


def test_light(scene: Scene) -> None:
    image = render(scene, SYSTEMS["led-x"], 1).srgb
    assert faults((image // 8).astype(np.uint8)) == (TOO_DARK,)
    assert faults(image.astype(np.uint16)) == (TOO_DARK,)
    assert faults((220 + image // 16).astype(np.uint8)) == (NO_CONTRAST,)
    bright = cv2.convertScaleAbs(image, alpha=1.6)
    assert OVEREXPOSED in faults(bright)
    spot = image.copy()
    cv2.circle(spot, (40, 40), 60, (255, 255, 255), -1)
    dim = cv2.convertScaleAbs(image, alpha=0.8)
    dim[spot == 255] = 255
    assert faults(dim) == (SPOT,)
    assert COLOR_CAST in faults(np.rint(image * np.array([1.0, 0.9, 0.15])).astype(np.uint8))


def test_stain(scene: Scene) -> None:
    image = render(scene, SYSTEMS["led-x"], 1).srgb
    white = np.array(white_level(image) * 255)
    faults_at = {
        strength: faults(np.rint(white + strength * (image - white)).clip(0, 255).astype(np.uint8))
        for strength in (0.1, 0.38, 0.6)
    }
    assert faults_at == {0.1: (NO_CONTRAST,), 0.38: (FAINT,), 0.6: ()}


@pytest.mark.parametrize("name", ["led-x", "grey-ccd"])
def test_focus(name: str, scene: Scene) -> None:
    def defocused(um: float) -> ImagingSystem:
        return replace(SYSTEMS[name], optics=replace(SYSTEMS[name].optics, defocus_um=um))

    assert faults(render(scene, defocused(0.3), 1).srgb) == ()
    assert OUT_OF_FOCUS in faults(render(scene, defocused(3), 1).srgb)


def test_an_empty_field_is_no_fault_of_stain() -> None:
    image = np.full((80, 90, 3), 225, np.uint8)
    image[20:40, 20:40] = 210, 140, 130
    assert faults_of(image, ()) == ()
