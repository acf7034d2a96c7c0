"""Measurements of one leukocyte: size, shape, lobes, colour, granularity."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from leukon.segmentation.parts import CYTOPLASM, NUCLEUS, Parts
from leukon.segmentation.stain import Background, Floats, Mask, measure_background, to_uint8
from leukon.types import Image

LOBE_NECK = 0.5
FINE = 1 / 48
AREAS = "area", "nucleus_area", "cytoplasm_area"
"""Names of areas: px² in `cell_measurements`."""

LENGTHS = "diameter", "nucleus_diameter"
"""Names of lengths: px in `cell_measurements`."""

SHAPES = (
    *("nc_ratio", "nucleus_share", "circularity", "eccentricity", "solidity"),
    *("nucleus_circularity", "nucleus_eccentricity", "nucleus_solidity", "nucleus_offset", "lobes"),
)
COLORS = tuple(
    f"{part}_{channel}_{what}"
    for part in ("nucleus", "cytoplasm")
    for what in ("od", "od_sd")
    for channel in ("red", "green", "blue")
)
GRAINS = tuple(f"{part}_{size}" for part in ("nucleus", "cytoplasm") for size in ("fine", "coarse"))
MEASUREMENTS = (*AREAS, *LENGTHS, *SHAPES, *COLORS, *GRAINS)
"""What `cell_measurements` returns, in this order."""


def cell_measurements(image: Image, cell: Parts, *, background: Background | None = None) -> dict[str, float]:
    """Measure one leukocyte.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3)
        RGB, uint8 or uint16: the whole image, whose empty background is the reference of the colours.
    cell : Parts
        Where the nucleus and the cytoplasm are.
    background : Background, optional
        Of `image`, where it has been measured already (for many cells of one field).

    Returns
    -------
    dict of str to float
        The keys are `MEASUREMENTS`; NaN where there is nothing to measure it on:

        - ``area``, ``nucleus_area``, ``cytoplasm_area`` (px²); ``diameter``, ``nucleus_diameter`` of the
          circle of that area (px).
        - ``nc_ratio``: nucleus to cytoplasm, NaN without cytoplasm; ``nucleus_share`` of the cell, 0…1.
        - ``circularity`` 4πA/P², 1 for a disc; ``eccentricity`` of the ellipse of equal moments, 0…1;
          ``solidity``: area over that of the convex hull. For the nucleus all lobes together.
        - ``nucleus_offset``: distance of the two centroids, in diameters of the cell.
        - ``lobes``: places of the nucleus more than half as wide as the widest, joined by necks or nothing.
        - ``…_od``, ``…_od_sd``: mean and standard deviation of the optical density per channel.
        - ``…_fine``, ``…_coarse``: standard deviation of the green density within bands of detail about 1/48
          and 1/24 of the cell's diameter wide: granules and chromatin, whatever the magnification.
    """
    found = dict.fromkeys(MEASUREMENTS, float("nan"))
    nucleus, cytoplasm = (np.asarray(cell.mask == value) for value in (NUCLEUS, CYTOPLASM))
    whole = nucleus | cytoplasm
    areas = [float(np.count_nonzero(part)) for part in (whole, nucleus, cytoplasm)]
    found.update(zip(AREAS, areas, strict=True))
    if not areas[0]:
        return found
    found["diameter"], found["nucleus_diameter"] = (2 * (area / np.pi) ** 0.5 for area in areas[:2])
    found["nucleus_share"] = areas[1] / areas[0]
    if areas[2]:
        found["nc_ratio"] = areas[1] / areas[2]
    middle = _shape(found, "", whole)
    if areas[1]:
        off = _shape(found, "nucleus_", nucleus) - middle
        found["nucleus_offset"] = float(np.hypot(*off)) / found["diameter"]
    found["lobes"] = float(count_lobes(nucleus))
    height, width = cell.mask.shape
    window = image[cell.y0 : cell.y0 + height, cell.x0 : cell.x0 + width]
    background = background or measure_background(image)
    density = background.density(np.ascontiguousarray(to_uint8(window)), cell.x0, cell.y0)
    fine, coarse = _bands(density[..., 1], whole, FINE * found["diameter"])
    for name, part in ("nucleus", nucleus), ("cytoplasm", cytoplasm):
        if not part.any():
            continue
        means, spreads = (v.ravel() for v in cv2.meanStdDev(density, mask=part.astype(np.uint8)))
        for channel, mean, spread in zip(("red", "green", "blue"), means, spreads, strict=True):
            found[f"{name}_{channel}_od"], found[f"{name}_{channel}_od_sd"] = float(mean), float(spread)
        found[f"{name}_fine"], found[f"{name}_coarse"] = (float(band[part].std()) for band in (fine, coarse))
    return found


def count_lobes(nucleus: npt.NDArray[np.bool_]) -> int:
    """Count the places of a nucleus that are more than half as wide as its widest.

    Parameters
    ----------
    nucleus : ndarray of bool, shape (H, W)
    """
    mask = np.pad(nucleus.astype(np.uint8), 1)
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
    wide = (depth > LOBE_NECK * depth.max()).astype(np.uint8)
    return int(cv2.connectedComponents(wide, connectivity=8)[0]) - 1


def _shape(found: dict[str, float], name: str, part: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Measure the shape of a part that is not empty; return its centroid."""
    mask: Mask = part.astype(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    area, around = sum(cv2.contourArea(c) for c in contours), sum(_perimeter(c) for c in contours)
    hull = cv2.contourArea(cv2.convexHull(np.concatenate(contours)))
    found[f"{name}circularity"] = min(1.0, 4 * np.pi * area / around**2) if around else 1.0
    found[f"{name}solidity"] = min(1.0, area / hull) if hull else 1.0
    m = cv2.moments(mask, binaryImage=True)
    half, twist = (m["mu20"] + m["mu02"]) / 2, np.hypot((m["mu20"] - m["mu02"]) / 2, m["mu11"])
    found[f"{name}eccentricity"] = float(np.sqrt(2 * twist / (half + twist))) if half + twist else 0.0
    return np.array([m["m10"] / m["m00"], m["m01"] / m["m00"]])


def _perimeter(contour: npt.NDArray[np.int32]) -> float:
    """Return the length of a closed chain of pixels by the estimator of Vossepoel and Smeulders (1982).

    Adding up the steps, as OpenCV does, makes a disc 5 % too long.
    """
    steps = np.diff(contour[:, 0], axis=0, append=contour[:1, 0])
    diagonal = np.abs(steps).sum(axis=1) == 2
    corners = np.count_nonzero((steps != np.roll(steps, 1, axis=0)).any(axis=1))
    return float(0.980 * np.count_nonzero(~diagonal) + 1.406 * np.count_nonzero(diagonal) - 0.091 * corners)


def _bands(density: Floats, whole: npt.NDArray[np.bool_], sigma: float) -> tuple[Floats, Floats]:
    """Return the detail of two neighbouring sizes, free of what lies outside the cell."""
    inside = whole.astype(np.float32)
    levels = []
    for size in (sigma / 2, sigma, 2 * sigma):
        weight = cv2.GaussianBlur(inside, (0, 0), max(size, 0.1))
        levels.append(cv2.GaussianBlur(density * inside, (0, 0), max(size, 0.1)) / np.maximum(weight, 1e-6))
    return levels[0] - levels[1], levels[1] - levels[2]
