"""One reduced image read as a scene: its stain, its nuclei, its red cells."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from leukon.segmentation.detection import Detection
from leukon.segmentation.extent import cell_contour
from leukon.segmentation.nuclei import (
    Labels,
    fit_levels,
    group_lobes,
    nuclear_mask,
    red_cell_diameter_px,
    split_touching,
)
from leukon.segmentation.silhouette import draw_silhouette
from leukon.segmentation.stain import STAINED_OD, Floats, Mask, Stain, measure_stain, quantile, total
from leukon.types import Box

REACH = 0.65
RED_TO_NUCLEUS = 0.3, 4.0
RED_LEAST_SHARE = 0.015
FAR = 0.6
ALONE_SHARE = 0.75
ALONE_AREA = 0.04
ALONE_CONTRAST = 3.0
WHOLE_LIMITS = 0.8, 1.4
BROKEN_SOLIDITY = 0.6
BROKEN_SIZE = 2.2
TONE_GAP = 2
TONE_LEAST_PX = 12
USUAL_TONE = 0.25


@dataclass(frozen=True, slots=True)
class Nucleus:
    """One nucleus, all its lobes; lengths in px of the reduced image."""

    label: int
    box: Box
    area_px: float
    largest_part_px: float
    solidity: float
    density: float


@dataclass(frozen=True, eq=False, slots=True)
class Scene:
    """What `read_scene` found.

    Attributes
    ----------
    stain : Stain
    labels : ndarray of int32, shape (H, W)
        The label of the nucleus that each pixel belongs to, 0 for none.
    nuclei : tuple of Nucleus
    nucleus_px, red_px : float, float or None
        Diameter of a common nucleus and of a red cell, None where red cells give no scale.
    red : ndarray, shape (3,), or None
        Density of red cells, None where there are hardly any.
    """

    stain: Stain
    labels: Labels
    nuclei: tuple[Nucleus, ...]
    nucleus_px: float
    red_px: float | None
    red: npt.NDArray[np.float32] | None

    @property
    def whole_px(self) -> float:
        """The area of a common nucleus in px²."""
        return float(np.pi / 4 * self.nucleus_px**2)

    def around(self, nucleus: Nucleus, pad_px: float) -> tuple[Scene, int, int]:
        """Cut out the surroundings of a nucleus; return them and x and y of their left upper corner."""
        pad = int(pad_px) + 3
        x0, y0 = max(0, int(nucleus.box.x0) - pad), max(0, int(nucleus.box.y0) - pad)
        x1, y1 = int(nucleus.box.x1) + pad, int(nucleus.box.y1) + pad
        window = np.s_[y0:y1, x0:x1]
        whole = self.stain
        stain = Stain(whole.density[window], whole.nuclear[window], whole.valid[window], whole.background)
        return replace(self, stain=stain, labels=self.labels[window]), x0, y0

    def joined(self, a: Nucleus, b: Nucleus) -> tuple[Scene, Nucleus]:
        """Make two of the nuclei one; return the scene with it, and it."""
        box = Box(
            min(a.box.x0, b.box.x0),
            min(a.box.y0, b.box.y0),
            max(a.box.x1, b.box.x1),
            max(a.box.y1, b.box.y1),
        )
        area = a.area_px + b.area_px
        nucleus = replace(
            a,
            box=box,
            area_px=area,
            largest_part_px=max(a.largest_part_px, b.largest_part_px),
            solidity=min(a.solidity, b.solidity),
            density=(a.area_px * a.density + b.area_px * b.density) / area,
        )
        labels = np.where(self.labels == b.label, a.label, self.labels)
        rest = tuple(other for other in self.nuclei if other not in (a, b))
        return replace(self, labels=labels, nuclei=(nucleus, *rest)), nucleus

    def outline(self, nucleus: Nucleus) -> npt.NDArray[np.float32]:
        """Trace the cell around a nucleus: points (x, y) in px, shape (N, 2), perhaps past the image."""
        reach = REACH * float(np.sqrt(nucleus.area_px * 4 / np.pi))
        near, x0, y0 = self.around(nucleus, reach)
        own = (near.labels == nucleus.label).astype(np.uint8)
        others = (near.labels > 0).astype(np.uint8) - own
        return cell_contour(near.stain, own, others, self.red, reach) + np.array([x0, y0], np.float32)

    def detect(self, nucleus: Nucleus, outline: npt.NDArray[np.float32] | None = None) -> Detection:
        """Measure the cell around a nucleus, within its `outline` if that is known."""
        height, width = self.labels.shape
        if outline is None:
            outline = self.outline(nucleus)
        low, high = outline.min(axis=0), outline.max(axis=0) + 1
        box = Box(float(low[0]), float(low[1]), float(high[0]), float(high[1]))
        flags = []
        if low.min() <= 0.5 or high[0] >= width - 0.5 or high[1] >= height - 0.5:
            flags.append("border")
        if nucleus.solidity < BROKEN_SOLIDITY and nucleus.largest_part_px > BROKEN_SIZE * self.whole_px:
            flags.append("broken")
        size = min(1.0, nucleus.area_px / self.whole_px)
        score = float(np.clip(size**0.5 * min(1.0, nucleus.density), 0, 1))
        area = max(nucleus.area_px, float(cv2.contourArea(outline)))
        box = box.clipped(height, width)
        own = (self.labels == nucleus.label).astype(np.uint8)
        silhouette = draw_silhouette(own, outline, box, self._tone(own, outline, box))
        return Detection(box, nucleus.box, score, tuple(flags), area, nucleus.area_px, silhouette)

    def _tone(self, own: Mask, outline: Floats, box: Box) -> float:
        """Return the green density of the cytoplasm as a share of the nucleus's."""
        x0, y0 = int(box.x0), int(box.y0)
        window = np.s_[y0 : int(np.ceil(box.y1)), x0 : int(np.ceil(box.x1))]
        nucleus, green = own[window], self.stain.density[..., 1][window]
        inside = np.zeros_like(nucleus)
        cv2.fillPoly(inside, [np.round(outline - (x0, y0)).astype(np.int32)], 1)
        nuclei = (self.labels[window] > 0).astype(np.uint8)
        for around in range(TONE_GAP, -1, -1):  # its edges are neither cytoplasm nor background
            kernel = np.ones((2 * around + 1, 2 * around + 1), np.uint8)
            cytoplasm = cv2.erode(inside, kernel) > cv2.dilate(nuclei, kernel)
            if np.count_nonzero(cytoplasm) >= TONE_LEAST_PX:
                of_nucleus = float(quantile(green[nucleus > 0], 0.5))
                return float(quantile(green[cytoplasm], 0.5)) / max(of_nucleus, 0.01)
        return USUAL_TONE  # none shows


def read_scene(small: npt.NDArray[np.uint8], *, crowded: bool) -> Scene | None:
    """Find the nuclei of a reduced 8-bit RGB image; None where there are none.

    Parameters
    ----------
    small : ndarray of uint8, shape (H, W, 3)
    crowded : bool
        Whether most of what is stained is red cells, as in a whole field.
    """
    stain = measure_stain(small)
    levels = fit_levels(stain, crowded=crowded)
    alone = crowded and levels is None
    if alone:
        levels = fit_levels(stain, crowded=False)
    if levels is None:
        return None
    sure = ((stain.nuclear > levels.cut) & (stain.valid > 0)).astype(np.uint8)
    areas = np.bincount(cv2.connectedComponents(sure, connectivity=8)[1].ravel())[1:]
    sizes = np.sort(areas[areas > 4].astype(np.float64))
    if not len(sizes):
        return None
    # One large cell may outweigh the red cells of its field. Many parts are the red cells themselves, unless
    # they are so dense that the rest can only be cytoplasm: a field without red cells.
    many = sizes[-1] < max(ALONE_SHARE * sizes.sum(), ALONE_AREA * sure.size)
    if alone and many and levels.nucleus < ALONE_CONTRAST * levels.other:
        return None
    weight = np.cumsum(sizes)
    common = 2 * float(np.sqrt(sizes[np.searchsorted(weight, weight[-1] / 2)] / np.pi))
    away = cv2.distanceTransform(1 - sure, cv2.DIST_L2, 3)
    red_px = red_cell_diameter_px(stain, away > 0.1 * common)
    if red_px is not None and not RED_TO_NUCLEUS[0] < red_px / common < RED_TO_NUCLEUS[1]:
        red_px = None
    low, high = (limit * (red_px or common) for limit in WHOLE_LIMITS)
    nucleus_px = float(np.clip(common, low, high))
    red = _red_cell_density(stain, (stain.nuclear < levels.cut) & (stain.valid > 0), away / common)
    count, parts = split_touching(nuclear_mask(stain, levels, red_px or common), nucleus_px)
    strength = total(stain.density)
    lookup = group_lobes(count, parts, strength, nucleus_px, red_px)
    labels = lookup[parts]
    part_areas = np.bincount(parts.ravel(), minlength=count)
    nuclei = []
    for label in np.unique(lookup[lookup > 0]):
        own = (labels == label).astype(np.uint8)
        area = float(cv2.countNonZero(own))
        contours, _ = cv2.findContours(own, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        points = np.concatenate(contours)
        x, y, w, h = cv2.boundingRect(points)
        hull = max(area, float(cv2.contourArea(cv2.convexHull(points))))
        largest = float(part_areas[lookup == label].max())
        level = float(cv2.mean(stain.nuclear, own)[0])
        density = (level - levels.other) / (levels.nucleus - levels.other)
        box = Box(float(x), float(y), float(x + w), float(y + h))
        nuclei.append(Nucleus(int(label), box, area, largest, area / hull, density))
    return Scene(stain, labels, tuple(nuclei), nucleus_px, red_px, red)


def _red_cell_density(
    stain: Stain, other: npt.NDArray[np.bool_], away: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32] | None:
    """Return the median density of what is stained far from nuclei, or else along the edge of the image."""
    stained = other & (stain.density[..., 1] > STAINED_OD)
    height, width = stained.shape
    margin = max(1, min(height, width) // 8)
    edge = np.ones_like(stained)
    edge[margin:-margin, margin:-margin] = False
    for where in (away > FAR, edge & (away > FAR / 3)):
        pixels = stain.density.reshape(-1, 3)[np.flatnonzero(stained & where)]
        if len(pixels) > RED_LEAST_SHARE * stained.size:
            return np.asarray(quantile(pixels, 0.5), np.float32)
    return None
