"""``leukon classify``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from leukon.types import Classification


def classify(
    inputs: Annotated[
        list[Path],
        typer.Argument(help="Images of one cell each, and folders of them: JPEG, PNG, BMP or TIFF."),
    ],
    out: Annotated[Path, typer.Option(help="Folder for predictions.csv; made where it is missing.")],
    classes: Annotated[
        str, typer.Option(help="Keep these classes alone, as a,b,c, and renormalise; by default all.")
    ] = "",
    confidence: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Name cells from this confidence on; by default the bundle's own."),
    ] = None,
    bundle: Annotated[str, typer.Option(help="A bundle file, or a shipped one: small, accurate.")] = "small",
    color: Annotated[
        str, typer.Option(help="A colour map to bring images to the bundle's look, or auto; by default none.")
    ] = "",
    *,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON on stdout.")] = False,
) -> None:
    """Name images that each hold one cell, in any framing.

    Writes predictions.csv into the folder. A run that was stopped goes on when the same command is given
    again. Images that cannot be used are listed and never stop the run.

    Exit codes: 0 done; 1 no image could be read (predictions.csv says why); 2 wrong usage, unusable bundle
    or a place that cannot be written; 130 stopped by Ctrl-C.
    """
    from leukon.cli.console import print_json, print_table, say, stages
    from leukon.report import write_classification
    from leukon.smear import classify as run

    kept = [name.strip() for name in classes.split(",") if name.strip()] if classes else None
    with stages() as report:
        classification = run(
            inputs,
            bundle=bundle,
            confidence=confidence,
            color=color or None,
            classes=kept,
            journal=out / ".journal.jsonl",
            progress=lambda done, total: report("images", done, total),
        )
    summary = write_classification(out, classification)
    if json:
        print_json(summary)
    else:
        print_table(_table(classification, summary["classes"], summary["status"]))
        for one in classification.skipped:
            say(f"skipped {one.name}: {one.reason}")
        if strange := dict(classification.provenance.settings).get("caution"):
            say(f"note: {strange}")
        if color:
            say(f"colours: {dict(classification.provenance.settings)['colour']}")
        say(f"wrote {out / 'predictions.csv'}")
    if len(classification.skipped) == len(classification.images):
        say(
            f"leukon: none of the {len(classification.images)} images could be read; predictions.csv says why"
        )
        raise typer.Exit(1)


def _table(classification: Classification, classes: dict[str, int], status: dict[str, int]) -> Table:
    from rich.markup import escape
    from rich.table import Table

    from leukon.report import NOTICE

    table = Table(title="Cells by class", caption=f"{len(classification.images)} images. {NOTICE}")
    table.add_column("class")
    table.add_column("images", justify="right")
    for name, n in classes.items():
        table.add_row(escape(classification.taxonomy[name].title or name), str(n))
    table.add_section()
    for name in ("unidentified", "excluded"):
        table.add_row(name, str(status[name]))
    return table
