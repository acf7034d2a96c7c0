"""The bars that segmentation has to clear on masks that others drew, with one parameter set."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks import segmentation

SHORT = pytest.mark.xfail(reason="short of the bar: 0.952 on jtsc, 0.944 on bccd")
BARS = [
    pytest.param("jtsc", "nucleus", 0.96, marks=SHORT),
    ("jtsc", "cell", 0.92),
    ("bcisc", "cell", 0.92),
    pytest.param("bccd", "nucleus", 0.95, marks=SHORT),
    ("bccd", "cell", 0.92),
    ("generated", "nucleus", 0.96),
    ("generated", "cell", 0.92),
]
scores: dict[str, dict[str, float]] = {}


@pytest.mark.parametrize(("name", "part", "least"), BARS)
def test_mean_dice(shared_data: Path, name: str, part: str, least: float) -> None:
    if name not in scores:
        scores[name] = segmentation.score(shared_data, name, "adaptive")
    assert scores[name][f"{part}_dice"] >= least


def test_adaptive_beats_plain_clusters_on_the_whole_cell(shared_data: Path) -> None:
    for name in segmentation.SETS:
        ours, plain = (
            segmentation.score(shared_data, name, method, step=8) for method in ("adaptive", "ekmeans")
        )
        assert ours["cell_dice"] > plain["cell_dice"] + 0.03
        assert ours["cell_failures"] < plain["cell_failures"] + 1e-9
