"""From a nucleus to the whole cell: the best closed contour around it."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from leukon.segmentation.polar import Rays
from leukon.segmentation.stain import Floats, Mask, Stain, quantile, total

ANGLES = 36
RADII = 36
FAINT_OD = 0.03, 0.09
BIAS = -0.05
DOUBTFUL_SHARE = 0.35
RED_THICKNESS = 0.5, 1.6
OWN_THICKNESS = 0.6, 1.8
UNLIKE_RED = 0.25
Bools = npt.NDArray[np.bool_]


def cell_contour(
    stain: Stain, nucleus: Mask, other_nuclei: Mask, red: npt.NDArray[np.float32] | None, reach_px: float
) -> npt.NDArray[np.float32]:
    """Trace the outline of the cell around a nucleus.

    Along rays from the nucleus each sample is compared with three colours: empty background, red cells
    (where there are any) and the cell's own cytoplasm, measured next to the nucleus. The outline is the
    closed radial curve that best separates own from foreign and runs along edges, found by dynamic
    programming; it never cuts the nucleus and stays within `reach_px` of it.

    Parameters
    ----------
    stain : Stain
        Of the cell's surroundings.
    nucleus, other_nuclei : ndarray of uint8, shape (H, W)
        Masks of this nucleus and of the others around.
    red : ndarray, shape (3,), or None
        Density of red cells.
    reach_px : float
        How far cytoplasm may reach beyond the nucleus.

    Returns
    -------
    ndarray of float32, shape (ANGLES, 2)
        Points (x, y), which may lie outside the image.
    """
    contours, _ = cv2.findContours(nucleus, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    edge = np.concatenate(contours)[:, 0]
    x, y, w, h = cv2.boundingRect(edge)
    cx, cy = x + (w - 1) / 2, y + (h - 1) / 2
    furthest = float(np.sqrt(((edge - (cx, cy)) ** 2).sum(axis=1).max())) + 1
    rays = Rays.around(cx, cy, furthest + reach_px, ANGLES, RADII)
    density = rays.sample(stain.density)
    # A neighbour's half of the space between two nuclei is foreign.
    foreign = rays.sample(other_nuclei) > 0
    outside = rays.outside(*nucleus.shape)
    beyond = rays.beyond(rays.sample(nucleus) > 0)
    away_px = beyond * rays.step
    near_px = max(1.5, 0.12 * reach_px)
    ring = (away_px > near_px) & (away_px <= near_px + max(2.5, 0.3 * reach_px)) & ~foreign & ~outside
    nearest = total(density)
    stained, unlike_red = nearest > faint_od(stain), None
    if red is not None:
        to_red = _from_segment(density, red, *RED_THICKNESS)
        nearest, unlike_red = np.minimum(nearest, to_red), to_red > UNLIKE_RED * np.abs(red).sum()
    cytoplasm, is_distinct = _own_colour(density, ring, stained, unlike_red)
    cost = _foreignness(density, cytoplasm, red, stained, nearest)
    if not is_distinct:  # red cells may lie around: claim less of them
        cost[away_px > DOUBTFUL_SHARE * reach_px] = 1
    cost[foreign] = 2
    cost[outside] = 0.2
    cost[beyond <= 0] = -1
    ceiling = np.full(3, 0.3) if cytoplasm is None else np.maximum(1.5 * np.abs(cytoplasm), 0.08)
    return rays.outline(cost, density, ceiling, beyond)


def faint_od(stain: Stain) -> float:
    """Return the summed density that the noise of the empty background hardly ever reaches."""
    strength = total(stain.density)
    empty = strength[strength < 0.12]
    return float(np.clip(2.5 * quantile(empty, 0.5), *FAINT_OD)) if empty.size else FAINT_OD[1]


def _own_colour(
    density: Floats, ring: Bools, stained: Bools, unlike_red: Bools | None
) -> tuple[npt.NDArray[np.float32] | None, bool]:
    """Measure the cytoplasm in the ring around the nucleus, and tell whether it differs from red cells.

    The colour is None where there is hardly any cytoplasm.
    """
    stained = ring & stained
    enough = 0.12 * max(1, int(np.count_nonzero(ring)))
    if unlike_red is not None:
        distinct = stained & unlike_red
        if np.count_nonzero(distinct) > enough:
            return np.asarray(quantile(density[distinct], 0.5), np.float32), True
    if np.count_nonzero(stained) > 4 * enough:
        return np.asarray(quantile(density[stained], 0.5), np.float32), unlike_red is None
    return None, True


def _foreignness(
    density: Floats,
    own: npt.NDArray[np.float32] | None,
    red: npt.NDArray[np.float32] | None,
    stained: Bools,
    nearest: Floats,
) -> npt.NDArray[np.float32]:
    """Return -1 for the cell's own colour … 1 for background or red cells (`nearest`), per sample."""
    if own is None:
        return np.where(stained, 0.35, 0.6).astype(np.float32)
    contrast = float(np.abs(own).sum())
    if red is not None:
        contrast = min(contrast, float(_from_segment(own[None, None], red, *RED_THICKNESS)[0, 0]))
    to_own = _from_segment(density, own, *OWN_THICKNESS)
    cost = np.clip((to_own - nearest) / max(0.06, 0.7 * contrast) + BIAS, -1, 1)
    return np.asarray(cost, np.float32)


def _from_segment(density: Floats, colour: npt.NDArray[np.float32], low: float, high: float) -> Floats:
    """Distance (sum of absolute differences) of densities from `colour`, thinner or thicker."""
    along = cv2.transform(density, colour[None] / max(1e-6, float(colour @ colour)))
    thickness = np.minimum(np.maximum(along, low), high)
    return total(density - thickness[..., None] * colour)
