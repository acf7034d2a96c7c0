"""``leukon train``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer


def train(
    recipe: Annotated[
        str, typer.Argument(help="A shipped recipe (small, accurate) or a Python page of your own.")
    ],
    data: Annotated[str, typer.Option(help="Manifest or folder with the parts train and val.")],
    out: Annotated[Path, typer.Option(help="Folder of the run; a stopped run goes on where it was.")],
    weights: Annotated[Path | None, typer.Option(help="Start from this file (.safetensors, .pth).")] = None,
    teacher: Annotated[
        Path | None, typer.Option(help="Learn from the network of this run too, besides the labels.")
    ] = None,
    *,
    pretrained: Annotated[bool | None, typer.Option(help="Fetch the network's own weights.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Instead of the recipe's.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON on stdout.")] = False,
) -> None:
    """Train a classifier by a recipe."""
    from leukon.cli.console import print_json, print_table, stages
    from leukon.datasets.manifest import read_manifest
    from leukon.errors import MissingExtraError
    from leukon.types import taxonomy_of

    try:
        from leukon.training.loop import train as run
        from leukon.training.recipe import load_recipe
    except ImportError as error:
        raise MissingExtraError("training", "train") from error
    page = load_recipe(recipe)
    if weights is not None:
        page = replace(page, model=replace(page.model, weights=str(weights)))
    if teacher is not None:
        page = replace(page, distillation=replace(page.distillation, run=str(teacher)))
    if pretrained is not None:
        page = replace(page, model=replace(page.model, pretrained=pretrained))
    if epochs is not None:
        page = replace(page, epochs=epochs)
    manifest = read_manifest(data)
    with stages() as report:
        result = run(page, manifest, out, taxonomy=taxonomy_of(manifest.labels), report=report)
    summary = {"run": str(out), "classes": list(result.taxonomy.names), **best_epoch(out)}
    summary["started_from"] = started_from(out)
    if json:
        print_json(summary)
        return
    from rich.table import Table

    table = Table("", "", title=f"Run {out}", show_header=False)
    for name, value in summary.items():
        table.add_row(name, f"{value:.4f}" if isinstance(value, float) else str(value))
    print_table(table)


def best_epoch(run: Path) -> dict[str, float]:
    """Return the row of the best epoch in the run's history."""
    from leukon.training.run import history

    return max(history(run), key=lambda row: row["balanced_accuracy"])


def started_from(run: Path) -> str:
    """Return what the run's network started from and how that was adapted; empty for a random start."""
    import json

    return str(json.loads((run / "environment.json").read_text()).get("started_from", ""))
