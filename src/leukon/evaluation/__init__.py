"""How good a classifier is: scores, intervals, figures, and one page."""
