"""Nucleus and cytoplasm of one cell, by density: what `segment` does unless told otherwise."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from leukon.segmentation.parts import CYTOPLASM, NUCLEUS
from leukon.segmentation.scene import Nucleus, Scene
from leukon.segmentation.stain import NUCLEAR_AXIS, Floats, Mask, quantile, to_uint8
from leukon.segmentation.whole_cell import filled, whole_cell
from leukon.types import Image

MOST_PX = 384
SMOOTHING_PX = 0.8
SMOOTHING = 0.006
CUT_AT = 0.36
ROUNDS = 4
MOST_CYTOPLASM = 0.75
DETAIL = 0.03
LEAST_LOBE = 0.08
MOST_HOLE = 0.04


def adaptive(image: Image, scene: Scene, nucleus: Nucleus) -> Mask:
    """Segment one cell.

    The whole cell is traced by `whole_cell`. Within it, the nucleus is what is denser along the nuclear axis
    than a cut between the medians of nucleus and cytoplasm, of this cell alone and at full size; rims, specks
    and holes finer than the cell's detail are smoothed away.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3)
        RGB, uint8 or uint16.
    scene : Scene
        The same image, perhaps reduced.
    nucleus : Nucleus
        One of the scene's.

    Returns
    -------
    ndarray of uint8, shape (H, W)
        0 outside the cell, 128 in its cytoplasm, 255 in its nucleus.
    """
    height, width = image.shape[:2]
    rows, columns = scene.labels.shape
    scale = max(height / rows, width / columns)
    outline = whole_cell(scene, nucleus)
    low, high = outline.min(axis=0) * scale, (outline.max(axis=0) + 1) * scale
    x0, y0 = (max(0, int(edge) - 2) for edge in low)
    x1, y1 = min(width, int(high[0]) + 3), min(height, int(high[1]) + 3)
    cell = filled(outline - np.array([x0, y0], np.float32) / np.float32(scale), y1 - y0, x1 - x0, scale)
    mask = np.zeros((height, width), np.uint8)
    if not cell.any():
        return mask
    part = np.ascontiguousarray(to_uint8(image[y0:y1, x0:x1]))
    background = replace(scene.stain.background, height=height, width=width)
    nucleus_mask = _nucleus(background.density(part, x0, y0), cell)
    mask[y0:y1, x0:x1] = np.where(nucleus_mask > 0, NUCLEUS, cell * np.uint8(CYTOPLASM))
    return mask


def _nucleus(density: Floats, cell: Mask) -> Mask:
    """Return 1 in the nucleus of the cell that fills `cell`."""
    height, width = cell.shape
    if max(height, width) > MOST_PX:
        shrink = MOST_PX / max(height, width)
        size = max(1, round(width * shrink)), max(1, round(height * shrink))
        small = cv2.resize(density, size, interpolation=cv2.INTER_AREA)
        found = _nucleus(small, cv2.resize(cell, size, interpolation=cv2.INTER_NEAREST))
        smooth = cv2.resize(found.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(smooth > 0.5).astype(np.uint8) & cell
    diameter = 2 * float(np.sqrt(cv2.countNonZero(cell) / np.pi))
    nuclear = cv2.transform(density, NUCLEAR_AXIS)
    nuclear = cv2.GaussianBlur(nuclear, (0, 0), max(SMOOTHING_PX, SMOOTHING * diameter))
    mask = (nuclear > _cut(nuclear[cell > 0])).astype(np.uint8) & cell
    return _tidied(mask, max(1, round(DETAIL * diameter)))


def _cut(values: Floats) -> float:
    """Return the density between the two classes of `values`, which split at Otsu's first."""
    low, high = float(quantile(values, 0.01)), float(quantile(values, 0.99))
    step = max(high - low, 1e-6) / 255
    levels = np.clip((values - low) / step, 0, 255).astype(np.uint8)
    cut = low + step * (float(cv2.threshold(levels, 0, 255, cv2.THRESH_OTSU)[0]) + 0.5)
    for _ in range(ROUNDS):
        above, below = values[values > cut], values[values <= cut]
        if not above.size or not below.size:
            break
        nucleus, cytoplasm = float(quantile(above, 0.5)), float(quantile(below, 0.5))
        # Where there is hardly any cytoplasm the classes are two shades of nucleus.
        cut = min(cytoplasm + CUT_AT * (nucleus - cytoplasm), MOST_CYTOPLASM * nucleus)
    return cut


def _tidied(mask: Mask, radius: int) -> Mask:
    """Smooth by an opening and a closing, and leave out specks and small holes."""
    side = 2 * radius + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    mask = cv2.copyMakeBorder(mask, side, side, side, side, cv2.BORDER_REPLICATE)
    mask = cv2.morphologyEx(cv2.morphologyEx(mask, cv2.MORPH_OPEN, disc), cv2.MORPH_CLOSE, disc)
    mask = np.ascontiguousarray(mask[side:-side, side:-side])
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA]
    kept = areas >= LEAST_LOBE * areas[1:].max(initial=0)
    kept[0] = False
    mask = kept[labels].astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(1 - mask, connectivity=4)
    hole = stats[:, cv2.CC_STAT_AREA] < MOST_HOLE * cv2.countNonZero(mask)
    hole[0] = False
    mask[hole[labels]] = 1
    return mask
