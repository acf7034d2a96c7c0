"""The values that pass between the floors: frozen, numpy only."""

from leukon.types.analysis import Analysis, Classification, FieldResult, FoundCell, NamedImage, Provenance
from leukon.types.differential import ClassCount, Differential, Flag, Skipped
from leukon.types.image import Box, Capture, Cell, Field, Image
from leukon.types.prediction import Classifier, Prediction, Status, SystemAware
from leukon.types.segmentation import SegmentedCell, SegmentedImage
from leukon.types.taxonomy import (
    AML_CLASSES,
    MLL23_CLASSES,
    PERIPHERAL_BLOOD,
    CellClass,
    Taxonomy,
    taxonomy_of,
)

__all__ = [
    "AML_CLASSES",
    "MLL23_CLASSES",
    "PERIPHERAL_BLOOD",
    "Analysis",
    "Box",
    "Capture",
    "Cell",
    "CellClass",
    "ClassCount",
    "Classification",
    "Classifier",
    "Differential",
    "Field",
    "FieldResult",
    "Flag",
    "FoundCell",
    "Image",
    "NamedImage",
    "Prediction",
    "Provenance",
    "SegmentedCell",
    "SegmentedImage",
    "Skipped",
    "Status",
    "SystemAware",
    "Taxonomy",
    "taxonomy_of",
]
