"""Clusters of an image's colours: what EK-means segments a smear into."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leukon.imaging.depth import STRIP_PX, unit
from leukon.registry import look_up
from leukon.segmentation.clustering import (
    Clusters,
    FuzzyClusters,
    ek_means,
    fuzzy_cmeans,
    k_means,
    memberships,
    nearest,
)
from leukon.segmentation.stain import to_uint8
from leukon.types import Image

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
    labels : ndarray of uint8, shape (H, W)
        The cluster whose centre is nearest.
    colors : ndarray of float32, shape (N, 3)
        The distinct colours, RGB in 0…1.
    counts : ndarray of int64, shape (N,)
        How many pixels have each.
    found : Clusters or FuzzyClusters
        The clusters of the colours, weighted by their counts; ``found.centres`` in 0…1, the darkest first.
    """

    labels: npt.NDArray[np.uint8]
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
        RGB; of uint16 the upper 8 bits count.
    clusters : int
        3 or 4 for a smear, at most 256.
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
    """
    image = to_uint8(image)
    red, green, blue = (image[..., k].astype(np.int32).ravel() for k in range(3))
    keys, counts = np.unique(red << 16 | green << 8 | blue, return_counts=True)
    colors = unit(np.stack([keys >> 16, keys >> 8 & 255, keys & 255], axis=1).astype(np.uint8))
    found = look_up("clustering method", method, METHODS)(colors, clusters, weights=counts, seed=seed)
    return ColorClusters(label(image, found.centres), colors, counts, found)


def label(image: npt.NDArray[np.uint8], centres: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """Return the nearest of `centres` for each pixel.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
    centres : ndarray, shape (K, 3)
        RGB in 0…1.

    Returns
    -------
    ndarray of uint8, shape (H, W)
    """
    slopes = np.asarray(centres / 255, np.float32)
    offsets = (0.5 * (centres**2).sum(axis=1, keepdims=True)).astype(np.float32)
    labels = np.empty(image.shape[:2], np.uint8)
    rows = max(1, STRIP_PX // image.shape[1])
    for start in range(0, len(image), rows):
        strip = image[start : start + rows]
        scores = slopes @ strip.reshape(-1, 3).T.astype(np.float32) - offsets
        labels[start : start + rows] = nearest(scores).reshape(strip.shape[:2])
    return labels
