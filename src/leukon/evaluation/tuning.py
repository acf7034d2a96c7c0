"""What a search for settings found: table, summary, figures."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from leukon.evaluation.plots import ACCENT, FAINT, INK, svg
from leukon.storage import write_bytes, write_json, write_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Cost = Literal["time_ms", "gflops"]
COSTS: dict[Cost, str] = {"time_ms": "Time per image, ms", "gflops": "GFLOPs per image"}


@dataclass(frozen=True, slots=True)
class Trial:
    """One training run of a search.

    Attributes
    ----------
    number : int
        From 0.
    settings : mapping
        Values by the paths of settings.
    val_balanced_accuracy : float, optional
        Of the best epoch on the ``val`` part, 0…1; None where the trial failed.
    cost : float, optional
        Of one image; None where the trial failed.
    run : str
        The run's folder within the search's.
    is_best : bool
        No other trial is better in one and no worse in the other.
    """

    number: int
    settings: Mapping[str, Any]
    val_balanced_accuracy: float | None
    cost: float | None
    run: str
    is_best: bool


def write_tuning(trials: Sequence[Trial], about: Mapping[str, Any], out: Path) -> dict[str, Any]:
    """Write ``tuning.json``, ``trials.csv``, ``front.svg`` and ``settings.svg`` into the folder `out`.

    Parameters
    ----------
    trials : sequence of Trial
    about : mapping
        ``recipe``, ``cost`` (a key of `COSTS`) and ``seed``.
    out : Path

    Returns
    -------
    dict
        What ``tuning.json`` holds: `about`, counts, and the Pareto front, the most accurate first.
    """
    cost: Cost = about["cost"]
    rows = [
        {
            "number": trial.number,
            "val_balanced_accuracy": trial.val_balanced_accuracy,
            cost: trial.cost,
            "is_best": trial.is_best,
            "run": trial.run,
            **trial.settings,
        }
        for trial in trials
    ]
    stream = io.StringIO()
    table = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_text(out / "trials.csv", stream.getvalue())
    best = sorted((t for t in trials if t.is_best), key=lambda t: -(t.val_balanced_accuracy or 0))
    summary = {
        **about,
        "trials": len(trials),
        "failed": len(trials) - len(_done(trials)),
        "front": [
            {
                "number": trial.number,
                "val_balanced_accuracy": trial.val_balanced_accuracy,
                cost: trial.cost,
                "run": trial.run,
                "settings": dict(trial.settings),
            }
            for trial in best
        ],
    }
    write_json(out / "tuning.json", summary)
    write_bytes(out / "front.svg", svg(front_figure(trials, cost)))
    write_bytes(out / "settings.svg", svg(settings_figure(trials)))
    return summary


def front_figure(trials: Sequence[Trial], cost: Cost) -> Figure:
    """Draw accuracy over cost, one point per trial that did not fail, and the Pareto front as steps."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.6), layout="constrained")
    axes = figure.add_subplot()
    done = _done(trials)
    _scatter(axes, [t.cost for t in done], done)
    front = sorted((t.cost or 0, _percent(t), t.number) for t in done if t.is_best)
    axes.step([x for x, _, _ in front], [y for _, y, _ in front], where="post", color=ACCENT)
    for x, y, number in front:
        axes.annotate(str(number), (x, y), xytext=(5, 5), textcoords="offset points", fontsize=8.5, color=INK)
    if done:
        axes.set_xscale("log")
    axes.set_xlabel(COSTS[cost])
    axes.set_ylabel("Balanced accuracy on the validation part, %")
    return figure


def settings_figure(trials: Sequence[Trial]) -> Figure:
    """Draw accuracy over each setting."""
    from matplotlib.figure import Figure

    done = _done(trials)
    names = list(trials[0].settings)
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(3 * columns, 2.6 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    for axes, name in zip(panels, names, strict=False):
        values = [t.settings[name] for t in done]
        numbers = [v for v in values if isinstance(v, (int, float)) and v > 0]
        _scatter(axes, values if len(numbers) == len(values) else [str(v) for v in values], done)
        if len(numbers) == len(values) and numbers and max(numbers) > 20 * min(numbers):
            axes.set_xscale("log")
        axes.set_xlabel(name)
    for axes in panels[len(names) :]:
        axes.set_axis_off()
    figure.supylabel("Balanced accuracy, validation, %", fontsize=10)
    return figure


def _done(trials: Sequence[Trial]) -> list[Trial]:
    return [trial for trial in trials if trial.cost is not None]


def _scatter(axes: Axes, x: Sequence[Any], trials: Sequence[Trial]) -> None:
    colours = [ACCENT if trial.is_best else INK for trial in trials]
    axes.scatter(x, [_percent(t) for t in trials], c=colours, s=18, alpha=0.7, linewidths=0, zorder=2)
    axes.grid(color=FAINT, linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _percent(trial: Trial) -> float:
    return 100 * (trial.val_balanced_accuracy or 0)
