"""Finding cells: in whole fields, and the one cell of a single-cell image."""

from leukon.segmentation.cell import find_cell
from leukon.segmentation.detection import Detection
from leukon.segmentation.field import find_leukocytes
from leukon.segmentation.mask import cell_mask

__all__ = ["Detection", "cell_mask", "find_cell", "find_leukocytes"]
