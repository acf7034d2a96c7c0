"""Naming images that each hold one cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from leukon.bundle import Bundle
from leukon.errors import InputError
from leukon.segmentation.cell import NO_CELL, cell_of
from leukon.smear.analyze import BROKEN
from leukon.smear.color import Choice, Recoloring, recoloring
from leukon.smear.journal import Journal
from leukon.smear.records import image_from_json, image_to_json
from leukon.smear.run import (
    Progress,
    classifier_of,
    excess_of,
    ordered,
    promises_of,
    provenance_of,
    purpose_of,
    tempered,
    unknown_system,
)
from leukon.smear.sources import Input, Source, sources_of
from leukon.types import Cell, Classification, Classifier, NamedImage, Skipped

GROUP = 16
PROCESSES_FROM = 20
ENOUGH_PX = 640


def classify(
    inputs: Input | Sequence[Input],
    *,
    bundle: Classifier | Path | str | None = None,
    classes: Sequence[str] | None = None,
    confidence: float | None = None,
    color: Choice = None,
    journal: Path | str | None = None,
    progress: Progress | None = None,
) -> Classification:
    """Name images that each hold one cell, in any framing.

    The cell is found first and brought to the scale that the network knows. All classes are names here,
    platelets too; only what holds no whole cell is excluded.

    Parameters
    ----------
    inputs : path, Field, array, or a sequence of these
        Image files, folders of them, or RGB images of shape (H, W, 3), uint8 or uint16.
    bundle : Classifier or path-like, optional
        By default the shipped bundle. A classifier is called from several threads.
    classes : sequence of str, optional
        Keep these alone and renormalise their probabilities.
    confidence : float, optional
        Name cells from this confidence on, 0…1, and leave the others unidentified; by default the bundle's
        own. Less names more cells, more of them wrongly.
    color : ColorFit, path-like or "auto", optional
        A colour map, or its file, that brings the images to the look that the bundle knows; ``"auto"``
        recognises the imaging system, and fits a map to the images where it is not known.
    journal : path-like, optional
        File that keeps the results, so that the same call goes on after it was killed.
    progress : callable, optional
        Called with the number of images done and the number of all.

    Returns
    -------
    Classification
        One entry per image; those that cannot be read are listed in ``skipped`` too.

    Raises
    ------
    InputError
        If the confidence is out of range, an input is missing, a folder holds no image, or the journal
        cannot be written.
    UnknownNameError
        If the bundle does not know one of `classes`.
    BundleError
        If the bundle cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> empty = np.full((60, 60, 3), 230, np.uint8)
    >>> classify(empty).images[0].reason
    'no stained cell found'
    """
    sources = sources_of(inputs)
    classifier = classifier_of(bundle, confidence)
    if classes is not None:
        if not isinstance(classifier, Bundle):
            raise InputError("only a bundle can be restricted to some classes")
        if not classes:
            raise InputError(
                f"no class is named: give at least two of {', '.join(classifier.taxonomy.names)}"
            )
        classifier = classifier.restricted(classes)
    colors = recoloring(color, sources)
    book = Journal(journal, purpose_of("classify", classifier) + colors.purpose)

    # The groups hang on the inputs alone, so a resumed run forms the same batches, to the last bit.
    groups = [sources[i : i + GROUP] for i in range(0, len(sources), GROUP)]
    keys = [_key(group) for group in groups]
    places = [book.place(key) for key in keys]
    missing = [i for i, place in enumerate(places) if place is None]
    done = len(sources) - sum(len(groups[i]) for i in missing)
    if progress:
        progress(done, len(sources))

    work = partial(_name, classifier=classifier, colors=colors)
    processes = len(missing) >= PROCESSES_FROM and isinstance(classifier, Bundle)
    results = ordered((groups[i] for i in missing), work, processes=processes)
    for index, named in zip(missing, results, strict=True):
        # An unreadable file gets another chance in the next run.
        key = keys[index] if all(one.is_readable for one in named) else None
        places[index] = book.append(key, [image_to_json(one) for one in named])
        done += len(named)
        if progress:
            progress(done, len(sources))

    values = [value for place in places if place is not None for value in book.read(place)]
    images = [image_from_json(source.name, value) for source, value in zip(sources, values, strict=True)]
    whole = {i: one.prediction for i, one in enumerate(images) if one.prediction and one.reason != BROKEN}
    excess = excess_of(classifier, whole.values())
    for i, prediction in whole.items():
        images[i] = replace(images[i], prediction=tempered(classifier, prediction, excess))
    skipped = tuple(Skipped(one.name, one.fault) for one in images if not one.is_readable)
    settings = {"classes": ", ".join(classifier.taxonomy.names), **promises_of(classifier), **colors.settings}
    if strange := unknown_system(excess):
        settings["caution"] = strange
    if colors.warning:
        settings["colour warning"] = colors.warning
    provenance = provenance_of(classifier, settings, len(sources))
    return Classification(images, skipped, classifier.taxonomy, provenance)


def _key(group: Sequence[Source]) -> str | None:
    keys = [source.key() for source in group]
    return None if None in keys else "\n".join(str(key) for key in keys)


def _name(group: Sequence[Source], classifier: Classifier, colors: Recoloring) -> list[NamedImage]:
    named: dict[int, NamedImage] = {}
    cells: dict[int, Cell] = {}
    for i, source in enumerate(group):
        try:
            image = source.read(enough_px=ENOUGH_PX)
            cell = cell_of(image, name=source.name)
        except Exception as error:  # whatever is wrong with one image must not stop the others
            named[i] = NamedImage(source.name, fault=source.fault(error), is_readable=False)
            continue
        if cell is None:
            named[i] = NamedImage(source.name, fault=NO_CELL)
        else:
            cells[i] = replace(cell, image=colors(image))
    predictions = classifier.predict(list(cells.values())) if cells else []
    for (i, cell), prediction in zip(cells.items(), predictions, strict=True):
        if "broken" in cell.flags:
            prediction = replace(prediction, status="excluded", reason=BROKEN)
        named[i] = NamedImage(cell.name, prediction)
    return [named[i] for i in range(len(group))]
