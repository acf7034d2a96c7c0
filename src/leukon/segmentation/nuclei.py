"""Nuclei on the nuclear stain axis: threshold, lobes grouped, touching nuclei split."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from leukon.segmentation.stain import STAINED_OD, Mask, Stain

Labels = npt.NDArray[np.int32]

BINS = 160
TOP_OD = 1.6
LEAST_SHARE = 1e-4
LEAST_CONTRAST = 1.5
LEAST_STEP = 0.1
LEAST_SEPARATION = 1.9
CUT_AT = 0.45


@dataclass(frozen=True, slots=True)
class Levels:
    """Densities along the nuclear axis: of other stained matter, of nuclei, and the cut between them."""

    other: float
    nucleus: float
    cut: float


def fit_levels(stain: Stain) -> Levels | None:
    """Find the cut between nuclei and everything else that is stained; None where there are no nuclei.

    The start maximises Fisher's separation of the two sides without weighting by their size (Otsu's weights
    would split the red cells wherever nuclei are rare); intermeans [1]_ then settle it. It is refused where
    the upper side is less than `LEAST_CONTRAST` times as dense: that is one population, cut in two.

    References
    ----------
    .. [1] Ridler and Calvard, "Picture thresholding using an iterative selection method", 1978.
    """
    valid = stain.valid > 0
    total = int(valid.sum())
    values = stain.nuclear[valid & ((stain.density[..., 1] > STAINED_OD) | (stain.nuclear > STAINED_OD))]
    least = max(8.0, LEAST_SHARE * total)
    if len(values) < least:
        return None
    counts, edges = np.histogram(np.clip(values, 0, TOP_OD), BINS, (0, TOP_OD))
    x = (edges[:-1] + edges[1:]) / 2
    n0, m0, v0 = _moments(counts, x)
    n1, m1, v1 = (np.append(part[::-1][1:], 0) for part in _moments(counts[::-1], x[::-1]))
    separation = (m1 - m0) / np.sqrt(v0 + v1 + 0.02**2)
    allowed = (n1 >= least) & (n0 >= 0.01 * n0[-1]) & (m1 >= LEAST_CONTRAST * m0) & (m1 - m0 >= LEAST_STEP)
    if not allowed.any():
        return None
    best = int(np.where(allowed, separation, -1).argmax())
    for _ in range(8):
        cut = m0[best] + CUT_AT * (m1[best] - m0[best])
        settled = min(BINS - 2, max(0, int(cut / TOP_OD * BINS)))
        if settled == best:
            break
        best = settled
    if separation[best] < LEAST_SEPARATION or not allowed[best]:
        return None
    return Levels(float(m0[best]), float(m1[best]), float(edges[best + 1]))


def _moments(
    counts: npt.NDArray[np.int64], x: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return number, mean and variance of all counts up to each bin."""
    number = np.cumsum(counts).astype(np.float64)
    safe = np.maximum(number, 1e-9)
    mean = np.cumsum(counts * x) / safe
    return number, mean, np.maximum(np.cumsum(counts * x * x) / safe - mean**2, 0)


def red_cell_diameter_px(stain: Stain, levels: Levels | None) -> float | None:
    """Measure the median diameter of red cells that lie alone; None where fewer than four do."""
    green = stain.density[..., 1]
    stained = (green > STAINED_OD) & (stain.valid > 0)
    if levels is not None:
        stained &= stain.nuclear < levels.cut
    if not stained.any():
        return None
    cut = max(STAINED_OD, 0.5 * float(np.median(green[stained])))
    mask = ((green > cut) & (stain.valid > 0)).astype(np.uint8)
    contours, tree = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE), None
    del tree
    height, width = mask.shape
    diameters = []
    for contour in contours[0]:
        x, y, w, h = cv2.boundingRect(contour)
        if min(w, h) < 5 or x == 0 or y == 0 or x + w == width or y + h == height or max(w, h) > 1.4 * min(w, h):
            continue
        area = cv2.contourArea(contour)
        if area < 0.65 * w * h:
            continue
        if levels is not None and stain.nuclear[y : y + h, x : x + w].max() > levels.cut:
            continue
        diameters.append(2 * np.sqrt(area / np.pi))
    if len(diameters) < 4:
        return None
    sizes = np.sort(diameters)
    weight = np.cumsum(sizes**2)
    return float(sizes[np.searchsorted(weight, weight[-1] / 2)])


def nuclear_mask(stain: Stain, levels: Levels) -> Mask:
    """Return 1 in nuclei, pinholes filled."""
    mask = ((stain.nuclear > levels.cut) & (stain.valid > 0)).astype(np.uint8)
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)))


def split_touching(mask: Mask, nucleus_px: float) -> tuple[int, Labels]:
    """Label the parts of `mask`, cutting at necks those that are larger than one nucleus can be.

    Parameters
    ----------
    mask : ndarray of uint8, shape (H, W)
    nucleus_px : float
        The diameter of a common nucleus.

    Returns
    -------
    count : int
        Labels run from 1 to count - 1; 0 is outside.
    labels : ndarray of int32, shape (H, W)
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8, ltype=cv2.CV_32S)
    limit = 1.7 * nucleus_px**2 * np.pi / 4
    for index in np.flatnonzero(stats[:, cv2.CC_STAT_AREA] > limit):
        if index == 0:
            continue
        x, y, w, h = (int(v) for v in stats[index, :4])
        part = np.pad((labels[y : y + h, x : x + w] == index).astype(np.uint8), 1)
        distance = cv2.distanceTransform(part, cv2.DIST_L2, 5)
        # What is left when the part is worn down to wide places only.
        wide = (distance > 0.34 * nucleus_px).astype(np.uint8)
        seeds, markers = cv2.connectedComponents(wide, connectivity=8, ltype=cv2.CV_32S)
        if seeds < 3:
            continue
        markers[part == 0] = seeds
        relief = cv2.normalize(-distance, None, 0, 255, cv2.NORM_MINMAX, cv2.CV_8U)
        markers[part == 0] = seeds
        cv2.watershed(cv2.merge([relief] * 3), markers)
        inner = markers[1:-1, 1:-1]
        view = labels[y : y + h, x : x + w]
        own = view == index
        # Watershed lines stay with the first seed: a line one pixel wide does not matter here.
        for seed in range(2, seeds):
            view[own & (inner == seed)] = count
            count += 1
    return count, labels


def group_lobes(
    count: int, labels: Labels, nucleus_px: float
) -> npt.NDArray[np.int32]:
    """Group the parts of one nucleus by their gaps; return a lookup from label to group, 0 for outside.

    Two groups merge, nearest first, when their gap is small, at least one of them is too small to be a
    whole nucleus, and the union fits into one cell.
    """
    areas = np.bincount(labels.ravel(), minlength=count).astype(np.float64)
    whole = nucleus_px**2 * np.pi / 4
    group = np.arange(count, dtype=np.int32)
    least = 0.02 * whole
    outlines: dict[int, npt.NDArray[np.int32]] = {}
    for index, (y, x) in enumerate(_slices(labels, count), start=1):
        if areas[index] >= least:
            part = (labels[y, x] == index).astype(np.uint8)
            contours, _ = cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            outline = max(contours, key=len)[:, 0]
            outlines[index] = outline + np.array([x.start, y.start], np.int32)
    ids = list(outlines)
    gaps = []
    reach = 0.45 * nucleus_px
    boxes = {i: (o.min(axis=0), o.max(axis=0)) for i, o in outlines.items()}
    for a_at, a in enumerate(ids):
        for b in ids[a_at + 1 :]:
            apart = np.maximum(boxes[a][0] - boxes[b][1], boxes[b][0] - boxes[a][1])
            if apart.max() > reach:
                continue
            pa, pb = (outlines[i][:: max(1, len(outlines[i]) // 60)].astype(np.float32) for i in (a, b))
            gap = float(np.sqrt(((pa[:, None] - pb[None]) ** 2).sum(axis=2).min()))
            if gap <= reach:
                gaps.append((gap, a, b))
    members = {i: [i] for i in ids}
    total = {i: areas[i] for i in ids}
    for _gap, a, b in sorted(gaps):
        ga, gb = int(group[a]), int(group[b])
        if ga == gb:
            continue
        small, large = sorted((total[ga], total[gb]))
        if small > 0.7 * whole or small + large > 2.6 * whole:
            continue
        points = np.concatenate([outlines[i] for i in members[ga] + members[gb]])
        _, radius = cv2.minEnclosingCircle(points.astype(np.float32))
        if 2 * radius > 2.3 * nucleus_px and small > 0.1 * whole:
            continue
        for i in members[gb]:
            group[i] = ga
        members[ga] += members.pop(gb)
        total[ga] += total.pop(gb)
    for index in range(1, count):
        if index not in outlines:
            group[index] = 0
    return group


def _slices(labels: Labels, count: int) -> list[tuple[slice, slice]]:
    from scipy.ndimage import find_objects

    found = find_objects(labels, count - 1)
    return [item if item is not None else (slice(0, 0), slice(0, 0)) for item in found]
