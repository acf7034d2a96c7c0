"""Writing an evaluation: ``scores.json``, ``predictions.csv``, ``figures/*.svg`` and ``evaluation.html``."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from leukon.evaluation import plots
from leukon.evaluation.background import BackgroundDrop
from leukon.evaluation.bootstrap import CONFIDENCE, RESAMPLES, Interval
from leukon.evaluation.evaluate import GALLERY_SIZE, Evaluation
from leukon.evaluation.intervals import clopper_pearson
from leukon.evaluation.scores import CALIBRATION_BINS, RATES
from leukon.storage import write_bytes, write_json, write_text

HEADLINE = (
    "accuracy",
    "balanced_accuracy",
    "expected_calibration_error",
    "negative_log_likelihood",
    "brier",
)
FEW_CELLS = 30


@dataclass(frozen=True, slots=True)
class Provenance:
    """What was evaluated on what.

    Attributes
    ----------
    model, model_sha256 : str
        Name of the bundle or run, and hash of its file (empty for a run).
    data, split : str
        The manifest as it was named, and the split (empty: all of it).
    data_sha256 : str
        Hash of the rows of the manifest that were evaluated.
    classes : tuple of str
        The classes that the evaluation was restricted to; empty where it was not.
    left_out : dict of str to int
        Cells outside those classes, by label.
    version, created : str
        Version of Leukon, and the time in ISO 8601.
    coverage : float or None
        What the model says of its prediction sets: the share that holds the truth, 0…1; None without sets.
    """

    model: str
    model_sha256: str
    data: str
    split: str
    data_sha256: str
    classes: tuple[str, ...]
    left_out: dict[str, int]
    version: str
    created: str
    coverage: float | None = None


def write_evaluation(
    evaluation: Evaluation,
    provenance: Provenance,
    folder: Path,
    *,
    background: Sequence[BackgroundDrop] = (),
) -> dict[str, Any]:
    """Write all files into `folder` and return what ``scores.json`` holds.

    `background` is what `leukon.evaluation.background.background_test` found, where it was asked for.

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    summary = summarise(evaluation, provenance, background)
    figures = draw(evaluation)
    for name, data in figures.items():
        write_bytes(folder / "figures" / f"{name}.svg", data)
    write_text(folder / "predictions.csv", predictions_csv(evaluation))
    write_text(folder / "evaluation.html", page(evaluation, summary, figures))
    write_json(folder / "scores.json", summary)
    return summary


def summarise(
    evaluation: Evaluation, provenance: Provenance, background: Sequence[BackgroundDrop] = ()
) -> dict[str, Any]:
    """Return all scores with their limits, and what they rest on, as plain values for JSON."""
    scores, intervals = evaluation.scores, evaluation.intervals
    statuses = [outcome.prediction.status for outcome in evaluation.outcomes]

    def rates(prefix: str, source: Any, k: int = 0) -> dict[str, Any]:
        return {rate: estimate(getattr(source, rate), intervals[prefix + rate][k]) for rate in RATES}

    per_class = (
        {"name": name, "support": support, **rates("", found, k)}
        for k, (name, support, found) in enumerate(
            zip(scores.names, scores.support, scores.classes, strict=True)
        )
    )
    return {
        "provenance": asdict(provenance) | {"classes": list(provenance.classes)},
        "cells": scores.count,
        "clusters": evaluation.clusters,
        "unidentified": statuses.count("unidentified"),
        "prediction_sets": prediction_sets(evaluation),
        "skipped": [asdict(item) for item in evaluation.skipped],
        "intervals": {"method": "percentile bootstrap", "resamples": RESAMPLES, "confidence": CONFIDENCE},
        **{name: estimate(getattr(scores, name), intervals[name][0]) for name in HEADLINE},
        "macro": rates("macro_", scores.macro),
        "weighted": rates("weighted_", scores.weighted),
        "classes": list(per_class),
        "confusion": {"classes": list(scores.names), "counts": scores.confusion.tolist()},
        "subjects": [asdict(subject) for subject in evaluation.subjects],
        "background": [drop.to_dict() for drop in background],
    }


def prediction_sets(evaluation: Evaluation) -> dict[str, Any] | None:
    """Return how often the sets hold the truth, in all and by class, and how large they are."""
    outcomes = evaluation.outcomes
    if not all(outcome.prediction.candidates for outcome in outcomes):
        return None
    held = np.array([outcome.truth in outcome.prediction.candidates for outcome in outcomes])

    def share(held: npt.NDArray[np.bool_]) -> dict[str, float | None]:
        if not len(held):
            return estimate(None, None)
        return estimate(float(held.mean()), Interval(*clopper_pearson(int(held.sum()), len(held))))

    return {
        "coverage": share(held),
        "mean_size": float(np.mean([len(outcome.prediction.candidates) for outcome in outcomes])),
        "classes": {
            name: share(held[evaluation.truth == k]) for k, name in enumerate(evaluation.taxonomy.names)
        },
    }


def draw(evaluation: Evaluation) -> dict[str, bytes]:
    """Draw every figure: its name and SVG."""
    scores, p, t = evaluation.scores, evaluation.probabilities, evaluation.truth
    titles = _titles(evaluation)
    return {
        "recall": plots.svg(plots.recall_figure(scores, evaluation.intervals["recall"], titles)),
        "confusion": plots.svg(plots.confusion_figure(scores, titles)),
        "roc": plots.svg(plots.roc_figure(p, t, scores, titles)),
        "reliability": plots.svg(plots.reliability_figure(p, t, scores)),
    }


def predictions_csv(evaluation: Evaluation) -> str:
    """One line per cell: what is known of it, the label, a probability per class, and the status."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    names = [f"p_{name}" for name in evaluation.taxonomy.names]
    writer.writerow(
        ["file", "subject", "group", "truth", "label", "confidence", *names, "status", "reason", "candidates"]
    )
    for outcome in evaluation.outcomes:
        found = outcome.prediction
        shares = [f"{p:.5f}" for p in (found.confidence, *found.probabilities)]
        known = outcome.name, outcome.subject, outcome.group, outcome.truth
        state = found.status, found.reason, "|".join(found.candidates)
        writer.writerow([*known, found.label, *shares, *state])
    return stream.getvalue()


def page(evaluation: Evaluation, summary: dict[str, Any], figures: dict[str, bytes]) -> str:
    """Return one self-contained HTML page."""
    titles = dict(zip(evaluation.taxonomy.names, _titles(evaluation), strict=True))
    few = [titles[c["name"]] for c in summary["classes"] if 0 < c["support"] < FEW_CELLS]
    absent = [titles[c["name"]] for c in summary["classes"] if not c["support"]]
    return str(
        template("evaluation.html").render(
            summary=summary,
            titles=titles,
            rates=RATES,
            few=few,
            few_cells=FEW_CELLS,
            absent=absent,
            mistakes=evaluation.mistakes,
            wrong=sum(not outcome.right for outcome in evaluation.outcomes),
            gallery_size=GALLERY_SIZE,
            bins=CALIBRATION_BINS,
            figures={name: data_uri(data, "svg+xml") for name, data in figures.items()},
            data_uri=data_uri,
        )
    )


def data_uri(data: bytes, kind: str) -> str:
    """Return an image as a ``data:`` address."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def _titles(evaluation: Evaluation) -> list[str]:
    return [c.title or c.name.capitalize() for c in evaluation.taxonomy.classes]


def estimate(value: float | None, interval: Interval | None) -> dict[str, float | None]:
    """Return a value and its limits as plain values for JSON."""
    known = interval if value is not None else None
    return {
        "value": value,
        "low": known.low if known else None,
        "high": known.high if known else None,
    }


def _percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{100 * value:.{digits}f}"


def _joined(items: Iterable[str]) -> str:
    return ", ".join(items)


@cache
def template(name: str) -> Any:
    """Return the page template `name`."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = _percent
    environment.filters["joined"] = _joined
    return environment.get_template(name)
