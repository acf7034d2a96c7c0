"""Match found boxes with true ones."""

from __future__ import annotations

from collections.abc import Sequence

from leukon.types import Box


def match_boxes(
    found: Sequence[Box], truth: Sequence[Box], *, iou: float = 0.5
) -> tuple[tuple[int, int], ...]:
    """Pair boxes one to one, greedily by falling overlap.

    Parameters
    ----------
    found, truth : sequence of Box
    iou : float
        Least intersection over union of a pair, above 0 and up to 1.

    Returns
    -------
    tuple of (int, int)
        Indices into `found` and `truth`, best overlap first. What is not in a pair is false or missed.

    Examples
    --------
    >>> match_boxes([Box(0, 0, 10, 10), Box(0, 0, 10, 12)], [Box(0, 0, 10, 12)])
    ((1, 0),)
    """
    overlaps = ((a.iou(b), i, j) for i, a in enumerate(found) for j, b in enumerate(truth))
    pairs: list[tuple[int, int]] = []
    for overlap, i, j in sorted(overlaps, key=lambda item: (-item[0], item[1], item[2])):
        if overlap >= iou and all(i != a and j != b for a, b in pairs):
            pairs.append((i, j))
    return tuple(pairs)
