"""Finding cells: in whole fields, and the one cell of a single-cell image."""

from leukon.segmentation.cell import find_cell
from leukon.segmentation.detection import Detection
from leukon.segmentation.field import find_leukocytes

__all__ = ["Detection", "find_cell", "find_leukocytes"]
