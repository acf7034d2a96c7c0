"""Nucleus and cytoplasm of one cell by clusters of colours alone, as published; beside `adaptive`."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from leukon.segmentation.clustering import Labels
from leukon.segmentation.color_clusters import cluster_colors
from leukon.segmentation.parts import CYTOPLASM, NUCLEUS
from leukon.segmentation.scene import Nucleus, Scene
from leukon.segmentation.stain import Mask, to_uint8
from leukon.types import Image

CLUSTERS = 4
RING = 0.15


def ekmeans(image: Image, scene: Scene, nucleus: Nucleus) -> Mask:
    """Segment one cell by EK-means of the colours; see `_parts`."""
    return _parts(_clustered(image, "ekmeans"), scene, nucleus)


def kmeans(image: Image, scene: Scene, nucleus: Nucleus) -> Mask:
    """Segment one cell by k-means of the colours from random starts; see `_parts`."""
    return _parts(_clustered(image, "kmeans"), scene, nucleus)


def fcm(image: Image, scene: Scene, nucleus: Nucleus) -> Mask:
    """Segment one cell by fuzzy c-means of the colours, by greatest membership; see `_parts`."""
    return _parts(_clustered(image, "fcm"), scene, nucleus)


def otsu(image: Image, scene: Scene, nucleus: Nucleus) -> Mask:
    """Segment one cell by Otsu's two thresholds of the green channel (1979); see `_parts`."""
    green = np.ascontiguousarray(to_uint8(image)[..., 1])
    counts = np.bincount(green.ravel(), minlength=256)
    classes = np.digitize(np.arange(256), two_thresholds(counts), right=True).astype(np.uint8)
    return _parts(np.asarray(cv2.LUT(green, classes)), scene, nucleus)


def two_thresholds(counts: npt.NDArray[Any]) -> tuple[int, int]:
    """Return the levels that end the first two of three classes with the greatest variance between them.

    Parameters
    ----------
    counts : ndarray, shape (256,)
        How many pixels have each level.
    """
    number = np.concatenate([[0], np.cumsum(counts, dtype=np.float64)])
    sums = np.concatenate([[0], np.cumsum(counts * np.arange(256.0))])
    # Between-class variance grows with Σ s²/n over the classes: [0, a), [a, b) and [b, 256).
    n, s = number[None] - number[:, None], sums[None] - sums[:, None]
    gain = np.divide(s * s, n, out=np.zeros_like(n), where=n > 0)
    total = np.triu(gain[0][:, None] + gain + gain[:, -1][None], 1)
    first, second = np.unravel_index(int(total.argmax()), total.shape)
    return int(first) - 1, int(second) - 1


def _clustered(image: Image, method: str) -> Labels:
    found = cluster_colors(image, CLUSTERS, method=method)
    by_green = found.centres[:, 1].argsort().argsort()
    return np.asarray(by_green.astype(found.labels.dtype)[found.labels])


def _parts(labels: Labels, scene: Scene, nucleus: Nucleus) -> Mask:
    """Tell the parts of a cell among classes, the darkest in green being 0.

    The nucleus is class 0 where it meets the nucleus of `scene`; the cytoplasm is whichever other class, the
    brightest excepted, is most common beside it, where it hangs together with it.
    """
    height, width = labels.shape
    seed = (scene.labels == nucleus.label).astype(np.uint8)
    seed = cv2.resize(seed, (width, height), interpolation=cv2.INTER_NEAREST)
    core = _touching((labels == 0).astype(np.uint8), seed)
    mask = core * np.uint8(NUCLEUS)
    reach = max(1, round(RING * 2 * float(np.sqrt(max(1, cv2.countNonZero(core)) / np.pi))))
    ring = cv2.dilate(core, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) > core
    counts = np.bincount(labels[ring].ravel(), minlength=3)
    if counts[1:-1].any():
        cell = _touching(core | (labels == 1 + counts[1:-1].argmax()).astype(np.uint8), core)
        mask[(cell > 0) & (core == 0)] = CYTOPLASM
    return mask


def _touching(mask: Mask, seed: Mask) -> Mask:
    """Keep the parts of `mask` that meet `seed`."""
    count, parts = cv2.connectedComponents(mask, connectivity=4)
    kept = np.bincount(parts[(seed > 0) & (mask > 0)], minlength=count) > 0
    return np.asarray(kept[parts]).astype(np.uint8)
