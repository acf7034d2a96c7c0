"""One self-contained page: no script, nothing fetched, pictures inside."""

from __future__ import annotations

import base64
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

from leukon.report.gallery import Group, gallery_of
from leukon.report.json import NOTICE
from leukon.storage import open_synced, replacing
from leukon.types import Analysis, ClassCount, FieldResult, Prediction, Taxonomy

FIELDS_SHOWN = 100
SKIPPED_SHOWN = 200
UNIDENTIFIED_COLOUR = "#5f6b76"
EXCLUDED_COLOUR = "#9aa4ad"


def write_page(path: Path | str, analysis: Analysis, *, title: str = "Smear") -> None:
    """Write the report; of many cells and fields it shows some and says how many there are.

    Parameters
    ----------
    path : path-like
    analysis : Analysis
    title : str
        Name of the sample, in the heading.

    Raises
    ------
    InputError
        If the disk is full or the place cannot be written.
    """
    fields = analysis.fields
    pictured = [field for field in fields[:FIELDS_SHOWN] if field.preview]
    stream = _template().stream(
        title=title,
        notice=NOTICE,
        analysis=analysis,
        result=analysis.differential,
        groups=gallery_of(fields, analysis.taxonomy),
        pictured=pictured,
        legend=_legend(pictured, analysis.taxonomy),
        skipped_shown=SKIPPED_SHOWN,
        scale=_scale(analysis.differential.leukocytes),
        is_corrected=any(line.corrected_low is not None for line in analysis.differential.leukocytes),
        taxonomy=analysis.taxonomy,
    )
    with replacing(path) as part, open_synced(part) as file:
        file.writelines(piece.encode("utf-8", "backslashreplace") for piece in stream)


def _scale(lines: tuple[ClassCount, ...]) -> float:
    """Right end of the bars, in %: a round number that holds all limits."""
    highest = max((max(line.high or 0, line.corrected_high or 0) for line in lines), default=0)
    return next((end for end in (10.0, 20.0, 40.0, 60.0, 80.0) if highest <= end), 100.0)


def _legend(fields: list[FieldResult], taxonomy: Taxonomy) -> list[tuple[str, str, int]]:
    """(title, colour, cells) of every kind of box in the pictures, in the taxonomy's order."""
    seen = Counter(_kind(cell.prediction) for field in fields for cell in field.cells)
    order = [*taxonomy.names, "unidentified", "excluded"]
    return [
        (_kind_title(kind, taxonomy), _colour(kind, taxonomy), seen[kind]) for kind in order if seen[kind]
    ]


def _kind(prediction: Prediction) -> str:
    return prediction.label if prediction.status == "ok" else prediction.status


def _kind_title(kind: str, taxonomy: Taxonomy) -> str:
    return (taxonomy[kind].title or kind) if kind in taxonomy.names else kind.capitalize()


def _colour(kind: str, taxonomy: Taxonomy) -> str:
    if kind in taxonomy.names:
        return taxonomy[kind].colour
    return UNIDENTIFIED_COLOUR if kind == "unidentified" else EXCLUDED_COLOUR


def _text_on(colour: str) -> str:
    """Black or white, whichever reads better on `colour` (relative luminance, WCAG 2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#ffffff" if luminance < 0.179 else "#000000"


def _uri(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()


def _number(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _note(group: Group) -> str:
    """Say how many cells are shown of how many."""
    shown = len(group.cells)
    if shown == group.total:
        return f"{shown} cell" if shown == 1 else f"{shown} cells"
    return f"showing {shown} of {group.total:,}: the {shown // 2} surest and the {shown // 2} least sure"


@cache
def _template() -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(uri=_uri, number=_number, note=_note, kind=_kind, text_on=_text_on)
    environment.globals.update(kind_title=_kind_title, colour=_colour)
    return environment.get_template("report.html")
