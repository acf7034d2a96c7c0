"""A scene: a piece of a smear as maps of dye, before any lamp or camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leukon.datasets.synthetic.cells import Patch, draw_cell
from leukon.datasets.synthetic.morphology import DIFFERENTIAL
from leukon.datasets.synthetic.noise import smooth_noise
from leukon.datasets.synthetic.shapes import UM_PER_PX
from leukon.datasets.synthetic.spectra import DYES, Array
from leukon.datasets.synthetic.surroundings import (
    draw_precipitate,
    draw_red_cells,
    draw_smudge,
    meeting,
    paste,
    place_red_cells,
)
from leukon.errors import InputError
from leukon.types import Box

Labels = npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class SceneSpec:
    """What to draw.

    Attributes
    ----------
    width_um, height_um : float
        Size.
    cells : tuple of str
        Classes of the cells to place, names of `leukon.types.PERIPHERAL_BLOOD`.
    centred : bool
        Put the first of `cells` in the middle.
    red_cover : float
        Share of the ground that red cells cover, 0…0.8.
    platelets_per_1000_um2 : float
        Platelets beyond those of `cells`.
    smudges : int
        Smudged nuclei; they bear no label.
    precipitate_per_1000_um2 : float
        Grains of precipitated stain.
    """

    width_um: float
    height_um: float
    cells: tuple[str, ...] = ()
    centred: bool = False
    red_cover: float = 0.45
    platelets_per_1000_um2: float = 1.0
    smudges: int = 0
    precipitate_per_1000_um2: float = 0.0


@dataclass(frozen=True, slots=True)
class DrawnCell:
    """A cell of a scene: class, kind within it, box in µm."""

    label: str
    subtype: str
    box_um: Box


@dataclass(frozen=True, eq=False, slots=True)
class Scene:
    """A drawn scene.

    Attributes
    ----------
    dyes : ndarray, shape (H, W, dyes)
        Concentrations in the order of `spectra.DYES`, on a grid of `um_per_px`.
    relief : ndarray, shape (H, W)
        Optical thickness of the cells, 0…about 1.5.
    nucleus, cytoplasm : ndarray of uint16, shape (H, W)
        Number (from 1) of the cell whose nucleus or cytoplasm lies there; 0 elsewhere.
    cells : tuple of DrawnCell
        Cell number i + 1 of the masks is ``cells[i]``.
    """

    dyes: Array
    relief: Array
    nucleus: Labels
    cytoplasm: Labels
    cells: tuple[DrawnCell, ...]
    um_per_px: float = UM_PER_PX


def random_labels(rng: np.random.Generator, count: int) -> tuple[str, ...]:
    """Draw `count` nucleated cells by `morphology.DIFFERENTIAL`."""
    shares = np.array(list(DIFFERENTIAL.values()))
    return tuple(str(name) for name in rng.choice(list(DIFFERENTIAL), count, p=shares / shares.sum()))


def random_spec(
    rng: np.random.Generator,
    width_um: float,
    height_um: float,
    cells: tuple[str, ...],
    *,
    centred: bool = False,
) -> SceneSpec:
    """Surround `cells` with as much else as smears of all qualities have."""
    return SceneSpec(
        width_um,
        height_um,
        cells,
        centred=centred,
        red_cover=float(rng.uniform(0.12, 0.72)),
        platelets_per_1000_um2=float(rng.gamma(2, 0.5)),
        smudges=int(rng.random() < 0.06 * width_um * height_um / 4000),
        precipitate_per_1000_um2=float(rng.exponential(20) if rng.random() < 0.06 else 0),
    )


def draw_scene(spec: SceneSpec, seed: int) -> Scene:
    """Draw a scene; the same `spec` and `seed` give the same scene.

    Raises
    ------
    InputError
        If the size is not positive.
    UnknownNameError
        If a class is not known.

    Examples
    --------
    >>> scene = draw_scene(SceneSpec(30, 20, ("neutrophil",), platelets_per_1000_um2=0), seed=1)
    >>> scene.dyes.shape, [cell.label for cell in scene.cells]
    ((200, 300, 7), ['neutrophil'])
    """
    if not (spec.width_um > 0 and spec.height_um > 0):
        raise InputError(f"a scene of {spec.width_um} × {spec.height_um} µm has no area: give positive sizes")
    rng = np.random.default_rng(seed)
    shape = max(1, round(spec.height_um / UM_PER_PX)), max(1, round(spec.width_um / UM_PER_PX))
    size = np.array([spec.width_um, spec.height_um])
    platelets = int(rng.poisson(spec.platelets_per_1000_um2 * spec.width_um * spec.height_um / 1000))
    labels = [*spec.cells, *["platelet"] * platelets]
    patches = [draw_cell(label, rng) for label in labels]
    places = _place(rng, size, [patch.radius_um for patch in patches], centred=spec.centred)

    maps = {dye: np.zeros(shape, np.float32) for dye in DYES}
    body = np.zeros(shape, np.float32)
    relief = np.zeros(shape, np.float32)
    nucleus, cytoplasm = np.zeros(shape, np.uint16), np.zeros(shape, np.uint16)
    cells: list[DrawnCell] = []
    for label, patch, (x_um, y_um) in zip(labels, patches, places, strict=True):
        window = meeting(shape, patch.body.shape[0], x_um, y_um)
        if window is None:
            continue
        target, source = window
        body[target] = np.maximum(body[target], patch.body[source])
        relief[target] += patch.relief[source]
        for dye, amount in patch.dyes.items():
            maps[dye][target] += amount[source]
        free = (nucleus[target] == 0) & (cytoplasm[target] == 0) & patch.cell[source]
        if not free.any():
            continue
        cells.append(DrawnCell(label, patch.subtype, _box(patch, x_um, y_um)))
        nucleus[target][free & patch.nucleus[source]] = len(cells)
        cytoplasm[target][free & ~patch.nucleus[source]] = len(cells)

    radii = np.array([patch.radius_um for patch in patches])
    taken = np.column_stack([places, radii])
    centres = place_red_cells(rng, spec.width_um, spec.height_um, spec.red_cover, taken)
    red, red_relief = draw_red_cells(rng, shape, centres)
    bare = 1 - 0.92 * body  # a leukocyte pushes red cells aside or covers them
    maps["haemoglobin"] += red * bare
    relief += red_relief * bare
    film = 0.008 * np.clip(1 + smooth_noise(rng, shape, 60), 0, 3)  # dried plasma, uneven
    maps["eosin"] += film
    for _ in range(spec.smudges):
        blot = draw_smudge(rng)
        x_um, y_um = rng.uniform((0, 0), size)
        paste(maps["purple"], blot, x_um, y_um)
        paste(maps["eosin"], 0.2 * blot, x_um, y_um)
    if spec.precipitate_per_1000_um2 > 0:
        maps["purple"] += draw_precipitate(rng, shape, spec.precipitate_per_1000_um2)
    _vary_thickness(maps, rng, shape)
    return Scene(np.stack(list(maps.values()), axis=-1), relief, nucleus, cytoplasm, tuple(cells))


def _vary_thickness(maps: dict[str, Array], rng: np.random.Generator, shape: tuple[int, int]) -> None:
    """Let the smear and its stain run thicker toward one side."""
    slope_x, slope_y = rng.normal(0, 0.05, 2)
    y, x = np.linspace(-1, 1, shape[0])[:, None], np.linspace(-1, 1, shape[1])[None, :]
    gradient = np.clip(1 + slope_x * x + slope_y * y, 0.7, 1.3).astype(np.float32)
    for amount in maps.values():
        amount *= gradient


def _box(patch: Patch, x_um: float, y_um: float) -> Box:
    """Box of the patch's cell in µm, on the pixels that `meeting` gives it."""
    rows, columns = np.flatnonzero(patch.cell.any(1)), np.flatnonzero(patch.cell.any(0))
    left = round(x_um / UM_PER_PX) - patch.cell.shape[1] // 2
    top = round(y_um / UM_PER_PX) - patch.cell.shape[0] // 2
    return Box(
        float((left + columns[0]) * UM_PER_PX),
        float((top + rows[0]) * UM_PER_PX),
        float((left + columns[-1] + 1) * UM_PER_PX),
        float((top + rows[-1] + 1) * UM_PER_PX),
    )


def _place(
    rng: np.random.Generator, size: npt.NDArray[np.float64], radii: list[float], *, centred: bool
) -> npt.NDArray[np.float64]:
    """Place circles of given radii apart, or nearly so where it is crowded, shape (n, 2)."""
    places = np.empty((len(radii), 2))
    for i, radius in enumerate(radii):
        if i == 0 and centred:
            places[0] = size / 2 + rng.normal(0, 0.02, 2) * size
            continue
        tries = rng.uniform((0, 0), size, (40, 2))
        gaps = np.hypot(*(tries[:, None] - places[None, :i]).transpose(2, 0, 1)) - np.array(radii[:i])
        room = gaps.min(1) - radius if i else np.full(40, 1.0)
        fits = np.flatnonzero(room > 0.05)
        places[i] = tries[fits[0] if len(fits) else room.argmax()]
    return places
