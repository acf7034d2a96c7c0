"""Everything that a run leaves in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from leukon.report.csv import write_cells, write_differential, write_predictions
from leukon.report.html import write_page
from leukon.report.json import analysis_summary, classification_summary
from leukon.storage import write_json
from leukon.types import Analysis, Classification


def write_analysis(folder: Path | str, analysis: Analysis, *, title: str = "Smear") -> dict[str, Any]:
    """Write ``cells.csv``, ``differential.csv``, ``differential.json`` and ``report.html``.

    Each file is replaced at once or not at all.

    Returns
    -------
    dict
        What ``differential.json`` holds.

    Raises
    ------
    InputError
        If the disk is full or the folder cannot be written.
    """
    folder = Path(folder)
    summary = analysis_summary(analysis)
    write_cells(folder / "cells.csv", analysis)
    write_differential(folder / "differential.csv", analysis)
    write_page(folder / "report.html", analysis, title=title)
    write_json(folder / "differential.json", summary)
    return summary


def write_classification(folder: Path | str, classification: Classification) -> dict[str, Any]:
    """Write ``predictions.csv`` and return the summary; raises `InputError` as `write_analysis` does."""
    write_predictions(Path(folder) / "predictions.csv", classification)
    return classification_summary(classification)
