"""Results as files: tables, JSON, and one page to look at."""

from leukon.report.csv import write_cells, write_differential, write_predictions
from leukon.report.html import write_page
from leukon.report.json import NOTICE, analysis_summary, classification_summary
from leukon.report.segmentation import write_segmentation
from leukon.report.write import write_analysis, write_classification

__all__ = [
    "NOTICE",
    "analysis_summary",
    "classification_summary",
    "write_analysis",
    "write_cells",
    "write_classification",
    "write_differential",
    "write_page",
    "write_predictions",
    "write_segmentation",
]
