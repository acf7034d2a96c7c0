"""Which cells a page shows: all of a few; of many, the surest and the least sure."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass

from leukon.types import FieldResult, FoundCell, Taxonomy

ENDS = 30
"""Cells kept from either end of a group."""

UNIDENTIFIED = "unidentified"
EXCLUDED = "excluded"


@dataclass(frozen=True, eq=False, slots=True)
class Shown:
    """A cell, the field it is from, and its place in the order of appearance."""

    cell: FoundCell
    field: str
    order: tuple[int, int]

    @property
    def rank(self) -> tuple[float, int, int]:
        """Sorts by falling confidence, then by appearance: never a tie."""
        return -self.cell.prediction.confidence, *self.order


@dataclass(frozen=True, slots=True)
class Group:
    """The cells of one heading.

    Attributes
    ----------
    key : str
        A class, ``"unidentified"`` or ``"excluded"``.
    total : int
        Cells in all.
    cells : tuple of Shown
        By falling confidence; of more than twice `ENDS`, the first and the last `ENDS`.
    """

    key: str
    total: int
    cells: tuple[Shown, ...]


class _Ends:
    """Keeps the first and the last few of a stream, so that memory does not grow with it."""

    def __init__(self) -> None:
        self.total = 0
        self._first: list[tuple[tuple[float, ...], Shown]] = []
        self._last: list[tuple[tuple[float, ...], Shown]] = []

    def add(self, shown: Shown) -> None:
        self.total += 1
        rank = shown.rank
        _keep(self._first, tuple(-value for value in rank), shown)
        _keep(self._last, rank, shown)

    def sorted(self) -> tuple[Shown, ...]:
        unique = {shown.rank: shown for _, shown in (*self._first, *self._last)}
        return tuple(unique[rank] for rank in sorted(unique))


def gallery_of(fields: Iterable[FieldResult], taxonomy: Taxonomy) -> list[Group]:
    """Choose the cells to show, in one pass: the classes in order, then unidentified, then excluded."""
    groups = {key: _Ends() for key in (*taxonomy.names, UNIDENTIFIED, EXCLUDED)}
    for i, field in enumerate(fields):
        for j, cell in enumerate(field.cells):
            prediction = cell.prediction
            key = prediction.label if prediction.status == "ok" else prediction.status
            groups[key].add(Shown(cell, field.name, (i, j)))
    return [Group(key, ends.total, ends.sorted()) for key, ends in groups.items() if ends.total]


def _keep(heap: list[tuple[tuple[float, ...], Shown]], rank: tuple[float, ...], shown: Shown) -> None:
    if len(heap) < ENDS:
        heapq.heappush(heap, (rank, shown))
    elif rank > heap[0][0]:
        heapq.heapreplace(heap, (rank, shown))
