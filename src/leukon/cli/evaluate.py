"""``leukon evaluate``."""

from __future__ import annotations

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
    from leukon.evaluation import BackgroundDrop


def evaluate(
    model: Annotated[
        str, typer.Argument(help="A bundle, its shipped name, or the folder of a training run.")
    ],
    data: Annotated[str, typer.Option(help="A manifest, a folder of class folders, or NAME:FOLDER.")],
    out: Annotated[Path, typer.Option(help="Folder for scores, predictions, figures and the page.")],
    split: Annotated[str, typer.Option(help=f"The split to score; '{ALL}' for every cell.")] = "test",
    classes: Annotated[str, typer.Option(help="Classes to tell apart, by commas; others are left out.")] = "",
    background_test: Annotated[
        bool, typer.Option("--background-test", help="Measure how much rests on what lies around the cell.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the scores as JSON.")] = False,
) -> None:
    """Score a model on labelled cells, with 95 % intervals, figures and a page.

    The background test classifies every cell twice more: with all that lies outside it set to the colour of
    the empty background, and with its surroundings in other colours. A drop says that the model looks there.
    """
    from leukon import __version__
    from leukon.bundle import Bundle
    from leukon.cli.console import print_json, progress
    from leukon.datasets.manifest import read_manifest
    from leukon.evaluation import Provenance, write_evaluation
    from leukon.evaluation import background_test as test_background
    from leukon.evaluation import evaluate as run
    from leukon.training.examples import read_examples

    wanted = names_in(classes)
    classifier, name, sha256 = load_model(model, wanted)
    manifest = read_manifest(data)
    entries = [entry for entry in manifest.entries if split == ALL or entry.split == split]
    kept, left_out = known_entries(entries, classifier, data=data, restricted=bool(wanted))
    if not kept:
        refuse_empty(manifest, data, split)
    with progress("Evaluating", len(kept)) as advance:
        result = run(classifier, stepping(read_examples(kept, manifest.root), advance))
    drops: tuple[BackgroundDrop, ...] = ()
    if background_test:
        with progress("Background test", len(kept)) as advance:
            drops = test_background(classifier, stepping(read_examples(kept, manifest.root), advance))
    provenance = Provenance(
        model=name,
        model_sha256=sha256,
        data=data,
        split="" if split == ALL else split,
        data_sha256=replace(manifest, entries=tuple(kept)).digest(),
        classes=classifier.taxonomy.names if wanted else (),
        left_out=left_out,
        version=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        coverage=classifier.calibration.coverage if isinstance(classifier, Bundle) else None,
    )
    summary = write_evaluation(result, provenance, out, background=drops)
    if json:
        print_json(summary)
    else:
        _print(summary, out)


def _print(summary: dict[str, Any], out: Path) -> None:
    from rich.table import Table

    from leukon.cli.console import percent, print_table, say

    headline = f"Balanced accuracy {percent(summary['balanced_accuracy'])} %"
    table = Table(title=f"{headline}, {summary['cells']} cells", title_justify="left")
    table.add_column("Class", no_wrap=True)
    for title in ("Cells", "Precision", "Recall", "F1", "AUROC"):
        table.add_column(title, justify="right")
    rates = ("precision", "recall", "f1", "auroc")
    for row in summary["classes"]:
        table.add_row(row["name"], str(row["support"]), *(percent(row[rate]) for rate in rates))
    table.add_section()
    table.add_row("mean", str(summary["cells"]), *(percent(summary["macro"][rate]) for rate in rates))
    print_table(table)
    if sets := summary["prediction_sets"]:
        stated = 100 * summary["provenance"]["coverage"]
        typer.echo(
            f"Prediction sets hold the truth in {percent(sets['coverage'])} % of the cells ({stated:.0f} % "
            f"stated) and {sets['mean_size']:.2f} classes on average"
        )
    for drop in summary["background"]:
        typer.echo(drop["verdict"])
    if summary["skipped"]:
        say(f"{len(summary['skipped'])} images could not be used; they are listed in scores.json")
    say(f"Wrote {out / 'evaluation.html'}")
