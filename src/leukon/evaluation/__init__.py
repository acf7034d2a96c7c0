"""How good a classifier is: scores, intervals, figures, and one page."""

from leukon.evaluation.answers import Answers, collect, read_answers
from leukon.evaluation.background import BackgroundDrop, background_test
from leukon.evaluation.bootstrap import Interval, bootstrap
from leukon.evaluation.compare import Comparison, compare
from leukon.evaluation.comparison import write_comparison
from leukon.evaluation.evaluate import Evaluation, Example, Restricted, evaluate, pool
from leukon.evaluation.folds import Spread, spread
from leukon.evaluation.results import Provenance, write_evaluation
from leukon.evaluation.scores import Rates, Scores, score

__all__ = [
    "Answers",
    "BackgroundDrop",
    "Comparison",
    "Evaluation",
    "Example",
    "Interval",
    "Provenance",
    "Rates",
    "Restricted",
    "Scores",
    "Spread",
    "background_test",
    "bootstrap",
    "collect",
    "compare",
    "evaluate",
    "pool",
    "read_answers",
    "score",
    "spread",
    "write_comparison",
    "write_evaluation",
]
