"""What a colour map does: to colours, to structure, and to what a classifier says."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from leukon.errors import InputError
from leukon.evaluation.intervals import clopper_pearson
from leukon.imaging.color import ColorMap
from leukon.imaging.color.look import NUCLEUS, PARTS, Look, delta_e2000
from leukon.imaging.color.plain import Plain
from leukon.imaging.geometry import resize
from leukon.segmentation import find_cell
from leukon.segmentation.look import PartMap, measure_look, part_map
from leukon.segmentation.stain import to_uint8
from leukon.types import Cell, Classifier, Image

Floats = npt.NDArray[np.float64]

LEAST_NUCLEUS_IOU = 0.9
MOST_RATIO_CHANGE = 0.1
LEAST_PROBABILITY = 1e-4
TILE_PX = 128
LABEL_PX = 24
_LEAST_SPREAD = 1e-3


@dataclass(frozen=True, eq=False, slots=True)
class Sample:
    """A source image, and the same cell in the target system where there is one (aligned)."""

    name: str
    image: Image
    target: Image | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """Cells of all, with exact 95 % limits (Clopper–Pearson)."""

    count: int
    of: int

    def to_dict(self) -> dict[str, float | None]:
        """Return share and limits, 0…1; None where there are no cells."""
        if not self.of:
            return {"value": None, "low": None, "high": None}
        low, high = clopper_pearson(self.count, self.of)
        return {"value": self.count / self.of, "low": low, "high": high}


@dataclass(frozen=True, slots=True)
class MapScore:
    """What one map does to a set of images.

    Attributes
    ----------
    name : str
        The map; ``"none"`` for the images as they are.
    agreement : Share
        Pairs that are named alike in source, mapped, and target; of none without pairs.
    delta_e : dict
        ΔE2000 from the target by part: the mean over the pixels of pairs, else between mean colours.
    psnr, ssim : float or None
        Against the aligned target, dB and -1…1, medians; None without pairs. They do not follow what people
        see, as the colour normalization work says.
    feature_distance : float or None
        Fréchet distance of the classifier's log-probabilities from those of the target set; 0 is alike.
        None where there are no target images.
    relabelled : Share
        Cells that the map gives another name.
    nucleus_iou : float
        Overlap of the nucleus found before and after, median.
    ratio_change : float
        Relative change of the ratio of nucleus to cell area, median.
    ms : float
        Time for an image, median.
    """

    name: str
    agreement: Share
    delta_e: dict[str, float]
    psnr: float | None
    ssim: float | None
    feature_distance: float | None
    relabelled: Share
    nucleus_iou: float
    ratio_change: float
    ms: float

    @property
    def is_safe(self) -> bool:
        """Whether structure stays within `LEAST_NUCLEUS_IOU` and `MOST_RATIO_CHANGE`."""
        return self.nucleus_iou >= LEAST_NUCLEUS_IOU and self.ratio_change <= MOST_RATIO_CHANGE


@dataclass(frozen=True, eq=False, slots=True)
class _Seen:
    """A cell as found before any map."""

    sample: Sample
    cell: Cell
    parts: PartMap
    ratio: float


def compare_maps(
    maps: Mapping[str, ColorMap],
    samples: Iterable[Sample],
    classifier: Classifier,
    target: Look,
    target_images: Sequence[Image] = (),
) -> list[MapScore]:
    """Score `maps` on the same images, and the images without a map first.

    Parameters
    ----------
    maps : mapping of str to ColorMap
    samples : iterable of Sample
        Images of one cell each; those without a cell that is found are left out.
    target : Look
        Of the target system.
    target_images : sequence of ndarray
        Images of the target system for the feature distance; with pairs their targets are taken.

    Raises
    ------
    InputError
        If no image shows a cell.
    """
    seen = [one for sample in samples if (one := _see(sample)) is not None]
    if not seen:
        raise InputError("nothing to compare: no stained cell is found in the source images")
    paired = [one for one in seen if one.sample.target is not None]
    goal = [Cell(one.sample.target, one.cell.box) for one in paired if one.sample.target is not None]
    for image in target_images if not goal else ():
        found = find_cell(image)
        if found is not None:
            goal.append(found.cell(image))
    wanted = classifier.predict(goal) if goal else []
    before = classifier.predict([one.cell for one in seen])
    scores = []
    for name, color in {"none": None, **maps}.items():
        times, images = [], []
        for one in seen:
            start = time.perf_counter()
            images.append(
                one.cell.image if color is None else color.for_image(one.cell.image)(one.cell.image)
            )
            times.append(1e3 * (time.perf_counter() - start))
        cells = [replace(one.cell, image=image) for image, one in zip(images, seen, strict=True)]
        named = before if color is None else classifier.predict(cells)
        kept = [
            prediction for prediction, one in zip(named, seen, strict=True) if one.sample.target is not None
        ]
        agreeing = sum(a.label == b.label for a, b in zip(kept, wanted, strict=True)) if paired else 0
        changed = sum(a.label != b.label for a, b in zip(named, before, strict=True))
        structure = [_structure(image, one) for image, one in zip(images, seen, strict=True)]
        iou, ratio = np.median(structure, axis=0)
        quality = [
            (psnr(image, one.sample.target), ssim(image, one.sample.target))
            for image, one in zip(images, seen, strict=True)
            if one.sample.target is not None
        ]
        scores.append(
            MapScore(
                name=name,
                agreement=Share(agreeing, len(paired)),
                delta_e=_paired_delta_e(images, seen) if paired else _look_delta_e(images, target),
                psnr=float(np.median([q[0] for q in quality])) if quality else None,
                ssim=float(np.median([q[1] for q in quality])) if quality else None,
                feature_distance=(
                    frechet_distance(
                        _features([p.probabilities for p in named]),
                        _features([p.probabilities for p in wanted]),
                    )
                    if len(wanted) > 1 and len(named) > 1
                    else None
                ),
                relabelled=Share(changed, len(seen)),
                nucleus_iou=float(iou),
                ratio_change=float(ratio),
                ms=float(np.median(times)),
            )
        )
    return scores


def fidelity(student: ColorMap, teacher: ColorMap, images: Sequence[Image]) -> dict[str, float]:
    """Compare two maps that should do the same.

    Returns
    -------
    dict
        ``delta_e``: mean ΔE2000 between the pixels of their images; ``ms`` and ``teacher_ms``: median time
        for an image; ``speed_up``: their ratio.

    Raises
    ------
    InputError
        If there are no images.
    """
    if not images:
        raise InputError("nothing to compare the maps on: give at least one image")
    found: list[float] = []
    times: tuple[list[float], list[float]] = [], []
    for image in images:
        pictures = []
        for color, spent in zip((student, teacher), times, strict=True):
            start = time.perf_counter()
            pictures.append(color.for_image(image)(image))
            spent.append(1e3 * (time.perf_counter() - start))
        a, b = (_unit(picture).reshape(-1, 3)[::7] for picture in pictures)
        found.append(float(delta_e2000(a, b).mean()))
    ms, teacher_ms = (float(np.median(spent)) for spent in times)
    return {"delta_e": float(np.mean(found)), "ms": ms, "teacher_ms": teacher_ms, "speed_up": teacher_ms / ms}


def psnr(a: Image, b: Image) -> float:
    """Return the peak signal-to-noise ratio in dB; 100 for equal images."""
    error = float(np.mean((_unit(a) - _unit(b)) ** 2))
    return min(100.0, -10 * math.log10(max(error, 1e-10)))


def ssim(a: Image, b: Image) -> float:
    """Return the structural similarity of the grey images, -1…1.

    References
    ----------
    Wang, Bovik, Sheikh, Simoncelli: Image quality assessment, IEEE TIP 13 (2004), its Gaussian window.
    """
    x, y = (cv2.cvtColor(_unit(image).astype(np.float32), cv2.COLOR_RGB2GRAY) for image in (a, b))

    def mean(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return np.asarray(cv2.GaussianBlur(values, (11, 11), 1.5), np.float32)

    mx, my = mean(x), mean(y)
    vx, vy, vxy = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    values = (2 * mx * my + c1) * (2 * vxy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    inner = values[5:-5, 5:-5] if min(values.shape) > 10 else values
    return float(inner.mean())


def frechet_distance(a: Floats, b: Floats) -> float:
    """Return the Fréchet distance of the Gaussians that fit the rows of `a` and of `b`, not squared.

    References
    ----------
    Dowson and Landau: The Fréchet distance between multivariate normal distributions (1982).
    """
    floor = _LEAST_SPREAD**2 * np.eye(a.shape[1])
    first, second = (np.cov(rows.T) + floor for rows in (a, b))
    # Eigenvalues of the product of two positive matrices are positive; the trace of its root is their roots'.
    eigenvalues = np.asarray(np.linalg.eigvals(first @ second).real, np.float64)
    mixed = np.sqrt(np.maximum(eigenvalues, 0)).sum()
    gap = ((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum()
    return float(np.sqrt(max(0.0, gap + np.trace(first) + np.trace(second) - 2 * mixed)))


def map_sheet(
    maps: Mapping[str, ColorMap], samples: Sequence[Sample], target_images: Sequence[Image] = ()
) -> npt.NDArray[np.uint8]:
    """Draw a row per sample: the source, each map, and the target; then the same rows normalised.

    Parameters
    ----------
    maps : mapping of str to ColorMap
    samples : sequence of Sample
    target_images : sequence of ndarray
        Other cells of the target system, shown where samples have no pair.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
    """
    rows = []
    for i, sample in enumerate(samples):
        goal = (
            sample.target
            if sample.target is not None
            else (target_images[i] if i < len(target_images) else None)
        )
        mapped = [color.for_image(sample.image)(sample.image) for color in maps.values()]
        rows.append([sample.image, *mapped, *([] if goal is None else [goal])])
    titles = ["source", *maps, *(["target"] if rows and len(rows[0]) > len(maps) + 1 else [])]
    plain = Plain()
    normalised = [[plain.for_image(image)(image) for image in row] for row in rows]
    header = np.full((LABEL_PX, TILE_PX * len(titles), 3), 255, np.uint8)
    for column, title in enumerate(titles):
        cv2.putText(
            header,
            title,
            (column * TILE_PX + 4, 17),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.42,
            (0, 0, 0),
            1,
            cv2.LINE_AA,
        )
    gap = np.full((LABEL_PX, header.shape[1], 3), 255, np.uint8)
    cv2.putText(
        gap,
        "normalised (background to 0.92)",
        (4, 17),
        cv2.FONT_HERSHEY_SIMPLEX,
        0.42,
        (0, 0, 0),
        1,
        cv2.LINE_AA,
    )
    return np.vstack([header, *map(_row, rows), gap, *map(_row, normalised)])


def _row(images: Sequence[Image]) -> npt.NDArray[np.uint8]:
    tiles = []
    for image in images:
        height, width = image.shape[:2]
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        tiles.append(to_uint8(resize(image[top : top + side, left : left + side], TILE_PX, TILE_PX)))
    return np.hstack(tiles)


def _see(sample: Sample) -> _Seen | None:
    found = find_cell(sample.image)
    parts = part_map(sample.image)
    if found is None or parts is None:
        return None
    ratio = found.nucleus_area_px / max(found.area_px, 1)
    return _Seen(sample, found.cell(sample.image, sample.name), parts, ratio)


def _structure(image: Image, one: _Seen) -> tuple[float, float]:
    """Return the overlap of the nucleus with that before, and the change of its share of the cell."""
    parts, found = part_map(image), find_cell(image)
    if parts is None or found is None:
        return 0.0, 1.0
    a, b = (p.part == NUCLEUS for p in (one.parts, parts))
    union = np.count_nonzero(a | b)
    ratio = found.nucleus_area_px / max(found.area_px, 1)
    change = abs(ratio / one.ratio - 1) if one.ratio > 0 else 1.0
    return float(np.count_nonzero(a & b) / union) if union else 1.0, float(change)


def _paired_delta_e(images: Sequence[Image], seen: Sequence[_Seen]) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for image, one in zip(images, seen, strict=True):
        if one.sample.target is None:
            continue
        height, width = one.parts.part.shape
        a, b = (resize(to_uint8(picture), width, height) / 255 for picture in (image, one.sample.target))
        for index, part in enumerate(PARTS):
            where = one.parts.part == index
            if where.any():
                found.setdefault(part, []).append(float(delta_e2000(a[where], b[where]).mean()))
    return {part: float(np.mean(values)) for part, values in found.items()}


def _look_delta_e(images: Sequence[Image], target: Look) -> dict[str, float]:
    try:
        mapped = measure_look(images, "mapped").part_colors()
    except InputError:
        return {}
    goal = target.part_colors()
    return {PARTS[i]: float(delta_e2000(mapped[i], goal[i])) for i in sorted(mapped.keys() & goal.keys())}


def _features(probabilities: Sequence[npt.NDArray[np.float32]]) -> Floats:
    return np.log(np.maximum(np.stack(probabilities).astype(np.float64), LEAST_PROBABILITY))


def _unit(image: Image) -> Floats:
    return np.asarray(image / np.iinfo(image.dtype).max, np.float64)
