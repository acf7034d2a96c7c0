"""Nucleus and cytoplasm of a cell from clusters of its colours: plain EK-means and its rivals."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from leukon.imaging.color.background import background_level
from leukon.imaging.geometry import cut, resize, square_around
from leukon.segmentation.clustering import Labels
from leukon.segmentation.color_clusters import cluster_colors
from leukon.segmentation.otsu import two_thresholds
from leukon.segmentation.parts import CYTOPLASM, NUCLEUS, Parts
from leukon.segmentation.stain import to_uint8
from leukon.types import Cell

CLUSTERS = 4  # nucleus, cytoplasm, red cells, background
MARGIN = 1.3
LONGEST_PX = 96
SMOOTHING = 0.015  # as a share of the window's side
BLACK = 32
LEAST_LOBE = 0.05  # of the largest piece of the nucleus
RING = 0.1  # width of the ring around the nucleus, as a share of the window's side

Mask = npt.NDArray[np.uint8]


def cluster_parts(cell: Cell, *, method: str = "ekmeans") -> Parts:
    """Part `cell` by clusters of the colours in and around its box.

    The nucleus is the cluster of lowest green, where it lies in the box; the cytoplasm, of the clusters
    that are neither it nor the brightest, the commonest in a ring around it, where it touches it.
    Cytoplasm as pale as the background, or as a red cell beside it, is beyond clustering: this is the paper's
    plain method, kept for comparison.

    Parameters
    ----------
    cell : Cell
    method : str
        A key of `leukon.segmentation.color_clusters.METHODS`, or ``"otsu"``: three classes of green.

    Returns
    -------
    Parts
        Empty where the colours of the window are fewer than the clusters.
    """
    height, width = cell.image.shape[:2]
    region = square_around(cell.box, margin=MARGIN).clipped(height, width)
    window = cut(cell.image, region, fill=1.0)
    rows, columns = window.shape[:2]
    scale = min(1.0, LONGEST_PX / max(rows, columns))
    small = to_uint8(resize(window, max(1, round(columns * scale)), max(1, round(rows * scale))))
    black = (small.max(axis=2) < BLACK).astype(np.uint8)  # no stain is: it lies beyond a turned image's edge
    beyond = cv2.dilate(black, np.ones((3, 3), np.uint8))[..., None] > 0
    # Smoothed, chromatin is of one colour.
    empty = background_level(small).astype(np.uint8)
    small = cv2.GaussianBlur(np.where(beyond, empty, small), (0, 0), SMOOTHING * max(small.shape))
    mask: Mask = np.zeros(small.shape[:2], np.uint8)
    if len(np.unique(small.reshape(-1, 3), axis=0)) > CLUSTERS:
        labels, green = _classes(small, method)
        x, y = ((c - o) * scale for c, o in zip(cell.box.centre, (region.x0, region.y0), strict=True))
        _part(mask, labels, green, (x, y), cell.box.side_px * scale / 2)
    whole = cv2.resize(mask, (columns, rows), interpolation=cv2.INTER_NEAREST)
    return Parts(np.asarray(whole, np.uint8), round(region.x0), round(region.y0))


def _classes(small: npt.NDArray[np.uint8], method: str) -> tuple[Labels, npt.NDArray[np.float64]]:
    """Return the class of each pixel, and the green of each class."""
    if method != "otsu":
        clusters = cluster_colors(small, CLUSTERS, method=method)
        return clusters.labels, clusters.centres[:, 1]
    green = np.ascontiguousarray(small[..., 1])
    first, second = two_thresholds(np.bincount(green.ravel(), minlength=256))
    return (green > first).astype(np.uint8) + (green > second), np.arange(3.0)


def _part(
    mask: Mask,
    labels: Labels,
    green: npt.NDArray[np.float64],
    centre: tuple[float, float],
    reach: float,
) -> None:
    """Paint nucleus and cytoplasm into `mask`; the nucleus's pieces lie within `reach` of `centre`."""
    darkest, brightest = int(green.argmin()), int(green.argmax())
    cross = np.ones((3, 3), np.uint8)
    dark = cv2.morphologyEx((labels == darkest).astype(np.uint8), cv2.MORPH_OPEN, cross)
    _, pieces, stats, middles = cv2.connectedComponentsWithStats(dark)
    near = np.hypot(*(middles - centre).T) < reach
    near[0] = False
    if not near.any():
        return
    areas = stats[:, cv2.CC_STAT_AREA]
    lobes = np.flatnonzero(near & (areas >= LEAST_LOBE * areas[near].max()))
    nucleus = np.isin(pieces, lobes)
    size = 2 * max(2, round(RING * max(mask.shape))) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    cell = nucleus.astype(np.uint8)
    rim = cv2.dilate(cell, cross)  # whose colours lie between the nucleus's and its surroundings'
    counts = np.bincount(labels[(cv2.dilate(cell, disc) > 0) & (rim == 0)], minlength=len(green))
    counts[[darkest, brightest]] = 0
    if counts.any():
        around = cv2.morphologyEx((labels == counts.argmax()).astype(np.uint8), cv2.MORPH_OPEN, cross)
        _, pieces = cv2.connectedComponents(rim | around)
        cell |= around & np.isin(pieces, np.unique(pieces[nucleus])).astype(np.uint8)
        cell = cv2.morphologyEx(cell, cv2.MORPH_CLOSE, cross)
    outlines, _ = cv2.findContours(cell, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(mask, outlines, -1, CYTOPLASM, cv2.FILLED)
    mask[nucleus] = NUCLEUS
