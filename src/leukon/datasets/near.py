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
    bits, detail = _signatures(thumbnail(image)[None])
    return Fingerprint(int(bits[0]), detail[0])


def near_pairs(prints: list[Fingerprint]) -> Iterator[tuple[int, int, float]]:
    """Yield near duplicates as positions ``i < j`` and the correlation of their thumbnails."""
    if prints:
        bits = np.array([p.bits for p in prints], np.uint64)
        details = np.stack([p.detail for p in prints])
        yield from (pair for pair in _agreeing((bits, details), (bits, details)) if pair[0] < pair[1])


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
    groups = [-1] * len(thumbnails)
    if not places:
        return groups
    greys = np.stack([grey for grey in thumbnails if grey is not None])
    plain = _signatures(greys)
    links = [(0, 0)]
    for quarters in range(4):
        turned = np.rot90(greys, quarters, axes=(1, 2))
        for view in (turned, turned[:, :, ::-1]):
            links += [(i, j) for i, j, _ in _agreeing(plain, _signatures(np.ascontiguousarray(view)))]
    rows, columns = np.array(links).T
    graph = coo_array((np.ones(len(rows)), (rows, columns)), shape=(len(places), len(places)))
    _, component = connected_components(graph, directed=False)
    _, first = np.unique(component, return_index=True)
    for place, number in zip(places, component, strict=True):
        groups[place] = places[first[number]]
    return groups


_Signatures = tuple[npt.NDArray[np.uint64], npt.NDArray[np.float32]]


def _signatures(greys: npt.NDArray[np.float32]) -> _Signatures:
    """Bits and details of N thumbnails: shapes (N,) and (N, 1024)."""
    # The constant term is left out, so that brightness does not matter.
    low = dctn(greys, axes=(1, 2))[:, :9, :9].reshape(len(greys), 81)[:, 1:65]
    signs = low > np.median(low, axis=1, keepdims=True)
    bits = np.packbits(signs, axis=1).view(np.uint64)[:, 0]
    blurred = np.stack([cv2.GaussianBlur(grey, (0, 0), _BLUR_PX) for grey in greys])
    detail = (greys - blurred).reshape(len(greys), -1)
    limit = np.percentile(np.abs(detail), _CLIP_PERCENTILE, axis=1, keepdims=True)
    detail = np.clip(detail, -limit, limit)
    detail -= detail.mean(axis=1, keepdims=True)
    length = np.linalg.norm(detail, axis=1, keepdims=True)
    unit = np.divide(detail, length, out=np.zeros_like(detail), where=length > 1e-3)
    return bits, unit.astype(np.float32)


def _agreeing(some: _Signatures, others: _Signatures) -> Iterator[tuple[int, int, float]]:
    """Yield ``i <= j`` where ``some[i]`` and ``others[j]`` are of one scene."""
    (bits, details), (other_bits, other_details) = some, others
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
