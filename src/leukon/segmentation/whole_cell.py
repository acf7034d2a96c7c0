"""The whole cell, told from its neighbours by which colours lie near its nucleus and which lie far away."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from leukon.segmentation.polar import Rays
from leukon.segmentation.scene import Nucleus, Scene
from leukon.segmentation.stain import Floats, Mask, quantile

ANGLES = 48
RADII = 40
SURROUNDINGS = 2.5
REACH = 1.0
NEAR = 0.2
FAR = 0.4
BINS = 24
BELOW_ZERO = 0.1
TOP = 1.15
LEAST_TOP_OD = 0.25
FAR_SHARE = 0.15
FLOOR = 1e-3
MOST_LOG_ODDS = 1.5
PRIOR = 0.18
SLOPE_OF_PRIOR = 0.6
PRIOR_FROM = 0.3
NEIGHBOUR = 0.2
THICKNESSES = 0.7, 1.0, 1.3
SWALLOWED = 0.25
LEAST_SOLIDITY = 0.92
SUBPIXEL_BITS = 4
MOST_SPAN = 4.0
LEAST_LOBE = 0.15
LEAST_TAKEN_IN = 0.7
LEAST_ROUNDNESS = 0.62
MOST_NUCLEUS = 0.5


def whole_cell(scene: Scene, nucleus: Nucleus) -> Floats:
    """Trace the outline of the whole cell around a nucleus: as `Scene.outline`, but slower and better.

    The colours of the first outline and of a ring around the nucleus, less what they share with those far
    from it (red cells, background), are the cell's own. The outline is the closed radial curve that best
    separates the two, seen from the middle of the first one. Only the largest part of the nucleus must lie
    inside, so that platelets and neighbours that were taken for lobes fall away. An outline that takes in
    another nucleus and has a waist holds two cells, and is drawn again on this side of the midline.

    Parameters
    ----------
    scene : Scene
    nucleus : Nucleus
        One of the scene's.

    Returns
    -------
    ndarray of float32, shape (ANGLES, 2)
        Points (x, y) in px of the scene, which may lie outside it.
    """
    diameter = float(np.sqrt(nucleus.area_px * 4 / np.pi))
    first_outline = scene.outline(nucleus)
    scene, x0, y0 = scene.around(nucleus, SURROUNDINGS * diameter)
    corner = np.array([x0, y0], np.float32)
    height, width = scene.labels.shape
    first = filled(first_outline - corner, height, width)
    core = _largest_part(scene.labels == nucleus.label)
    first |= core
    others = ((scene.labels > 0) & (scene.labels != nucleus.label)).astype(np.uint8)
    away = cv2.distanceTransform(1 - core, cv2.DIST_L2, 5)
    away /= np.float32(diameter)
    own = _own_odds(scene, core, first, others, away)
    m = cv2.moments(first, binaryImage=True)
    x, y = m["m10"] / m["m00"], m["m01"] / m["m00"]
    core_y, core_x = np.nonzero(core)
    reach = float(np.sqrt(((core_x - x) ** 2 + (core_y - y) ** 2).max())) + 1
    reach += 0.7 * REACH * diameter
    rays = Rays.around(x, y, reach, ANGLES, RADII)
    density = rays.sample(scene.stain.density)
    distance = rays.sample(away)
    beyond = rays.beyond(rays.sample(core) > 0)
    cost = -np.clip(rays.sample(own) / MOST_LOG_ODDS, -1, 1) - PRIOR
    cost += np.clip((distance - PRIOR_FROM) * SLOPE_OF_PRIOR, 0, 1.5)
    cost[distance > REACH] = 1
    cost[rays.sample(others) > 0] = NEIGHBOUR
    cost[rays.outside(height, width)] = 0.2
    cost[beyond <= 0] = -1
    cytoplasm = scene.stain.density[(first > core) & (scene.stain.valid > 0)]
    ceiling = np.maximum(1.5 * np.abs(quantile(cytoplasm, 0.5)), 0.08) if len(cytoplasm) else np.full(3, 0.3)
    outline = rays.outline(np.asarray(cost, np.float32), density, ceiling, beyond)
    whole = filled(outline, height, width)
    rest = (scene.labels > 0).astype(np.uint8) - core
    if cv2.countNonZero(whole & rest) > SWALLOWED * cv2.countNonZero(core) and _has_waist(outline):
        to_rest = cv2.distanceTransform(1 - rest, cv2.DIST_L2, 5) / np.float32(diameter)
        cost[rays.sample(to_rest) < distance] = 1
        outline = rays.outline(np.asarray(cost, np.float32), density, ceiling, beyond)
    return outline + corner


def with_far_lobes(scene: Scene, nucleus: Nucleus) -> tuple[Scene, Nucleus]:
    """Join a nucleus with lobes that lie too far apart for the scene, in whose scale a lobe was a nucleus.

    Two are of one cell where the outline around both takes both in, is round, and is mostly cytoplasm:
    that of two cells in touch is twice as long as wide.

    Returns
    -------
    The scene and the nucleus in it, the same ones where nothing is joined.
    """
    for other in scene.nuclei:
        if other.label == nucleus.label or other.area_px < LEAST_LOBE * nucleus.area_px:
            continue
        joined, whole = scene.joined(nucleus, other)
        if max(whole.box.width, whole.box.height) > MOST_SPAN * scene.nucleus_px:
            continue
        outline = whole_cell(joined, whole)
        inside = filled(outline, *scene.labels.shape) > 0
        area, radius = cv2.contourArea(outline), cv2.minEnclosingCircle(outline)[1]
        if (
            area * MOST_NUCLEUS >= whole.area_px
            and area >= LEAST_ROUNDNESS * np.pi * radius**2
            and all(inside[scene.labels == n.label].mean() >= LEAST_TAKEN_IN for n in (nucleus, other))
        ):
            return with_far_lobes(joined, whole)
    return scene, nucleus


def filled(outline: Floats, height: int, width: int, scale: float = 1.0) -> Mask:
    """Fill an outline, `scale` times as large: 1 inside, 0 outside, shape (height, width)."""
    mask = np.zeros((height, width), np.uint8)
    # Pixel centres lie half a pixel inside the corners that scaling keeps in place.
    points = (outline + 0.5) * scale - 0.5
    cv2.fillPoly(mask, [np.round(points * 2**SUBPIXEL_BITS).astype(np.int32)], 1, shift=SUBPIXEL_BITS)
    return mask


def _own_odds(scene: Scene, core: Mask, first: Mask, others: Mask, away: Floats) -> Floats:
    """Return the log odds that a pixel's colour is the cell's own, smoothed, shape (H, W)."""
    density, valid = scene.stain.density, scene.stain.valid > 0
    top = TOP * max(LEAST_TOP_OD, float(quantile(density[core > 0].max(axis=1), 0.9)))
    slope = BINS / (top * (1 + BELOW_ZERO))
    shift = BINS * BELOW_ZERO / (1 + BELOW_ZERO)
    levels = cv2.convertScaleAbs(np.maximum(density, -shift / slope), alpha=slope, beta=shift - 0.5)
    levels = cv2.min(levels, np.full_like(levels, BINS - 1))
    near = ((first > 0) | (away < NEAR)) & valid & (others == 0)
    far = (away > FAR) & (first == 0) & valid & (others == 0)
    own, foreign = (_histogram(levels, part) for part in (near, far))
    # What must be expected though the image may not show it: background, and red cells of any thickness.
    known = np.zeros_like(foreign)
    places = [np.zeros(3)] if scene.red is None else [np.zeros(3), *(t * scene.red for t in THICKNESSES)]
    for place in places:
        at = np.clip(place * slope + shift, 0, BINS - 1).astype(int)
        known[tuple(at)] += 1.0 if not place.any() else 1 / len(THICKNESSES)
    seen = min(1.0, float(np.count_nonzero(far)) / (FAR_SHARE * far.size))
    own, foreign, known = (
        _smooth(counts / max(1.0, float(counts.sum()))) for counts in (own, foreign, known)
    )
    foreign = 0.75 * seen * foreign + (1 - 0.75 * seen) * known
    # Foreign colours lie near as well. Half of them lie where near holds at most this multiple of far.
    ratio = (own / (foreign + 1e-6)).ravel()
    order = ratio.argsort()
    reached = np.cumsum(foreign.ravel()[order])
    shared = float(ratio[order[np.searchsorted(reached, 0.5 * reached[-1])]])
    own = np.maximum(own - shared * foreign, 0)
    odds = np.log((own / max(1e-6, float(own.sum())) + FLOOR) / (foreign + FLOOR))
    odds = np.clip(odds, -MOST_LOG_ODDS, MOST_LOG_ODDS).astype(np.float32)
    red, green, blue = cv2.split(levels.astype(np.int32))
    pixels = odds.ravel()[(red * BINS + green) * BINS + blue]
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), 0.8), np.float32)


def _histogram(levels: npt.NDArray[np.uint8], part: npt.NDArray[np.bool_]) -> Floats:
    return np.asarray(cv2.calcHist([levels], [0, 1, 2], part.astype(np.uint8), [BINS] * 3, [0, BINS] * 3))


def _smooth(counts: Floats) -> Floats:
    """Smooth a histogram over neighbouring bins of all three axes."""
    for _ in range(3):  # along the first axis, which then becomes the last
        counts = cv2.GaussianBlur(counts.reshape(BINS, -1), (1, 9), 0.0, sigmaY=1.0)
        counts = np.moveaxis(counts.reshape(BINS, BINS, BINS), 0, 2)
    return np.ascontiguousarray(counts)


def _has_waist(outline: Floats) -> bool:
    return cv2.contourArea(outline) < LEAST_SOLIDITY * cv2.contourArea(cv2.convexHull(outline))


def _largest_part(mask: npt.NDArray[np.bool_]) -> Mask:
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    return np.asarray(labels == 1 + stats[1:, cv2.CC_STAT_AREA].argmax()).astype(np.uint8)
