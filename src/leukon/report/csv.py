"""Results as tables: UTF-8, commas, one header line."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from leukon.storage import replacing
from leukon.types import Analysis, ClassCount, Classification, FieldResult, NamedImage, Prediction, Taxonomy

BOX = "x0", "y0", "x1", "y1"
STATE = "status", "reason", "candidates", "novelty"
SHARES = "percent", "low_95", "high_95", "corrected_percent", "corrected_low_95", "corrected_high_95"


def write_cells(path: Path, analysis: Analysis) -> None:
    """Write one row per cell: where it lies (px), what it is called, how sure that is, and its status.

    ``candidates`` is the prediction set, its classes parted by bars; ``novelty`` above 1 tells a cell that is
    unlike those of training.
    """
    names = analysis.taxonomy.names
    header = ["field", *BOX, "label", "confidence", *_shares(names), *STATE]
    write_table(path, header, (row for field in analysis.fields for row in _cell_rows(field)))


def write_predictions(path: Path, classification: Classification) -> None:
    """Write one row per image; label and probabilities are empty where there is no cell."""
    taxonomy = classification.taxonomy
    header = ["file", "label", "confidence", *_shares(taxonomy.names), *STATE]
    write_table(path, header, (_image_row(image, taxonomy) for image in classification.images))


def write_differential(path: Path, analysis: Analysis) -> None:
    """Write the count, its totals, flags and origin, one per row.

    ``kind`` tells them apart: ``class`` (% of leukocytes), ``per_100`` (per 100 leukocytes), ``total``,
    ``flag``, ``skipped``, ``provenance``. The corrected share and limits take back the classifier's errors.
    """
    result, made = analysis.differential, analysis.provenance
    totals = {
        "cells counted": result.cells_counted,
        "cells unidentified": result.cells_unidentified,
        "cells excluded": result.cells_excluded,
        "fields read": result.fields_read,
        "fields skipped": len(result.skipped),
    }
    origin = {
        "bundle": made.bundle,
        "bundle version": made.bundle_version,
        "bundle sha256": made.bundle_sha256,
        "leukon": made.leukon,
        "time": made.created,
    }
    empty = [""] * len(SHARES)
    rows = [
        *(_count_row("class", line) for line in result.leukocytes),
        *(_count_row("per_100", line) for line in result.per_100),
        *(["total", name, str(n), *empty, ""] for name, n in totals.items()),
        *(["flag", flag.code, "", *empty, flag.message] for flag in result.flags),
        *(["skipped", one.name, "", *empty, one.reason] for one in result.skipped),
        *(["provenance", name, "", *empty, text] for name, text in origin.items()),
    ]
    write_table(path, ["kind", "name", "count", *SHARES, "text"], rows)


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a table at once or not at all."""
    with replacing(path) as part, part.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _cell_rows(field: FieldResult) -> Iterator[list[str]]:
    for cell in field.cells:
        corners = (getattr(cell.box, name) for name in BOX)
        yield [field.name, *(f"{value:.1f}" for value in corners), *_prediction_columns(cell.prediction)]


def _image_row(image: NamedImage, taxonomy: Taxonomy) -> list[str]:
    if image.prediction is None:
        return [image.name, "", "", *([""] * len(taxonomy)), image.status, image.reason, "", ""]
    return [image.name, *_prediction_columns(image.prediction)]


def _prediction_columns(prediction: Prediction) -> list[str]:
    shares = [f"{share:.4f}" for share in prediction.probabilities]
    novelty = "" if prediction.novelty is None else f"{prediction.novelty:.3f}"
    state = prediction.status, prediction.reason, "|".join(prediction.candidates), novelty
    return [prediction.label, f"{prediction.confidence:.4f}", *shares, *state]


def _count_row(kind: str, line: ClassCount) -> list[str]:
    shares = line.percent, line.low, line.high
    corrected = line.corrected_percent, line.corrected_low, line.corrected_high
    numbers = ("" if n is None else f"{n:.2f}" for n in (*shares, *corrected))
    return [kind, line.name, str(line.count), *numbers, ""]


def _shares(names: Sequence[str]) -> list[str]:
    return [f"p_{name}" for name in names]
