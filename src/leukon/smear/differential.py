"""The differential count and what a reader must know before trusting it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from leukon.evaluation.corrected import corrected_shares
from leukon.evaluation.intervals import clopper_pearson
from leukon.types import ClassCount, Differential, Flag, Prediction, Skipped, Taxonomy

UNIDENTIFIED_LIMIT = 0.10
WEAK_RECALL = 0.85
MOST_CELLS = 1_000_000


@dataclass(frozen=True, slots=True)
class CountOptions:
    """How a differential is counted and judged.

    Attributes
    ----------
    least_cells : int
        Fewer cells are flagged. 200 are the usual count of one reader (CLSI H20).
    interval_width : float
        Width of the widest interval, in percentage points, that the flag aims at.
    merged : tuple of (str, str)
        Classes counted as another one where the taxonomy holds both: bands as segmented neutrophils
        (ICSH).
    """

    least_cells: int = 200
    interval_width: float = 10.0
    merged: tuple[tuple[str, str], ...] = (("band", "neutrophil"), ("band", "segmented"))


@dataclass(frozen=True, slots=True)
class Fields:
    """The images behind a count: how many were read, which were not, what is wrong with others."""

    read: int = 0
    skipped: Sequence[Skipped] = ()
    remarks: Mapping[str, int] | None = None


def count(
    taxonomy: Taxonomy,
    predictions: Iterable[Prediction],
    *,
    fields: Fields | None = None,
    card: Mapping[str, Any] | None = None,
    confusion: Sequence[Sequence[int]] = (),
    options: CountOptions | None = None,
) -> Differential:
    """Count the cells whose status is ``"ok"``.

    Unidentified and excluded cells are not in the denominator: percentages are of the leukocytes that
    were named. Erythroblasts are counted per 100 leukocytes.

    Parameters
    ----------
    taxonomy : Taxonomy
    predictions : iterable of Prediction
        Each is looked at once.
    fields : Fields, optional
        The images that the cells come from.
    card : mapping, optional
        The bundle's card; classes of low measured recall are flagged.
    confusion : sequence of K sequences of K + 1 int, optional
        Validation cells by true class and by name, the unidentified last: with it the lines have corrected
        shares too.
    options : CountOptions, optional

    Examples
    --------
    >>> import numpy as np
    >>> from leukon.types import PERIPHERAL_BLOOD
    >>> cells = [Prediction("neutrophil", np.eye(8, dtype=np.float32)[6])] * 3
    >>> result = count(PERIPHERAL_BLOOD, cells)
    >>> result.cells_counted, result.leukocytes[-1].percent
    (3, 100.0)
    """
    fields, options = fields or Fields(), options or CountOptions()
    target = {name: name for name in taxonomy.names}
    target.update({a: b for a, b in options.merged if a in target and b in target})
    labels: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    named: Counter[str] = Counter()
    for prediction in predictions:
        is_ok = prediction.status == "ok"
        if is_ok:
            labels[target[prediction.label]] += 1
        else:
            left_out[prediction.status] += 1
        # Platelets are named too, if excluded; cells that are cut or broken are not.
        if is_ok or prediction.reason == taxonomy[prediction.label].role:
            named[prediction.label] += 1
    shown = [c for c in taxonomy.classes if target[c.name] == c.name]
    leukocytes = [c.name for c in shown if c.role == "leukocyte"]
    total = sum(labels[name] for name in leukocytes)
    lines = tuple(_share(name, labels[name], total) for name in leukocytes)
    if confusion and total:
        lines = _corrected(lines, taxonomy, target, named, confusion)
    per_100 = tuple(
        ClassCount(c.name, labels[c.name], 100 * labels[c.name] / total if total else None, None, None)
        for c in shown
        if c.role == "erythroblast"
    )
    unidentified = left_out["unidentified"]
    flags = [
        *_few(taxonomy, lines, total, options),
        *_unidentified(unidentified, total),
        *_weak(taxonomy, card or {}),
        *_images(fields),
    ]
    return Differential(
        lines,
        per_100,
        total,
        left_out["excluded"],
        unidentified,
        fields.read,
        tuple(fields.skipped),
        tuple(flags),
    )


def cells_for_width(share: float, width: float, n: int = 1) -> int | None:
    """Fewest cells, at least `n`, whose exact 95 % interval is at most `width` wide at `share`.

    Parameters
    ----------
    share : float
        0…1; ``share * cells`` need not be whole.
    width : float
        0…1.

    Returns
    -------
    int or None
        None where more than a million are needed.

    Examples
    --------
    >>> cells_for_width(0.5, 0.10)
    402
    """

    def is_enough(cells: int) -> bool:
        low, high = clopper_pearson(min(share * cells, cells), cells)
        return high - low <= width

    low, high = max(n, 1), MOST_CELLS
    if is_enough(low):
        return low
    if not is_enough(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


def _share(name: str, counted: int, total: int) -> ClassCount:
    if total == 0:
        return ClassCount(name, counted, None, None, None)
    low, high = clopper_pearson(counted, total)
    return ClassCount(name, counted, 100 * counted / total, 100 * low, 100 * high)


def _corrected(
    lines: Sequence[ClassCount],
    taxonomy: Taxonomy,
    target: Mapping[str, str],
    named: Mapping[str, int],
    confusion: Sequence[Sequence[int]],
) -> tuple[ClassCount, ...]:
    shown = [c for c in taxonomy.classes if target[c.name] == c.name]
    together = np.array([[target[name] == c.name for c in shown] for name in taxonomy.names], np.int64)
    seen = np.asarray(confusion)
    shares = corrected_shares(
        [named[name] for name in taxonomy.names] @ together,
        together.T @ np.column_stack([seen[:, :-1] @ together, seen[:, -1]]),
        [c.role == "leukocyte" for c in shown],
    )
    return tuple(
        replace(line, corrected_percent=100 * share, corrected_low=100 * low, corrected_high=100 * high)
        for line, (share, low, high) in zip(lines, shares.tolist(), strict=True)
    )


def _few(taxonomy: Taxonomy, lines: Sequence[ClassCount], total: int, options: CountOptions) -> list[Flag]:
    if total == 0:
        return [Flag("no_cells", "No leukocyte was counted, so there is no differential.")]
    if total >= options.least_cells:
        return []
    widest = max(lines, key=lambda line: (line.high or 0) - (line.low or 0))
    title = _title(taxonomy, widest.name)
    message = f"Only {_cells(total)} counted; {options.least_cells} or more are usual."
    needed = cells_for_width(widest.count / total, options.interval_width / 100, total)
    width = f"{options.interval_width:g} percentage points"
    if needed is None or needed > total:
        more = "More than a million" if needed is None else f"About {needed - total}"
        message += (
            f" {more} more cells like these would narrow the widest interval ({title}, "
            f"{widest.low:.1f}–{widest.high:.1f} %) to {width}."
        )
    else:
        message += f" No interval is wider than {width}."
    return [Flag("too_few_cells", message)]


def _unidentified(unidentified: int, total: int) -> list[Flag]:
    seen = unidentified + total
    if seen == 0 or unidentified <= UNIDENTIFIED_LIMIT * seen:
        return []
    share = 100 * unidentified / seen
    return [
        Flag(
            "many_unidentified",
            f"{unidentified} of {seen} cells ({share:.0f} %) could not be named with confidence and are not "
            "in the count: look at them before using the percentages.",
        )
    ]


def _weak(taxonomy: Taxonomy, card: Mapping[str, Any]) -> list[Flag]:
    lowest: dict[str, tuple[float, str]] = {}
    for system in card.get("systems", ()):
        for label, recall in system.get("recall", {}).items():
            if recall is not None and label in taxonomy.names and taxonomy[label].role != "platelet":
                lowest[label] = min(
                    lowest.get(label, (1.0, "")), (float(recall), str(system.get("name", "")))
                )
    weak = [
        f"{_title(taxonomy, name)} ({100 * recall:.0f} % found in {system})"
        for name in taxonomy.names
        for recall, system in (lowest.get(name, (1.0, "")),)
        if recall < WEAK_RECALL
    ]
    if not weak:
        return []
    return [
        Flag(
            "weak_class",
            f"The model was measured to be weak in: {', '.join(weak)}. Check these classes by eye.",
        )
    ]


def _images(fields: Fields) -> list[Flag]:
    flags = []
    if fields.skipped:
        n = len(fields.skipped)
        were = "1 image could not be used and is" if n == 1 else f"{n} images could not be used and are"
        flags.append(Flag("skipped_fields", f"{were} not in the count; see the list of skipped images."))
    for remark, n in sorted((fields.remarks or {}).items()):
        flags.append(Flag("poor_image", f"{n} of {fields.read} fields: {remark}."))
    return flags


def _title(taxonomy: Taxonomy, name: str) -> str:
    return (taxonomy[name].title or name).lower()


def _cells(n: int) -> str:
    return "1 cell was" if n == 1 else f"{n} cells were"
