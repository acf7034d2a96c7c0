"""Writing a comparison: ``comparison.json``, ``comparison.csv``, ``pairs.csv``, ``comparison.html``."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from leukon.evaluation import plots
from leukon.evaluation.bootstrap import CONFIDENCE, RESAMPLES
from leukon.evaluation.compare import Comparison, Contestant, Pair
from leukon.evaluation.results import HEADLINE, data_uri, estimate, template
from leukon.evaluation.scores import RATES
from leukon.storage import write_bytes, write_json, write_text

TESTED = ("accuracy", "balanced_accuracy", "macro_f1", "macro_auroc")
"""Scores whose differences the page shows; the files hold those of all."""


def write_comparison(comparison: Comparison, provenance: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Write all files into `folder` and return what ``comparison.json`` holds.

    Parameters
    ----------
    comparison : Comparison
    provenance : dict
        ``data``, ``split``, ``version``, ``created``, and ``models``: name to hash or recipe.
    folder : Path

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    summary = summarise(comparison, provenance)
    roc = plots.svg(plots.comparison_roc_figure(comparison))
    write_bytes(folder / "roc.svg", roc)
    write_text(folder / "comparison.csv", _scores_csv(summary))
    write_text(folder / "pairs.csv", _pairs_csv(summary))
    page = template("comparison.html").render(
        summary=summary, rates=RATES, tested=TESTED, roc=data_uri(roc, "svg+xml"), tables=tables(summary)
    )
    write_text(folder / "comparison.html", page)
    write_json(folder / "comparison.json", summary)
    return summary


def summarise(comparison: Comparison, provenance: dict[str, Any]) -> dict[str, Any]:
    """Return scores, intervals and tests as plain values for JSON."""
    return {
        "provenance": provenance,
        "cells": len(comparison.truth),
        "clusters": comparison.clusters,
        "subjects": comparison.subjects,
        "classes": list(comparison.classes),
        "positive": comparison.positive,
        "intervals": {
            "method": "percentile bootstrap, paired",
            "resamples": RESAMPLES,
            "confidence": CONFIDENCE,
        },
        "correction": "Holm, over the pairs",
        "models": [_model(one, comparison.classes) for one in comparison.contestants],
        "pairs": [_pair(pair, comparison.classes) for pair in comparison.pairs],
    }


def tables(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """Title and key of the tables of averages that the papers print, the positive class's first."""
    own = [(f"Class “{summary['positive']}”", "positive")] if summary["positive"] else []
    return [*own, ("Weighted by cells", "weighted"), ("Mean of the classes", "macro")]


def _model(one: Contestant, classes: Sequence[str]) -> dict[str, Any]:
    def rates(prefix: str, source: Any, k: int = 0) -> dict[str, Any]:
        return {rate: estimate(getattr(source, rate), one.intervals[prefix + rate][k]) for rate in RATES}

    worst = one.worst_subject
    return {
        "name": one.name,
        **{name: estimate(getattr(one.scores, name), one.intervals[name][0]) for name in HEADLINE},
        "macro": rates("macro_", one.scores.macro),
        "weighted": rates("weighted_", one.scores.weighted),
        "classes": {
            name: rates("", found, k)
            for k, (name, found) in enumerate(zip(classes, one.scores.classes, strict=True))
        },
        "subject_macro": estimate(one.subject_macro, one.subject_macro_interval),
        "worst_subject": asdict(worst) if worst else None,
    }


def _pair(pair: Pair, classes: Sequence[str]) -> dict[str, Any]:
    differences: dict[str, Any] = {}
    for name, found in pair.differences.items():
        if name in RATES:
            differences[name] = {c: asdict(d) for c, d in zip(classes, found, strict=True)}
        else:
            differences[name] = {**asdict(found[0]), "p_holm": pair.holm.get(name)}
    return {
        "first": pair.first,
        "second": pair.second,
        "mcnemar": {**asdict(pair.mcnemar), "p_holm": pair.mcnemar_holm},
        "differences": differences,
        "significant": pair.is_significant,
        "verdict": pair.verdict,
    }


def _scores_csv(summary: dict[str, Any]) -> str:
    rows: list[list[Any]] = [["model", "average", "score", "value", "low", "high"]]
    for model in summary["models"]:
        groups = {
            "": {name: model[name] for name in (*HEADLINE, "subject_macro")},
            "macro": model["macro"],
            "weighted": model["weighted"],
            **{f"class {name}": rates for name, rates in model["classes"].items()},
        }
        for average, scores in groups.items():
            rows += [[model["name"], average, name, *found.values()] for name, found in scores.items()]
    return _csv(rows)


def _pairs_csv(summary: dict[str, Any]) -> str:
    rows: list[list[Any]] = [
        ["first", "second", "test", "score", "difference", "low", "high", "p", "p_holm"],
    ]
    for pair in summary["pairs"]:
        names = [pair["first"], pair["second"]]
        exact, differences = pair["mcnemar"], pair["differences"]
        accuracy = [differences["accuracy"][key] for key in ("value", "low", "high")]
        rows.append([*names, "exact McNemar", "accuracy", *accuracy, exact["p"], exact["p_holm"]])
        for name, found in differences.items():
            if name not in RATES:
                rows.append([*names, "paired bootstrap", name, *found.values()])
    return _csv(rows)


def _csv(rows: Iterable[Iterable[Any]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()
