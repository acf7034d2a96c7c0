"""``leukon tune``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer


class Against(StrEnum):
    """What accuracy is weighed against."""

    TIME = "time"
    FLOPS = "flops"


def tune(
    recipe: Annotated[str, typer.Argument(help="A shipped recipe (convnet) or a Python page of your own.")],
    data: Annotated[str, typer.Option(help="Manifest or folder with the parts train and val.")],
    out: Annotated[Path, typer.Option(help="Folder of the search; a stopped search goes on where it was.")],
    trials: Annotated[int, typer.Option(min=1, help="In all, those of earlier calls included.")] = 20,
    against: Annotated[
        Against, typer.Option(help="Weigh accuracy against the time of one image, or its operations.")
    ] = Against.TIME,
    seed: Annotated[int, typer.Option(min=0, help="Of the search.")] = 0,
    epochs: Annotated[int | None, typer.Option(min=1, help="Instead of the recipe's.")] = None,
    side: Annotated[int | None, typer.Option(min=8, help="px, instead of the recipe's.")] = None,
    *,
    pretrained: Annotated[bool | None, typer.Option(help="Fetch the network's own weights.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON on stdout.")] = False,
) -> None:
    """Search a recipe's settings by Bayesian optimisation: accuracy against run time.

    Searches what the recipe's page names in SEARCH, else the learning rate and the weight decay. Accuracy is
    that of the validation part; score the runs that you choose on the test part with leukon evaluate. Prints
    the Pareto front; writes study.db, trials.csv, tuning.json, front.svg, settings.svg, and a run per trial.
    """
    from leukon.cli.console import print_json, stages
    from leukon.datasets.manifest import read_manifest
    from leukon.errors import MissingExtraError
    from leukon.types import taxonomy_of

    try:
        from leukon.training.recipe import adapted, load_recipe, load_search
        from leukon.training.tune import tune as run
    except ImportError as error:
        raise MissingExtraError("leukon tune", "train") from error
    page = adapted(load_recipe(recipe), epochs=epochs, side_px=side, pretrained=pretrained)
    manifest = read_manifest(data)
    with stages() as report:
        summary = run(
            page,
            load_search(recipe),
            manifest,
            out,
            taxonomy=taxonomy_of(manifest.labels),
            trials=trials,
            seed=seed,
            cost="time_ms" if against is Against.TIME else "gflops",
            report=report,
        )
    if json:
        print_json(summary)
    else:
        _print(summary, out)


def _print(summary: dict[str, Any], out: Path) -> None:
    from rich.table import Table

    from leukon.cli.console import print_table, say

    title = f"Pareto front of {summary['trials']} trials, {summary['failed']} failed"
    table = Table("Trial", "Validation, %", title=title, title_justify="left")
    table.add_column("ms" if summary["cost"] == "time_ms" else "GFLOPs", justify="right")
    table.add_column("Settings")
    table.add_column("Run")
    for row in summary["front"]:
        settings = "\n".join(
            f"{path} = {value:.3g}" if isinstance(value, float) else f"{path} = {value}"
            for path, value in row["settings"].items()
        )
        score, cost = 100 * row["val_balanced_accuracy"], row[summary["cost"]]
        table.add_row(str(row["number"]), f"{score:.1f}", f"{cost:.3f}", settings, row["run"])
    print_table(table)
    say(f"Wrote {out / 'tuning.json'} and {out / 'front.svg'}")
