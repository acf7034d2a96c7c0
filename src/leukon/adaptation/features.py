"""What a bundle's network sees in cells, from several sides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leukon.adaptation.graph import BATCH, FEATURES, VIEW_LOGITS, VIEWS, Recolor, with_views
from leukon.adaptation.head import Floats
from leukon.bundle import Bundle
from leukon.bundle.runtime import BATCH_SIZE, open_network
from leukon.types import Cell


@dataclass(frozen=True, eq=False, slots=True)
class Seen:
    """What the network says of N cells: first of the cell as it is, then of its V views.

    Attributes
    ----------
    features : ndarray of float32, shape (N, 1 + V, D)
    logits : ndarray of float32, shape (N, 1 + V, K)
        Of the bundle, calibrated.
    """

    features: npt.NDArray[np.float32]
    logits: npt.NDArray[np.float32]

    def of(self, cells: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Seen:
        """Keep some cells."""
        return Seen(self.features[cells], self.logits[cells])

    def as_is(self) -> tuple[Floats, Floats]:
        """Return features (N, D) and logits (N, K) of the cells as they are."""
        return self.features[:, 0].astype(np.float64), self.logits[:, 0].astype(np.float64)

    def averaged(self) -> tuple[Floats, Floats]:
        """Return mean features (N, D) and logits (N, K) of the views."""
        features, logits = (
            values[:, 1:].mean(axis=1, dtype=np.float64) for values in (self.features, self.logits)
        )
        return features, logits

    def rows(self, views: int) -> tuple[Floats, Floats]:
        """Return features (N · views, D) and logits (N · views, K) of so many views, cell by cell."""
        features, logits = (
            values[:, 1 : 1 + views].reshape(-1, values.shape[-1]).astype(np.float64)
            for values in (self.features, self.logits)
        )
        return features, logits


def said_of(bundle: Bundle, cells: Sequence[Cell]) -> tuple[Floats, bool]:
    """Return the log-probabilities, shape (N, K), of cells of one system, and whether it is a strange one."""
    predictions = bundle.predict(cells)
    shares = np.stack([one.probabilities for one in bundle.at_system(predictions)]).astype(np.float64)
    return np.log(np.maximum(shares, np.finfo(float).tiny)), bundle.excess(predictions) > 1


class Observer:
    """Reads features with a bundle's network.

    Parameters
    ----------
    bundle : Bundle
    views : int
        V, 0…`VIEWS`.
    recolor : Recolor, optional
        What the views go through.
    abroad : bool
        Whether the views' logits are those for a strange imaging system.

    Raises
    ------
    BundleError
        If the network cannot be extended.

    Attributes
    ----------
    network : bytes
        The network as `with_views` returns it.
    """

    def __init__(
        self, bundle: Bundle, *, views: int = VIEWS, recolor: Recolor | None = None, abroad: bool = False
    ) -> None:
        self.network = with_views(bundle.contents.onnx, views=views, recolor=recolor, abroad=abroad)
        self._bundle, self._rows = bundle, 1 + views
        self._session = open_network(self.network, bundle.path)

    def see(self, cells: Sequence[Cell], *, advance: Callable[[int], None] | None = None) -> Seen:
        """Look at `cells`; `advance` is told how many are done."""
        parts = []
        step = max(1, BATCH_SIZE // self._rows)
        for start in range(0, len(cells), step):
            some = cells[start : start + step]
            found = self._session.run([FEATURES, VIEW_LOGITS], {BATCH: self._bundle.prepare(some)})
            parts.append([one.reshape(self._rows, len(some), -1).swapaxes(0, 1) for one in found])
            if advance:
                advance(len(some))
        features, logits = (np.concatenate(one) for one in zip(*parts, strict=True))
        logits /= np.float32(self._bundle.calibration.temperature)
        return Seen(features, logits)
