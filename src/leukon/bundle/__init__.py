"""Shipped models: what they hold and how they run."""

from leukon.bundle.layout import Calibration, Contents, Novelty, Sample, read_bundle, write_bundle
from leukon.bundle.runtime import Bundle, load_bundle

__all__ = [
    "Bundle",
    "Calibration",
    "Contents",
    "Novelty",
    "Sample",
    "load_bundle",
    "read_bundle",
    "write_bundle",
]
