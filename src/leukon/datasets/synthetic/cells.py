"""Draw one leukocyte, erythroblast or platelet as maps of dye."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from leukon.datasets.synthetic.morphology import MORPHOLOGIES, Morphology, Nucleus, Range
from leukon.datasets.synthetic.noise import ramp, scattered, smooth_noise
from leukon.datasets.synthetic.shapes import (
    UM_PER_PX,
    grid_of,
    nucleus_level,
    outline,
    patch_grid,
    radial_level,
)
from leukon.datasets.synthetic.spectra import DYES, Array
from leukon.errors import UnknownNameError

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False, slots=True)
class Patch:
    """A cell drawn around the middle of a square patch.

    Attributes
    ----------
    dyes : dict of ndarray, shape (S, S)
        Concentration by name of dye.
    body : ndarray, shape (S, S)
        How far the cell covers each pixel, 0…1.
    relief : ndarray, shape (S, S)
        Its optical thickness, 0…1, which makes edges dark or bright out of focus.
    nucleus, cell : ndarray of bool, shape (S, S)
        What belongs to its nucleus, and to all of it.
    subtype : str
        Kind within the class.
    radius_um : float
        Mean radius.
    """

    dyes: dict[str, Array]
    body: Array
    relief: Array
    nucleus: Mask
    cell: Mask
    subtype: str
    radius_um: float


def draw_cell(label: str, rng: np.random.Generator) -> Patch:
    """Draw a cell of class `label`, its subtype by the weights of `MORPHOLOGIES`.

    Raises
    ------
    UnknownNameError
        If no cell of that class is known.
    """
    kinds = [kind for kind in MORPHOLOGIES if kind.label == label]
    if not kinds:
        raise UnknownNameError("cell class", label, {kind.label for kind in MORPHOLOGIES})
    weights = np.array([kind.weight for kind in kinds])
    return draw_morphology(kinds[rng.choice(len(kinds), p=weights / weights.sum())], rng)


def draw_morphology(kind: Morphology, rng: np.random.Generator) -> Patch:
    """Draw one cell of the given kind."""
    radius = rng.uniform(*kind.diameter_um) / 2
    x, y = patch_grid(radius)
    shape = x.shape[0], x.shape[1]
    level, relative = radial_level(x, y, radius, outline(rng, rng.uniform(*kind.irregularity)))
    level = level + 0.06 * smooth_noise(rng, shape, 6)
    body: Array = ramp(level, 0.35)
    if rng.random() < kind.frayed:
        body = _frayed(level, rng, min(1.0, radius / 5))
    dyes = dict.fromkeys(DYES, np.zeros(shape, np.float32))
    nuclear = np.zeros(shape, np.float32)
    if kind.nucleus is not None:
        inside = _nucleus_level(kind.nucleus, rng, level, radius)
        nuclear = ramp(inside, 0.22)
        dyes |= _chromatin(kind.nucleus, rng, inside, nuclear)
    bare = body * (1 - nuclear)
    _add_cytoplasm(dyes, kind, rng, relative, body * (1 - 0.75 * nuclear))
    vacuoles = _vacuoles(kind, rng, bare, radius)
    for granules in kind.granules:
        on_nucleus = rng.uniform(*granules.on_nucleus)
        where = ramp(level - 0.25, 0.3) * (1 - nuclear * (1 - on_nucleus)) * (1 - vacuoles)
        count = rng.uniform(*granules.per_um2) * float(where.sum()) * UM_PER_PX**2
        grain = scattered(rng, where, count, rng.uniform(*granules.radius_um) / UM_PER_PX)
        # Granules lie over each other in a cell of finite thickness: their density levels off.
        grain = (1.6 * (1 - np.exp(-grain / 1.6))).astype(np.float32)
        for dye, amount in granules.dyes:
            dyes[dye] = dyes[dye] + amount * grain
    for dye in dyes:
        dyes[dye] = dyes[dye] * (1 - 0.85 * vacuoles)
    thick = np.clip(1.15 - relative**4, 0.2, 1)
    relief = body * thick * (1 - 0.6 * vacuoles) + 0.4 * nuclear
    nucleus = nuclear > 0.5
    return Patch(
        dyes, body, relief.astype(np.float32), nucleus, (body > 0.5) | nucleus, kind.subtype, float(radius)
    )


def _frayed(level: Array, rng: np.random.Generator, depth: float) -> Array:
    """Tear the edge: bays and transparent fringes, less deep in a small cell."""
    torn = level + depth * (0.45 * smooth_noise(rng, (level.shape[0], level.shape[1]), 15) - 0.3)
    thin = 0.35 + 0.65 * ramp(level - depth, 2.0 * depth)
    return np.asarray(np.maximum(ramp(torn, 0.5) * thin, ramp(level - 1.3 * depth, 0.6)), np.float32)


def _nucleus_level(nucleus: Nucleus, rng: np.random.Generator, level: Array, radius: float) -> Array:
    """Level of the nucleus, kept inside the cell."""
    share = rng.uniform(*nucleus.share)
    inside = nucleus_level(
        rng,
        str(rng.choice(nucleus.kinds)),
        int(rng.integers(nucleus.lobes[0], nucleus.lobes[1] + 1)),
        area_um2=share * np.pi * radius**2,
        radius_um=radius,
        shift_um=rng.uniform(0, nucleus.shift) * radius * (1 - share),
    )
    shape = inside.shape[0], inside.shape[1]
    uneven = 0.10 * smooth_noise(rng, shape, 18) + 0.025 * smooth_noise(rng, shape, 6)
    uneven_level = inside + nucleus.rough * uneven
    return np.asarray(np.minimum(uneven_level, level - rng.uniform(0.2, 0.5)), np.float32)


def _chromatin(nucleus: Nucleus, rng: np.random.Generator, inside: Array, nuclear: Array) -> dict[str, Array]:
    """Dye of the nucleus: clumps, paler reddish parachromatin between, a denser membrane, nucleoli."""
    shape = inside.shape[:2]
    clump_px = nucleus.clump_um / UM_PER_PX
    clumps = np.tanh(1.3 * smooth_noise(rng, shape, clump_px) + 0.5 * smooth_noise(rng, shape, clump_px / 2))
    contrast = rng.uniform(*nucleus.clumping)
    density = 1 + contrast * (0.8 * clumps - 0.05) + nucleus.fine * smooth_noise(rng, shape, 2.2)
    density += 0.35 * contrast * np.exp(-((inside - 0.15) ** 2) / 0.06)  # chromatin gathers at the membrane
    density *= np.clip(0.72 + 0.22 * inside, 0.72, 1.06)  # a nucleus is thinner toward its edge
    blue = np.zeros(shape, np.float32)
    places = np.argwhere(inside > 1.3)
    for _ in range(rng.integers(0, nucleus.nucleoli + 1) if len(places) else 0):
        row, column = places[rng.integers(len(places))]
        x, y = grid_of(shape[0])
        spot = ramp(rng.uniform(0.5, 1.1) - np.hypot(x - x[row, column], y - y[row, column]), 0.6)
        density *= 1 - 0.35 * spot
        blue += 0.2 * spot
    amount = rng.uniform(*nucleus.chromatin)
    purple = amount * np.clip(density, 0.25, 2.2) * nuclear
    red = (0.06 + 0.22 * contrast * (1 - clumps)) * nuclear
    return {
        "purple": purple.astype(np.float32),
        "eosin": red.astype(np.float32),
        "azure": blue * nuclear + 0.08 * purple.astype(np.float32),
    }


def _add_cytoplasm(
    dyes: dict[str, Array], kind: Morphology, rng: np.random.Generator, relative: Array, where: Array
) -> None:
    """Add the tint of the cytoplasm, mottled, deeper or paler toward the edge."""
    shape = where.shape[:2]
    mottle = 1 + kind.mottle * (0.5 * smooth_noise(rng, shape, 9) + 0.4 * smooth_noise(rng, shape, 3.5))
    radial = 1 + kind.rim * (np.clip(relative, 0, 1.1) ** 3 - 0.4)
    thin = where * np.clip(mottle, 0.2, 2) * np.clip(1.1 - 0.25 * relative**6, 0.5, 1.1)
    amounts: dict[str, Range] = {"azure": kind.azure, "eosin": kind.eosin, "haemoglobin": kind.haemoglobin}
    for dye, limits in amounts.items():
        tint = rng.uniform(*limits) * thin * (radial if dye == "azure" else 1)
        dyes[dye] = (dyes[dye] + tint).astype(np.float32)


def _vacuoles(kind: Morphology, rng: np.random.Generator, bare: Array, radius: float) -> Array:
    """Clear holes in the cytoplasm, 0…1."""
    holes = np.zeros(bare.shape, np.float32)
    low, high = kind.vacuoles
    count = min(int(rng.integers(low, high + 1)), int(rng.geometric(0.22)) - 1 + low)
    places = np.argwhere(cv2.erode((bare > 0.8).astype(np.uint8), np.ones((7, 7), np.uint8)))
    if not len(places) or count <= 0:
        return holes
    x, y = grid_of(bare.shape[0])
    for _ in range(count):
        row, column = places[rng.integers(len(places))]
        size = rng.uniform(0.2, 0.2 + 0.07 * radius)
        hole = ramp(size - np.hypot(x - x[row, column], y - y[row, column]), 0.3)
        holes = np.maximum(holes, hole * np.float32(rng.uniform(0.6, 1)))
    return np.asarray(holes * (bare > 0.3), np.float32)
