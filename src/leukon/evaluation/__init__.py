"""How good a classifier is: scores, intervals, figures, and one page."""

from leukon.evaluation.bootstrap import Interval, bootstrap
from leukon.evaluation.evaluate import Evaluation, Example, Restricted, evaluate, pool
from leukon.evaluation.folds import Spread, spread
from leukon.evaluation.results import Provenance, write_evaluation
from leukon.evaluation.scores import Rates, Scores, score

__all__ = [
    "Evaluation",
    "Example",
    "Interval",
    "Provenance",
    "Rates",
    "Restricted",
    "Scores",
    "Spread",
    "bootstrap",
    "evaluate",
    "pool",
    "score",
    "spread",
    "write_evaluation",
]
