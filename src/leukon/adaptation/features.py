"""What a bundle's network sees in cells, from several sides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from leukon.adaptation.graph import FEATURES, LOGITS, with_features
from leukon.bundle import Bundle
from leukon.bundle.runtime import BATCH_SIZE, open_network
from leukon.types import Box, Cell

ZOOMS = 1.0, 0.94, 1.06
"""Sizes of the frame around a cell: boxes are drawn tighter or wider."""

VIEWS = 8
"""Turned and mirrored, the most that a square allows."""


@dataclass(frozen=True, eq=False, slots=True)
class Seen:
    """What the network says of N cells in V views; the first view is the cell as it is.

    Attributes
    ----------
    features : ndarray of float32, shape (N, V, D)
    logits : ndarray of float32, shape (N, V, K)
        Of the bundle, calibrated.
    """

    features: npt.NDArray[np.float32]
    logits: npt.NDArray[np.float32]


class Observer:
    """Reads features with a bundle's network.

    Raises
    ------
    BundleError
        If the network cannot be extended.

    Attributes
    ----------
    network : bytes
        The network with its features as an output, as `with_features` returns it.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.network = with_features(bundle.contents.onnx)
        self._bundle = bundle
        self._session = open_network(self.network, bundle.path)

    def see(
        self, cells: Sequence[Cell], *, views: int = VIEWS, advance: Callable[[int], None] | None = None
    ) -> Seen:
        """Look at `cells`, each in 1…`VIEWS` views; `advance` is told how many are done."""
        features, logits = [], []
        step = max(1, BATCH_SIZE // views)
        for start in range(0, len(cells), step):
            some = cells[start : start + step]
            batch = np.stack(self._views(some, views), axis=1)
            flat = batch.reshape(-1, *batch.shape[2:])
            said, seen = self._session.run([LOGITS, FEATURES], {"batch": flat})
            features.append(seen.reshape(len(some), views, -1))
            logits.append(said.reshape(len(some), views, -1) / self._bundle.calibration.temperature)
            if advance:
                advance(len(some))
        return Seen(np.concatenate(features), np.concatenate(logits))

    def _views(self, cells: Sequence[Cell], views: int) -> list[npt.NDArray[np.float32]]:
        framed = [
            self._bundle.prepare([_zoomed(cell, zoom) for cell in cells]) for zoom in ZOOMS[: min(views, 3)]
        ]
        return [_turned(framed[view % len(framed)], view) for view in range(views)]


def _zoomed(cell: Cell, zoom: float) -> Cell:
    (x, y), width, height = cell.box.centre, zoom * cell.box.width / 2, zoom * cell.box.height / 2
    return replace(cell, box=Box(x - width, y - height, x + width, y + height))


def _turned(batch: npt.NDArray[np.float32], view: int) -> npt.NDArray[np.float32]:
    """Give one of the eight symmetries of the square; 0 leaves `batch`, shape (N, C, H, W), as it is."""
    if view & 1:
        batch = batch[..., ::-1]
    if view & 2:
        batch = batch[..., ::-1, :]
    return batch.swapaxes(-1, -2) if view & 4 else batch
