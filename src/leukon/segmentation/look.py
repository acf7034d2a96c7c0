"""Measuring how an imaging system looks, from unlabelled images of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from leukon.errors import InputError
from leukon.imaging.color.fitted import rows, triple
from leukon.imaging.color.look import (
    BACKGROUND,
    CYTOPLASM,
    LEVEL,
    NUCLEUS,
    PARTS,
    RED_CELL,
    Floats,
    Look,
    Part,
    look_distance,
)
from leukon.imaging.color.white import white_level
from leukon.segmentation.scene import read_scene
from leukon.segmentation.stain import reduced, total
from leukon.types import Image

READ_PX = 512
SINGLE_PX = 192
STAINED = 0.15
LEAST_NUCLEUS = 0.3
LEAST_PIXELS = 20
PIXELS_PER_IMAGE = 64
LEAST_WHITE = 0.08
_KERNEL = np.ones((3, 3), np.uint8)
NOWHERE = len(PARTS)
SAME_SYSTEM = 6.0
"""Mean ΔE2000 between the parts of two sets of images of one system hardly exceeds this: ten images of
single cells measure their system to within about 3."""


@dataclass(frozen=True, eq=False, slots=True)
class PartMap:
    """The parts of one image.

    Attributes
    ----------
    part : ndarray of uint8, shape (H, W)
        Position in `PARTS`; `NOWHERE` where it is doubtful, as along edges.
    density : ndarray of float32, shape (H, W, 3)
        Optical density above the background.
    white : ndarray, shape (3,)
        The background, shares of full scale.
    cells : int
        Whole cells.
    scale : float
        Size of these maps, px per px of the image.
    """

    part: npt.NDArray[np.uint8]
    density: npt.NDArray[np.float32]
    white: Floats
    cells: int
    scale: float


def part_map(image: Image) -> PartMap | None:
    """Tell background, red cells, cytoplasm and nuclei of `image` apart; None where there is no nucleus.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3)
        RGB, uint8 or uint16: a field or a single cell.
    """
    small, scale = reduced(image, READ_PX if max(image.shape[:2]) > 2 * SINGLE_PX else SINGLE_PX)
    scene = read_scene(small, crowded=True) or read_scene(small, crowded=False)
    if scene is None:
        return None
    white = white_level(small)
    light = (white + LEVEL).astype(np.float32)
    density = np.log10(light) - np.log10(small.astype(np.float32) / 255 + np.float32(LEVEL))
    nuclei = (scene.labels > 0).astype(np.uint8)
    cells = np.zeros_like(nuclei)
    large = [one for one in scene.nuclei if one.area_px >= LEAST_NUCLEUS * scene.whole_px]
    for nucleus in large:
        cv2.fillPoly(cells, [np.round(scene.outline(nucleus)).astype(np.int32)], 1)
    stained = (total(density) > STAINED).astype(np.uint8)
    beside = cv2.dilate(cells | nuclei, _KERNEL, iterations=4) > 0
    part = np.full(nuclei.shape, NOWHERE, np.uint8)
    part[~beside & (cv2.dilate(stained, _KERNEL) == 0)] = BACKGROUND
    part[~beside & (cv2.erode(stained, _KERNEL) > 0)] = RED_CELL
    part[(cv2.erode(cells, _KERNEL) > 0) & (cv2.dilate(nuclei, _KERNEL, iterations=2) == 0)] = CYTOPLASM
    part[cv2.erode(nuclei & cells, _KERNEL) > 0] = NUCLEUS
    part[scene.stain.valid == 0] = NOWHERE
    return PartMap(part, np.asarray(density, np.float32), white, len(large), scale)


def measure_look(images: Iterable[Image], name: str) -> Look:
    """Measure the look of the imaging system that took `images`.

    Every image counts the same, and within it every part, whatever its size.

    Parameters
    ----------
    images : iterable of ndarray, shape (H, W, 3)
        Fields or single cells; read once.
    name : str
        What to call the system.

    Raises
    ------
    InputError
        If no image holds a nucleus.
    """
    rng = np.random.default_rng(0)
    whites: list[Floats] = []
    samples: list[list[npt.NDArray[np.float32]]] = [[] for _ in PARTS]
    cells = 0
    for image in images:
        found = part_map(image)
        if found is None or found.cells == 0 or found.white.max() < LEAST_WHITE:
            continue
        whites.append(found.white)
        cells += found.cells
        for index, sample in enumerate(samples):
            pixels = found.density[found.part == index]
            if len(pixels) >= LEAST_PIXELS:
                sample.append(rng.choice(pixels, PIXELS_PER_IMAGE))
    if not whites:
        raise InputError(f"{name} holds no image of a stained cell: give images of stained leukocytes")
    logs = np.log10(np.maximum(whites, LEVEL))
    return Look(
        name,
        triple(np.median(whites, axis=0)),
        triple(logs.std(axis=0)),
        tuple(_part(np.concatenate(sample)) if sample else None for sample in samples),
        len(whites),
        cells,
    )


def _part(density: npt.NDArray[np.float32]) -> Part:
    values = density.astype(np.float64)
    # The tails are misread pixels: medians and the middle 90 % say where the part lies.
    low, high = np.percentile(values, [5, 95], axis=0)
    inner = values[((values >= low) & (values <= high)).all(axis=1)]
    covariance = np.cov(inner.T) if len(inner) > 3 else np.zeros((3, 3))
    return Part(triple(np.median(values, axis=0)), rows(covariance))


def unlike(images: Iterable[Image], look: Look) -> str:
    """Say that `images` come from another imaging system than `look`; empty where they may be of it."""
    try:
        seen = measure_look(images, "these images")
    except InputError:
        return ""
    distance = look_distance(seen, look)
    if distance <= SAME_SYSTEM:
        return ""
    return (
        f"the images do not look like {look.name}, which the map was fitted on: their parts differ by "
        f"ΔE {distance:.1f}, more than {SAME_SYSTEM:g}; fit a map for them with leukon color fit"
    )
