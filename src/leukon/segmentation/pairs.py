"""Colours of the same pixels in two systems, from aligned pairs of images."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from leukon.errors import InputError
from leukon.imaging.color.fitting import Pairs
from leukon.imaging.color.look import PARTS, Colors, Look, to_density
from leukon.segmentation.look import LEAST_PIXELS, PIXELS_PER_IMAGE, part_map
from leukon.segmentation.stain import reduced
from leukon.types import Image, Skipped

LEAST_AGREEMENT = 0.6


def pair_colors(
    pairs: Iterable[tuple[str, Image, Image]], source: Look, target: Look
) -> tuple[Pairs, tuple[Skipped, ...]]:
    """Collect the densities of pixels that belong to the same part in both images of a pair.

    Parameters
    ----------
    pairs : iterable of (str, ndarray, ndarray)
        Name, source and target image, pixel by pixel aligned; read once.
    source, target : Look
        Of the two systems.

    Returns
    -------
    pairs : Pairs
    left_out : tuple of Skipped
        Pairs of unequal size, without a nucleus, or of different content, and why.

    Raises
    ------
    InputError
        If no pair can be used.
    """
    rng = np.random.default_rng(0)
    left_out: list[Skipped] = []
    rows: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    used = 0
    for name, a, b in pairs:
        reason = mismatch(a, b)
        first, second = (None, None) if reason else (part_map(a), part_map(b))
        if reason or first is None or second is None:
            left_out.append(Skipped(name, reason or "no nucleus is seen in both images"))
            continue
        used += 1
        for index in range(len(PARTS)):
            y, x = np.nonzero((first.part == index) & (second.part == index))
            if len(y) >= LEAST_PIXELS:
                at = rng.integers(0, len(y), PIXELS_PER_IMAGE)
                where = y[at], x[at]
                rows.append((first.density[where], second.density[where], np.full(len(at), index)))
    if not rows:
        why = f", such as {left_out[0].name}: {left_out[0].reason}" if left_out else ""
        raise InputError(f"{source.name} and {target.name} share no usable pair{why}")
    density_a, density_b, part = (np.concatenate(column) for column in zip(*rows, strict=True))
    colors = [
        Colors(density.astype(np.float64), part, look.white)
        for density, look in ((density_a, source), (density_b, target))
    ]
    return Pairs(colors[0], colors[1], used), tuple(left_out)


def mismatch(a: Image, b: Image) -> str:
    """Say why two images are no aligned pair; empty where they may be one."""
    if a.shape != b.shape:
        return f"sizes differ: {a.shape[1]}×{a.shape[0]} and {b.shape[1]}×{b.shape[0]} px"
    agreement = structure_agreement(a, b)
    if agreement < LEAST_AGREEMENT:
        return f"contents differ: their green densities correlate by {agreement:.2f}, not {LEAST_AGREEMENT}"
    return ""


def structure_agreement(a: Image, b: Image) -> float:
    """Return the correlation, -1…1, of the green densities of two images of one size."""
    greens = []
    for image in (a, b):
        small = reduced(image, 128)[0][..., 1].astype(np.float64) / 255
        greens.append(to_density(small, np.array(1.0)).ravel())
    if min(green.std() for green in greens) == 0:
        return 0.0
    return float(np.corrcoef(greens[0], greens[1])[0, 1])
