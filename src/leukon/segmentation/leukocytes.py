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
READ_MARGIN = 2.0
READ_PX = 160
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
        side, else every one.

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
    if cells != "every":
        central = central_nucleus(image)
        if central is not None and _is_leukocyte(*central[:2]):
            scene, nucleus, _ = central
            if cells == "central" or _fills_the_middle(scene, nucleus):
                return _cropped(way(image, scene, nucleus), 0, 0, scene.detect(nucleus).flags)
        if cells == "central":
            return ()
    return tuple(parts for one in find_leukocytes(image) for parts in _around(image, one, way))


def _is_leukocyte(scene: Scene, nucleus: Nucleus) -> bool:
    """Tell a leukocyte's nucleus from a platelet, where red cells give the scale."""
    return scene.red_px is None or bool(nucleus.area_px >= LEAST_SHARE * np.pi / 4 * scene.red_px**2)


def _fills_the_middle(scene: Scene, nucleus: Nucleus) -> bool:
    height, width = scene.labels.shape
    box = scene.detect(nucleus).box
    x, y = box.centre
    off_centre = max(abs(x / width - 0.5), abs(y / height - 0.5))
    return off_centre <= MIDDLE and bool(box.side_px >= LARGE * min(height, width))


def _around(
    image: Image, found: Detection, way: Callable[[Image, Scene, Nucleus], Mask]
) -> tuple[Parts, ...]:
    """Segment a cell of a field, read anew with a little of its surroundings."""
    region = square_around(found.box, margin=READ_MARGIN).clipped(*image.shape[:2])
    x0, y0, x1, y1 = (round(edge) for edge in (region.x0, region.y0, region.x1, region.y1))
    patch = np.ascontiguousarray(to_uint8(image[y0:y1, x0:x1]))
    scale = min(1.0, READ_PX / max(patch.shape[:2]))
    size = max(1, round(patch.shape[1] * scale)), max(1, round(patch.shape[0] * scale))
    scene = read_scene(np.asarray(resize(patch, *size), np.uint8), crowded=False)
    if scene is None or not scene.nuclei:
        return ()
    grow_x, grow_y = patch.shape[1] / size[0], patch.shape[0] / size[1]

    def overlap(nucleus: Nucleus) -> float:
        b = nucleus.box
        box = Box(x0 + b.x0 * grow_x, y0 + b.y0 * grow_y, x0 + b.x1 * grow_x, y0 + b.y1 * grow_y)
        return box.iou(found.nucleus)

    nucleus = max(scene.nuclei, key=overlap)
    if overlap(nucleus) < LEAST_OVERLAP:
        return ()
    return _cropped(way(patch, scene, nucleus), x0, y0, found.flags)


def _cropped(mask: Mask, x0: int, y0: int, flags: tuple[str, ...]) -> tuple[Parts, ...]:
    """Cut a mask down to the cell in it."""
    x, y, width, height = cv2.boundingRect(mask)
    if not width:
        return ()
    return (Parts(np.ascontiguousarray(mask[y : y + height, x : x + width]), x0 + x, y0 + y, flags),)
