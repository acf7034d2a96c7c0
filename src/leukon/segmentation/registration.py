"""The same cells in two systems' images: found, matched and aligned to a fraction of a pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from leukon.imaging.color.look import LEVEL
from leukon.imaging.color.white import white_level
from leukon.segmentation.cell import find_cell
from leukon.segmentation.field import find_leukocytes
from leukon.segmentation.stain import to_uint8
from leukon.types import Box, Image

Floats = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float64]

PATCH = 2.0
ALIGNED = 3.2  # sides of the cell that are aligned: its neighbours hold the turn and the scale
RADII, ANGLES, HARMONICS = 24, 128, 10
REACH = 2.2
CANDIDATES = 3
LEAST_LIKENESS = 0.6
LEAST_CORRELATION = 0.92
SCALE_TOLERANCE = 0.05
ITERATIONS = 100
EPSILON = 1e-5
SMOOTHING_PX = 5


@dataclass(frozen=True, eq=False, slots=True)
class Spot:
    """A cell that may have a partner.

    Attributes
    ----------
    image : int
        Position of its image in the set.
    box : Box
        The cell, in px of its image.
    centre : (float, float)
        Of its stain, in px.
    radius_px : float
        Of a disc as large as its nucleus.
    polar : ndarray of float32, shape (RADII, ANGLES)
        Green density around the centre, out to `REACH` radii.
    descriptor : ndarray of float32, shape (N,)
        What of it no turn changes; of mean 0 and length 1.
    """

    image: int
    box: Box
    centre: tuple[float, float]
    radius_px: float
    polar: Floats
    descriptor: Floats


@dataclass(frozen=True, eq=False, slots=True)
class AlignedPair:
    """A cell in both sets.

    Attributes
    ----------
    first, second : Spot
    matrix : ndarray, shape (2, 3)
        Takes (x, y) in px of the first's image to px of the second's.
    correlation : float
        Of the green densities of the aligned surroundings, -1…1.
    """

    first: Spot
    second: Spot
    matrix: Matrix
    correlation: float

    @property
    def scale(self) -> float:
        """Px of the second image per px of the first."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix[:, :2]))))

    @property
    def rotation_degrees(self) -> float:
        """Turn from the first to the second, x toward y."""
        return float(np.degrees(np.arctan2(self.matrix[1, 0], self.matrix[0, 0])))


@dataclass(frozen=True, slots=True)
class Unpaired:
    """A cell of the first set without a partner, and why."""

    image: int
    box: Box
    reason: str


def green_density(image: Image) -> Floats:
    """Return the optical density of green above the background, shape (H, W)."""
    green = to_uint8(image)[..., 1].astype(np.float32) / 255
    return np.asarray(
        np.log10(np.float32(white_level(image)[1] + LEVEL)) - np.log10(green + np.float32(LEVEL))
    )


def spots_of(image: Image, number: int) -> list[Spot]:
    """Find the whole cells of `image`, a field or a single cell, and describe them.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3)
    number : int
        Position of the image in its set.
    """
    found = list(find_leukocytes(image))
    if not found and (one := find_cell(image)) is not None:
        found = [one]
    density = cv2.GaussianBlur(green_density(image), (0, 0), 1.0)
    spots = []
    for cell in found:
        if "border" in cell.flags or cell.nucleus_area_px <= 0:
            continue
        radius = float(np.sqrt(cell.nucleus_area_px / np.pi))
        centre = _stain_centre(density, cell.nucleus.centre, 1.5 * radius)
        flags = cv2.INTER_LINEAR | cv2.WARP_FILL_OUTLIERS  # without it what lies outside is left unset
        polar = cv2.warpPolar(density, (RADII, ANGLES), centre, REACH * radius, flags).T
        spectrum = np.abs(np.fft.rfft(polar, axis=1))[:, :HARMONICS]
        spectrum *= np.sqrt(np.arange(1, RADII + 1))[:, None]  # rings count by their area
        flat = (spectrum - spectrum.mean()).ravel()
        descriptor = (flat / max(float(np.linalg.norm(flat)), 1e-9)).astype(np.float32)
        spots.append(Spot(number, cell.box, centre, radius, np.asarray(polar, np.float32), descriptor))
    return spots


def pair_cells(
    first: Sequence[Image], second: Sequence[Image]
) -> tuple[tuple[AlignedPair, ...], tuple[Unpaired, ...]]:
    """Find the cells that both sets show, in any order, shifted, turned and scaled, and align them.

    Cells are described by the density around their nuclei in a way that no turn changes; for each the most
    alike of the other set are aligned by the enhanced correlation coefficient [1]_, which no difference in
    gain or offset disturbs, and the best is kept where it is the best for both. A pair whose correlation is
    below `LEAST_CORRELATION`, or whose scale differs from the median scale by more than `SCALE_TOLERANCE`,
    is rejected: one pair of systems has one scale.

    Parameters
    ----------
    first, second : sequence of ndarray, shape (H, W, 3)
        Fields or single cells of the two systems.

    Returns
    -------
    pairs : tuple of AlignedPair
    unpaired : tuple of Unpaired
        Cells of the first set without a partner.

    References
    ----------
    .. [1] Evangelidis and Psarakis, "Parametric image alignment using enhanced correlation coefficient
       maximization", IEEE PAMI 30 (2008).
    """
    a = [spot for i, image in enumerate(first) for spot in spots_of(image, i)]
    b = [spot for i, image in enumerate(second) for spot in spots_of(image, i)]
    if not a or not b:
        return (), tuple(Unpaired(one.image, one.box, "no cell is found in the other set") for one in a)
    likeness = np.stack([one.descriptor for one in a]) @ np.stack([one.descriptor for one in b]).T
    densities_a, densities_b = dict[int, Floats](), dict[int, Floats]()
    best: dict[int, tuple[float, int, Matrix]] = {}
    for i, one in enumerate(a):
        for j in np.argsort(-likeness[i])[:CANDIDATES]:
            if likeness[i, j] < LEAST_LIKENESS:
                break
            other = b[int(j)]
            for key, images, kept in ((one.image, first, densities_a), (other.image, second, densities_b)):
                if key not in kept:
                    kept[key] = green_density(images[key])
            aligned = align(densities_a[one.image], one, densities_b[other.image], other)
            if aligned is not None and aligned[1] > best.get(i, (-1.0,))[0]:
                best[i] = aligned[1], int(j), aligned[0]
    pairs, unpaired = [], []
    taken: dict[int, tuple[float, int]] = {}
    for i, (correlation, j, _) in best.items():
        if correlation > taken.get(j, (-1.0, -1))[0]:
            taken[j] = correlation, i
    for i, one in enumerate(a):
        if i not in best:
            unpaired.append(Unpaired(one.image, one.box, "no cell of the other set is alike"))
            continue
        correlation, j, matrix = best[i]
        if taken[j][1] != i:
            unpaired.append(Unpaired(one.image, one.box, "its partner fits another cell better"))
        elif correlation < LEAST_CORRELATION:
            reason = f"the most alike correlates by {correlation:.2f}, not {LEAST_CORRELATION}"
            unpaired.append(Unpaired(one.image, one.box, reason))
        else:
            pairs.append(AlignedPair(one, b[j], matrix, correlation))
    if pairs:
        common = float(np.median([pair.scale for pair in pairs]))
        for pair in [p for p in pairs if abs(p.scale / common - 1) > SCALE_TOLERANCE]:
            pairs.remove(pair)
            reason = f"its scale {pair.scale:.3f} is not the {common:.3f} of the others"
            unpaired.append(Unpaired(pair.first.image, pair.first.box, reason))
    return tuple(pairs), tuple(unpaired)


def align(a: Floats, one: Spot, b: Floats, other: Spot) -> tuple[Matrix, float] | None:
    """Align two cells.

    Parameters
    ----------
    a, b : ndarray of float32, shape (H, W)
        Green densities of their images.

    Returns
    -------
    (ndarray, float) or None
        Affine matrix from px of `a` to px of `b`, and the correlation; None where they do not converge.
    """
    spectrum = np.fft.rfft(one.polar, axis=1).conj() * np.fft.rfft(other.polar, axis=1)
    weights = np.arange(1, RADII + 1)[:, None]
    turn = int(np.fft.irfft((spectrum * weights).sum(axis=0), ANGLES).argmax())
    angle = 2 * np.pi * turn / ANGLES
    scale = other.radius_px / one.radius_px
    half = ALIGNED / 2 * one.box.side_px
    x, y = one.centre
    x0, y0 = max(0, int(x - half)), max(0, int(y - half))
    patch = a[y0 : int(y + half) + 1, x0 : int(x + half) + 1]
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    around = int(1.6 * half * scale) + 4
    bx, by = max(0, int(other.centre[0] - around)), max(0, int(other.centre[1] - around))
    target = b[by : int(other.centre[1]) + around, bx : int(other.centre[0]) + around]
    offset = np.array(other.centre) - (bx, by) - linear @ (x - x0, y - y0)
    start = np.column_stack([linear, offset]).astype(np.float32)
    criteria = cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, ITERATIONS, EPSILON
    try:
        correlation, found = cv2.findTransformECC(
            patch, target, start, cv2.MOTION_AFFINE, criteria, None, SMOOTHING_PX
        )
    except cv2.error:  # it does not converge: other content
        return None
    affine = np.asarray(found, np.float64)
    (a11, a12), (a21, a22) = affine[:, :2]
    # Pixels are square in both: what is left of shear and stretch is noise.
    turned = np.array([[a11 + a22, a12 - a21], [a21 - a12, a11 + a22]]) / 2
    x, y = (patch.shape[1] - 1) / 2, (patch.shape[0] - 1) / 2
    shift = affine @ (x, y, 1) + (bx, by) - turned @ (x + x0, y + y0)
    return np.column_stack([turned, shift]), float(correlation)


def aligned_crops(pair: AlignedPair, first: Image, second: Image) -> tuple[Image, Image]:
    """Cut the first's cell with its surroundings, and the second's resampled to the same pixels."""
    half = PATCH / 2 * pair.first.box.side_px
    height, width = first.shape[:2]
    x, y = pair.first.box.centre
    box = Box(x - half, y - half, x + half, y + half).clipped(height, width)
    x0, y0, x1, y1 = (round(edge) for edge in (box.x0, box.y0, box.x1, box.y1))
    matrix = pair.matrix.copy()
    matrix[:, 2] += matrix[:, :2] @ (x0, y0)
    method = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(second, matrix, (x1 - x0, y1 - y0), flags=method, borderMode=cv2.BORDER_REPLICATE)
    return first[y0:y1, x0:x1].copy(), np.asarray(warped)


def _stain_centre(density: Floats, around: tuple[float, float], radius: float) -> tuple[float, float]:
    """Return the centre of gravity of the density within `radius` of a point."""
    x0, y0 = max(0, int(around[0] - radius)), max(0, int(around[1] - radius))
    part = density[y0 : int(around[1] + radius) + 1, x0 : int(around[0] + radius) + 1]
    y, x = np.mgrid[: part.shape[0], : part.shape[1]]
    inside = np.hypot(x + x0 - around[0], y + y0 - around[1]) <= radius
    weight = np.maximum(part - 0.5 * float(part.max(initial=0)), 0) * inside
    total = float(weight.sum())
    if total <= 0:
        return around
    return x0 + float((weight * x).sum()) / total, y0 + float((weight * y).sum()) / total
