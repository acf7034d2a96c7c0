"""From the fields of a smear to a differential."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from leukon.segmentation.field import find_leukocytes
from leukon.segmentation.gate import faults_of
from leukon.smear.color import Choice, Recoloring, recoloring
from leukon.smear.differential import CountOptions, Fields, count
from leukon.smear.journal import Journal
from leukon.smear.pictures import preview, thumbnail
from leukon.smear.records import field_from_json, field_to_json
from leukon.smear.run import (
    Progress,
    Results,
    card_of,
    classifier_of,
    confusion_of,
    excess_of,
    ordered,
    promises_of,
    provenance_of,
    purpose_of,
    tempered,
    unknown_system,
)
from leukon.smear.sources import Input, Source, sources_of
from leukon.types import (
    Analysis,
    Classifier,
    FieldResult,
    Flag,
    FoundCell,
    Prediction,
    Skipped,
    Taxonomy,
)

PREVIEWS = 100
"""Fields, from the first, whose picture is kept for the report."""

CUT = "cut by the image's edge"
BROKEN = "smudge or broken cell"


def analyze(
    inputs: Input | Sequence[Input],
    *,
    bundle: Classifier | Path | str | None = None,
    confidence: float | None = None,
    color: Choice = None,
    options: CountOptions | None = None,
    journal: Path | str | None = None,
    progress: Progress | None = None,
) -> Analysis:
    """Find the leukocytes of a smear, name them, and count them.

    Cells that the edge of an image cuts are excluded: half a cell is named badly, and where fields adjoin
    it would be counted twice. Fields are taken not to overlap: a whole cell that two fields show counts
    twice. Unidentified cells are not in the denominator.

    Parameters
    ----------
    inputs : path, Field, array, or a sequence of these
        Image files, folders of them, or RGB images of shape (H, W, 3), uint8 or uint16.
    bundle : Classifier or path-like, optional
        By default the shipped bundle. A classifier is called from several threads.
    confidence : float, optional
        Name cells from this confidence on, 0…1, and leave the others unidentified; by default the bundle's
        own. Less names more cells, more of them wrongly.
    color : ColorFit, path-like or "auto", optional
        A colour map, or its file, that brings the images to the look that the bundle knows; ``"auto"``
        recognises the imaging system, and fits a map to the images where it is not known.
    options : CountOptions, optional
        How the count is made and judged.
    journal : path-like, optional
        File that keeps the results of every field, so that the same call goes on after it was killed.
    progress : callable, optional
        Called with the number of fields done and the number of all.

    Returns
    -------
    Analysis
        An image that cannot be used is listed in ``differential.skipped`` and never stops the run.

    Raises
    ------
    InputError
        If the confidence is out of range, an input is missing, a folder holds no image, or the journal
        cannot be written.
    BundleError
        If the bundle cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> empty = np.full((60, 80, 3), 230, np.uint8)
    >>> analyze(empty).differential.cells_counted
    0
    """
    options = options or CountOptions()
    sources = sources_of(inputs)
    classifier = classifier_of(bundle, confidence)
    taxonomy = classifier.taxonomy
    colors = recoloring(color, sources)
    book = Journal(journal, purpose_of("analyze", classifier) + colors.purpose)

    keys = [source.key() for source in sources]
    places = [_usable(book, key, i) for i, key in enumerate(keys)]
    missing = [i for i, place in enumerate(places) if place is None]
    done = len(sources) - len(missing)
    if progress:
        progress(done, len(sources))

    def look_at(index: int) -> FieldResult:
        return _field(sources[index], classifier, colors, with_preview=index < PREVIEWS)

    for index, result in zip(missing, ordered(missing, look_at), strict=True):
        # An unreadable file gets another chance in the next run.
        places[index] = book.append(None if result.skipped else keys[index], field_to_json(result))
        done += 1
        if progress:
            progress(done, len(sources))

    done_at = [place for place in places if place is not None]

    def as_named(index: int, value: Any) -> FieldResult:
        return field_from_json(sources[index].name, value)

    named = (cell.prediction for field in Results(book, done_at, as_named) for cell in field.cells)
    excess = excess_of(classifier, (one for one in named if one.reason not in (CUT, BROKEN)))

    def decode(index: int, value: Any) -> FieldResult:
        return _tempered(as_named(index, value), classifier, excess)

    fields = Results(book, done_at, decode)
    images = _judge(fields)
    differential = count(
        taxonomy,
        (cell.prediction for field in fields for cell in field.cells),
        fields=images,
        card=card_of(classifier),
        # Of errors on an unknown system the validation cells say nothing.
        confusion=confusion_of(classifier) if excess == 1 else (),
        options=options,
    )
    if strange := unknown_system(excess):
        differential = replace(differential, flags=(*differential.flags, Flag("unknown_system", strange)))
    if colors.warning:
        differential = replace(
            differential, flags=(*differential.flags, Flag("colour", f"Colours: {colors.warning}."))
        )
    names = set(taxonomy.names)
    settings = {
        "cells wanted": str(options.least_cells),
        "interval width wanted": f"{options.interval_width:g} percentage points",
        "counted together": ", ".join(f"{a} with {b}" for a, b in options.merged if {a, b} <= names) or "–",
        **promises_of(classifier),
        **colors.settings,
    }
    return Analysis(differential, fields, taxonomy, provenance_of(classifier, settings, len(sources)))


def settle(prediction: Prediction, flags: Sequence[str], taxonomy: Taxonomy) -> Prediction:
    """Decide whether a cell counts: the classifier knows its class, segmentation whether it is whole.

    An object of low confidence stays unidentified even if it looks like a platelet most.
    """
    role = taxonomy[prediction.label].role
    if "border" in flags:
        return replace(prediction, status="excluded", reason=CUT)
    if "broken" in flags:
        return replace(prediction, status="excluded", reason=BROKEN)
    if prediction.status == "ok" and role in ("platelet", "artefact"):
        return replace(prediction, status="excluded", reason=role)
    return prediction


def _field(source: Source, classifier: Classifier, colors: Recoloring, *, with_preview: bool) -> FieldResult:
    try:
        image = source.read()
        found = find_leukocytes(image)
        remarks = faults_of(image, found)
    except Exception as error:  # whatever is wrong with one image must not stop the others
        return FieldResult(source.name, skipped=source.fault(error))
    mapped = colors(image) if found else image
    cells = [one.cell(mapped, source.name) for one in found]
    predictions = classifier.predict(cells) if cells else []
    return FieldResult(
        source.name,
        width_px=image.shape[1],
        height_px=image.shape[0],
        cells=tuple(
            FoundCell(
                cell.box, settle(prediction, cell.flags, classifier.taxonomy), thumbnail(image, cell.box)
            )
            for cell, prediction in zip(cells, predictions, strict=True)
        ),
        remarks=remarks,
        preview=preview(image) if with_preview else b"",
    )


def _tempered(field: FieldResult, classifier: Classifier, excess: float) -> FieldResult:
    """Name the cells of a field anew, but for those that are cut or broken."""

    def anew(prediction: Prediction) -> Prediction:
        if prediction.reason in (CUT, BROKEN):
            return prediction
        return settle(tempered(classifier, prediction, excess), (), classifier.taxonomy)

    if excess == 1:
        return field
    return replace(
        field, cells=tuple(replace(cell, prediction=anew(cell.prediction)) for cell in field.cells)
    )


def _judge(fields: Sequence[FieldResult]) -> Fields:
    skipped, remarks, read = [], Counter[str](), 0
    for field in fields:
        if field.skipped:
            skipped.append(Skipped(field.name, field.skipped))
        else:
            read += 1
            remarks.update(field.remarks)
    return Fields(read, tuple(skipped), remarks)


def _usable(book: Journal, key: str | None, index: int) -> int | None:
    place = book.place(key)
    if place is not None and index < PREVIEWS and not book.read(place)["preview"]:
        return None
    return place
