"""Results as plain JSON values for the journal, and back."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from leukon.types import Box, FieldResult, FoundCell, NamedImage, Prediction


def field_to_json(field: FieldResult) -> dict[str, Any]:
    """Return everything but the name, which belongs to the run."""
    return {
        "size": [field.width_px, field.height_px],
        "cells": [
            {
                "box": [cell.box.x0, cell.box.y0, cell.box.x1, cell.box.y1],
                "prediction": _prediction_to_json(cell.prediction),
                "thumbnail": base64.b64encode(cell.thumbnail).decode(),
            }
            for cell in field.cells
        ],
        "remarks": field.remarks,
        "skipped": field.skipped,
        "preview": base64.b64encode(field.preview).decode(),
    }


def field_from_json(name: str, value: Any) -> FieldResult:
    """Return what `field_to_json` was given."""
    width_px, height_px = value["size"]
    return FieldResult(
        name,
        width_px,
        height_px,
        cells=tuple(
            FoundCell(
                Box(*cell["box"]),
                _prediction_from_json(cell["prediction"]),
                base64.b64decode(cell["thumbnail"]),
            )
            for cell in value["cells"]
        ),
        remarks=tuple(value["remarks"]),
        skipped=value["skipped"],
        preview=base64.b64decode(value["preview"]),
    )


def image_to_json(image: NamedImage) -> dict[str, Any]:
    """Return everything but the name, which belongs to the run."""
    prediction = image.prediction
    return {
        "prediction": None if prediction is None else _prediction_to_json(prediction),
        "fault": image.fault,
        "is_readable": image.is_readable,
    }


def image_from_json(name: str, value: Any) -> NamedImage:
    """Return what `image_to_json` was given."""
    prediction = value["prediction"]
    found = None if prediction is None else _prediction_from_json(prediction)
    return NamedImage(name, found, value["fault"], value["is_readable"])


def _prediction_to_json(prediction: Prediction) -> list[Any]:
    shares = prediction.probabilities.tolist()
    state = prediction.status, prediction.reason, prediction.candidates, prediction.novelty
    abroad = None if prediction.abroad is None else prediction.abroad.tolist()
    return [prediction.label, shares, *state, abroad]


def _prediction_from_json(value: Any) -> Prediction:
    label, probabilities, status, reason, candidates, novelty, abroad = value
    shares = np.array(probabilities, np.float32)
    others = None if abroad is None else np.array(abroad, np.float32)
    return Prediction(label, shares, status, reason, tuple(candidates), novelty, others)
