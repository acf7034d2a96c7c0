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

MOST_PX = 128
SMOOTHING_PX = 0.8
SMOOTHING = 0.006
GRANULE = 0.025
BODY = 0.05
LEAST_BODY = 0.02
RIDGE = 0.1
CUT_AT = 0.36
ROUNDS = 4
MOST_CYTOPLASM = 0.75
DETAIL = 0.03
LEAST_LOBE = 0.08
MOST_HOLE = 0.04


def adaptive(image: Image, scene: Scene, nucleus: Nucleus) -> Mask:
    """Segment one cell.

    The whole cell is traced by `whole_cell`. Within it, the nucleus is what is denser than a cut between the
    medians of nucleus and cytoplasm, of this cell alone: first along the nuclear axis, then along the one on
    which these two differ most. Rims, specks and holes finer than the cell's detail are smoothed away.

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
    shrink = min(1.0, MOST_PX / max(cell.shape))
    size = max(1, round((x1 - x0) * shrink)), max(1, round((y1 - y0) * shrink))
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    background = replace(scene.stain.background, height=round(height * shrink), width=round(width * shrink))
    density = background.density(np.asarray(small), round(x0 * shrink), round(y0 * shrink))
    found = _nucleus(density, cv2.resize(cell, size, interpolation=cv2.INTER_NEAREST_EXACT))
    smooth = cv2.resize(found.astype(np.float32), (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
    nucleus_mask = (smooth > 0.5) & (cell > 0)
    mask[y0:y1, x0:x1] = np.where(nucleus_mask, NUCLEUS, cell * np.uint8(CYTOPLASM))
    return mask


def _nucleus(density: Floats, cell: Mask) -> Mask:
    """Return 1 in the nucleus of the cell that fills `cell`."""
    diameter = 2 * float(np.sqrt(cv2.countNonZero(cell) / np.pi))
    density = cv2.GaussianBlur(density, (0, 0), max(SMOOTHING_PX, SMOOTHING * diameter))
    mask = _denser(cv2.transform(density, NUCLEAR_AXIS), cell, diameter)
    axis = _own_axis(density, mask, cell, diameter)
    if axis is not None:
        mask = _denser(cv2.transform(density, axis), cell, diameter)
    return _without_specks(mask)


def _denser(values: Floats, cell: Mask, diameter: float) -> Mask:
    """Return 1 where the cell's `values` lie above the cut between its two parts, without rims and frays."""
    # The parts' densities are those of lobes and open cytoplasm, not of the granules that crowd some cells.
    share, inside = cell.astype(np.float32), values * cell
    even, share = (cv2.GaussianBlur(one, (0, 0), GRANULE * diameter) for one in (inside, share))
    where = cell > 0
    mask = (values > _cut(even[where] / share[where])).astype(np.uint8) & cell
    side = 2 * max(1, round(DETAIL * diameter)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    mask = cv2.copyMakeBorder(mask, side, side, side, side, cv2.BORDER_REPLICATE)
    mask = cv2.morphologyEx(cv2.morphologyEx(mask, cv2.MORPH_OPEN, disc), cv2.MORPH_CLOSE, disc)
    return np.ascontiguousarray(mask[side:-side, side:-side])


def _own_axis(density: Floats, nucleus: Mask, cell: Mask, diameter: float) -> Floats | None:
    """Return the axis of density, shape (1, 3), on which this cell's nucleus and cytoplasm differ most.

    It is Fisher's linear discriminant of the bodies of the two, away from all boundaries, where blur and
    channels out of register mix them, and halfway back to the nuclear axis, which no first error bends. None
    where either has hardly a body.
    """
    framed = cv2.copyMakeBorder(cell, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    depths = [cv2.distanceTransform(mask, cv2.DIST_L2, 5) for mask in (nucleus, 1 - nucleus, framed)]
    inside, outside, in_cell = depths[0], depths[1], depths[2][1:-1, 1:-1]
    deep = BODY * diameter
    bodies = [density[inside > deep], density[(outside > deep) & (in_cell > deep)]]
    if min(len(body) for body in bodies) < LEAST_BODY * cv2.countNonZero(cell):
        return None
    spread = sum(np.cov(body, rowvar=False) for body in bodies)
    spread += (RIDGE * np.trace(spread) + 1e-6) * np.eye(3)
    own = np.linalg.solve(spread, bodies[0].mean(axis=0) - bodies[1].mean(axis=0))
    own /= max(1e-6, float(np.abs(own).sum()))
    return np.asarray(own + NUCLEAR_AXIS / np.abs(NUCLEAR_AXIS).sum(), np.float32)


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


def _without_specks(mask: Mask) -> Mask:
    """Leave out specks, and fill small holes."""
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
