"""From a nucleus to the whole cell: the best closed contour around it."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from leukon.segmentation.stain import Floats, Mask, Stain, quantile, total

ANGLES = 36
RADII = 36
FAINT_OD = 0.03, 0.09
STEEPEST = 2
SMOOTHNESS = 0.35
EDGE_WEIGHT = 2.5
BIAS = -0.05
DOUBTFUL_SHARE = 0.35


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
    near_px = max(1.5, 0.12 * reach_px)
    ring = (
        (beyond * step > near_px)
        & (beyond * step <= near_px + max(2.5, 0.3 * reach_px))
        & ~foreign
        & ~outside
    )
    faint = _faint_od(stain)
    cytoplasm, is_distinct = _own_colour(density, ring, red, faint)
    cost = _foreignness(density, cytoplasm, red, faint)
    if not is_distinct:  # red cells may lie around: claim less of them
        cost[beyond * step > DOUBTFUL_SHARE * reach_px] = 1
    cost[foreign] = 2
    cost[outside] = 0.2
    cost[index[None] <= last[:, None]] = -1
    # The edge of the nucleus is no edge of the cell: nothing counts as denser than cytoplasm.
    ceiling = np.full(3, 0.3) if cytoplasm is None else np.maximum(1.5 * np.abs(cytoplasm), 0.08)
    level = cv2.GaussianBlur(np.minimum(density, ceiling.astype(np.float32)), (5, 1), 1.0)
    slope = np.zeros((ANGLES, RADII), np.float32)
    slope[:, 1:-1] = np.abs(level[:, 2:] - level[:, :-2]).sum(axis=2)
    slope = np.minimum(slope / max(0.08, float(quantile(slope.ravel(), 0.9))), 1)
    slope[beyond < 1] = 0
    total = np.cumsum(cost, axis=1) - EDGE_WEIGHT * slope
    total[beyond < 0] = 1e3
    chosen = _closed_path(total)
    radius = (chosen + 1) * step
    return np.stack([cx + np.cos(angles[:, 0]) * radius, cy + np.sin(angles[:, 0]) * radius], axis=1).astype(
        np.float32
    )


def _faint_od(stain: Stain) -> float:
    """Return the summed density that the noise of the empty background hardly ever reaches."""
    strength = total(stain.density)
    empty = strength[strength < 0.12]
    return float(np.clip(2.5 * quantile(empty, 0.5), *FAINT_OD)) if empty.size else FAINT_OD[1]


def _own_colour(
    density: Floats, ring: npt.NDArray[np.bool_], red: npt.NDArray[np.float32] | None, faint: float
) -> tuple[npt.NDArray[np.float32] | None, bool]:
    """Measure the cytoplasm in the ring around the nucleus, and tell whether it differs from red cells.

    The colour is None where there is hardly any cytoplasm.
    """
    stained = ring & (total(density) > faint)
    enough = 0.12 * max(1, ring.sum())
    if red is not None:
        distinct = stained & (_from_segment(density, red, 0.5, 1.6) > 0.25 * np.abs(red).sum())
        if distinct.sum() > enough:
            return np.asarray(quantile(density[distinct], 0.5), np.float32), True
    if stained.sum() > 4 * enough:
        return np.asarray(quantile(density[stained], 0.5), np.float32), red is None
    return None, True


def _foreignness(
    density: Floats, own: npt.NDArray[np.float32] | None, red: npt.NDArray[np.float32] | None, faint: float
) -> npt.NDArray[np.float32]:
    """Return -1 for the cell's own colour … 1 for background or red cells, per sample."""
    to_empty = total(density)
    if own is None:
        return np.where(to_empty > faint, 0.35, 0.6).astype(np.float32)
    nearest, contrast = to_empty, float(np.abs(own).sum())
    if red is not None:
        nearest = np.minimum(nearest, _from_segment(density, red, 0.5, 1.6))
        contrast = min(contrast, float(_from_segment(own[None, None], red, 0.5, 1.6)[0, 0]))
    to_own = _from_segment(density, own, 0.6, 1.8)
    cost = np.clip((to_own - nearest) / max(0.06, 0.7 * contrast) + BIAS, -1, 1)
    return np.asarray(cost, np.float32)


def _from_segment(density: Floats, colour: npt.NDArray[np.float32], low: float, high: float) -> Floats:
    """Distance (sum of absolute differences) of densities from `colour`, thinner or thicker."""
    thickness = np.clip(density @ colour / max(1e-6, float(colour @ colour)), low, high)
    return total(density - thickness[..., None] * colour)


def _closed_path(total: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Return the radius index per angle of the cheapest smooth path; run around twice to close it."""
    angles, radii = total.shape
    width = 2 * STEEPEST + 1
    penalty = (SMOOTHNESS * np.abs(np.arange(-STEEPEST, STEEPEST + 1, dtype=np.float32)))[:, None]
    padded = np.full((2 * angles, radii + width - 1), np.float32(1e6))
    costs = padded[:, STEEPEST : STEEPEST + radii]
    windows = np.lib.stride_tricks.sliding_window_view(padded, radii, axis=1)
    options = np.empty((width, radii), np.float32)
    picks = np.empty((2 * angles, radii), np.int64)
    costs[0] = total[0]
    for at in range(1, 2 * angles):
        np.add(windows[at - 1], penalty, out=options)
        options.argmin(0, picks[at])
        np.add(np.minimum.reduce(options), total[at % angles], out=costs[at])
    back = picks.tolist()
    path = [int(costs[-1].argmin())]
    for at in range(2 * angles - 1, 0, -1):
        path.append(path[-1] + back[at][path[-1]] - STEEPEST)
    half = angles // 2
    return np.roll(np.array(path[::-1][half : half + angles]), half)
