"""Accuracy against cost, in one figure."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from leukon.errors import InputError
from leukon.evaluation.plots import ACCENT, FAINT, INK

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def read_accuracies(path: Path) -> dict[str, float]:
    """Read accuracies by model: a JSON object, or a CSV table with the columns ``model`` and ``accuracy``.

    Raises
    ------
    InputError
        If the file cannot be read as either, or a value is not a share of 0…1.
    """
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            found = {str(name): float(value) for name, value in json.loads(text).items()}
        else:
            found = {row["model"]: float(row["accuracy"]) for row in csv.DictReader(io.StringIO(text))}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"cannot read accuracies from {path} ({type(error).__name__}: {error}): give a JSON object of "
            "model and accuracy, or a CSV table with the columns model and accuracy"
        ) from error
    wrong = [f"{name} {value}" for name, value in found.items() if not 0 <= value <= 1]
    if wrong or not found:
        raise InputError(f"{path} holds {wrong[0] if wrong else 'no model'}: accuracies are shares, 0…1")
    return found


def tradeoff_figure(
    accuracies: Mapping[str, float], flops: Mapping[str, int], params: Mapping[str, int]
) -> Figure:
    """Draw accuracy over operations per image; the area of a point follows the number of parameters.

    Parameters
    ----------
    accuracies, flops, params : mapping
        By model: accuracy 0…1, multiply–accumulates, and parameters. Models without an accuracy are left out.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.6), layout="constrained")
    axes = figure.add_subplot()
    for name in (n for n in flops if n in accuracies):
        x, y = flops[name] / 1e9, 100 * accuracies[name]
        axes.scatter(x, y, s=4 * params[name] / 1e6 + 12, color=ACCENT, alpha=0.55, linewidths=0)
        axes.annotate(name, (x, y), xytext=(7, 5), textcoords="offset points", fontsize=8.5, color=INK)
    axes.set_xscale("log")
    axes.margins(0.16)
    axes.set_xlabel("GFLOPs per image (multiply–accumulates); area: parameters")
    axes.set_ylabel("Accuracy, %")
    axes.grid(color=FAINT, linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure
