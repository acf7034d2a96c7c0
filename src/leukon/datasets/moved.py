"""Moved copies: images of one scene after turning by any angle, mirroring, shifting, shearing and re-saving.

Landmarks are the strongest blobs of an image (difference of Gaussians). The surroundings of each are read on
rings around it; a turn shifts a ring and a mirror reverses it, so the magnitudes of its Fourier coefficients
stay, and one matrix product finds alike surroundings among all images. Their phases give the angle, the
landmarks that then coincide give the affine map (iterated closest points), and the correlation of the two
mapped images, over all that both show, decides. Black frames that augmentation leaves are no part of an
image. The same field photographed twice is a moved copy too; one that shows it more than a tenth larger or
smaller is mostly not found.

Of 2,340 copies planted among 9,360 single cells of the PBC data set two are missed; twelve more pairs across
the split were found, all of one scene (``benchmarks/copies.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from leukon.datasets.near import luminance
from leukon.types import Image

SIDE_PX = 72
"""The shorter side, in px, at which images are compared."""
MIN_CORRELATION = 0.9
"""Mapped images that correlate less are of different scenes."""
MIN_OVERLAP = 0.25
"""Share of the smaller image that both must show."""
MAX_STRETCH = 1.25
"""Axes of the map that are longer, or shorter than its inverse, are no copy's."""

_LANDMARKS = 16  # places that fix the map
_DESCRIBED = 6  # of which so many, the strongest well inside the image, are searched for
_MIN_ALIKE = 0.96  # cosine of the ring magnitudes of two landmarks
_MIN_TURNED = 0.6  # correlation of their surroundings at the best angle
_FRAME_LEVEL = 24 / 255  # a frame's black after JPEG; no part of a smear is as dark
_RINGS, _ANGLES, _RADIUS_PX = 12, 64, 22.0
_HARMONICS, _MAGNITUDES = 13, 9
_INSIDE_PX = 10  # of a described landmark, from the image's edge
_REACH_PX = 3.0, 2.5, 2.0, 1.5  # how near a mapped landmark must come to another, step by step
_RIDGE_PX2 = 100.0  # holds the map where few landmarks coincide
_BLOCK = 48  # images compared with all others at once

_turns = np.arange(_ANGLES) * (2 * np.pi / _ANGLES)
_radii = (np.arange(_RINGS) + 0.5) * (_RADIUS_PX / _RINGS)
_rings = (_radii[:, None] * np.exp(1j * _turns)).astype(np.complex64)
# Scaled so that products of two spectra, summed, are the product of the patches summed over their area.
_weights = np.sqrt(_radii)[:, None] * np.sqrt(np.minimum(np.arange(_HARMONICS) + 1, 2))
_waves = np.exp(1j * np.outer(np.arange(_HARMONICS), _turns)).astype(np.complex64)

_Floats = npt.NDArray[np.float32]
_Complex = npt.NDArray[np.complex128]


@dataclass(frozen=True, eq=False, slots=True)
class Landmarks:
    """What moved copies are known by: some 16 kB.

    Attributes
    ----------
    detail : ndarray of uint8, shape (H, W)
        Band-passed luminance at `SIDE_PX`; 128 is none, 0 marks what belongs to a frame.
    places : ndarray of complex64, shape (16,)
        Landmarks as x + iy in px of `detail`, NaN where there are fewer; the described ones come first.
    spectra : ndarray of complex64, shape (N, 12, 13)
        Fourier coefficients of the rings around the first N ≤ 6, of length 1 together.
    """

    detail: npt.NDArray[np.uint8]
    places: npt.NDArray[np.complex64]
    spectra: npt.NDArray[np.complex64]


@dataclass(frozen=True, slots=True)
class MovedPair:
    """Two images of one scene.

    Attributes
    ----------
    first, second : int
        Their positions, ``first < second``.
    correlation : float
        Of what both show.
    angle_deg : float
        By which the first is turned to give the second, −180…180, clockwise on the screen.
    mirrored : bool
        Whether the first is mirrored, left to right, before.
    """

    first: int
    second: int
    correlation: float
    angle_deg: float
    mirrored: bool


def landmarks(image: Image) -> Landmarks:
    """Find the landmarks of `image`, shape (H, W, 3); 8 and 16 bits of one scene agree."""
    grey = luminance(image)
    scale = SIDE_PX / min(grey.shape)
    size = round(grey.shape[1] * scale), round(grey.shape[0] * scale)
    grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    shown = _shown(grey)
    band = (_blurred(grey, shown, 1.0) - _blurred(grey, shown, 5.0)) * shown
    spread = np.sqrt((band**2).sum() / max(shown.sum(), 1.0))
    band = np.clip(band / max(float(spread), 1e-3), -2, 2)
    places, described = _places(grey, shown)
    patches = [
        cv2.remap(band, (_rings.real + z.real), (_rings.imag + z.imag), cv2.INTER_LINEAR)
        for z in places[:described]
    ]
    spectra = np.fft.rfft(np.reshape(patches, (-1, _RINGS, _ANGLES)), axis=2)[..., :_HARMONICS] * _weights
    length = np.linalg.norm(spectra, axis=(1, 2), keepdims=True)
    spectra = np.divide(spectra, length, out=np.zeros_like(spectra), where=length > 0)
    detail = np.where(shown > 0, np.rint(128 + 63 * band), 0).astype(np.uint8)
    padded = np.pad(places, (0, _LANDMARKS - len(places)), constant_values=np.nan)
    return Landmarks(detail, padded, spectra.astype(np.complex64))


def moved_pairs(
    images: Sequence[Landmarks], *, advance: Callable[[int], None] | None = None
) -> Iterator[MovedPair]:
    """Yield the pairs of `images` that show one scene, each once; `advance` is called as images are done."""
    counts = np.array([len(image.spectra) for image in images], np.intp)
    ends = np.cumsum(counts)
    if not counts.any():
        return
    owner = np.repeat(np.arange(len(images)), counts)
    spectra = np.concatenate([image.spectra for image in images])
    magnitudes = _magnitudes(spectra)
    all_places = np.stack([image.places for image in images]).astype(np.complex128)
    which = np.arange(len(owner)) - np.repeat(ends - counts, counts)
    for start in range(0, len(images), _BLOCK):
        stop = min(start + _BLOCK, len(images))
        low, high = int(ends[start] - counts[start]), int(ends[stop - 1])
        alike = magnitudes[low:high] @ magnitudes[low:].T >= _MIN_ALIKE
        i, j = (rows + low for rows in np.nonzero(alike))
        i, j = (rows[owner[i] < owner[j]] for rows in (i, j))
        level, angle, mirrored = _turn(spectra, i, j)
        # Of the landmarks that two images share, the best one is enough to begin with.
        order = np.argsort(-level, kind="stable")[: np.count_nonzero(level >= _MIN_TURNED)]
        _, best = np.unique(owner[i[order]] * len(images) + owner[j[order]], return_index=True)
        best = order[best]
        i, j, turn, mirrored = i[best], j[best], np.exp(1j * angle[best]), mirrored[best]
        first, second = owner[i], owner[j]
        a, b = all_places[first], all_places[second]
        maps = _map(a, b, which[i], which[j], np.where(mirrored, 0, turn), np.where(mirrored, turn, 0))
        for k, (linear, conjugate, shift) in enumerate(zip(*maps, strict=True)):
            if (
                correlation := _correlation(images[first[k]], images[second[k]], linear, conjugate, shift)
            ) > 0:
                flipped = abs(conjugate) > abs(linear)
                # Mirroring left to right is −conj; the shift does not count.
                degrees = float(np.angle(-conjugate if flipped else linear, deg=True))
                yield MovedPair(int(first[k]), int(second[k]), correlation, degrees, bool(flipped))
        if advance:
            advance(stop - start)


def moved_groups(images: Sequence[Landmarks | None]) -> list[int]:
    """Group the images of one scene.

    Returns
    -------
    list of int
        For each image the position of the first one of its group, itself where it has no copy; -1 for None.
    """
    places = [i for i, image in enumerate(images) if image is not None]
    pairs = list(moved_pairs([image for image in images if image is not None]))
    links = np.array([(pair.first, pair.second) for pair in pairs], np.intp).reshape(-1, 2)
    graph = coo_array((np.ones(len(links)), tuple(links.T)), shape=(len(places), len(places)))
    _, component = connected_components(graph, directed=False)
    _, first = np.unique(component, return_index=True)
    groups = [-1] * len(images)
    for place, number in zip(places, component, strict=True):
        groups[place] = places[first[number]]
    return groups


def _shown(grey: _Floats) -> _Floats:
    """1 where the image shows something, 0 in black areas that touch its edge."""
    dark = (grey < _FRAME_LEVEL).astype(np.uint8)
    _, parts = cv2.connectedComponents(dark)
    edge = np.unique(np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]))
    frame = np.isin(parts, edge[edge > 0]).astype(np.uint8)
    return np.asarray(1 - cv2.dilate(frame, np.ones((5, 5), np.uint8)), np.float32)


def _blurred(grey: _Floats, shown: _Floats, sigma: float) -> _Floats:
    """Blur what is shown, as if there were nothing else."""
    weight = cv2.GaussianBlur(shown, (0, 0), sigma)
    return np.asarray(cv2.GaussianBlur(grey * shown, (0, 0), sigma) / np.maximum(weight, 1e-3))


def _places(grey: _Floats, shown: _Floats) -> tuple[npt.NDArray[np.complex64], int]:
    """Return the strongest blobs, those well inside the image first, and how many of these are described."""
    level = np.abs(_blurred(grey, shown, 2.5) - _blurred(grey, shown, 5.0)) * shown
    peak = (level == cv2.dilate(level, np.ones((5, 5), np.uint8))) & (level > 1e-4)
    y, x = (axis + 1 for axis in np.nonzero(peak[1:-1, 1:-1]))
    strongest = np.argsort(-level[y, x], kind="stable")[:_LANDMARKS]
    y, x = y[strongest], x[strongest]
    here = level[y, x]
    # The vertex of a parabola through the peak and its neighbours, in either direction.
    fine_x = _vertex(level[y, x - 1], here, level[y, x + 1])
    fine_y = _vertex(level[y - 1, x], here, level[y + 1, x])
    height, width = level.shape
    inside = np.minimum(np.minimum(x, width - 1 - x), np.minimum(y, height - 1 - y)) >= _INSIDE_PX
    places = (x + fine_x + 1j * (y + fine_y)).astype(np.complex64)
    return np.concatenate([places[inside], places[~inside]]), min(_DESCRIBED, int(inside.sum()))


def _vertex(before: npt.NDArray[Any], here: npt.NDArray[Any], after: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Offset of the vertex of the parabola through three equidistant values, −0.5…0.5."""
    bend = np.minimum(before - 2 * here + after, -1e-12)
    return np.asarray(np.clip(0.5 * (before - after) / bend, -0.5, 0.5))


def _magnitudes(spectra: npt.NDArray[np.complex64]) -> _Floats:
    """What no turn or mirror changes, shape (N, 108), of length 1; a ring's mean keeps its sign."""
    kept = np.abs(spectra[..., :_MAGNITUDES])
    kept[..., 0] = spectra[..., 0].real
    flat = kept.reshape(len(kept), -1)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.asarray(np.divide(flat, length, out=np.zeros_like(flat), where=length > 0))


def _turn(
    spectra: npt.NDArray[np.complex64], i: npt.NDArray[np.intp], j: npt.NDArray[np.intp]
) -> tuple[_Floats, npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Correlation of patches `i` and `j` at the best turn, the angle in radians, and whether mirrored."""
    level, angle = np.empty(len(i), np.float32), np.empty(len(i))
    mirrored = np.empty(len(i), bool)
    for start in range(0, len(i), 1 << 14):  # bounds the memory
        rows = slice(start, start + (1 << 14))
        one, other = spectra[i[rows]], spectra[j[rows]]
        plain, turned = np.einsum("nrk,nrk->nk", one.conj(), other), np.einsum("nrk,nrk->nk", one, other)
        levels = np.concatenate([(plain @ _waves).real, (turned @ _waves).real], axis=1)
        at = levels.argmax(axis=1)
        each = np.arange(len(at))
        hand, step = at // _ANGLES, at % _ANGLES
        before, after = (hand * _ANGLES + (step + d) % _ANGLES for d in (-1, 1))
        level[rows] = levels[each, at]
        fine = _vertex(levels[each, before], level[rows], levels[each, after])
        angle[rows] = (step + fine) * (2 * np.pi / _ANGLES)
        mirrored[rows] = hand == 1
    return level, angle, mirrored


def _map(
    a: _Complex,
    b: _Complex,
    at: npt.NDArray[np.intp],
    on: npt.NDArray[np.intp],
    linear: _Complex,
    conjugate: _Complex,
) -> tuple[_Complex, _Complex, _Complex]:
    """Fit ``b = linear·a + conjugate·ā + shift``, any affine map of the plane, to landmarks that coincide.

    Parameters
    ----------
    a, b : ndarray, shape (N, 16)
        Landmarks of N pairs of images.
    at, on : ndarray, shape (N,)
        The landmark of `a` that is known to fall on that of `b`.
    linear, conjugate : ndarray, shape (N,)
        The map to begin with: a turn, or one after a mirror.
    """
    each = np.arange(len(a))
    start = a[each, at]
    shift = b[each, on] - linear * start - conjugate * start.conj()
    for reach in _REACH_PX:
        mapped = linear[:, None] * a + conjugate[:, None] * a.conj() + shift[:, None]
        distance = np.nan_to_num(np.abs(mapped[:, :, None] - b[:, None, :]), nan=np.inf)
        nearest = distance.argmin(axis=2)
        met = np.take_along_axis(distance, nearest[..., None], axis=2)[..., 0] < reach
        count = np.maximum(met.sum(axis=1), 1)
        p = np.where(met, a, 0)
        q = np.where(met, np.take_along_axis(b, nearest, axis=1), 0)
        mean_p, mean_q = p.sum(axis=1) / count, q.sum(axis=1) / count
        p = np.where(met, a - mean_p[:, None], 0)
        rest = np.where(met, q - mean_q[:, None], 0) - linear[:, None] * p - conjugate[:, None] * p.conj()
        # Least squares for the change of both, in closed form; three landmarks are the least for a map.
        own, cross = (np.abs(p) ** 2).sum(axis=1) + _RIDGE_PX2, (p * p).sum(axis=1)
        right, left = (p.conj() * rest).sum(axis=1), (p * rest).sum(axis=1)
        scale = np.where(met.sum(axis=1) >= 3, 1 / (own**2 - np.abs(cross) ** 2), 0)
        linear = linear + (right * own - cross.conj() * left) * scale
        conjugate = conjugate + (left * own - cross * right) * scale
        moved = mean_q - linear * mean_p - conjugate * mean_p.conj()
        shift = np.where(scale > 0, moved, shift)
    return linear, conjugate, shift


def _correlation(
    one: Landmarks, other: Landmarks, linear: complex, conjugate: complex, shift: complex
) -> float:
    """Correlation of what both images show under a map of `one` to `other`; 0 where they are no copies."""
    longest, shortest = abs(linear) + abs(conjugate), abs(abs(linear) - abs(conjugate))
    if longest > MAX_STRETCH or shortest * MAX_STRETCH < 1:
        return 0.0
    x, y = linear + conjugate, 1j * (linear - conjugate)
    matrix = np.array([[x.real, y.real, shift.real], [x.imag, y.imag, shift.imag]])
    size = one.detail.shape[1], one.detail.shape[0]
    back = cv2.warpAffine(other.detail, matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    shown = (other.detail > 0).astype(np.uint8)
    there = cv2.warpAffine(shown, matrix, size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
    both = (one.detail > 0) & (there > 0)
    least = min(np.count_nonzero(one.detail), np.count_nonzero(shown))
    if np.count_nonzero(both) < MIN_OVERLAP * least:
        return 0.0
    a, b = one.detail[both].astype(np.float32), back[both].astype(np.float32)
    a, b = a - a.mean(), b - b.mean()
    lengths = float(np.sqrt((a @ a) * (b @ b)))
    correlation = float(a @ b) / lengths if lengths > 0 else 0.0
    return correlation if correlation >= MIN_CORRELATION else 0.0
