"""Find the leukocytes of a field, at any magnification and colour cast."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from leukon.segmentation.detection import Detection
from leukon.segmentation.extent import cell_contour
from leukon.segmentation.nuclei import (
    fit_levels,
    group_lobes,
    nuclear_mask,
    red_cell_diameter_px,
    split_touching,
)
from leukon.segmentation.stain import STAINED_OD, Stain, measure_stain, reduced
from leukon.types import Box, Image

FIRST_PX = 512
LEAST_NUCLEUS_PX = 12.0


def find_leukocytes(image: Image) -> tuple[Detection, ...]:
    """Find leukocytes and nucleated red cells in a field, sorted from top to bottom, then left to right.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3)
        RGB, uint8 or uint16, of any size.

    Returns
    -------
    tuple of Detection
        Empty where nothing is found.
    """
    longest = FIRST_PX
    while True:
        small, scale = reduced(image, longest)
        found, nucleus_px = segment(small)
        if scale == 1 or nucleus_px is None or nucleus_px >= LEAST_NUCLEUS_PX:
            break
        longest = min(max(image.shape[:2]), round(longest * max(1.5, 1.5 * LEAST_NUCLEUS_PX / nucleus_px)))
    height, width = image.shape[:2]
    return tuple(one.scaled(1 / scale, height, width) for one in found)


def segment(
    small: npt.NDArray[np.uint8], *, least_share: float = 0.28
) -> tuple[list[Detection], float | None]:
    """Find the nucleated cells of a reduced 8-bit image, and the diameter in px of a common nucleus.

    Nuclei below `least_share` of the area of a common one are left out.
    """
    stain = measure_stain(small)
    levels = fit_levels(stain)
    if levels is None:
        return [], None
    mask = nuclear_mask(stain, levels)
    red_px = red_cell_diameter_px(stain, levels)
    areas = cv2.connectedComponentsWithStats(mask, connectivity=8)[2][1:, cv2.CC_STAT_AREA]
    if not len(areas):
        return [], None
    sizes = np.sort(areas[areas > 4].astype(np.float64))
    if not len(sizes):
        return [], None
    weight = np.cumsum(sizes)
    common = 2 * float(np.sqrt(sizes[np.searchsorted(weight, weight[-1] / 2)] / np.pi))
    nucleus_px = common if red_px is None else float(np.clip(common, 0.8 * red_px, 1.4 * red_px))
    count, labels = split_touching(mask, nucleus_px)
    lookup = group_lobes(count, labels, nucleus_px)
    grouped = lookup[labels]
    whole = np.pi / 4 * nucleus_px**2
    stained = (stain.density[..., 1] > STAINED_OD) & (stain.valid > 0) & (stain.nuclear < levels.cut)
    far = cv2.dilate(mask, np.ones((3, 3), np.uint8), iterations=max(1, round(0.5 * nucleus_px))) == 0
    pixels = stain.density[stained & far]
    red = np.median(pixels, axis=0) if len(pixels) > 0.01 * mask.size else None
    found = []
    height, width = mask.shape
    for index in np.unique(lookup[lookup > 0]):
        own = grouped == index
        area = float(own.sum())
        if area < max(5.0, least_share * whole):
            continue
        y, x = np.flatnonzero(own.any(axis=1)), np.flatnonzero(own.any(axis=0))
        nucleus = Box(float(x[0]), float(y[0]), float(x[-1] + 1), float(y[-1] + 1))
        reach = 0.65 * float(np.sqrt(area * 4 / np.pi))
        pad = int(reach) + 3
        rows = slice(max(0, y[0] - pad), min(height, y[-1] + 1 + pad))
        columns = slice(max(0, x[0] - pad), min(width, x[-1] + 1 + pad))
        part = Stain(stain.density[rows, columns], stain.nuclear[rows, columns], stain.valid[rows, columns])
        here = own[rows, columns].astype(np.uint8)
        others = ((grouped[rows, columns] > 0) & (here == 0)).astype(np.uint8)
        outline = cell_contour(part, here, others, red, reach)
        outline += np.array([columns.start, rows.start], np.float32)
        low, high = outline.min(axis=0), outline.max(axis=0)
        box = Box(*(float(v) for v in (*low, *(high + 1)))).clipped(height, width)
        cut = min(box.x0, box.y0) <= 1 or box.x1 >= width - 1 or box.y1 >= height - 1
        score = float(min(1.0, area / whole))
        found.append(Detection(box, nucleus, score, ("border",) if cut else (), float(cv2.contourArea(outline)), area))
    found.sort(key=lambda one: (one.box.y0, one.box.x0))
    return found, nucleus_px
