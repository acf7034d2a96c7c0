"""Outlines of cells and nuclei as levels: µm inside (positive) or outside (negative) of the edge."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from leukon.datasets.synthetic.spectra import Array

UM_PER_PX = 0.1
"""Grid on which scenes are drawn; half the resolution limit of the best oil lens."""

Segments = npt.NDArray[np.float64]
"""Shape (n, 6): tapered strokes ``(x, y, radius, x, y, radius)``."""


def grid(half_um: float) -> tuple[Array, Array]:
    """Coordinates (x, y) in µm of a square patch around 0, an odd number of px wide."""
    return grid_of(2 * int(np.ceil(half_um / UM_PER_PX)) + 1)


def grid_of(side_px: int) -> tuple[Array, Array]:
    """Coordinates (x, y) in µm of a square patch around 0, `side_px` wide (odd)."""
    reach = side_px // 2
    axis = np.arange(-reach, reach + 1, dtype=np.float32) * np.float32(UM_PER_PX)
    return np.meshgrid(axis, axis)


def patch_grid(radius_um: float) -> tuple[Array, Array]:
    """Coordinates of a patch with room for an uneven cell of `radius_um`."""
    return grid(radius_um * 1.4 + 0.8)


def outline(rng: np.random.Generator, irregularity: float, *, spikes: int = 0, spike: float = 0.0) -> Array:
    """Draw a closed outline: its radius at 256 angles, mean about 1.

    Parameters
    ----------
    irregularity : float
        0 gives a circle, 0.05 a usual cell, 0.15 a torn one.
    spikes : int
        Number of regular bulges around it (crenation).
    spike : float
        Their relative height.
    """
    angle = np.linspace(0, 2 * np.pi, 256, endpoint=False)
    radius = np.ones(256)
    for order in range(2, 9):
        size = irregularity * rng.normal() / (order - 1) ** 0.9
        radius += size * np.cos(order * angle + rng.uniform(0, 2 * np.pi))
    if spikes:
        wander = angle + 0.15 * np.sin(angle * 2 + rng.uniform(0, 6.3))
        radius += spike * (np.abs(np.cos(spikes / 2 * wander + rng.uniform(0, 6.3))) ** 1.5 - 0.4)
    return np.clip(radius, 0.6, 1.5).astype(np.float32)


def radial_level(x: Array, y: Array, radius_um: float, shape: Array) -> tuple[Array, Array]:
    """Level of a cell of outline `shape`, and the distance from its middle as a share of the edge's."""
    distance = np.hypot(x, y)
    turn = np.arctan2(y, x) * np.float32(128 / np.pi)
    low = np.floor(turn)
    part = turn - low
    index = low.astype(np.int32) & 255
    edge = radius_um * (shape[index] * (1 - part) + shape[(index + 1) & 255] * part)
    return edge - distance, distance / edge


def _arc(span: float, radii: npt.NDArray[np.float64], bend: float = 1.0) -> Segments:
    """Strokes along an arc of radius 1 over `span` radians, as thick as `radii` at its knots."""
    angle = np.linspace(-span / 2, span / 2, len(radii))
    x, y = np.cos(angle) * bend, np.sin(angle)
    knots = np.stack([x, y, radii], axis=1)
    return np.hstack([knots[:-1], knots[1:]])


def _round(rng: np.random.Generator, _lobes: int) -> Segments:
    length = rng.uniform(0, 0.25)
    return np.array([[-length, 0, 1, length, 0, rng.uniform(0.93, 1)]])


def _oval(rng: np.random.Generator, _lobes: int) -> Segments:
    length = rng.uniform(0.25, 0.6)
    return np.array([[-length, 0, 1, length, rng.uniform(-0.1, 0.1), rng.uniform(0.75, 1)]])


def _indented(rng: np.random.Generator, _lobes: int) -> Segments:
    return _arc(rng.uniform(1.9, 2.5), rng.uniform(0.62, 0.78, 4))


def _kidney(rng: np.random.Generator, _lobes: int) -> Segments:
    return _arc(rng.uniform(2.1, 3.0), rng.uniform(0.62, 0.84, 5))


def _horseshoe(rng: np.random.Generator, _lobes: int) -> Segments:
    return _arc(rng.uniform(3.2, 4.2), rng.uniform(0.46, 0.64, 6))


def _folded(rng: np.random.Generator, lobes: int) -> Segments:
    """Two to four broad, merging folds, as of a monocyte."""
    angle = rng.uniform(0, 2 * np.pi) + np.arange(lobes) * 2 * np.pi / max(lobes, 3)
    angle += rng.normal(0, 0.25, lobes)
    x, y, radius = 0.55 * np.cos(angle), 0.55 * np.sin(angle), rng.uniform(0.45, 0.7, lobes)
    centre = np.zeros(lobes)
    return np.stack([x, y, radius, centre, centre, 0.5 * radius], axis=1)


def _band(rng: np.random.Generator, _lobes: int) -> Segments:
    if rng.random() < 0.25:  # an S rather than a U
        turn = np.linspace(-1, 1, 8)
        knots = np.stack([turn * 1.2, 0.5 * np.sin(turn * 3), rng.uniform(0.26, 0.36, 8)], axis=1)
        return np.hstack([knots[:-1], knots[1:]])
    radii = rng.uniform(0.27, 0.36, 8)
    radii[[0, -1]] *= 1.2
    return _arc(rng.uniform(2.6, 4.4), radii, rng.uniform(0.8, 1.1))


def _lobed(rng: np.random.Generator, lobes: int) -> Segments:
    """Lobes along a curved or zigzag path, joined by thin threads of chromatin."""
    step = rng.uniform(1.0, 1.28)
    heading, place = rng.uniform(0, 2 * np.pi), np.zeros(2)
    turn = rng.choice((-1, 1)) * rng.uniform(0.7, 1.25)
    strokes, before = [], None
    for _ in range(lobes):
        radius, axis = rng.uniform(0.34, 0.5), heading + rng.normal(0, 0.7)
        half = rng.uniform(0.08, 0.32) * np.array([np.cos(axis), np.sin(axis)])
        strokes.append([*(place - half), radius, *(place + half), radius * rng.uniform(0.75, 1)])
        if before is not None:
            thread = rng.uniform(0.06, 0.16)
            strokes.append([*before, thread, *place, thread])
        before = place
        place = place + step * np.array([np.cos(heading), np.sin(heading)])
        heading += turn * rng.uniform(0.5, 1.5) if rng.random() < 0.8 else -turn
    return np.array(strokes)


def _bilobed(rng: np.random.Generator, lobes: int) -> Segments:
    """Two or three plump lobes side by side, as of an eosinophil."""
    gap, thread = rng.uniform(0.68, 0.86), rng.uniform(0.1, 0.25)
    strokes = []
    angle = rng.uniform(-0.4, 0.4, lobes) + np.arange(lobes) * (np.pi if lobes == 2 else 1.7)
    centres = gap * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    for i, centre in enumerate(centres):
        radius = rng.uniform(0.46, 0.58)
        along = rng.uniform(0.1, 0.35) * np.array([-np.sin(angle[i]), np.cos(angle[i])])
        strokes.append([*(centre - along), radius, *(centre + along), radius * rng.uniform(0.85, 1)])
        if i:
            strokes.append([*centres[i - 1], thread, *centre, thread])
    return np.array(strokes)


NUCLEI: dict[str, Callable[[np.random.Generator, int], Segments]] = {
    "round": _round,
    "oval": _oval,
    "indented": _indented,
    "kidney": _kidney,
    "horseshoe": _horseshoe,
    "folded": _folded,
    "band": _band,
    "lobed": _lobed,
    "bilobed": _bilobed,
}
"""How the strokes of each kind of nucleus are drawn, given the number of lobes."""


def strokes_level(x: Array, y: Array, strokes: Segments, blend: float) -> Array:
    """Level of the union of tapered strokes, its crevices rounded over `blend`."""
    total = np.zeros_like(x)
    for x0, y0, r0, x1, y1, r1 in strokes.astype(np.float32):
        dx, dy = x1 - x0, y1 - y0
        along = np.clip(((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy + np.float32(1e-9)), 0, 1)
        level = r0 + (r1 - r0) * along - np.hypot(x - x0 - along * dx, y - y0 - along * dy)
        total += np.exp(np.clip(level / np.float32(blend), -60, 60))
    return np.asarray(blend * np.log(total + 1e-26), np.float32)


def nucleus_level(
    rng: np.random.Generator, kind: str, lobes: int, *, area_um2: float, radius_um: float, shift_um: float
) -> Array:
    """Level of a nucleus of given kind and area on the patch of a cell of `radius_um`.

    Parameters
    ----------
    kind : str
        A name of `NUCLEI`.
    lobes : int
        Number of lobes or folds, where the kind has some.
    area_um2 : float
        Its area.
    shift_um : float
        Distance of its centre from the cell's.
    """
    strokes = NUCLEI[kind](rng, lobes)
    angle = rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    weight = np.hstack([strokes[:, 2] ** 2, strokes[:, 5] ** 2])
    points = np.vstack([strokes[:, :2], strokes[:, 3:5]])
    points = (points - np.average(points, axis=0, weights=weight)) @ turn.T
    strokes[:, :2], strokes[:, 3:5] = np.split(points, 2)

    axis = np.linspace(-2.6, 2.6, 48, dtype=np.float32)
    coarse = strokes_level(*np.meshgrid(axis, axis), strokes, 0.06)
    unit_area = max(0.2, float((coarse > 0).mean()) * 5.2**2)
    strokes *= np.sqrt(area_um2 / unit_area)
    way = rng.uniform(0, 2 * np.pi)
    shift = shift_um * np.array([np.cos(way), np.sin(way)])
    for part in (strokes[:, :3], strokes[:, 3:]):  # lobes lie against the cell's edge, not through it
        part[:, :2] += shift
        reach = np.hypot(part[:, 0], part[:, 1])
        room = np.maximum(0.92 * radius_um - part[:, 2], 0.1)
        part[:, :2] *= np.minimum(1, room / np.maximum(reach, 1e-6))[:, None]

    x = patch_grid(radius_um)[0]
    side = -(-x.shape[0] // 3)  # levels are smooth: a third of the grid in each direction is enough
    axis = np.linspace(x[0, 0], x[0, -1], side, dtype=np.float32)
    level = strokes_level(*np.meshgrid(axis, axis), strokes, 0.15)
    matrix = np.array([[(side - 1) / (x.shape[0] - 1), 0, 0], [0, (side - 1) / (x.shape[0] - 1), 0]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(level, matrix, x.shape[::-1], flags=flags), np.float32)
