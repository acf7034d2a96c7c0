"""From a nucleus to the whole cell: the best closed contour around it."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from leukon.segmentation.stain import Floats, Mask, Stain

ANGLES = 48
RADII = 40
FAINT_OD = 0.045
STEEPEST = 2
SMOOTHNESS = 0.35
EDGE_WEIGHT = 2.5


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
    y, x = np.nonzero(nucleus)
    cx, cy = (x.min() + x.max()) / 2, (y.min() + y.max()) / 2
    furthest = float(np.sqrt(((x - cx) ** 2 + (y - cy) ** 2).max())) + 1
    angles = np.arange(ANGLES, dtype=np.float32)[:, None] * np.float32(2 * np.pi / ANGLES)
    step = (furthest + reach_px) / RADII
    radii = (np.arange(RADII, dtype=np.float32)[None] + 0.5) * np.float32(step)
    at_x = (cx + np.cos(angles) * radii).astype(np.float32)
    at_y = (cy + np.sin(angles) * radii).astype(np.float32)
    density = cv2.remap(stain.density, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    own = cv2.remap(nucleus, at_x, at_y, cv2.INTER_NEAREST) > 0
    # A neighbour's half of the space between two nuclei is foreign.
    foreign = cv2.remap(other_nuclei, at_x, at_y, cv2.INTER_NEAREST) > 0
    height, width = nucleus.shape
    outside = (at_x < -0.5) | (at_y < -0.5) | (at_x > width - 0.5) | (at_y > height - 0.5)
    index = np.arange(RADII)
    last = np.where(own.any(axis=1), RADII - 1 - own[:, ::-1].argmax(axis=1), 0)
    beyond = index[None] - last[:, None]
    ring = (beyond * step > 1.5) & (beyond * step <= max(3.0, 0.35 * reach_px)) & ~foreign & ~outside
    cost = _foreignness(density, ring, red)
    cost[foreign] = 2
    cost[outside] = 0.2
    cost[index[None] <= last[:, None]] = -1
    blurred = cv2.GaussianBlur(density, (5, 1), 1.0)
    slope = np.zeros((ANGLES, RADII), np.float32)
    slope[:, 1:-1] = np.abs(blurred[:, 2:] - blurred[:, :-2]).sum(axis=2)
    slope = np.minimum(slope / max(0.08, float(np.percentile(slope, 90))), 1)
    slope[beyond < 1] = 0
    total = np.cumsum(cost, axis=1) - EDGE_WEIGHT * slope
    total[beyond < 0] = 1e3
    # Beyond the reach of this ray's own bit of nucleus, too.
    chosen = _closed_path(total)
    radius = (chosen + 1) * step
    return np.stack([cx + np.cos(angles[:, 0]) * radius, cy + np.sin(angles[:, 0]) * radius], axis=1).astype(
        np.float32
    )


def _foreignness(
    density: Floats, ring: npt.NDArray[np.bool_], red: npt.NDArray[np.float32] | None
) -> npt.NDArray[np.float32]:
    """Return -1 for the cell's own colour … 1 for background or red cells, per sample."""
    to_empty = np.abs(density).sum(axis=2)
    to_red = _from_segment(density, red, 0.5, 1.6) if red is not None else np.full_like(to_empty, np.inf)
    stained = ring & (to_empty > 2 * FAINT_OD)
    enough = 0.12 * max(1, ring.sum())
    distinct = stained & (to_red > 0.3 * np.abs(red).sum()) if red is not None else stained
    if distinct.sum() > enough:
        own = np.median(density[distinct], axis=0)
    elif stained.sum() > 4 * enough:
        own = np.median(density[stained], axis=0)
    else:
        return np.where(to_empty > 2 * FAINT_OD, 0.35, 0.6).astype(np.float32)
    to_own = _from_segment(density, own, 0.6, 1.8)
    nearest = np.minimum(to_empty, to_red)
    contrast = float(np.abs(own).sum())
    if red is not None:
        contrast = min(contrast, float(_from_segment(own[None, None], red, 0.5, 1.6)[0, 0]))
    return np.clip((to_own - nearest) / max(0.06, 0.7 * contrast) + 0.1, -1, 1).astype(np.float32)


def _from_segment(density: Floats, colour: npt.NDArray[np.float32], low: float, high: float) -> Floats:
    """Distance (sum of absolute differences) of densities from `colour`, thinner or thicker."""
    thickness = np.clip(density @ colour / max(1e-6, float(colour @ colour)), low, high)
    return np.asarray(np.abs(density - thickness[..., None] * colour).sum(axis=2), np.float32)


def _closed_path(total: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Return the radius index per angle of the cheapest smooth path; run twice around to close it."""
    angles, radii = total.shape
    doubled = np.concatenate([total, total])
    best = doubled[0].copy()
    origin = np.zeros((2 * angles, radii), np.int64)
    shifts = np.arange(-STEEPEST, STEEPEST + 1)
    penalty = SMOOTHNESS * np.abs(shifts)
    padded = np.full(radii + 2 * STEEPEST, np.inf, np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * STEEPEST + 1)
    for at in range(1, 2 * angles):
        padded[STEEPEST:-STEEPEST] = best
        options = windows + penalty
        pick = options.argmin(axis=1)
        origin[at] = np.arange(radii) + shifts[pick]
        best = doubled[at] + options[np.arange(radii), pick]
    path = np.zeros(2 * angles, np.int64)
    path[-1] = int(best.argmin())
    for at in range(2 * angles - 1, 0, -1):
        path[at - 1] = origin[at, path[at]]
    half = angles // 2
    return np.roll(path[half : half + angles], half)
