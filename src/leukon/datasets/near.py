"""Near duplicates: images that show the same scene after re-saving, resizing or a change of brightness.

A perceptual hash proposes pairs, a correlation of small, high-pass filtered thumbnails confirms them. The
hash alone is not enough: smears are alike, and among 9,391 single cells of the PBC data set some 10,000
pairs differ in 12 bits at most, of which one is a copy. The filtered thumbnail keeps the outlines of this
very cell and its neighbours; it is clipped, so that a black frame does not count for more than the cells.
Copies by JPEG, resizing or brightness correlate above 0.99, by a crop of 2 of 192 px above 0.92, other pairs
of that set below 0.62. Copies that are mirrored or turned by quarters are found by `near_groups` alone; those
turned by other angles are not found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy.fft import dctn
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from leukon.types import Image

Thumbnail = npt.NDArray[np.float32]
"""Luminance of an image at `THUMBNAIL_PX`, 0…1, shape (32, 32)."""
THUMBNAIL_PX = 32
ENOUGH_PX = 64
"""The shorter side, in px, that a picture needs for its fingerprint."""
MAX_BITS = 12
"""Hashes that differ in more bits (of 64) are of different images."""
MIN_CORRELATION = 0.9
"""Thumbnails that correlate less are of different images."""

_BLUR_PX = 2.0
_CLIP_PERCENTILE = 75
_BLOCK = 512


@dataclass(frozen=True, eq=False, slots=True)
class Fingerprint:
    """What near duplicates are known by.

    Attributes
    ----------
    bits : int
        64 signs of the low frequencies of luminance (DCT perceptual hash, Zauner 2010).
    detail : ndarray of float32, shape (1024,)
        High-pass filtered luminance of 32×32 px, clipped, of length 1; 0 for a plain image.
    """

    bits: int
    detail: npt.NDArray[np.float32]


def thumbnail(image: Image) -> Thumbnail:
    """Reduce `image`, shape (H, W, 3); 8 and 16 bits of one scene agree."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) / np.iinfo(image.dtype).max
    return np.asarray(cv2.resize(grey, (THUMBNAIL_PX, THUMBNAIL_PX), interpolation=cv2.INTER_AREA))


def fingerprint(image: Image) -> Fingerprint:
    """Take the fingerprint of `image`, shape (H, W, 3)."""
    return _fingerprint(thumbnail(image))


def _fingerprint(grey: Thumbnail) -> Fingerprint:
    # The constant term is left out, so that brightness does not matter.
    low = dctn(grey)[:9, :9].ravel()[1:65]
    bits = int(np.packbits(low > np.median(low)).view(np.uint64)[0])
    detail = (grey - cv2.GaussianBlur(grey, (0, 0), _BLUR_PX)).ravel()
    limit = np.percentile(np.abs(detail), _CLIP_PERCENTILE)
    detail = np.clip(detail, -limit, limit)
    detail -= detail.mean()
    length = float(np.linalg.norm(detail))
    return Fingerprint(bits, detail / length if length > 1e-3 else np.zeros_like(detail))


def near_pairs(prints: list[Fingerprint]) -> Iterator[tuple[int, int, float]]:
    """Yield near duplicates as positions ``i < j`` and the correlation of their thumbnails."""
    for i, j, correlation in _pairs_between(prints, prints):
        if i < j:
            yield i, j, correlation


def near_groups(thumbnails: Sequence[Thumbnail | None]) -> list[int]:
    """Group near duplicates, mirrored ones and those turned by 90, 180 or 270 degrees among them.

    Parameters
    ----------
    thumbnails : sequence of ndarray, shape (32, 32), or None
        None for an image that cannot be read.

    Returns
    -------
    list of int
        For each image the position of the first one of its group, itself where it has no duplicate; -1 for
        None.
    """
    places = [i for i, grey in enumerate(thumbnails) if grey is not None]
    greys = [grey for grey in thumbnails if grey is not None]
    if not greys:
        return [-1] * len(thumbnails)
    prints = [_fingerprint(grey) for grey in greys]
    links: list[tuple[int, int]] = []
    for quarters in range(4):
        for mirrored in (False, True):
            turned = [_fingerprint(_turned(grey, quarters, mirrored=mirrored)) for grey in greys]
            links += [(i, j) for i, j, _ in _pairs_between(prints, turned)]
    count = len(greys)
    rows, columns = np.array(links or [(0, 0)]).T
    graph = coo_array((np.ones(len(rows)), (rows, columns)), shape=(count, count))
    _, component = connected_components(graph, directed=False)
    _, first = np.unique(component, return_index=True)
    groups = [-1] * len(thumbnails)
    for place, number in zip(places, component, strict=True):
        groups[place] = places[first[number]]
    return groups


def _turned(grey: Thumbnail, quarters: int, *, mirrored: bool) -> Thumbnail:
    turned = np.rot90(grey, quarters)
    return np.ascontiguousarray(turned[:, ::-1] if mirrored else turned)


def _pairs_between(
    prints: Sequence[Fingerprint], others: Sequence[Fingerprint]
) -> Iterator[tuple[int, int, float]]:
    """Yield ``i <= j`` where ``prints[i]`` and ``others[j]`` agree."""
    if not prints:
        return
    bits, other_bits = (np.array([p.bits for p in side], np.uint64) for side in (prints, others))
    details, other_details = (np.stack([p.detail for p in side]) for side in (prints, others))
    for start in range(0, len(bits), _BLOCK):
        distance = np.bitwise_count(bits[start : start + _BLOCK, None] ^ other_bits[None, start:])
        first, second = np.nonzero(distance <= MAX_BITS)
        ahead = second >= first
        first, second = first[ahead] + start, second[ahead] + start
        for low in range(0, len(first), 1 << 16):  # bounds the memory where most images are alike
            i, j = first[low : low + (1 << 16)], second[low : low + (1 << 16)]
            correlation = np.einsum("nd,nd->n", details[i], other_details[j])
            for k in np.flatnonzero(correlation >= MIN_CORRELATION):
                yield int(i[k]), int(j[k]), float(correlation[k])
