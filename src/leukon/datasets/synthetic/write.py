"""Write generated smears to disk, with all that is known of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from leukon.datasets.synthetic.render import Rendering, draw_cell_image, render
from leukon.datasets.synthetic.scene import draw_scene, random_labels, random_spec
from leukon.datasets.synthetic.systems import SYSTEMS
from leukon.errors import InputError
from leukon.registry import look_up
from leukon.storage import write_bytes, write_text
from leukon.types import PERIPHERAL_BLOOD

_BOX_COLUMNS = ("path", "capture", "group", "label", "subtype", "x0", "y0", "x1", "y1", "border", "seed")
_CELL_COLUMNS = ("path", "label", "split", "group", "capture", "x0", "y0", "x1", "y1")
Advance = Callable[[int], None]


def write_fields(
    out: Path | str,
    systems: Sequence[str],
    count: int,
    seed: int,
    *,
    size_px: tuple[int, int] = (640, 480),
    advance: Advance = lambda _steps: None,
) -> Path:
    """Write `count` fields, each scene through every one of `systems`.

    Parameters
    ----------
    out : path-like
        Folder; ``images/<system>/field_0001.png``, ``masks/<system>/field_0001_nucleus.png`` and
        ``…_cytoplasm.png`` (16 bit, number of the cell), ``manifest.csv`` (one row a cell, with its box)
        and ``fields.csv`` (one row a field).
        Images that are there already are kept, so that a killed run goes on where it stopped.
    systems : sequence of str
        Names of `SYSTEMS`. Systems of equal µm per px give aligned pictures.
    seed : int
        Field i is drawn with the seed ``seed * 100000 + i``.
    size_px : (int, int)
        Width and height; the scene is as large as the first of `systems` sees with it.
    advance : callable
        Told 1 after each picture.

    Returns
    -------
    Path
        ``manifest.csv``.

    Raises
    ------
    InputError
        If `systems` is empty, or `count` or a size is not positive.
    UnknownNameError
        If a system is not known.
    """
    chosen = {name: look_up("imaging system", name, SYSTEMS) for name in systems}
    if not chosen or count < 1 or min(size_px) < 1 or seed < 0:
        raise InputError(
            "fields need at least one system, a positive count and size, and a seed of 0 or more"
        )
    out = Path(out)
    first = next(iter(chosen.values())).optics.um_per_px
    width_um, height_um = size_px[0] * first, size_px[1] * first
    boxes: list[Sequence[object]] = []
    fields: list[Sequence[object]] = []
    for i in range(1, count + 1):
        field_seed = seed * 100_000 + i
        files = {name: Path("images", name, f"field_{i:04d}.png") for name in chosen}
        sidecar = out / "boxes" / f"field_{i:04d}.csv"
        fields += [(f.as_posix(), name, f"field_{i:04d}", field_seed) for name, f in files.items()]
        if sidecar.is_file() and all((out / f).is_file() for f in files.values()):
            with sidecar.open(newline="", encoding="utf-8") as stream:
                done = list(csv.reader(stream))[1:]
            if {row[0] for row in done} >= {f.as_posix() for f in files.values()} and all(
                row[-1] == str(field_seed) for row in done
            ):
                boxes += done
                advance(len(files))
                continue
        rng = np.random.default_rng(field_seed)
        leukocytes = 1 + rng.poisson(max(0.2, width_um * height_um / 2500))
        spec = random_spec(rng, width_um, height_um, random_labels(rng, int(leukocytes)))
        scene = draw_scene(spec, field_seed)
        rows: list[Sequence[object]] = []
        for name, file in files.items():
            rendering = render(scene, chosen[name], field_seed)
            _write_field(out, file, rendering)
            for cell in rendering.cells:
                edges = (round(edge, 2) for edge in (cell.box.x0, cell.box.y0, cell.box.x1, cell.box.y1))
                border = int(cell.border)
                place = file.as_posix(), name, file.stem
                rows.append((*place, cell.label, cell.subtype, *edges, border, field_seed))
            advance(1)
        write_text(sidecar, _csv(_BOX_COLUMNS, rows))
        boxes += rows
    write_text(out / "fields.csv", _csv(("path", "capture", "group", "seed"), fields))
    write_text(out / "manifest.csv", _csv(_BOX_COLUMNS, boxes))
    return out / "manifest.csv"


def _write_field(out: Path, file: Path, rendering: Rendering) -> None:
    """Write masks first, so that a picture that is there stands for all of it."""
    masks = out / "masks" / file.parent.name
    write_bytes(masks / f"{file.stem}_nucleus.png", encoded(rendering.nucleus))
    write_bytes(masks / f"{file.stem}_cytoplasm.png", encoded(rendering.cytoplasm))
    write_bytes(out / file, encoded(rendering.srgb))


def write_cells(
    out: Path | str,
    count_per_class: int,
    seed: int,
    *,
    side_px: int = 200,
    split: str = "train",
    advance: Advance = lambda _steps: None,
) -> Path:
    """Write images of single cells of every class, each through a random system and stain.

    Parameters
    ----------
    out : path-like
        Folder; ``<label>/<label>_00001.jpg`` and ``manifest.csv`` with the columns path, label, split, group,
        capture, x0, y0, x1, y1. The same call writes the same files.
    count_per_class : int
        Images of each class of `leukon.types.PERIPHERAL_BLOOD`.
    seed : int
        Two seeds share no image.
    side_px : int
        Side of the square images.
    split : str
        What the column of that name says.

    Returns
    -------
    Path
        ``manifest.csv``.
    """
    if count_per_class < 1 or seed < 0:
        raise InputError("cells need a positive count for each class and a seed of 0 or more")
    out = Path(out)
    rows: list[Sequence[object]] = []
    for k, label in enumerate(PERIPHERAL_BLOOD.names):
        for i in range(1, count_per_class + 1):
            path = Path(label) / f"{label}_{i:05d}.jpg"
            cell_seed = (seed * 100 + k) * 1_000_000 + i
            group = f"generated-{cell_seed}"
            image, box, _ = draw_cell_image(label, cell_seed, side_px=side_px)
            write_bytes(out / path, encoded(image, ".jpg"))
            edges = (round(edge, 2) for edge in (box.x0, box.y0, box.x1, box.y1))
            rows.append((path.as_posix(), label, split, group, "generated", *edges))
            advance(1)
    write_text(out / "manifest.csv", _csv(_CELL_COLUMNS, rows))
    return out / "manifest.csv"


def encoded(image: npt.NDArray[np.uint8] | npt.NDArray[np.uint16], suffix: str = ".png") -> bytes:
    """The bytes of an image file: RGB or a mask, PNG or JPEG of quality 95."""
    bgr = image[..., ::-1] if image.ndim == 3 else image
    options = (cv2.IMWRITE_JPEG_QUALITY, 95) if suffix == ".jpg" else (cv2.IMWRITE_PNG_COMPRESSION, 3)
    return bytes(cv2.imencode(suffix, bgr, options)[1])


def contact_sheet(images: Sequence[npt.NDArray[np.uint8]], columns: int) -> npt.NDArray[np.uint8]:
    """Lay images of one size out in rows of `columns`.

    Examples
    --------
    >>> contact_sheet([np.zeros((10, 20, 3), np.uint8)] * 3, columns=2).shape
    (20, 40, 3)
    """
    height, width = images[0].shape[:2]
    rows = -(-len(images) // columns)
    sheet = np.full((rows * height, columns * width, 3), 255, np.uint8)
    for i, image in enumerate(images):
        y, x = i // columns * height, i % columns * width
        sheet[y : y + height, x : x + width] = image
    return sheet


def _csv(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()
