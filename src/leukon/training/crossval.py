"""Cross-validation: one run per fold, each scored on what it has not seen, and all of them together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import leukon
from leukon.datasets.manifest import Manifest
from leukon.datasets.splits import By, folds
from leukon.errors import InputError
from leukon.evaluation import (
    Evaluation,
    Example,
    Provenance,
    Spread,
    evaluate,
    pool,
    spread,
    write_evaluation,
)
from leukon.evaluation.results import HEADLINE
from leukon.evaluation.scores import RATES, Scores
from leukon.storage import json_text, write_json, write_text
from leukon.training.examples import read_examples
from leukon.training.loop import Report, train
from leukon.training.recipe import Recipe
from leukon.training.run import load_classifier
from leukon.types import Skipped, Taxonomy


@dataclass(frozen=True, slots=True)
class Folding:
    """How cells are dealt to folds.

    Attributes
    ----------
    count : int
        Number of folds.
    by : {"group", "subject", None}
        What is never parted.
    """

    count: int = 5
    by: By | None = "group"


def crossval(
    recipe: Recipe,
    manifest: Manifest,
    out: Path,
    *,
    taxonomy: Taxonomy,
    folding: Folding | None = None,
    report: Report | None = None,
) -> dict[str, Any]:
    """Train `recipe` once per fold and score each run on its held-out fold.

    A tenth of each fold's training part chooses the epoch, so that the held-out fold chooses nothing; cells
    are augmented as they are trained on, after the folds are dealt. Called again, a stopped cross-validation
    goes on in the fold where it was; finished folds are not trained again.

    Parameters
    ----------
    recipe : Recipe
        Its seed deals the folds too.
    manifest : Manifest
        All its cells are used; splits that it has are replaced.
    out : Path
        Gets ``fold_1`` … (training runs with their ``scores.json``), ``crossval.json``, and ``scores.json``,
        ``predictions.csv``, figures and ``evaluation.html`` of the held-out cells of all folds.
    taxonomy : Taxonomy
        The classes.
    folding : Folding, optional
    report : callable, optional
        Called with what is being done, the steps done and the steps in all.

    Returns
    -------
    dict
        What ``crossval.json`` holds.

    Raises
    ------
    ManifestError
        If a label has too few cells, groups or subjects for the folds.
    InputError
        If `out` holds another cross-validation.
    """
    report = report or (lambda _what, _done, _total: None)
    folding = folding or Folding()
    parts = folds(manifest, folding.count, seed=recipe.seed, by=folding.by, val=True)
    protocol = {"recipe": recipe.to_dict(), "data": manifest.digest(), **asdict(folding)}
    path = out / "protocol.json"
    if path.exists() and path.read_text() != json_text(protocol):
        raise InputError(f"{out} holds another cross-validation: choose another --out or delete it")
    write_text(path, json_text(protocol))
    results = [
        _fold(recipe, part, out / f"fold_{number}", taxonomy=taxonomy, report=report)
        for number, part in enumerate(parts, start=1)
    ]
    pooled = write_evaluation(pool(results), _provenance(recipe, manifest, folding), out)
    rows = [_figures(result.scores) for result in results]
    summary = {
        "recipe": recipe.name,
        "folds": folding.count,
        "by": folding.by or "none",
        "seed": recipe.seed,
        "cells": pooled["cells"],
        "clusters": pooled["clusters"],
        "spread": {name: asdict(found) for name in rows[0] if (found := _spread([r[name] for r in rows]))},
        "per_fold": [
            {"fold": number, "run": f"fold_{number}", "cells": result.scores.count, **row}
            for number, (result, row) in enumerate(zip(results, rows, strict=True), start=1)
        ],
        "pooled": pooled,
    }
    write_json(out / "crossval.json", summary)
    return summary


def _fold(recipe: Recipe, part: Manifest, run: Path, *, taxonomy: Taxonomy, report: Report) -> Evaluation:
    """Train a fold if that is still to do, and score it; scores are written last."""

    def tell(what: str, done: int, total: int) -> None:
        report(f"{run.name}: {what}", done, total)

    if (run / "scores.json").is_file():
        classifier = load_classifier(run)
    else:
        classifier = train(recipe, part, run, taxonomy=taxonomy, report=tell)
    held_out = part.subset(split="test")

    def stepping() -> Iterator[Example | Skipped]:
        for done, example in enumerate(read_examples(held_out.entries, held_out.root), start=1):
            yield example
            tell("scoring", done, len(held_out))

    result = evaluate(classifier, stepping())
    if not (run / "scores.json").is_file():
        provenance = replace(_provenance(recipe, held_out), model=run.name, split="test")
        write_evaluation(result, provenance, run)
    return result


def _figures(scores: Scores) -> dict[str, float | None]:
    """Every score that is one number."""
    figures: dict[str, float | None] = {name: getattr(scores, name) for name in HEADLINE}
    for average in ("macro", "weighted"):
        figures |= {f"{average}_{rate}": getattr(getattr(scores, average), rate) for rate in RATES}
    return figures


def _spread(values: list[float | None]) -> Spread | None:
    """None where a fold has no such score, as where a class is missing."""
    known = [value for value in values if value is not None]
    return spread(known) if len(known) == len(values) else None


def _provenance(recipe: Recipe, manifest: Manifest, folding: Folding | None = None) -> Provenance:
    name = f"{recipe.name}, {folding.count}-fold cross-validation" if folding else recipe.name
    return Provenance(
        model=name,
        model_sha256="",
        data=str(manifest.root),
        split="",
        data_sha256=manifest.digest(),
        classes=(),
        left_out={},
        version=leukon.__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
