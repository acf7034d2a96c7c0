"""``leukon crossval``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from leukon.cli.split import KeptWhole


def crossval(
    recipe: Annotated[
        str, typer.Argument(help="A shipped recipe (small, accurate) or a Python page of your own.")
    ],
    data: Annotated[str, typer.Option(help="Manifest, folder of class folders, or NAME:DIR.")],
    out: Annotated[Path, typer.Option(help="Folder of the runs; what was stopped goes on where it was.")],
    folds: Annotated[int, typer.Option(min=2, help="Number of folds.")] = 5,
    by: Annotated[KeptWhole, typer.Option(help="What is never parted.")] = KeptWhole.GROUP,
    split: Annotated[str, typer.Option(help="Deal the cells of these parts alone, as train,val.")] = "all",
    weights: Annotated[Path | None, typer.Option(help="Start from this safetensors file.")] = None,
    *,
    pretrained: Annotated[bool | None, typer.Option(help="Fetch the network's own weights.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Instead of the recipe's.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON on stdout.")] = False,
) -> None:
    """Train a recipe once per fold and score each run on the fold that it has not seen.

    The folds are stratified by label and grouped. A tenth of each training part chooses the epoch. Writes
    fold_1 …, crossval.json, and the scores, predictions and page of the held-out cells of all folds.
    """
    from leukon.cli.console import print_json, stages
    from leukon.datasets.manifest import read_manifest
    from leukon.errors import ManifestError, MissingExtraError
    from leukon.types import taxonomy_of

    try:
        from leukon.training.crossval import Folding
        from leukon.training.crossval import crossval as run
        from leukon.training.recipe import load_recipe
    except ImportError as error:
        raise MissingExtraError("training", "train") from error
    page = load_recipe(recipe)
    model = replace(
        page.model,
        weights=str(weights) if weights else page.model.weights,
        pretrained=page.model.pretrained if pretrained is None else pretrained,
    )
    page = replace(page, model=model, epochs=epochs or page.epochs)
    manifest = read_manifest(data)
    if split != "all":
        wanted = {name.strip() for name in split.split(",")}
        manifest = replace(manifest, entries=tuple(e for e in manifest.entries if e.split in wanted))
        if not manifest.entries:
            raise ManifestError(f"{data} has no cells in the parts {split}; choose others with --split")
    with stages() as report:
        summary = run(
            page,
            manifest,
            out,
            taxonomy=taxonomy_of(manifest.labels),
            folding=Folding(folds, by.kept()),
            report=report,
        )
    if json:
        print_json(summary)
    else:
        _print(summary, out)


_SHOWN = ("accuracy", "balanced_accuracy", "macro_f1", "weighted_f1", "macro_auroc", "weighted_auroc")


def _print(summary: dict[str, Any], out: Path) -> None:
    from rich.table import Table

    from leukon.cli.console import print_table, say

    def percent(value: float | None) -> str:
        return "–" if value is None else f"{100 * value:.1f}"

    pooled = summary["pooled"]
    title = f"{summary['folds']} folds, {summary['cells']} cells, in %"
    table = Table("score", title=title, title_justify="left")
    for row in summary["per_fold"]:
        table.add_column(str(row["fold"]), justify="right")
    for heading in ("mean ± SD", "pooled", "95 % limits"):
        table.add_column(heading, justify="right")
    for name in _SHOWN:
        average, _, rate = name.partition("_")
        whole = pooled[average][rate] if average in ("macro", "weighted") else pooled[name]
        over = summary["spread"].get(name)
        table.add_row(
            name.replace("_", " "),
            *(percent(row[name]) for row in summary["per_fold"]),
            f"{percent(over['mean'])} ± {percent(over['sd'])}" if over else "–",
            percent(whole["value"]),
            "–" if whole["low"] is None else f"{percent(whole['low'])}–{percent(whole['high'])}",
        )
    print_table(table)
    say(f"Wrote {out / 'crossval.json'} and {out / 'evaluation.html'}")
