"""Bayesian optimisation of a recipe: accuracy on the validation part against the cost of one image."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import optuna
import torch
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.exceptions import StorageInternalError
from optuna.trial import TrialState
from sqlalchemy.exc import SQLAlchemyError

from leukon.datasets.manifest import Manifest
from leukon.errors import InputError
from leukon.evaluation.tuning import Cost, Trial, write_tuning
from leukon.models.cost import count, measure
from leukon.storage import json_text, write_text
from leukon.training.loop import DivergedError, Report, train
from leukon.training.recipe import Range, Recipe, Search, with_settings
from leukon.training.run import NetworkClassifier, history
from leukon.types import Taxonomy

STORE, RUNS = "study.db", "runs"
REPEATS = 30
OVER = TrialState.COMPLETE, TrialState.FAIL


def tune(
    recipe: Recipe,
    search: Search,
    manifest: Manifest,
    out: Path,
    *,
    taxonomy: Taxonomy,
    trials: int,
    seed: int = 0,
    cost: Cost = "time_ms",
    report: Report | None = None,
) -> dict[str, Any]:
    """Search the settings of `recipe` by trials, each a training run.

    The sampler is the tree-structured Parzen estimator for several objectives (Ozaki et al. 2020): it raises
    the balanced accuracy of the best epoch on the ``val`` part and lowers the cost; the ``test`` part is not
    touched. Called again, a stopped search goes on in the trial where it was; called with more trials, it
    makes the rest. A trial whose loss is no number has failed.

    Parameters
    ----------
    recipe : Recipe
    search : mapping
        Paths of settings, and where each is searched.
    manifest : Manifest
        With the parts ``train`` and ``val``.
    out : Path
        Gets ``study.db`` (Optuna's, SQLite), ``runs``, ``trials.csv``, ``tuning.json``, ``front.svg`` and
        ``settings.svg``.
    taxonomy : Taxonomy
    trials : int
        In all, those of earlier calls included.
    seed : int
        Of the sampler.
    cost : {"time_ms", "gflops"}
        Of one image: milliseconds on this machine, or 10⁹ operations, by which a search can be repeated.
    report : callable, optional
        Called with what is being done, the steps done and the steps in all.

    Returns
    -------
    dict
        What ``tuning.json`` holds.

    Raises
    ------
    UnknownNameError
        If a setting does not exist.
    InputError
        If `out` holds another search or is damaged.
    """
    report = report or (lambda _what, _done, _total: None)
    space = {path: _distribution(path, among) for path, among in search.items()}
    with_settings(recipe, dict.fromkeys(search))  # every path must lead somewhere
    protocol = {
        "recipe": recipe.to_dict(),
        "search": {path: asdict(a) if isinstance(a, Range) else list(a) for path, a in search.items()},
        "data": manifest.digest(),
        "seed": seed,
        "cost": cost,
    }
    record = out / "protocol.json"
    if record.exists() and record.read_text() != json_text(protocol):
        raise InputError(f"{out} holds another search: choose another --out or delete it")
    write_text(record, json_text(protocol))
    try:
        study = _open(out / STORE)
        while len(over := study.get_trials(deepcopy=False, states=OVER)) < trials:
            number, settings = _next(study, space, seed)
            tried = with_settings(recipe, settings)
            run = out / RUNS / _digest(settings)
            twin = next((trial for trial in over if trial.params == settings), None)
            if twin is None:
                tell = _by_trial(number, tried.epochs, report)
                try:
                    classifier = train(tried, manifest, run, taxonomy=taxonomy, report=tell)
                except DivergedError:
                    values = None
                else:
                    score = max(row["balanced_accuracy"] for row in history(run))
                    values = [score, _cost(classifier, cost)]
                (run / "last.pt").unlink(missing_ok=True)  # nothing goes on from here
            else:
                values = twin.values
            study.tell(number, values, state=TrialState.COMPLETE if values else TrialState.FAIL)
        front = {trial.number for trial in study.best_trials}
        found = []
        for trial in over:
            reached, price = trial.values or (None, None)
            folder = f"{RUNS}/{_digest(trial.params)}"
            found.append(Trial(trial.number, trial.params, reached, price, folder, trial.number in front))
    except (SQLAlchemyError, StorageInternalError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"cannot use {out / STORE} ({reason}): delete it to search anew") from error
    return write_tuning(found, {"recipe": recipe.name, "cost": cost, "seed": seed}, out)


def _open(store: Path) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(
        storage=f"sqlite:///{store}",
        study_name="leukon",
        directions=("maximize", "minimize"),
        load_if_exists=True,
    )


def _next(
    study: optuna.Study, space: dict[str, BaseDistribution], seed: int
) -> tuple[int, Mapping[str, Any]]:
    """Return the trial in which the search was stopped, or a new one."""
    for left in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if left.params.keys() == space.keys():
            return left.number, left.params
        study.tell(left.number, state=TrialState.FAIL)  # stopped before all settings were drawn
    # A sampler for each trial: what it draws depends on the trials before alone, not on when they were made.
    study.sampler = optuna.samplers.TPESampler(seed=seed + len(study.get_trials(deepcopy=False)))
    trial = study.ask(space)
    return trial.number, trial.params


def _distribution(path: str, among: Range | tuple[Any, ...]) -> BaseDistribution:
    try:
        if not isinstance(among, Range):
            return CategoricalDistribution(among)
        if isinstance(among.low, int) and isinstance(among.high, int):
            return IntDistribution(among.low, among.high, log=among.log)
        return FloatDistribution(among.low, among.high, log=among.log)
    except ValueError as error:
        raise InputError(f"cannot search {path} in {among}: {error}") from error


def _digest(settings: Mapping[str, Any]) -> str:
    return hashlib.sha256(json_text(dict(settings)).encode()).hexdigest()[:12]


def _cost(classifier: NetworkClassifier, cost: Cost) -> float:
    network, pipeline = classifier.network, classifier.pipeline
    channels, side = pipeline.planes, pipeline.frame.side_px
    if cost == "gflops":
        return count(network, channels=channels, side_px=side).flops / 1e9
    return measure(network, torch.randn(1, channels, side, side), repeats=REPEATS).time_ms


def _by_trial(number: int, epochs: int, report: Report) -> Report:
    """Return what shows the epochs of a training as one."""

    def tell(stage: str, done: int, total: int) -> None:
        what, _, epoch = stage.partition(" ")
        if what == "epoch":
            report(f"trial {number + 1}", (int(epoch) - 1) * total + done, epochs * total)

    return tell
