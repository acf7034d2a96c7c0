"""Nucleus and cytoplasm of the leukocytes of an image."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np

from leukon.imaging.geometry import resize, square_around
from leukon.registry import look_up
from leukon.segmentation.adaptive import adaptive
from leukon.segmentation.cell import central_nucleus
from leukon.segmentation.cluster_parts import cluster_parts
from leukon.segmentation.detection import Detection
from leukon.segmentation.field import LEAST_SHARE, find_leukocytes
from leukon.segmentation.parts import Parts
from leukon.segmentation.scene import Nucleus, Scene, read_scene
from leukon.segmentation.stain import Mask, to_uint8
from leukon.segmentation.whole_cell import with_far_lobes
from leukon.types import Box, Cell, Image


def plain(image: Image, scene: Scene, nucleus: Nucleus, *, method: str) -> Mask:
    """Segment one cell by `cluster_parts`; parameters and result as of `adaptive`."""
    height, width = image.shape[:2]
    box = scene.detect(nucleus).scaled(max(height, width) / max(scene.labels.shape), height, width).box
    mask = np.zeros((height, width), np.uint8)
    cluster_parts(Cell(image, box), method=method).paint(mask)
    return mask


METHODS: dict[str, Callable[[Image, Scene, Nucleus], Mask]] = {
    "adaptive": adaptive,
    "ekmeans": partial(plain, method="ekmeans"),
    "kmeans": partial(plain, method="kmeans"),
    "fcm": partial(plain, method="fcm"),
    "otsu": partial(plain, method="otsu"),
}
"""Ways to tell nucleus and cytoplasm of one cell."""

CELLS = "auto", "central", "every"
"""Which leukocytes of an image are meant."""

LARGE = 1 / 3
MIDDLE = 1 / 6
READ_MARGINS = 2.0, 4.0
READ_PX = 80
LEAST_OVERLAP = 0.3


def segment(image: Image, *, method: str = "adaptive", cells: str = "auto") -> tuple[Parts, ...]:
    """Segment the leukocytes of an image into nucleus and cytoplasm.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3)
        RGB, uint8 or uint16: a field, or an image of a single cell.
    method : str
        A key of `METHODS`: ``adaptive``, or one of the published ones, ``ekmeans``, ``kmeans``, ``fcm`` and
        ``otsu``, which see colours alone.
    cells : str
        One of `CELLS`: ``central``, the one that the image was cut out for; ``every``, all of a field;
        ``auto``, the central one where it lies in the middle and takes up at least a third of the shorter
        side, else every one, or the central one where a search for all finds none.

    Returns
    -------
    tuple of Parts
        From top to bottom; empty where no leukocyte is found.

    Raises
    ------
    UnknownNameError
        If there is no such method, or no such choice of cells.

    Examples
    --------
    >>> segment(np.full((60, 80, 3), 230, np.uint8))
    ()
    """
    way = look_up("segmentation method", method, METHODS)
    look_up("choice of cells", cells, dict.fromkeys(CELLS, cells))
    central = None if cells == "every" else central_nucleus(image)
    if central is not None and not _is_leukocyte(*central[:2]):
        central = None
    if central is None or (cells == "auto" and not _is_single(*central[:2])):
        found = () if cells == "central" else find_leukocytes(image, refine=False)
        every = tuple(parts for one in found for parts in _around(image, one, way))
        if every or central is None:
            return every
    scene, nucleus = with_far_lobes(*central[:2])
    return _cropped(way(image, scene, nucleus), 0, 0, scene.detect(nucleus).flags)


def _is_leukocyte(scene: Scene, nucleus: Nucleus) -> bool:
    """Tell a leukocyte's nucleus from a platelet, where red cells give the scale."""
    return scene.red_px is None or bool(nucleus.area_px >= LEAST_SHARE * np.pi / 4 * scene.red_px**2)


def _is_single(scene: Scene, nucleus: Nucleus) -> bool:
    return fills_the_middle(scene.detect(nucleus).box, *scene.labels.shape)


def fills_the_middle(box: Box, height: int, width: int) -> bool:
    """Tell the one cell of an image of that size, px, from a cell of a field."""
    x, y = box.centre
    off_centre = max(abs(x / width - 0.5), abs(y / height - 0.5))
    return off_centre <= MIDDLE and bool(box.side_px >= LARGE * min(height, width))


def _around(
    image: Image, found: Detection, way: Callable[[Image, Scene, Nucleus], Mask]
) -> tuple[Parts, ...]:
    """Segment a cell of a field, read anew with its surroundings: wider ones where need be."""
    for margin in READ_MARGINS:
        region = square_around(found.box, margin=margin).clipped(*image.shape[:2])
        x0, y0, x1, y1 = (round(edge) for edge in (region.x0, region.y0, region.x1, region.y1))
        patch = np.ascontiguousarray(to_uint8(image[y0:y1, x0:x1]))
        height, width = patch.shape[:2]
        scale = min(1.0, READ_PX * margin / max(height, width))
        columns, rows = max(1, round(width * scale)), max(1, round(height * scale))
        scene = read_scene(np.asarray(resize(patch, columns, rows), np.uint8), crowded=False)
        if scene is None or not scene.nuclei:
            continue
        x, y = width / columns, height / rows
        overlaps = [
            Box(x0 + b.x0 * x, y0 + b.y0 * y, x0 + b.x1 * x, y0 + b.y1 * y).iou(found.nucleus)
            for b in (nucleus.box for nucleus in scene.nuclei)
        ]
        best = int(np.argmax(overlaps))
        if overlaps[best] >= LEAST_OVERLAP:
            return _cropped(way(patch, scene, scene.nuclei[best]), x0, y0, found.flags)
    return ()


def _cropped(mask: Mask, x0: int, y0: int, flags: tuple[str, ...]) -> tuple[Parts, ...]:
    """Cut a mask down to the cell in it."""
    x, y, width, height = cv2.boundingRect(mask)
    if not width:
        return ()
    return (Parts(np.ascontiguousarray(mask[y : y + height, x : x + width]), x0 + x, y0 + y, flags),)
