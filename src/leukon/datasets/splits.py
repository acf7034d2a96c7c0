"""Splits that keep the share of each class and never part what belongs together."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from leukon.datasets.manifest import SPLITS, Entry, Manifest
from leukon.errors import ManifestError

By = Literal["group", "subject"]
FRACTIONS = {"train": 0.7, "val": 0.1, "test": 0.2}
"""The usual shares of the parts."""

Protocol = Literal["holdout", "grouped", "official", "random_7_1_2"]
VAL_SHARE = 0.1
"""Share of the training part that the epoch is chosen on."""

# Cells of one image are never parted, nor is a group, even where subjects are kept whole.
_BOUND_BY: dict[By | None, tuple[str, ...]] = {
    None: ("path",),
    "group": ("path", "group"),
    "subject": ("path", "group", "subject"),
}


def split_manifest(
    manifest: Manifest,
    fractions: Mapping[str, float] = FRACTIONS,
    *,
    seed: int = 0,
    by: By | None = "group",
) -> Manifest:
    """Divide `manifest` into parts, stratified by label and grouped.

    Parameters
    ----------
    manifest : Manifest
        Splits that it has are replaced.
    fractions : mapping
        Share of each part of ``train``, ``val`` and ``test``; they sum to 1.
    seed : int
        The same seed gives the same split, whatever the order of the entries.
    by : {"group", "subject", None}
        What is kept whole: groups, or subjects with their groups; entries without one stand alone. Cells
        of one image always stay together.

    Returns
    -------
    Manifest
        The entries in the same order, each with its part.

    Raises
    ------
    ManifestError
        If a label cannot be in every part, such as one whose cells all come from a single subject, or no
        entry has a subject to split by.
    """
    names = [name for name in SPLITS if fractions.get(name, 0) > 0]
    shares = [fractions[name] for name in names]
    if set(fractions) - set(SPLITS) or min(fractions.values(), default=0) < 0 or abs(sum(shares) - 1) > 1e-6:
        raise ManifestError(f"the fractions {dict(fractions)} must name {', '.join(SPLITS)} and sum to 1")
    parts = _assign(manifest, shares, names, seed=seed, by=by)
    return manifest.with_splits([names[part] for part in parts])


def protocol_split(
    manifest: Manifest, protocol: Protocol, *, seed: int = 0, by: By | None = "group"
) -> Manifest:
    """Divide `manifest` by a named protocol.

    Parameters
    ----------
    manifest : Manifest
    protocol : {"holdout", "grouped", "official", "random_7_1_2"}
        ``holdout``: `split_manifest` as it is. ``grouped``: the same, subjects kept whole. ``random_7_1_2``:
        the same shares at random, whatever belongs together: the protocol that papers state, whose figures
        flatter. ``official``: the data set's own parts; where it has no ``val``, `VAL_SHARE` of its
        ``train`` becomes it.
    seed : int
        Of what is drawn.
    by : {"group", "subject", None}
        What ``holdout`` and ``official`` keep whole.

    Raises
    ------
    ManifestError
        As `split_manifest`, and if ``official`` is asked of a manifest without ``train`` and ``test``.
    """
    if protocol == "grouped":
        return split_manifest(manifest, seed=seed, by="subject")
    if protocol == "random_7_1_2":
        return split_manifest(manifest, seed=seed, by=None)
    if protocol == "holdout":
        return split_manifest(manifest, seed=seed, by=by)
    found = {entry.split for entry in manifest.entries}
    if not {"train", "test"} <= found:
        parts = ", ".join(sorted(filter(None, found))) or "none"
        raise ManifestError(f"there is no official split, the parts are {parts}: choose the protocol holdout")
    return manifest if "val" in found else _with_val(manifest, seed=seed, by=by)


def _with_val(manifest: Manifest, *, seed: int, by: By | None) -> Manifest:
    """Turn `VAL_SHARE` of ``train`` into ``val``; a label too rare for both stays in ``train``.

    Where groups or subjects are too few and large for that they are parted here: the choice of the epoch may
    then flatter, the held-out part does not.
    """
    rows = [row for row, entry in enumerate(manifest.entries) if entry.split == "train"]
    training = replace(manifest, entries=tuple(manifest.entries[row] for row in rows))
    names = ("train", "val")
    for whole in (by, None):
        parts = _assign(training, (1 - VAL_SHARE, VAL_SHARE), names, seed=seed, by=whole, complete=False)
        if parts.any() and not parts.all():
            break
    else:
        raise ManifestError(
            f"{len(rows)} cells for training are too few to choose an epoch on some: add cells"
        )
    splits = [entry.split for entry in manifest.entries]
    for row, part in zip(rows, parts, strict=True):
        splits[row] = names[part]
    return manifest.with_splits(splits)


def folds(
    manifest: Manifest, count: int, *, seed: int = 0, by: By | None = "group", val: bool = False
) -> tuple[Manifest, ...]:
    """Give `count` copies of `manifest` for cross-validation, each with another part as its ``test``.

    Everything else is ``train``; with `val`, `VAL_SHARE` of it is ``val``, so that an epoch can be chosen
    without a look at the held-out part. Other parameters and errors are those of `split_manifest`.
    """
    if count < 2:
        raise ManifestError(f"cross-validation needs at least 2 folds, not {count}")
    names = [f"fold {number}" for number in range(1, count + 1)]
    parts = _assign(manifest, [1 / count] * count, names, seed=seed, by=by)
    held_out = (
        manifest.with_splits(["test" if part == fold else "train" for part in parts]) for fold in range(count)
    )
    return tuple(_with_val(fold, seed=seed, by=by) if val else fold for fold in held_out)


def _assign(
    manifest: Manifest,
    shares: Sequence[float],
    names: Sequence[str],
    *,
    seed: int,
    by: By | None,
    complete: bool = True,
) -> npt.NDArray[np.intp]:
    """Part of each entry; `complete` asks for every label in every part.

    Bound entries are placed one set at a time, the largest first, where the sum over parts and labels of
    (cells − wanted)² / wanted grows least; for single cells this is Webster's apportionment.
    """
    if by == "subject" and not any(entry.subject for entry in manifest.entries):
        raise ManifestError("no entry names its subject: add a column subject, or split by group")
    labels = manifest.labels
    sets, keys = _bound_sets(manifest.entries, _BOUND_BY[by])
    label_of = np.array([labels.index(entry.label) for entry in manifest.entries], np.intp)
    sizes = np.zeros((len(keys), len(labels)))
    np.add.at(sizes, (sets, label_of), 1)
    if complete:
        _refuse_few_sets(sizes, labels, len(shares), by)

    wanted = np.outer(shares, sizes.sum(axis=0))
    cells = np.zeros_like(wanted)
    order = sorted(range(len(keys)), key=lambda i: (-sizes[i].sum(), _shuffled(keys[i], seed)))
    part_of = np.zeros(len(keys), np.intp)
    for i in order:
        growth = ((2 * (cells - wanted) + sizes[i]) * sizes[i] / wanted).sum(axis=1)
        part_of[i] = int(np.argmin(growth))
        cells[part_of[i]] += sizes[i]
    for part, label in np.argwhere(cells == 0)[:1] if complete else ():
        raise ManifestError(
            f"{int(sizes[:, label].sum())} cells of {labels[label]!r} are too few to have some in "
            f"{names[part]}: add cells, leave the label out, or ask for other parts"
        )
    return part_of[sets]


def _refuse_few_sets(
    sizes: npt.NDArray[np.float64], labels: Sequence[str], parts: int, by: By | None
) -> None:
    for label, count in zip(labels, (sizes > 0).sum(axis=0), strict=True):
        if count < parts:
            raise ManifestError(
                f"the cells of {label!r} come from {count} {by or 'image'}(s), too few for {parts} parts: "
                "add some, leave the label out, or ask for fewer parts"
            )


def _bound_sets(entries: Sequence[Entry], names: Sequence[str]) -> tuple[npt.NDArray[np.intp], list[str]]:
    """Number the sets of entries that share a value of any of `names`; give each set its least path."""
    values: dict[tuple[str, str], int] = {}
    links = [
        (row, values.setdefault((name, value), len(values)))
        for row, entry in enumerate(entries)
        for name in names
        if (value := getattr(entry, name))
    ]
    if not links:
        raise ManifestError("the manifest has no entries to split")
    rows, columns = np.array(links).T
    count = len(entries) + len(values)
    graph = coo_array((np.ones(len(rows)), (rows, columns + len(entries))), shape=(count, count))
    _, component = connected_components(graph, directed=False)
    _, sets = np.unique(component[: len(entries)], return_inverse=True)
    keys = [""] * (int(sets.max()) + 1)
    for number, entry in zip(sets, entries, strict=True):
        keys[number] = min(keys[number] or entry.path, entry.path)
    return sets, keys


def _shuffled(key: str, seed: int) -> bytes:
    """Order at random, but by what the entry is called rather than where it stands."""
    return hashlib.sha256(f"{seed}:{key}".encode()).digest()
