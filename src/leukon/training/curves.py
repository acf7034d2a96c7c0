"""Curves of loss and accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from leukon.storage import replacing


def write_curves(path: Path, history: Sequence[dict[str, float]]) -> None:
    """Draw loss (training, validation) and accuracy (validation) over the epochs as SVG."""
    epochs = [row["epoch"] for row in history]
    with rc_context({"svg.hashsalt": "leukon", "svg.fonttype": "none"}):
        figure = Figure(figsize=(9, 3.4), layout="constrained")
        losses, accuracies = figure.subplots(1, 2)
        losses.plot(epochs, [row["loss"] for row in history], marker="o", label="training, augmented")
        losses.plot(epochs, [row["val_loss"] for row in history], marker="o", label="validation")
        accuracies.plot(epochs, [row["accuracy"] for row in history], marker="o", label="accuracy")
        accuracies.plot(epochs, [row["balanced_accuracy"] for row in history], marker="o", label="balanced")
        losses.set(xlabel="epoch", ylabel="loss", ylim=(0, None))
        accuracies.set(xlabel="epoch", ylabel="validation accuracy", ylim=(None, 1))
        for axes in (losses, accuracies):
            axes.legend(frameon=False)
            axes.grid(alpha=0.3)
            axes.xaxis.get_major_locator().set_params(integer=True)
        with replacing(path) as part:
            figure.savefig(part, format="svg", metadata={"Date": None})
