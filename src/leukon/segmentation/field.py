"""Find the leukocytes of a field, at any magnification and colour cast."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from leukon.segmentation.detection import Detection
from leukon.segmentation.scene import Nucleus, Scene, read_scene
from leukon.segmentation.stain import quantile, reduced
from leukon.segmentation.whole_cell import whole_cell
from leukon.types import Image

FIRST_PX = 512
LEAST_NUCLEUS_PX = 12.0
LEAST_SIDE_PX = 16
LEAST_SHARE = 0.3
LEAST_PART_SHARE = 0.2
LEAST_SOLIDITY = 0.42
PALE_SHARE = 0.45
COMPACT_SOLIDITY = 0.85
LEAST_DENSITY = 0.5
LEAST_OF_RED_CELL = 0.5
RESOLVED_PX = 30.0
BLUE_SPREAD = 0.05
NEARER = 2.0


def find_leukocytes(image: Image, *, refine: bool = True) -> tuple[Detection, ...]:
    """Find leukocytes and nucleated red cells in a field, sorted from top to bottom, then left to right.

    The field is read at a reduced size first; where its nuclei turn out small, again at the size that
    shows them well. Platelets and red cells are left out. Safe to call from several threads.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3)
        RGB, uint8 or uint16, of any size.
    refine : bool
        Whether boxes fit as well as they can; coarser ones take a third less time.

    Returns
    -------
    tuple of Detection
        Empty where nothing is found.
    """
    height, width = image.shape[:2]
    if min(height, width) < LEAST_SIDE_PX:
        return ()
    longest = FIRST_PX
    while True:
        small, scale = reduced(image, longest)
        scene = read_scene(small, crowded=True)
        nucleus_px = scene.nucleus_px if scene else LEAST_NUCLEUS_PX / 3
        if scale == 1 or nucleus_px >= LEAST_NUCLEUS_PX:
            break
        longest = min(max(height, width), round(longest * max(1.5, 1.5 * LEAST_NUCLEUS_PX / nucleus_px)))
    if scene is None:
        return ()
    rim = cv2.dilate(1 - scene.stain.valid, np.ones((3, 3), np.uint8))
    beside_rim = set(np.unique(scene.labels[rim > 0]).tolist())
    nuclei = [n for n in scene.nuclei if n.label not in beside_rim and _is_cell(n, scene)]
    found = [
        _detect(nucleus, scene, refine=refine).scaled(1 / scale, height, width)
        for nucleus in _unlike_red_cells(nuclei, scene)
    ]
    return tuple(sorted(found, key=lambda one: (one.box.y0, one.box.x0)))


def _detect(nucleus: Nucleus, scene: Scene, *, refine: bool) -> Detection:
    """Measure the cell around a nucleus, refined where the colours around it are resolved.

    Blur and subsampled colour mix a few pixels: around a small nucleus, red cells take on its colour, and an
    outline that learns the cell's own colours there would take them in.
    """
    refine &= nucleus.area_px >= np.pi / 4 * RESOLVED_PX**2
    return scene.detect(nucleus, whole_cell(scene, nucleus) if refine else None)


def _is_cell(nucleus: Nucleus, scene: Scene) -> bool:
    """Tell a nucleus from platelets, their clumps and specks by its size and compactness.

    Where red cells give the scale, a nucleus is at least half as large as one: hardly any platelet is.
    """
    dense = nucleus.density >= 1 and nucleus.solidity > COMPACT_SOLIDITY
    least = (LEAST_SHARE if dense else PALE_SHARE) * scene.whole_px
    if scene.red_px is not None:
        least = max(least, LEAST_OF_RED_CELL * np.pi / 4 * scene.red_px**2)
    return (
        nucleus.area_px >= least
        and nucleus.largest_part_px >= LEAST_PART_SHARE * scene.whole_px
        and nucleus.solidity >= LEAST_SOLIDITY
        and nucleus.density > LEAST_DENSITY
    )


def _unlike_red_cells(nuclei: list[Nucleus], scene: Scene) -> list[Nucleus]:
    """Leave out what absorbs blue as red cells do, not as the purest nucleus of the field does.

    For their density, chromatin absorbs little blue and haemoglobin much; so may clumps of platelets, and
    so do red cells dense like a nucleus. How much differs between imaging systems: the field itself is the
    measure, and its purest nucleus always stays. Within `BLUE_SPREAD` of it lie nuclei of all kinds.
    """
    if scene.red is None:
        return nuclei
    red = _blue_share(scene.red)
    shares = [_blue_share(_core_density(nucleus, scene)) for nucleus in nuclei]
    least = min(shares, default=0.0)
    return [
        nucleus
        for nucleus, share in zip(nuclei, shares, strict=True)
        if share - least <= max(BLUE_SPREAD, NEARER * abs(red - share))
    ]


def _core_density(nucleus: Nucleus, scene: Scene) -> npt.NDArray[np.float32]:
    """Return the mean density, shape (3,), of the denser half of a nucleus, which no blurred edge reaches."""
    box = nucleus.box
    window = np.s_[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)]
    own = scene.labels[window] == nucleus.label
    nuclear = scene.stain.nuclear[window][own]
    core = nuclear >= quantile(nuclear, 0.5)
    return np.asarray(scene.stain.density[window][own][core].mean(axis=0), np.float32)


def _blue_share(density: npt.NDArray[np.float32]) -> float:
    """Return how much of a density, shape (3,), is absorption of blue: 0 … 1."""
    return max(0.0, float(density[2])) / float(np.abs(density).sum())
