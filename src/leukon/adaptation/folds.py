"""What is held out together."""

from __future__ import annotations

from collections.abc import Sequence

from leukon.evaluation import Example

FOLDS = 5


def units_of(examples: Sequence[Example]) -> list[str]:
    """Name the group, or the image, of each cell; its own name where some class is all of one group.

    Such a class would never be learned while its group is held out.
    """
    units = [example.group or example.cell.name for example in examples]
    groups: dict[str, set[str]] = {}
    for unit, example in zip(units, examples, strict=True):
        groups.setdefault(example.label, set()).add(unit)
    alone = any(len(one) == 1 for one in groups.values())
    return [str(i) for i in range(len(examples))] if alone else units
