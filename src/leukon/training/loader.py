"""Cells for training: read once, held small in memory, changed anew in every epoch."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from leukon.datasets.manifest import Entry, Manifest
from leukon.errors import InputError, ManifestError
from leukon.imaging.files import read_image
from leukon.imaging.geometry import cut, resize, square_around
from leukon.machine import available_processors
from leukon.pipeline import Pipeline
from leukon.segmentation.cell import NO_CELL, cell_of
from leukon.training.augment import Augmentation
from leukon.types import Box, Cell, Image, Skipped, Taxonomy

KEPT_MARGIN = 2.0  # surroundings kept of each cell, as a multiple of its side
KEPT_CELL_PX = 144  # larger cells are reduced to this side, or to what the pipeline's frame shows of them
KEPT_DETAIL = 1.2  # more than the frame shows, as augmentation zooms in


@dataclass(frozen=True, eq=False, slots=True)
class LabelledCells:
    """Cells with their classes.

    Attributes
    ----------
    cells : tuple of Cell
    labels : ndarray of int64, shape (N,)
        Positions in the taxonomy.
    skipped : tuple of Skipped
        Images that could not be used.
    """

    cells: tuple[Cell, ...]
    labels: npt.NDArray[np.int64]
    skipped: tuple[Skipped, ...]


def load_cells(
    manifest: Manifest,
    taxonomy: Taxonomy,
    pipeline: Pipeline,
    *,
    advance: Callable[[int], None] | None = None,
) -> LabelledCells:
    """Read the cells of `manifest`, find each, and keep its surroundings as large as `pipeline` needs them.

    Raises
    ------
    ManifestError
        If nothing can be used, or a label is not in `taxonomy`.
    """
    unknown = sorted({entry.label for entry in manifest.entries} - set(taxonomy.names))
    if unknown:
        raise ManifestError(f"the manifest has labels outside the taxonomy: {', '.join(unknown)}")

    shown_px = pipeline.frame.side_px * pipeline.space.pixels_per_sample / pipeline.frame.margin
    cell_px = max(KEPT_CELL_PX, KEPT_DETAIL * shown_px)

    def load(entry: Entry) -> Cell | Skipped:
        path = manifest.root / entry.path
        try:
            image = read_image(path)
        except InputError as error:
            return Skipped(str(entry.path), str(error))
        cell = cell_of(image, entry.box, str(entry.path))
        if cell is None:
            return Skipped(str(entry.path), NO_CELL)
        return kept(pipeline.prepared(cell), cell_px)

    with ThreadPoolExecutor(available_processors()) as pool:
        results = []
        for result in pool.map(load, manifest.entries):
            results.append(result)
            if advance:
                advance(1)
    used = [(c, e.label) for c, e in zip(results, manifest.entries, strict=True) if isinstance(c, Cell)]
    if not used:
        raise ManifestError("none of the manifest's images can be used: check the paths and the files")
    labels = np.array([taxonomy.index(label) for _, label in used], np.int64)
    skipped = tuple(r for r in results if isinstance(r, Skipped))
    return LabelledCells(tuple(cell for cell, _ in used), labels, skipped)


def kept(cell: Cell, cell_px: float = KEPT_CELL_PX) -> Cell:
    """Cut `cell` with its surroundings out of its image and reduce it to a side of at most `cell_px`."""
    height, width = cell.image.shape[:2]
    region = square_around(cell.box, margin=KEPT_MARGIN).clipped(height, width)
    region = Box(*(float(round(v)) for v in (region.x0, region.y0, region.x1, region.y1)))
    image: Image = cut(cell.image, region, fill=1.0).copy()
    scale = min(1.0, cell_px / cell.box.side_px)
    if scale < 1:
        image = resize(image, max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    x, y = region.x0, region.y0
    b = cell.box
    box = Box((b.x0 - x) * scale, (b.y0 - y) * scale, (b.x1 - x) * scale, (b.y1 - y) * scale)
    return replace(cell, image=image, box=box)


@dataclass(frozen=True, eq=False, slots=True)
class Batches:
    """An endless supply of augmented batches, one epoch at a time.

    What a cell looks like depends on the seed, the epoch and its place alone, not on the threads.
    """

    data: LabelledCells
    pipeline: Pipeline
    augmentation: Augmentation
    batch_size: int
    seed: int

    def __len__(self) -> int:
        return len(self.data.cells) // self.batch_size or 1

    def order(self, number: int) -> npt.NDArray[np.int64]:
        """Return the order of the cells in epoch `number`."""
        return np.random.default_rng((self.seed, number)).permutation(len(self.data.cells))

    def epoch(self, number: int) -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]]:
        """Yield (N, C, H, W) batches and their (N,) labels in a new order."""
        order = self.order(number)

        def make(rows: Sequence[int]) -> npt.NDArray[np.float32]:
            cells = [
                self.augmentation(self.data.cells[i], np.random.default_rng((self.seed, number, i)))
                for i in rows
            ]
            return self.pipeline.batch(cells)

        ahead: deque[tuple[Future[npt.NDArray[np.float32]], npt.NDArray[np.int64]]] = deque()
        with ThreadPoolExecutor(available_processors()) as pool:
            for step in range(len(self)):
                rows = order[step * self.batch_size : (step + 1) * self.batch_size]
                ahead.append((pool.submit(make, rows.tolist()), self.data.labels[rows]))
                if len(ahead) > 3:
                    future, labels = ahead.popleft()
                    yield future.result(), labels
            while ahead:
                future, labels = ahead.popleft()
                yield future.result(), labels
