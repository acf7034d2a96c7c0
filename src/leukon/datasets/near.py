"""Near duplicates: images that show the same scene after re-saving, resizing or a change of brightness.

A perceptual hash proposes pairs, a correlation of small, high-pass filtered thumbnails confirms them. The
hash alone is not enough: smears are alike, and among 9,391 single cells of the PBC data set some 10,000
pairs differ in 12 bits at most, of which one is a copy. The filtered thumbnail keeps the outlines of this
very cell and its neighbours; it is clipped, so that a black frame does not count for more than the cells.
Copies by JPEG, resizing or brightness correlate above 0.99, by a crop of 2 of 192 px above 0.92, other pairs
of that set below 0.62. Copies that were turned, mirrored or shifted are for `leukon.datasets.moved`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy.fft import dctn

from leukon.types import Image

MAX_BITS = 12
"""Hashes that differ in more bits (of 64) are of different images."""
MIN_CORRELATION = 0.9
"""Thumbnails that correlate less are of different images."""

_THUMBNAIL_PX = 32
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


def luminance(image: Image) -> npt.NDArray[np.float32]:
    """Luminance of `image`, 0…1, shape (H, W); 8 and 16 bits of one scene agree."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return np.asarray(grey / np.float32(np.iinfo(image.dtype).max))


def fingerprint(image: Image) -> Fingerprint:
    """Take the fingerprint of `image`, shape (H, W, 3)."""
    side = _THUMBNAIL_PX, _THUMBNAIL_PX
    grey = cv2.resize(luminance(image), side, interpolation=cv2.INTER_AREA)
    # The constant term is left out, so that brightness does not matter.
    low = dctn(grey)[:9, :9].ravel()[1:65]
    bits = np.packbits(low > np.median(low)).view(np.uint64)[0]
    detail = (grey - cv2.GaussianBlur(grey, (0, 0), _BLUR_PX)).ravel()
    limit = np.percentile(np.abs(detail), _CLIP_PERCENTILE)
    detail = np.clip(detail, -limit, limit)
    detail -= detail.mean()
    length = float(np.linalg.norm(detail))
    return Fingerprint(int(bits), detail / length if length > 1e-3 else np.zeros_like(detail))


def near_pairs(prints: list[Fingerprint]) -> Iterator[tuple[int, int, float]]:
    """Yield near duplicates as positions ``i < j`` and the correlation of their thumbnails."""
    if not prints:
        return
    bits = np.array([p.bits for p in prints], np.uint64)
    details = np.stack([p.detail for p in prints])
    for start in range(0, len(bits), _BLOCK):
        distance = np.bitwise_count(bits[start : start + _BLOCK, None] ^ bits[None, start:])
        first, second = np.nonzero(distance <= MAX_BITS)
        ahead = second > first
        first, second = first[ahead] + start, second[ahead] + start
        for low in range(0, len(first), 1 << 16):  # bounds the memory where most images are alike
            i, j = first[low : low + (1 << 16)], second[low : low + (1 << 16)]
            correlation = np.einsum("nd,nd->n", details[i], details[j])
            for k in np.flatnonzero(correlation >= MIN_CORRELATION):
                yield int(i[k]), int(j[k]), float(correlation[k])
