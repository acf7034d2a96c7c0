"""From images to cells, names and a count."""

from leukon.smear.analyze import analyze
from leukon.smear.classify import classify
from leukon.smear.differential import CountOptions, Fields, count
from leukon.types import Analysis, Classification

__all__ = ["Analysis", "Classification", "CountOptions", "Fields", "analyze", "classify", "count"]
