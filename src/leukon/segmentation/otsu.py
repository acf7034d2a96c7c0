"""Otsu's thresholds for three classes of grey levels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def two_thresholds(counts: npt.NDArray[Any]) -> tuple[int, int]:
    """Return the levels that end the first two of three classes with the greatest variance between them.

    Parameters
    ----------
    counts : ndarray, shape (256,)
        How many pixels have each level.

    Notes
    -----
    Source: Otsu 1979. All pairs of thresholds are tried at once.
    """
    number = np.concatenate([[0], np.cumsum(counts, dtype=np.float64)])
    sums = np.concatenate([[0], np.cumsum(counts * np.arange(256.0))])
    # Between-class variance grows with Σ s²/n over the classes: [0, a), [a, b) and [b, 256).
    n, s = number[None] - number[:, None], sums[None] - sums[:, None]
    gain = np.divide(s * s, n, out=np.zeros_like(n), where=n > 0)
    total = np.triu(gain[0][:, None] + gain + gain[:, -1][None], 1)
    first, second = np.unravel_index(int(total.argmax()), total.shape)
    return int(first) - 1, int(second) - 1
