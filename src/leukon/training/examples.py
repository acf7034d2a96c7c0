"""Labelled cells as an evaluation sees them: in their whole images, read ahead of the classifier."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from leukon.datasets.manifest import Entry
from leukon.errors import InputError
from leukon.evaluation import Example
from leukon.imaging.files import read_image
from leukon.machine import available_processors
from leukon.segmentation.cell import NO_CELL, cell_of
from leukon.types import Skipped

LOOKAHEAD = 96


def read_examples(entries: Sequence[Entry], root: Path) -> Iterator[Example | Skipped]:
    """Read `entries` below `root` in threads, in their order; what cannot be used is yielded as skipped."""
    with ThreadPoolExecutor(available_processors()) as pool:
        pending: deque[Future[Example | Skipped]] = deque()
        for entry in entries:
            pending.append(pool.submit(_example, entry, root))
            if len(pending) >= LOOKAHEAD:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def _example(entry: Entry, root: Path) -> Example | Skipped:
    try:
        image = read_image(root / entry.path)
    except InputError as error:
        return Skipped(entry.path, str(error))
    cell = cell_of(image, entry.box, entry.path)
    if cell is None:
        return Skipped(entry.path, NO_CELL)
    return Example(cell, entry.label, entry.subject, entry.group)
