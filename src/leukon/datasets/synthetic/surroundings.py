"""What lies around the leukocytes: red cells, smudged nuclei, precipitate."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from leukon.datasets.synthetic.morphology import RED_CELLS
from leukon.datasets.synthetic.noise import ramp, scattered, smooth_noise
from leukon.datasets.synthetic.shapes import UM_PER_PX, grid, outline, radial_level
from leukon.datasets.synthetic.spectra import Array

Points = npt.NDArray[np.float64]


def paste(canvas: Array, patch: Array, x_um: float, y_um: float) -> None:
    """Add `patch`, its middle at (x, y) in µm, to what it meets of `canvas`."""
    window = meeting(canvas.shape, patch.shape[0], x_um, y_um)
    if window is not None:
        target, source = window
        canvas[target] += patch[source]


def meeting(
    shape: tuple[int, ...], side: int, x_um: float, y_um: float
) -> tuple[tuple[slice, slice], tuple[slice, slice]] | None:
    """Where a square patch of `side` px centred on (x, y) meets a canvas: slices of both, or None."""
    top, left = round(y_um / UM_PER_PX) - side // 2, round(x_um / UM_PER_PX) - side // 2
    y0, y1 = max(top, 0), min(top + side, shape[0])
    x0, x1 = max(left, 0), min(left + side, shape[1])
    if y0 >= y1 or x0 >= x1:
        return None
    return (slice(y0, y1), slice(x0, x1)), (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))


def place_red_cells(
    rng: np.random.Generator, width_um: float, height_um: float, cover: float, taken: Points
) -> Points:
    """Scatter centres of red cells, in clumps and gaps as they dry.

    Parameters
    ----------
    cover : float
        Share of the free area that they should cover, up to about 0.8.
    taken : ndarray, shape (n, 3)
        x, y and radius in µm of the leukocytes, which they keep clear of.

    Returns
    -------
    ndarray, shape (m, 2)
    """
    margin, area = 4.0, 43.0
    wanted = int(cover * (width_um + 2 * margin) * (height_um + 2 * margin) / area)
    gaps = smooth_noise(rng, (64, 64), 10)
    tries = 5 * wanted + 20
    candidates = rng.uniform((-margin, -margin), (width_um + margin, height_um + margin), (tries, 2))
    cells = np.clip(candidates / (width_um, height_um) * 63, 0, 63).astype(int)
    open_ground = gaps[cells[:, 1], cells[:, 0]] > -0.9 + rng.normal(0, 0.2, tries)
    nearest = rng.uniform(5.0, 8.0, tries) * (1.0 if cover < 0.6 else 0.88)
    centres = np.empty((wanted, 2))
    count = 0
    for point, allowed, gap in zip(candidates, open_ground, nearest, strict=True):
        if count == wanted:
            break
        if not allowed:
            continue
        if count and ((centres[:count] - point) ** 2).sum(1).min() < gap * gap:
            continue
        if len(taken) and (np.hypot(*(taken[:, :2] - point).T) - taken[:, 2]).min() < gap - 3.6:
            continue
        centres[count] = point
        count += 1
    return centres[:count]


def draw_red_cells(rng: np.random.Generator, shape: tuple[int, int], centres: Points) -> tuple[Array, Array]:
    """Draw red cells.

    Returns
    -------
    haemoglobin : ndarray, shape (H, W)
        Concentration.
    relief : ndarray, shape (H, W)
        Optical thickness, 0…1.
    """
    haemoglobin, relief = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    amount = rng.uniform(*RED_CELLS.haemoglobin)
    crenated = rng.random() < 0.06
    pallor_low, pallor_high = np.sort(rng.uniform(*RED_CELLS.pallor, 2))
    spread = rng.uniform(0.01, 0.06)
    for x_um, y_um in centres:
        radius = rng.uniform(*RED_CELLS.diameter_um) / 2 * (1 + spread * rng.normal())
        x, y = grid(radius * 1.35 + 0.3)
        spikes = int(rng.integers(9, 15)) if crenated and rng.random() < 0.7 else 0
        irregular = rng.uniform(*RED_CELLS.irregularity) * (3 if rng.random() < 0.08 else 1)
        edge = outline(rng, irregular, spikes=spikes, spike=0.10)
        level, relative = radial_level(x, y, radius, edge)
        pallor, width = rng.uniform(pallor_low, pallor_high), rng.uniform(*RED_CELLS.pallor_width)
        if rng.random() < 0.12:
            pallor = 0.0
        steep = rng.uniform(1.6, 3.6)  # from a gentle hollow to a punched-out one
        off_x, off_y = rng.normal(0, 0.06, 2) * radius
        hollow = np.hypot(x - off_x, y - off_y) / (radius * width)
        dip = np.exp(-(np.minimum(hollow, 8) ** steep))
        profile = ramp(level, 0.5) * (1 - pallor * dip) * np.clip(1.12 - 0.30 * relative**5, 0.3, 1.1)
        paste(haemoglobin, profile * np.float32(amount * rng.normal(1, 0.07)), x_um, y_um)
        paste(relief, profile, x_um, y_um)
    # Where red cells overlap the film is pressed flat: two give less than double.
    levelled = haemoglobin / (1 + 0.22 * np.maximum(haemoglobin / amount - 1, 0))
    return levelled, np.minimum(relief, 1.6)


def draw_smudge(rng: np.random.Generator) -> Array:
    """Draw the purple map of a smudged nucleus: a smeared, blotchy blot without an edge."""
    radius = rng.uniform(4.5, 7.5)
    x, y = grid(radius * 1.7)
    shape = x.shape[0], x.shape[1]
    angle = rng.uniform(0, np.pi)
    stretch = rng.uniform(1.0, 1.8)
    u, v = x * np.cos(angle) + y * np.sin(angle), (y * np.cos(angle) - x * np.sin(angle)) * stretch
    level, _ = radial_level(u, v, radius, outline(rng, 0.12))
    level = level + 1.1 * smooth_noise(rng, shape, 18) + 0.5 * smooth_noise(rng, shape, 7)
    threads = 0.25 * smooth_noise(rng, shape, 9) + 0.15 * smooth_noise(rng, shape, 4)
    body = ramp(level, 3.0) * np.clip(1 + threads, 0.2, 2)
    return np.asarray(rng.uniform(0.3, 0.7) * body, np.float32)


def draw_precipitate(rng: np.random.Generator, shape: tuple[int, int], per_1000_um2: float) -> Array:
    """Draw grains of precipitated stain, in drifts."""
    drifts = np.clip(smooth_noise(rng, shape, 120), 0, 1)
    count = per_1000_um2 * shape[0] * shape[1] * UM_PER_PX**2 / 1000
    fine = scattered(rng, drifts, count * 0.8, rng.uniform(1.2, 2.5))
    return 0.8 * fine + scattered(rng, drifts, count * 0.2, rng.uniform(3, 6))
