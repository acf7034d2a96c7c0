"""``leukon compare``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leukon.cli.labelled import (
    ALL,
    known_entries,
    load_model,
    names_in,
    refuse_empty,
    stepping,
)

if TYPE_CHECKING:
    from leukon.evaluation import Answers
    from leukon.training.recipe import Recipe
    from leukon.types import Classifier

PREDICTIONS = "predictions.csv"


def compare(
    models: Annotated[
        list[str],
        typer.Argument(
            help="Bundles, folders of training runs or results of leukon evaluate; or one set of recipes."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the tables, the page, and the runs of a set.")],
    data: Annotated[
        str, typer.Option(help="A manifest, a folder of class folders, or NAME:FOLDER; not for results.")
    ] = "",
    split: Annotated[str, typer.Option(help=f"The split to score; '{ALL}' for every cell.")] = "test",
    classes: Annotated[str, typer.Option(help="Classes to tell apart, by commas; others are left out.")] = "",
    positive: Annotated[
        str, typer.Option(help="Class that counts as positive; of two classes the last by default.")
    ] = "",
    only: Annotated[str, typer.Option(help="Of a set, these recipes alone, by commas.")] = "",
    epochs: Annotated[int | None, typer.Option(min=1, help="Of a set, instead of the recipes'.")] = None,
    side: Annotated[int | None, typer.Option(min=8, help="Of a set, px, instead of the recipes'.")] = None,
    weights: Annotated[
        list[str] | None, typer.Option(help="Of a set: start a network from a file, as NETWORK=FILE.")
    ] = None,
    *,
    pretrained: Annotated[bool | None, typer.Option(help="Of a set: fetch the networks' weights.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON on stdout.")] = False,
) -> None:
    """Compare classifiers on the same cells: the papers' tables, and a paired test for every pair.

    Prints accuracy, precision, recall, specificity, F1 and AUROC, weighted and macro, with 95 % limits; for
    every pair the exact McNemar test and the paired bootstrap, Holm-corrected; all ROC curves in one plot.
    A set of recipes is trained first, each into OUT/runs/NAME; a set that was stopped goes on.
    """
    from leukon import __version__
    from leukon.cli.console import print_json
    from leukon.errors import InputError
    from leukon.evaluation import compare as run
    from leukon.evaluation import write_comparison

    if len(models) == 1:
        files = _by_network(weights or [])
        wanted = {"epochs": epochs, "side_px": side, "pretrained": pretrained, "weights": files}
        models = _train(_recipes(models[0], names_in(only), wanted), data, out / "runs")
    elif only or epochs or side or weights or pretrained is not None:
        raise InputError(
            "--only, --epochs, --side, --weights and --pretrained are for a set of recipes, not for runs"
        )
    answers, sources, skipped = _answers(models, data, split, names_in(classes))
    result = run(answers, positive=positive)
    provenance = {
        "models": sources,
        "data": data,
        "split": "" if split == ALL else split,
        "skipped": skipped,
        "version": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    summary = write_comparison(result, provenance, out)
    if json:
        print_json(summary)
    else:
        _print(summary, out)


def _by_network(weights: Sequence[str]) -> dict[str, str]:
    from leukon.errors import InputError

    pairs = [text.partition("=") for text in weights]
    for network, _, file in pairs:
        if not file:
            raise InputError(f"--weights {network} names no file: give NETWORK=FILE, such as kimianet=k.pth")
    return {network: file for network, _, file in pairs}


def _recipes(name: str, only: tuple[str, ...], wanted: dict[str, Any]) -> dict[str, Recipe]:
    from leukon.errors import InputError, MissingExtraError
    from leukon.registry import look_up

    if Path(name).suffix != ".py" and Path(name).exists():
        raise InputError(
            f"{name} alone has nothing to be compared with: give two or more, or a set of recipes"
        )
    try:
        from leukon.training.recipe import adapted, load_recipes
    except ImportError as error:
        raise MissingExtraError("training", "train") from error
    recipes = load_recipes(name)
    for one in only:
        look_up(f"recipe of {name}", one, recipes)
    kept = {key: adapted(page, **wanted) for key, page in recipes.items() if not only or key in only}
    if len(kept) < 2:
        raise InputError(f"a comparison needs two recipes of {name} or more: it has {', '.join(recipes)}")
    return kept


def _train(recipes: dict[str, Recipe], data: str, folder: Path) -> list[str]:
    """Train what is not trained yet; return the folders of the runs."""
    from leukon.cli.console import stages
    from leukon.datasets.manifest import read_manifest
    from leukon.training.loop import train
    from leukon.types import taxonomy_of

    manifest = read_manifest(_needed(data))
    taxonomy = taxonomy_of(manifest.labels)
    for name, recipe in recipes.items():
        with stages() as report:
            train(
                recipe,
                manifest,
                folder / name,
                taxonomy=taxonomy,
                report=lambda stage, done, total, name=name: report(f"{name}: {stage}", done, total),  # type: ignore[misc]
            )
    return [str(folder / name) for name in recipes]


def _answers(
    models: Sequence[str], data: str, split: str, classes: tuple[str, ...]
) -> tuple[list[Answers], dict[str, str], int]:
    """Collect the answers in the order of `models`, the cells read once for all that must classify.

    Returns
    -------
    answers : list of Answers
    sources : dict
        Hash or folder of each model, by name.
    skipped : int
        Images that could not be used.
    """
    from leukon.cli.console import progress
    from leukon.datasets.manifest import read_manifest
    from leukon.errors import InputError
    from leukon.evaluation import collect, read_answers
    from leukon.training.examples import read_examples

    classifiers: dict[str, Classifier] = {}
    found: dict[str, Answers] = {}
    sources: dict[str, str] = {}
    for model in models:
        if (Path(model) / PREDICTIONS).is_file():
            read = read_answers(Path(model))
            name, source = read.name, model
            if classes and set(classes) != set(read.classes):
                raise InputError(f"{model} was not evaluated with --classes {','.join(classes)}: do so first")
        else:
            classifier, name, source = load_model(model, classes)
            read = None
        name = str(model) if name in sources else name
        sources[name] = source or model
        if read is None:
            classifiers[name] = classifier
        else:
            found[name] = replace(read, name=name)
    skipped = 0
    if classifiers:
        manifest = read_manifest(_needed(data))
        entries = [entry for entry in manifest.entries if split == ALL or entry.split == split]
        for classifier in classifiers.values():
            entries, _ = known_entries(entries, classifier, data=data, restricted=bool(classes))
        if not entries:
            refuse_empty(manifest, data, split)
        with progress("Evaluating", len(entries)) as advance:
            examples = stepping(read_examples(entries, manifest.root), advance)
            answers, unusable = collect(classifiers, examples)
        found |= {one.name: one for one in answers}
        skipped = len(unusable)
    return [found[name] for name in sources], sources, skipped


def _needed(data: str) -> str:
    from leukon.errors import InputError

    if not data:
        raise InputError("give the labelled cells with --data: only results of leukon evaluate go without")
    return data


def _print(summary: dict[str, Any], out: Path) -> None:
    from rich.table import Table

    from leukon.cli.console import percent, print_table, say
    from leukon.evaluation.comparison import tables
    from leukon.evaluation.scores import RATES

    for title, key in tables(summary):
        table = Table(title=f"{title}, {summary['cells']} cells, %", title_justify="left")
        table.add_column("Model")
        for column in ("Accuracy", "Precision", "Recall", "Specificity", "F1", "AUROC"):
            table.add_column(column, justify="right")
        for model in summary["models"]:
            rates = model["classes"][summary["positive"]] if key == "positive" else model[key]
            cells = (model["accuracy"], *(rates[rate] for rate in RATES))
            table.add_row(model["name"], *(percent(cell, lines=True) for cell in cells))
        print_table(table)
    if summary["subjects"]:
        table = Table(
            "Model", "Mean over subjects, %", "Worst subject", title="Subjects", title_justify="left"
        )
        for model in summary["models"]:
            worst = model["worst_subject"]
            share = f"{worst['name']}: {worst['right']} of {worst['count']}"
            table.add_row(model["name"], percent(model["subject_macro"]), share)
        print_table(table)
    for pair in summary["pairs"]:
        typer.echo(pair["verdict"])
    say(f"Wrote {out / 'comparison.html'}")
