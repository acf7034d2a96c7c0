"""Nuclei on the nuclear stain axis: threshold, lobes grouped, touching nuclei split."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from leukon.segmentation.stain import STAINED_OD, Floats, Mask, Stain, quantile

Labels = npt.NDArray[np.int32]
Counts = npt.NDArray[np.float64]

BINS = 160
TOP_OD = 1.6
LEAST_SHARE = 1e-4
LEAST_CONTRAST = 1.5
LEAST_STEP = 0.1
LEAST_SEPARATION = 1.9
LEAST_SEPARATION_OF_FEW = 2.8
FEW = 0.005
CUT_AT = 0.45
OUTLIER = 3.5
FAINT_CONTRAST = 1.5
CROWDED_CONTRAST = 1.3
PALE_SOLIDITY = 0.8
NECK = 0.6
ALIKE = 1.25
_EDGES = np.linspace(0, TOP_OD, BINS + 1)
_POWERS = ((_EDGES[:-1] + _EDGES[1:]) / 2) ** np.arange(3)[:, None]


@dataclass(frozen=True, slots=True)
class Levels:
    """Densities along the nuclear axis.

    Attributes
    ----------
    other, nucleus : float
        Of stained matter that is not nucleus, and of nuclei.
    cut : float
        Between the two.
    faint : float
        Above nearly all that is not nucleus; at most `cut`. Pale nuclei reach it.
    """

    other: float
    nucleus: float
    cut: float
    faint: float


def fit_levels(stain: Stain, *, crowded: bool) -> Levels | None:
    """Find the cut between nuclei and everything else that is stained; None where there are no nuclei.

    In a `crowded` image most of what is stained is red cells, and the cut stays above their density.

    The start maximises Fisher's separation of the two sides without weighting by their size (Otsu's weights
    would split the red cells wherever nuclei are rare); intermeans [1]_ then settle it. Where they
    slide into the red cells, minimum error [2]_ decides. A cut is refused where
    the upper side is less than `LEAST_CONTRAST` times as dense: that is one population, cut in two.

    References
    ----------
    .. [1] Ridler and Calvard, "Picture thresholding using an iterative selection method", 1978.
    .. [2] Kittler and Illingworth, "Minimum error thresholding", 1986.
    """
    valid = stain.valid > 0
    total = int(valid.sum())
    stained = cv2.max(stain.density[..., 1], stain.nuclear) > STAINED_OD
    values = stain.nuclear[valid & stained]
    least = max(8.0, LEAST_SHARE * total)
    if len(values) < least:
        return None
    middle, upper, most = (float(quantile(values, share)) for share in (0.5, 0.84, 0.97))
    faint = max(middle + OUTLIER * (upper - middle), FAINT_CONTRAST * middle, middle + LEAST_STEP, most)
    bins = np.clip(values * (BINS / TOP_OD), 0, BINS - 1).astype(np.uint8)
    counts = np.bincount(bins, minlength=BINS)
    below = np.cumsum(counts * _POWERS, axis=1)
    n0, m0, v0 = _moments(below)
    n1, m1, v1 = _moments(below[:, -1:] - below)
    separation = (m1 - m0) / np.sqrt(v0 + v1 + 0.02**2)
    allowed = (n1 >= least) & (n0 >= 0.01 * n0[-1]) & (m1 >= LEAST_CONTRAST * m0) & (m1 - m0 >= LEAST_STEP)
    if crowded:
        allowed &= _EDGES[1:] >= CROWDED_CONTRAST * middle
    best, least_separation = _intermeans(separation, allowed, m0, m1), LEAST_SEPARATION
    if separation[best] < least_separation or not allowed[best]:
        best = _minimum_error(allowed & (n1 > FEW * n0[-1]), n0, v0, n1, v1)
        least_separation = LEAST_SEPARATION_OF_FEW
    if separation[best] >= least_separation and allowed[best]:
        cut = float(_EDGES[best + 1])
        return Levels(float(m0[best]), float(m1[best]), cut, min(faint, cut))
    above = values[values > faint]
    if len(above) < least:
        return None
    return Levels(middle, float(above.mean()), faint, faint)


def _intermeans(separation: Counts, allowed: npt.NDArray[np.bool_], m0: Counts, m1: Counts) -> int:
    """Go from the best separation to the bin that lies between the means of its two sides."""
    best = int(np.where(allowed, separation, -1).argmax())
    for _ in range(8):
        cut = m0[best] + CUT_AT * (m1[best] - m0[best])
        settled = min(BINS - 2, max(0, int(cut / TOP_OD * BINS)))
        if settled == best:
            break
        best = settled
    return best


def _minimum_error(allowed: npt.NDArray[np.bool_], n0: Counts, v0: Counts, n1: Counts, v1: Counts) -> int:
    """Return the bin of least classification error, which a few nuclei among many red cells do not shift."""
    total = n0[-1]
    error = sum(
        n * (np.log(v + 0.02**2) - 2 * np.log(np.maximum(n, 1) / total)) for n, v in ((n0, v0), (n1, v1))
    )
    return int(np.where(allowed, error, np.inf).argmin())


def _moments(sums: Counts) -> tuple[Counts, Counts, Counts]:
    """Return number, mean and variance, given the sums of `_POWERS`, shape (3, BINS)."""
    number, first, second = sums
    safe = np.maximum(number, 1e-9)
    mean = first / safe
    return number, mean, np.maximum(second / safe - mean**2, 0)


def red_cell_diameter_px(stain: Stain, where: npt.NDArray[np.bool_]) -> float | None:
    """Measure the median diameter of red cells that lie alone, away from nuclei (`where`).

    None where no two are alike in size.
    """
    green = stain.density[..., 1]
    other = (green > STAINED_OD) & (stain.valid > 0) & where
    if not other.any():
        return None
    cut = max(STAINED_OD, 0.5 * float(quantile(green[other], 0.5)))
    mask = ((green > cut) & (stain.valid > 0)).astype(np.uint8)
    height, width = mask.shape
    diameters = []
    for contour in cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]:
        x, y, w, h = cv2.boundingRect(contour)
        if min(w, h) < 5 or max(w, h) > 1.4 * min(w, h):
            continue
        if x == 0 or y == 0 or x + w == width or y + h == height or not where[y : y + h, x : x + w].all():
            continue
        area = cv2.contourArea(contour)
        if area > 0.65 * w * h:
            diameters.append(2 * float(np.sqrt(area / np.pi)) + 1)
    if len(diameters) < 2:
        return None
    sizes = np.sort(diameters)
    weight = np.cumsum(sizes**2)
    middle = float(sizes[np.searchsorted(weight, weight[-1] / 2)])
    alike = np.abs(np.log(sizes / middle)) < np.log(ALIKE)
    return middle if np.count_nonzero(alike) >= 2 else None


def nuclear_mask(stain: Stain, levels: Levels, red_px: float | None) -> Mask:
    """Return 1 in nuclei.

    Where red cells give the scale, parts between the faint cut and the cut count as well when they are
    as large and compact as a nucleus: a pale cell beside a dark one.
    """
    kernel = np.ones((3, 3), np.uint8)
    mask = ((stain.nuclear > levels.cut) & (stain.valid > 0)).astype(np.uint8)
    mask = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, kernel))
    if red_px is None or levels.faint >= 0.95 * levels.cut:
        return mask
    pale = ((stain.nuclear > levels.faint) & (stain.valid > 0)).astype(np.uint8)
    contours, _ = cv2.findContours(pale, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    whole = np.pi / 4 * red_px**2
    for contour in contours:
        area = cv2.contourArea(contour)
        if not 0.4 * whole < area < 4 * whole or area < PALE_SOLIDITY * cv2.contourArea(
            cv2.convexHull(contour)
        ):
            continue
        x, y, w, h = cv2.boundingRect(contour)
        if mask[y : y + h, x : x + w].any():
            continue
        cv2.drawContours(mask, [contour], -1, 1, cv2.FILLED)
    return mask


def split_touching(mask: Mask, nucleus_px: float) -> tuple[int, Labels]:
    """Label the parts of `mask`, cutting large ones at their necks.

    `group_lobes` joins again what belongs together.

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
    limit = 0.7 * nucleus_px**2 * np.pi / 4
    for index in np.flatnonzero(stats[:, cv2.CC_STAT_AREA] > limit):
        if index == 0:
            continue
        x, y, w, h = (int(v) for v in stats[index, :4])
        part = (labels[y : y + h, x : x + w] == index).astype(np.uint8)
        part = cv2.copyMakeBorder(part, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
        distance = cv2.distanceTransform(part, cv2.DIST_L2, 5)
        # What is left when the part is worn down to its wide places: two where there is a neck.
        wide = (distance > NECK * distance.max()).astype(np.uint8)
        seeds = cv2.connectedComponents(wide, connectivity=8)[0]
        if seeds < 3:
            continue
        _, nearest = cv2.distanceTransformWithLabels(1 - wide, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_CCOMP)
        view = labels[y : y + h, x : x + w]
        own = view == index
        for seed in range(2, seeds):
            view[own & (nearest[1:-1, 1:-1] == seed)] = count
            count += 1
    return count, labels


def group_lobes(
    count: int, labels: Labels, strength: Floats, nucleus_px: float, red_px: float | None
) -> npt.NDArray[np.int32]:
    """Group the parts of one nucleus; return a lookup from label to group, 0 for outside and specks.

    Two groups merge, nearest first, when no empty background lies between them, the union and the gap
    between them fit into one cell, and they are not two nuclei that are each round and whole.

    Parameters
    ----------
    count, labels
        As from `split_touching`.
    strength : ndarray of float32, shape (H, W)
        Stain of any colour, as the sum of densities.
    nucleus_px : float
        The diameter of a common nucleus.
    red_px : float or None
        The diameter of a red cell.
    """
    areas = np.bincount(labels.ravel(), minlength=count).astype(np.float64)
    whole = nucleus_px**2 * np.pi / 4
    group = np.arange(count, dtype=np.int32)
    outlines: dict[int, npt.NDArray[np.int32]] = {}
    for index, (y, x) in enumerate(_slices(labels, count), start=1):
        if areas[index] >= 0.02 * whole:
            part = (labels[y, x] == index).astype(np.uint8)
            contours, _ = cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            outline = max(contours, key=len)[:, 0]
            outlines[index] = (outline + np.array([x.start, y.start]))[:: max(1, len(outline) // 60)]
        else:
            group[index] = 0
    ids = list(outlines)
    reach = 0.9 * nucleus_px
    widest = 3.2 * nucleus_px if red_px is None else 2.8 * min(nucleus_px, red_px)
    gaps = []
    for at, a in enumerate(ids):
        for b in ids[at + 1 :]:
            gap = _gap(outlines[a], outlines[b], reach, strength)
            if gap is not None:
                gaps.append((gap, a, b))
    members = {i: [i] for i in ids}
    for gap, a, b in sorted(gaps):
        ga, gb = int(group[a]), int(group[b])
        if ga == gb:
            continue
        sides = [np.concatenate([outlines[i] for i in members[g]]).astype(np.int32) for g in (ga, gb)]
        totals = [sum(areas[i] for i in members[g]) for g in (ga, gb)]
        if min(totals) > 0.06 * whole:
            span = 2 * cv2.minEnclosingCircle(np.concatenate(sides))[1]
            round_ = [
                t / (np.pi * cv2.minEnclosingCircle(s)[1] ** 2) for t, s in zip(totals, sides, strict=True)
            ]
            least_whole = 0.9 * (whole if red_px is None else np.pi / 4 * red_px**2)
            if span + gap > widest or (min(totals) > least_whole and min(round_) > 0.66):
                continue
        elif gap > 0.25 * nucleus_px:  # a speck apart is no lobe
            continue
        for i in members[gb]:
            group[i] = ga
        members[ga] += members.pop(gb)
    return group


def _gap(a: npt.NDArray[np.int32], b: npt.NDArray[np.int32], reach: float, strength: Floats) -> float | None:
    """Return the gap in px between two outlines; None where it is wider than `reach` or empty inside."""
    if np.maximum(a.min(axis=0) - b.max(axis=0), b.min(axis=0) - a.max(axis=0)).max() > reach:
        return None
    apart = (a[:, :1] - b[:, 0]) ** 2 + (a[:, 1:] - b[:, 1]) ** 2
    i, j = np.unravel_index(apart.argmin(), apart.shape)
    gap = float(np.sqrt(apart[i, j]))
    if gap > reach:
        return None
    between = np.linspace(a[i], b[j], max(2, round(gap) + 1)).round().astype(np.int64)
    if gap > 0.15 * reach and np.percentile(strength[between[:, 1], between[:, 0]], 25) < STAINED_OD:
        return None
    return gap


def _slices(labels: Labels, count: int) -> list[tuple[slice, slice]]:
    from scipy.ndimage import find_objects

    found = find_objects(labels, count - 1)
    return [item if item is not None else (slice(0, 0), slice(0, 0)) for item in found]
