"""Clusters of an image's colours: what EK-means segments a smear into."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from leukon.imaging.depth import unit
from leukon.registry import look_up
from leukon.segmentation.clustering import (
    Clusters,
    FuzzyClusters,
    Labels,
    ek_means,
    fuzzy_cmeans,
    k_means,
    memberships,
    nearest,
)
from leukon.segmentation.stain import to_uint8
from leukon.types import Image

MOST_EXACT_PX = 2**20
LABEL_STRIP_PX = 2**15
Colors = tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]

METHODS: dict[str, Callable[..., Clusters | FuzzyClusters]] = {
    "ekmeans": ek_means,
    "kmeans": k_means,
    "fcm": fuzzy_cmeans,
}


@dataclass(frozen=True, eq=False, slots=True)
class ColorClusters:
    """An image's pixels, clustered by colour.

    Attributes
    ----------
    labels : ndarray of uint8 (of uint16 beyond 256 clusters), shape (H, W)
        The cluster whose centre is nearest.
    colors : ndarray of float32, shape (N, 3)
        What was clustered, RGB in 0…1: the distinct colours, or means of similar ones in a large image.
    counts : ndarray of int64, shape (N,)
        How many pixels each stands for.
    found : Clusters or FuzzyClusters
        The clusters of the colours, weighted by their counts; ``found.centres`` in 0…1, the darkest first.
    """

    labels: Labels
    colors: npt.NDArray[np.float32]
    counts: npt.NDArray[np.int64]
    found: Clusters | FuzzyClusters

    @property
    def centres(self) -> npt.NDArray[np.float64]:
        """RGB in 0…1, shape (K, 3), the darkest first."""
        return self.found.centres

    def memberships(self, *, exponent: float = 2.0) -> npt.NDArray[np.float64]:
        """Return how far each of `colors` belongs to each cluster, shape (N, K); rows sum to 1."""
        return memberships(self.colors, self.centres, exponent=exponent)


def cluster_colors(image: Image, clusters: int, *, method: str = "ekmeans", seed: int = 0) -> ColorClusters:
    """Cluster the pixels of `image` by colour.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3)
        RGB; uint16 is rounded to 8 bits, which suffice to tell parts of cells apart.
    clusters : int
        3 or 4 for a smear.
    method : str
        A key of `METHODS`.
    seed : int
        Of the method's random start.

    Raises
    ------
    InputError
        If the image has fewer distinct colours than `clusters`.
    UnknownNameError
        If there is no such method.

    Notes
    -----
    Up to a megapixel the distinct colours are clustered, which equals clustering the pixels. In larger
    images the means of bins of 4 × 4 × 4 levels stand for them: what the clustering costs then no longer
    grows with the image, and its centres move by a fraction of a level.
    """
    image = np.ascontiguousarray(to_uint8(image))
    colors, counts = _distinct(image) if image[..., 0].size <= MOST_EXACT_PX else _binned(image)
    found = look_up("clustering method", method, METHODS)(colors, clusters, weights=counts, seed=seed)
    return ColorClusters(label(image, found.centres), colors, counts, found)


def label(image: npt.NDArray[np.uint8], centres: npt.NDArray[np.float64]) -> Labels:
    """Return the nearest of `centres` for each pixel.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
    centres : ndarray, shape (K, 3)
        RGB in 0…1.

    Returns
    -------
    ndarray of uint8 (of uint16 beyond 256 centres), shape (H, W)
    """
    height, width = image.shape[:2]
    # The nearest has the least ‖v‖²/2 - x·v; x is a level, and v/255 takes it to 0…1.
    slopes = (-centres / 255).astype(np.float32)
    offsets = (0.5 * (centres**2).sum(axis=1, keepdims=True)).astype(np.float32)
    labels: Labels = np.empty((height, width), np.min_scalar_type(len(centres) - 1))
    rows = max(1, LABEL_STRIP_PX // width)
    for start in range(0, height, rows):
        strip = image[start : start + rows]
        distances = slopes @ strip.reshape(-1, 3).astype(np.float32).T
        distances += offsets
        labels[start : start + rows] = nearest(distances).reshape(strip.shape[:2])
    return labels


def _distinct(image: npt.NDArray[np.uint8]) -> Colors:
    red, green, blue = (plane.astype(np.int32).ravel() for plane in cv2.split(image))
    keys, counts = np.unique(red << 16 | green << 8 | blue, return_counts=True)
    return unit(np.stack([keys >> 16, keys >> 8 & 255, keys & 255], axis=1).astype(np.uint8)), counts


def _binned(image: npt.NDArray[np.uint8]) -> Colors:
    """Count bins of 4 levels a side, with the mean colour of each.

    A histogram that is as fine as the levels along one channel gives that channel's means.
    """
    within = []
    for channel in range(3):
        sizes = [64, 64, 64]
        sizes[channel] = 256
        fine = cv2.calcHist([image], [0, 1, 2], None, sizes, [0, 256] * 3)
        fine = fine.reshape(*sizes[:channel], 64, 4, *sizes[channel + 1 :])
        counts = fine.sum(axis=channel + 1)
        within.append(np.tensordot(fine, np.arange(4, dtype=np.float32), (channel + 1, 0)))
    filled = counts > 0
    counts = counts[filled]
    levels = 4 * np.argwhere(filled) + np.stack([sums[filled] for sums in within], axis=1) / counts[:, None]
    return (levels / 255).astype(np.float32), counts.astype(np.int64)
