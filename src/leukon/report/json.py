"""Results as plain JSON values."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from leukon.types import Analysis, ClassCount, Classification, Provenance

NOTICE = "For Research Use Only. Not for use in diagnostic procedures."


def analysis_summary(analysis: Analysis) -> dict[str, Any]:
    """Return what ``differential.json`` holds.

    Percentages and limits have full precision; limits are exact binomial (Clopper–Pearson), 95 %, and
    those called corrected hold the classifier's errors too.
    """
    result = analysis.differential
    left_out: Counter[str] = Counter()
    for field in analysis.fields:
        left_out.update(
            cell.prediction.reason for cell in field.cells if cell.prediction.status == "excluded"
        )
    return {
        "notice": NOTICE,
        "leukocytes": [_line(analysis, line) for line in result.leukocytes],
        "per_100_leukocytes": [_line(analysis, line) for line in result.per_100],
        "cells": {
            "counted": result.cells_counted,
            "unidentified": result.cells_unidentified,
            "excluded": result.cells_excluded,
            "excluded_by_reason": dict(sorted(left_out.items())),
        },
        "fields": {"read": result.fields_read, "skipped": [asdict(one) for one in result.skipped]},
        "flags": [asdict(flag) for flag in result.flags],
        "interval": {
            "method": "Clopper-Pearson",
            "corrected": "classifier errors as on the bundle's validation cells",
            "level": 0.95,
        },
        "provenance": _provenance(analysis.provenance),
    }


def classification_summary(classification: Classification) -> dict[str, Any]:
    """Return what ``leukon classify --json`` prints."""
    images = classification.images
    status = Counter(image.status for image in images)
    labels = Counter(image.prediction.label for image in images if image.prediction and image.status == "ok")
    return {
        "notice": NOTICE,
        "images": len(images),
        "classes": {name: labels[name] for name in classification.taxonomy.names},
        "status": {name: status[name] for name in ("ok", "unidentified", "excluded")},
        "skipped": [asdict(one) for one in classification.skipped],
        "provenance": _provenance(classification.provenance),
    }


def _line(analysis: Analysis, line: ClassCount) -> dict[str, Any]:
    return {"title": analysis.taxonomy[line.name].title or line.name, **asdict(line)}


def _provenance(made: Provenance) -> dict[str, Any]:
    return {
        "bundle": {"name": made.bundle, "version": made.bundle_version, "sha256": made.bundle_sha256},
        "leukon": made.leukon,
        "time": made.created,
        "settings": dict(made.settings),
        "inputs": made.inputs,
    }
