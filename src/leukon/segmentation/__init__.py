"""Finding cells, in whole fields and in single-cell images, segmenting and measuring them."""

from leukon.segmentation.cell import find_cell
from leukon.segmentation.detection import Detection
from leukon.segmentation.field import find_leukocytes
from leukon.segmentation.leukocytes import METHODS, segment
from leukon.segmentation.mask import cell_mask
from leukon.segmentation.measurements import MEASUREMENTS, cell_measurements
from leukon.segmentation.parts import Parts

__all__ = [
    "MEASUREMENTS",
    "METHODS",
    "Detection",
    "Parts",
    "cell_mask",
    "cell_measurements",
    "find_cell",
    "find_leukocytes",
    "segment",
]
