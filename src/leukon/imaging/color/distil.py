"""Making a fast table of any colour map, closed form or network, or of pairs of pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.linalg import cg

from leukon.errors import InputError
from leukon.imaging.color import ColorMap
from leukon.imaging.color.fitted import Fitted, triple
from leukon.imaging.color.identity import Unchanged
from leukon.imaging.color.look import LEVEL, Floats, Triple
from leukon.imaging.color.table import (
    DENSE,
    KERNEL_PX,
    NODES,
    STAINED,
    Table,
    packed,
    positions,
    stain_colors,
)
from leukon.imaging.color.white import white_level
from leukon.imaging.depth import unit
from leukon.types import Image

LEAST_IMAGES = 8
MOST_TABLES = 2
PIXELS_PER_IMAGE = 600
SMOOTH, SMOOTH_OTHERS, RIDGE_OTHERS = 1.0, 100.0, 30.0
"""Counted in pixels: how much curvature, and any departure from the first table, must be worth."""

NOISE = 1e-4
"""Deviation of noise, as a share of full scale, that weights of neighbours are held small by."""

LEAST_GAIN = 0.05
"""Share of the squared error that neighbours must take away, or they are left out."""

DETAILED = 64
"""Images whose detail is measured."""

MOST_STRETCH = 2.5


def distil(teacher: ColorMap, images: Sequence[Image]) -> Table:
    """Fit a table to what `teacher` makes of `images`, as `fit_table` does.

    Parameters
    ----------
    teacher : ColorMap
    images : sequence of ndarray, shapes (H, W, 3)
        Of the system that the teacher maps from.

    Raises
    ------
    InputError
        If fewer than `LEAST_IMAGES` images can be mapped.
    """
    mapped = [
        (image, pixels(image)) for image in images if (pixels := teacher.for_image(image)).fit_quality.fits
    ]
    # Where no background is in view, the table falls back on the same white as its teacher.
    return fit_table(mapped, teacher.source_white if isinstance(teacher, Fitted) else None)


def fit_table(pairs: Sequence[tuple[Image, Image]], source_white: Triple | None = None) -> Table:
    """Fit a table, and what neighbours add to it, to pairs of pictures by regularised least squares.

    Pixels of background, cells and nuclei count alike. Curvature is penalised, so that colours that were not
    seen continue those that were.

    Parameters
    ----------
    pairs : sequence of (ndarray, ndarray), shapes (H, W, 3)
        An image of the source system and its aligned goal, of one dtype.
    source_white : (float, float, float), optional
        Background of the source system, by default the images' median.

    Raises
    ------
    InputError
        If fewer than `LEAST_IMAGES` images can be mapped.
    """
    rng = np.random.default_rng(0)
    usable = [pair for pair in pairs if not isinstance(Fitted().for_image(pair[0]), Unchanged)]
    if len(usable) < LEAST_IMAGES:
        raise InputError(f"{len(usable)} images can be mapped: a table needs {LEAST_IMAGES} or more")
    source_white = source_white or triple(np.median([white_level(image) for image, _ in usable], axis=0))
    chosen, places, wanted, colors = [], [], [], []
    for image, goal in usable:
        seen = Fitted(source_white).for_image(image)
        assert not isinstance(seen, Unchanged)
        at = _chosen(image, seen.white, rng)
        chosen.append(at)
        places.append(positions(image.reshape(-1, 1, 3)[at], seen.white)[:, 0])
        wanted.append(goal.reshape(-1, 3)[at] / np.iinfo(goal.dtype).max)
        colors.append(stain_colors(image, seen))
    centre, basis = _basis(np.array(colors))
    plain = Table(source_white, (), centre.tolist(), basis.tolist())
    weights = np.stack([np.concatenate([[1.0], plain.weights(one)]) for one in colors])
    counts = [len(one) for one in places]
    tables = _solve(np.concatenate(places), np.concatenate(wanted), np.repeat(weights, counts, axis=0))
    table = replace(plain, tables=tuple(map(packed, tables)))
    return replace(table, kernels=_kernels(table, usable, chosen))


def _chosen(image: Image, white: Floats, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Draw pixels, as many of the background as of what is stained and of nuclei."""
    light = image.reshape(-1, 3) / np.iinfo(image.dtype).max
    total = np.log10((white + LEVEL) / (light + LEVEL)).sum(axis=1)
    kind = np.digitize(total, (STAINED, DENSE))
    groups = [np.flatnonzero(kind == i) for i in np.unique(kind)]
    return np.concatenate([rng.choice(group, PIXELS_PER_IMAGE // len(groups)) for group in groups])


def _basis(colors: Floats) -> tuple[Floats, Floats]:
    """Return the mean of the images' stain colours, and their main directions, each of unit spread."""
    seen = ~np.isnan(colors)
    centre = np.where(seen, colors, 0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    _, spread, directions = np.linalg.svd(np.nan_to_num(colors - centre), full_matrices=False)
    kept = [i for i in range(MOST_TABLES) if spread[i] > 1e-3]
    return centre, directions[kept] * (np.sqrt(len(colors)) / spread[kept])[:, None]


def _kernels(
    table: Table, pairs: Sequence[tuple[Image, Image]], chosen: Sequence[npt.NDArray[np.intp]]
) -> tuple[tuple[float, ...], ...]:
    """Fit what neighbours of the chosen pixels add to what the table makes of them, if it is much.

    Least squares hold back where detail is noisy. So the change is stretched until the picture has as much
    fine detail as its goal. Where that has none to add there is no change: a map must not blur cells away.
    """
    count, reach = KERNEL_PX**2, KERNEL_PX // 2
    products, right, error = np.zeros((3, count, count)), np.zeros((3, count)), 0.0
    for (image, goal), at in zip(pairs, chosen, strict=True):
        mapped = unit(table.for_image(image)(image)).astype(np.float64)
        mapped = np.pad(mapped, ((reach, reach), (reach, reach), (0, 0)), mode="reflect")
        y, x = np.divmod(at, image.shape[1])
        around = np.stack([mapped[y + dy, x + dx] for dy, dx in np.ndindex(KERNEL_PX, KERNEL_PX)], axis=-1)
        own = around[..., count // 2]
        away, missing = around - own[..., None], unit(goal)[y, x] - own
        products += np.einsum("nci,ncj->cij", away, away, optimize=True)
        right += np.einsum("nci,nc->ci", away, missing)
        error += float((missing**2).sum())
    products += NOISE**2 * sum(map(len, chosen)) * np.eye(count)
    weights = np.asarray(np.linalg.solve(products, right[..., None])[..., 0], np.float64)
    if (weights * right).sum() < LEAST_GAIN * error:
        return ()
    weights[:, count // 2] = -weights.sum(axis=1)
    stretch = _stretch(table, pairs, weights)
    if not stretch:
        return ()
    weights *= stretch
    weights[:, count // 2] += 1
    return tuple(tuple(map(float, row)) for row in weights)


def _stretch(table: Table, pairs: Sequence[tuple[Image, Image]], weights: Floats) -> float:
    """Return by how much to multiply a change, so that mapped images have as much detail as their goals.

    It is 0 where they have it already.
    """
    changes = weights.astype(np.float32).reshape(3, KERNEL_PX, KERNEL_PX)
    before = cross = after = wanted = 0.0
    for image, goal in pairs[:DETAILED]:
        mapped = unit(table.for_image(image)(image))
        change = [cv2.filter2D(plane, -1, one) for plane, one in zip(cv2.split(mapped), changes, strict=True)]
        old, new, there = (
            one - cv2.GaussianBlur(one, (0, 0), 1) for one in (mapped, cv2.merge(change), unit(goal))
        )
        before, after = before + float(np.square(old).sum()), after + float(np.square(new).sum())
        cross, wanted = cross + float((old * new).sum()), wanted + float(np.square(there).sum())
    if wanted <= before:
        return 0.0
    # The positive root of before + 2 · cross · x + after · x² = wanted.
    return min((math.sqrt(cross**2 + after * (wanted - before)) - cross) / after, MOST_STRETCH)


def _solve(places: npt.NDArray[np.float32], wanted: Floats, weights: Floats) -> Floats:
    """Fit the tables, shape (K, `NODES`, `NODES`, `NODES`, 3), to pixels by conjugate gradients."""
    look = _interpolation(places)
    design = sparse.hstack([look.multiply(column[:, None]) for column in weights.T], format="csr")
    bend = _curvature()
    others = weights.shape[1] - 1
    rule = sparse.block_diag(
        [SMOOTH * bend] + [SMOOTH_OTHERS * bend + RIDGE_OTHERS * sparse.eye(bend.shape[0])] * others
    )
    normal = (design.T @ design + rule).tocsr()
    found = [cg(normal, design.T @ column, rtol=1e-4, maxiter=2000)[0] for column in wanted.T]
    return np.stack(found, axis=-1).reshape(weights.shape[1], NODES, NODES, NODES, 3)


def _interpolation(places: npt.NDArray[np.float32]) -> sparse.csr_array:
    """Return the trilinear weights of the nodes around each of `places`, shape (N, 3)."""
    low = np.minimum(places.astype(np.intp), NODES - 2)
    share = places - low
    rows, columns, values = [], [], []
    for corner in np.ndindex(2, 2, 2):
        node = low + corner
        columns.append((node[:, 0] * NODES + node[:, 1]) * NODES + node[:, 2])
        values.append(np.where(corner, share, 1 - share).prod(axis=1))
        rows.append(np.arange(len(places)))
    entries = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
    return sparse.csr_array(entries, shape=(len(places), NODES**3))


def _curvature() -> sparse.csr_array:
    """Return the quadratic form that sums the squared second differences along all three axes."""
    line, one = (
        sparse.diags_array([1.0, -2.0, 1.0], offsets=[0, 1, 2], shape=(NODES - 2, NODES)),
        sparse.eye(NODES),
    )
    form = line.T @ line
    axes = (form, one, one), (one, form, one), (one, one, form)
    return sparse.csr_array(sum(sparse.kron(sparse.kron(a, b), c) for a, b, c in axes))
