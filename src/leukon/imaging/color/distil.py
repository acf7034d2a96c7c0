"""Making a fast table of any colour map, closed form or network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.linalg import cg

from leukon.errors import InputError
from leukon.imaging.color import ColorMap
from leukon.imaging.color.fitted import Fitted, triple
from leukon.imaging.color.identity import Unchanged
from leukon.imaging.color.look import LEVEL, Floats
from leukon.imaging.color.table import DENSE, NODES, STAINED, Table, packed, positions, stain_colors
from leukon.imaging.color.white import white_level
from leukon.types import Image

LEAST_IMAGES = 8
MOST_TABLES = 2
PIXELS_PER_IMAGE = 600
SMOOTH, SMOOTH_OTHERS, RIDGE_OTHERS = 1.0, 100.0, 30.0
"""Counted in pixels: how much curvature, and any departure from the first table, must be worth."""


def distil(teacher: ColorMap, images: Sequence[Image]) -> Table:
    """Fit a table to what `teacher` makes of `images`, by regularised least squares.

    Pixels of background, cells and nuclei count alike. Curvature is penalised, so that colours that were not
    seen continue those that were.

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
    rng = np.random.default_rng(0)
    usable = [
        (image, pixels, white_level(image))
        for image in images
        if not isinstance(Fitted().for_image(image), Unchanged)
        and (pixels := teacher.for_image(image)).fit_quality.fits
    ]
    if len(usable) < LEAST_IMAGES:
        raise InputError(f"{len(usable)} images can be mapped: distilling needs {LEAST_IMAGES} or more")
    # Where no background is in view, the table falls back on the same white as its teacher.
    known = teacher.source_white if isinstance(teacher, Fitted) else None
    source_white = known or triple(np.median([white for _, _, white in usable], axis=0))
    places, wanted, colors = [], [], []
    for image, pixels, _ in usable:
        seen = Fitted(source_white).for_image(image)
        assert not isinstance(seen, Unchanged)
        at = _chosen(image, seen.white, rng)
        places.append(positions(image.reshape(-1, 1, 3)[at], seen.white)[:, 0])
        wanted.append(pixels(image).reshape(-1, 3)[at] / np.iinfo(image.dtype).max)
        colors.append(stain_colors(image, seen))
    centre, basis = _basis(np.array(colors))
    plain = Table(source_white, (), centre.tolist(), basis.tolist())
    weights = np.stack([np.concatenate([[1.0], plain.weights(one)]) for one in colors])
    counts = [len(one) for one in places]
    tables = _solve(np.concatenate(places), np.concatenate(wanted), np.repeat(weights, counts, axis=0))
    return Table(plain.source_white, tuple(map(packed, tables)), plain.centre, plain.basis)


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
