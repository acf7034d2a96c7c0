"""Figures of an evaluation, as matplotlib figures of their own: no global state, the same bytes each time.

Colours are those of Okabe and Ito (2008), which colour-blind readers tell apart; line styles repeat them.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from leukon.evaluation.bootstrap import Interval
from leukon.evaluation.scores import CALIBRATION_BINS, Scores

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from leukon.evaluation.compare import Comparison

OKABE_ITO = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#222222", "#8c6d31")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.6)), (0, (1.5, 1.2)))
INK, FAINT, ACCENT = "#1f2933", "#d5dbe1", "#0072b2"


def svg(figure: Figure) -> bytes:
    """Draw `figure` as SVG; letters are outlines, so that it looks the same everywhere."""
    import matplotlib

    stream = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "leukon", "svg.fonttype": "path"}):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return stream.getvalue()


def confusion_figure(scores: Scores, titles: Sequence[str]) -> Figure:
    """Draw the confusion matrix: cells per true class (rows), shaded by their share of the row."""
    counts = scores.confusion
    support = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(support, 1)
    k = len(titles)
    figure = _figure(max(4.6, 0.86 * k + 2.0), max(3.8, 0.62 * k + 1.7))
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(k), titles, rotation=35, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(k), [f"{t} ({n[0]:,})" for t, n in zip(titles, support, strict=True)])
    axes.set_xticks(np.arange(k + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(k + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="both", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    for row in range(k):
        for column in range(k):
            n, share = int(counts[row, column]), float(shares[row, column])
            colour = "white" if share > 0.55 else INK if n else "#b6bfc8"
            text = f"{n:,}\n{100 * share:.1f} %" if n else "0"
            axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=8, linespacing=1.25)
    axes.set_xlabel("Predicted class", labelpad=6)
    axes.set_ylabel("True class (cells)", labelpad=8)
    return figure


def roc_figure(
    probabilities: npt.NDArray[np.float64],
    truth: npt.NDArray[np.int64],
    scores: Scores,
    titles: Sequence[str],
) -> Figure:
    """Draw the ROC curve of each class against the rest, whole and near its upper left corner."""
    figure, whole, corner = _roc_axes()
    for k, (title, rates) in enumerate(zip(titles, scores.classes, strict=True)):
        if rates.auroc is None:
            continue
        false_rate, true_rate = roc_curve(probabilities[:, k], truth == k)
        for axes in (whole, corner):
            axes.plot(false_rate, true_rate, label=f"{title}  {100 * rates.auroc:.1f}", **_style(k))
    _finish_roc(whole, corner)
    return figure


def comparison_roc_figure(comparison: Comparison) -> Figure:
    """Draw one ROC curve per classifier: of the positive class, or the mean over the classes in the truth.

    The mean is taken over the true positive rates at equal false positive rates.
    """
    truth, classes = comparison.truth, comparison.classes
    shown = [classes.index(comparison.positive)] if comparison.positive else np.unique(truth).tolist()
    figure, whole, corner = _roc_axes()
    grid = np.concatenate([np.linspace(0, 0.1, 500), np.linspace(0.1, 1, 200)[1:]])
    for i, one in enumerate(comparison.contestants):
        rates = [one.scores.classes[k].auroc for k in shown]
        if any(rate is None for rate in rates):
            continue
        area = float(np.mean([rate for rate in rates if rate is not None]))
        curves = [roc_curve(one.probabilities[:, k], truth == k) for k in shown]
        x, y = (
            curves[0]
            if len(curves) == 1
            else (grid, np.mean([np.interp(grid, *curve) for curve in curves], axis=0))
        )
        for axes in (whole, corner):
            axes.plot(x, y, label=f"{one.name}  {100 * area:.1f}", **_style(i))
    _finish_roc(whole, corner)
    return figure


def _roc_axes() -> tuple[Figure, Any, Any]:
    figure = _figure(9.6, 4.4)
    whole, corner = figure.subplots(1, 2)
    return figure, whole, corner


def _style(k: int) -> dict[str, Any]:
    return {
        "color": OKABE_ITO[k % len(OKABE_ITO)],
        "linestyle": DASHES[k % len(DASHES)],
        "linewidth": 1.6,
        "clip_on": True,
    }


def _finish_roc(whole: Any, corner: Any) -> None:
    whole.plot((0, 1), (0, 1), color=FAINT, linewidth=1, zorder=0)
    whole.set(xlim=(-0.015, 1.015), ylim=(-0.015, 1.015), title="Whole range")
    corner.set(xlim=(-0.002, 0.1), ylim=(0.8, 1.004), title="Upper left corner")
    for axes in (whole, corner):
        axes.set(xlabel="1 − specificity", ylabel="Sensitivity")
        _plain(axes)
    if whole.get_legend_handles_labels()[0]:
        whole.legend(
            loc="lower right", fontsize=8, frameon=False, title="AUROC, %", title_fontsize=8, alignment="left"
        )


def roc_curve(
    scores: npt.NDArray[np.float64], positive: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return false and true positive rates over all thresholds, corners alone; both classes must occur."""
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.diff(scores[order]) != 0, True)
    true = np.concatenate([[0], np.cumsum(positive[order])[last]])
    false = np.concatenate([[0], np.cumsum(~positive[order])[last]])
    straight = np.diff(true)[:-1] * np.diff(false)[1:] == np.diff(true)[1:] * np.diff(false)[:-1]
    keep = np.concatenate([[True], ~straight, [True]])
    return false[keep] / false[-1], true[keep] / true[-1]


def reliability_figure(
    probabilities: npt.NDArray[np.float64], truth: npt.NDArray[np.int64], scores: Scores
) -> Figure:
    """Draw accuracy against confidence, in the bins of the expected calibration error, and their counts."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    count = np.bincount(bins, minlength=CALIBRATION_BINS)
    used = count > 0
    mean, accuracy = (
        np.bincount(bins, weights=values, minlength=CALIBRATION_BINS)[used] / count[used]
        for values in (confidence, right.astype(np.float64))
    )
    figure = _figure(4.6, 4.8)
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(3.4, 1))
    axes.plot((0, 1), (0, 1), color="#9aa5b1", linewidth=1, linestyle=(0, (4, 3)), label="perfect")
    axes.vlines(mean, np.minimum(mean, accuracy), np.maximum(mean, accuracy), color=OKABE_ITO[1], linewidth=2)
    axes.plot(mean, accuracy, "o-", color=ACCENT, markersize=5, linewidth=1.4, label="observed")
    axes.set(xlim=(0, 1.02), ylim=(0, 1.03), ylabel="Accuracy")
    axes.set_title(f"Expected calibration error {100 * scores.expected_calibration_error:.1f} %")
    axes.legend(loc="lower right", fontsize=8, frameon=False)
    edges = np.linspace(0, 1, CALIBRATION_BINS + 1)
    below.bar(edges[:-1], count, width=1 / CALIBRATION_BINS, align="edge", color="#9cc4de", edgecolor="white")
    below.set(xlabel="Confidence", ylabel="Cells")
    _plain(axes)
    _plain(below)
    return figure


def recall_figure(scores: Scores, intervals: Sequence[Interval | None], titles: Sequence[str]) -> Figure:
    """Draw the recall of each class with its interval."""
    k = len(titles)
    figure = _figure(6.4, 0.42 * k + 1.3)
    axes = figure.add_subplot()
    for row, (rates, interval) in enumerate(zip(scores.classes, intervals, strict=True)):
        if rates.recall is None:
            axes.text(0.5, row, "not in this data", color="#9aa5b1", fontsize=8, va="center", ha="center")
            continue
        axes.hlines(row, 0, 1, color="#eef1f4", linewidth=7, zorder=0)
        if interval:
            axes.hlines(row, interval.low, interval.high, color="#9cc4de", linewidth=7)
        axes.plot(rates.recall, row, "o", color=ACCENT, markersize=7, markeredgecolor="white", clip_on=False)
        axes.text(1.03, row, f"{100 * rates.recall:.1f} %", va="center", fontsize=9, clip_on=False)
    axes.axvline(scores.balanced_accuracy, color=OKABE_ITO[1], linewidth=1.2, linestyle=(0, (4, 2)), zorder=1)
    axes.set_yticks(range(k), [f"{title} ({n:,})" for title, n in zip(titles, scores.support, strict=True)])
    axes.set(xlim=(0, 1.001), ylim=(k - 0.5, -0.6), xlabel="Recall; dashed: balanced accuracy")
    axes.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    return figure


def _figure(width_in: float, height_in: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def _plain(axes: Any) -> None:
    axes.grid(color="#eef1f4", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#9aa5b1")
    axes.title.set_fontsize(10)
