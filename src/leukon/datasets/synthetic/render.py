"""Scenes as an imaging system shows them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from leukon.datasets.synthetic.camera import ImagingSystem, Mosaic, develop, expose, through_optics
from leukon.datasets.synthetic.scene import Labels, Scene, draw_scene, random_spec
from leukon.datasets.synthetic.spectra import ABSORBANCE, Array
from leukon.datasets.synthetic.stain import Stain, random_stain
from leukon.datasets.synthetic.systems import at_scale, random_system
from leukon.errors import InputError
from leukon.types import Box


@dataclass(frozen=True, slots=True)
class PlacedCell:
    """A cell of a rendering.

    Attributes
    ----------
    label, subtype : str
        Its class, and the kind within it.
    box : Box
        Its extent in px, clipped to the image.
    border : bool
        Whether the image's edge cuts it.
    """

    label: str
    subtype: str
    box: Box
    border: bool


@dataclass(frozen=True, eq=False, slots=True)
class Rendering:
    """One scene through one system.

    Attributes
    ----------
    srgb : ndarray of uint8, shape (H, W, 3)
        The picture.
    raw : ndarray of uint16, shape (H, W, 3)
        Linear camera RGB, demosaiced, black level taken off, 65535 at saturation.
    mosaic : ndarray of uint16, shape (H, W), or None
        The RGGB mosaic as read, black level included; None for sensors of three chips.
    nucleus, cytoplasm : ndarray of uint16, shape (H, W)
        Number of the cell, from 1 in the order of `cells`; 0 elsewhere.
    cells : tuple of PlacedCell
        The cells.
    um_per_px : float
        Size of a pixel.
    """

    srgb: npt.NDArray[np.uint8]
    raw: npt.NDArray[np.uint16]
    mosaic: Mosaic | None
    nucleus: Labels
    cytoplasm: Labels
    cells: tuple[PlacedCell, ...]
    um_per_px: float


def transmit(dyes: Array, stain: Stain, response: Array) -> Array:
    """Send light through maps of dye: Beer–Lambert at each wavelength, then the sum over wavelengths.

    Parameters
    ----------
    dyes : ndarray, shape (..., dyes)
        Maps of a scene.
    response : ndarray, shape (31, 3)
        Lamp times sensitivity, `ImagingSystem.response`.

    Returns
    -------
    ndarray, shape (..., 3)
        Linear light in each channel.
    """
    decadic = np.float32(-np.log(10))
    from_maps = stain.uptake() @ ABSORBANCE * decadic
    from_background = stain.background() @ ABSORBANCE * decadic
    return np.asarray(np.exp(dyes @ from_maps + from_background) @ response, np.float32)


def render(
    scene: Scene,
    system: ImagingSystem,
    seed: int,
    *,
    stain: Stain | None = None,
    um_per_px: float | None = None,
) -> Rendering:
    """Render `scene` through `system`.

    Systems of equal µm per px, or with `um_per_px` set, give pictures that agree pixel by pixel.

    Parameters
    ----------
    seed : int
        Of the noise.
    stain : Stain, optional
        How the smear was stained; else as the system's laboratory does.
    um_per_px : float, optional
        Size of a pixel; else the system's.

    Raises
    ------
    InputError
        If `um_per_px` is not positive.
    """
    scale = system.optics.um_per_px if um_per_px is None else um_per_px
    if not scale > 0:
        raise InputError(f"a pixel of {scale} µm has no size: give a positive um_per_px")
    stain = system.stain if stain is None else stain
    size = _size_px(scene, scale)
    light = np.empty((size[1], size[0], 3), np.float32)
    dyes, relief = _resampled(scene.dyes, size), _resampled(scene.relief, size)
    response = system.response()
    for start in range(0, size[1], 32):  # in strips, which stay in the processor's cache
        light[start : start + 32] = transmit(dyes[start : start + 32], stain, response)
    light = through_optics(light, relief, at_scale(system, scale).optics)
    rgb, mosaic = expose(light, system.sensor, np.random.default_rng(seed))
    empty = np.zeros((1, scene.dyes.shape[-1]), np.float32)
    background = transmit(empty, stain, response)[0] * np.float32(system.sensor.exposure)
    nucleus, cytoplasm = (
        cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST_EXACT)
        for mask in (scene.nucleus, scene.cytoplasm)
    )
    return Rendering(
        develop(rgb, background, system),
        (rgb * 65535 + 0.5).astype(np.uint16),
        mosaic,
        nucleus,
        cytoplasm,
        _placed(scene, size),
        scale,
    )


def _size_px(scene: Scene, um_per_px: float) -> tuple[int, int]:
    height, width = scene.relief.shape
    return max(1, round(width * scene.um_per_px / um_per_px)), max(
        1, round(height * scene.um_per_px / um_per_px)
    )


def _resampled(maps: Array, size: tuple[int, int]) -> Array:
    if maps.shape[1::-1] == size:
        return maps
    if maps.ndim == 3:  # OpenCV averages no more than four channels at a time
        return np.stack([_resampled(maps[..., i], size) for i in range(maps.shape[2])], axis=-1)
    shrinks = maps.shape[1] > size[0]
    return np.asarray(cv2.resize(maps, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR))


def _placed(scene: Scene, size: tuple[int, int]) -> tuple[PlacedCell, ...]:
    """Boxes in px, with exactly the scale that whole pixels leave."""
    height, width = scene.relief.shape
    per_um = np.array([size[0] / width, size[1] / height]) / scene.um_per_px
    cells = []
    for cell in scene.cells:
        x0, y0, x1, y1 = (
            float(edge * per_um[i % 2])
            for i, edge in enumerate((cell.box_um.x0, cell.box_um.y0, cell.box_um.x1, cell.box_um.y1))
        )
        cut = x0 < 0 or y0 < 0 or x1 > size[0] or y1 > size[1]
        box = Box(x0, y0, x1, y1).clipped(size[1], size[0])
        cells.append(PlacedCell(cell.label, cell.subtype, box, cut))
    return tuple(cells)


def draw_cell_image(
    label: str,
    seed: int,
    *,
    side_px: int,
    system: ImagingSystem | None = None,
    stain: Stain | None = None,
) -> tuple[npt.NDArray[np.uint8], Box, str]:
    """Draw an image of one cell in the middle of its surroundings, as in data sets of single cells.

    Parameters
    ----------
    label : str
        A class of `leukon.types.PERIPHERAL_BLOOD`.
    side_px : int
        Side of the square image.
    system, stain : optional
        Random ones where they are not given (the stain of `system` where that alone is given).

    Returns
    -------
    image : ndarray of uint8, shape (side_px, side_px, 3)
    box : Box
        The cell's extent in px.
    subtype : str
        Kind within the class.
    """
    if side_px < 1:
        raise InputError(f"an image of {side_px} px is empty: give a positive side")
    rng = np.random.default_rng([seed, *label.encode()])
    if system is None:
        system, stain = random_system(rng), random_stain(rng) if stain is None else stain
        # Data sets frame single cells tightly or loosely, whatever their camera: 18 to 36 µm.
        scale = float(rng.uniform(18, 36)) / side_px
    else:
        scale = system.optics.um_per_px
    side_um = side_px * scale
    spec = random_spec(rng, side_um, side_um, (label,), centred=True)
    rendering = render(draw_scene(spec, int(rng.integers(2**32))), system, seed, stain=stain, um_per_px=scale)
    image = rendering.srgb
    if image.shape[:2] != (side_px, side_px):  # rounding of the scene to its grid
        image = cv2.resize(image, (side_px, side_px), interpolation=cv2.INTER_LINEAR)
    return image, rendering.cells[0].box, rendering.cells[0].subtype
