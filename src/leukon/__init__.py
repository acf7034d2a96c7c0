"""White-blood-cell image analysis that survives a change of microscope."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leukon.bundle import Bundle, load_bundle
    from leukon.errors import LeukonError
    from leukon.smear.analyze import analyze
    from leukon.smear.classify import classify
    from leukon.types import (
        Analysis,
        Box,
        Cell,
        Classification,
        Differential,
        Field,
        Prediction,
        Taxonomy,
    )

__version__ = "0.1.0"

_HOMES = {
    "Analysis": "leukon.types",
    "Box": "leukon.types",
    "Bundle": "leukon.bundle",
    "Cell": "leukon.types",
    "Classification": "leukon.types",
    "Differential": "leukon.types",
    "Field": "leukon.types",
    "LeukonError": "leukon.errors",
    "Prediction": "leukon.types",
    "Taxonomy": "leukon.types",
    "analyze": "leukon.smear",
    "classify": "leukon.smear",
    "load_bundle": "leukon.bundle",
}

__all__ = [
    "Analysis",
    "Box",
    "Bundle",
    "Cell",
    "Classification",
    "Differential",
    "Field",
    "LeukonError",
    "Prediction",
    "Taxonomy",
    "__version__",
    "analyze",
    "classify",
    "load_bundle",
]


def __getattr__(name: str) -> Any:
    # Names load on first use, so that `leukon --help` does not wait for OpenCV and onnxruntime.
    if name not in _HOMES:
        raise AttributeError(f"module 'leukon' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
