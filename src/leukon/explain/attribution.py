"""Maps of attribution: how much each part of a cell's frame speaks for a class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leukon.imaging.geometry import cut, resize, square_around
from leukon.pipeline import Frame
from leukon.segmentation import cell_mask
from leukon.types import Cell

Map = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False, slots=True)
class Attribution:
    """How much each part of a frame speaks for a class.

    Attributes
    ----------
    name : str
        ``"occlusion"``, or the layer that it was read from.
    values : ndarray of float32, shape (S, S)
        0 or more, over the frame of the network.
    """

    name: str
    values: Map

    def share_inside(self, mask: npt.NDArray[np.bool_]) -> float | None:
        """Return the share of the map that lies in `mask`, shape (S, S); None for an empty map."""
        whole = float(self.values.sum())
        return float(self.values[mask].sum()) / whole if whole > 0 else None


def framed_mask(cell: Cell, frame: Frame) -> npt.NDArray[np.bool_]:
    """Return the pixels of `cell` in the frame that the network sees, shape (S, S)."""
    mask = cell_mask(cell).astype(np.uint8) * np.uint8(255)
    square = square_around(cell.box, margin=frame.margin)
    framed = cut(np.repeat(mask[..., None], 3, axis=2), square, fill=0.0)
    return np.asarray(resize(framed, frame.side_px, frame.side_px)[..., 0] > 127)
