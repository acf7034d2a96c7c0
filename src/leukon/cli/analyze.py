"""``leukon analyze``."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from leukon.types import Analysis


def analyze(
    inputs: Annotated[
        list[Path], typer.Argument(help="Images of a smear, and folders of them: JPEG, PNG, BMP or TIFF.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the results; made where it is missing.")],
    bundle: Annotated[str, typer.Option(help="A bundle file, or a shipped one: small, accurate.")] = "small",
    color: Annotated[
        str, typer.Option(help="A colour map to bring images to the bundle's look, or auto; by default none.")
    ] = "",
    confidence: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Name cells from this confidence on; by default the bundle's own."),
    ] = None,
    cells: Annotated[int, typer.Option(min=1, help="Flag a count of fewer leukocytes.")] = 200,
    width: Annotated[
        float,
        typer.Option(
            min=0.1,
            max=100,
            help="Width of interval, in percentage points, that the flag reckons more cells for.",
        ),
    ] = 10.0,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON on stdout.")] = False,
) -> None:
    """Find, name and count the leukocytes of a smear.

    Writes cells.csv, differential.csv, differential.json and report.html into the folder. A run that was
    stopped goes on when the same command is given again. Images that cannot be used are listed and never
    stop the run.

    Exit codes: 0 done; 1 no image could be used (the results say why); 2 wrong usage, unusable bundle or a
    place that cannot be written; 130 stopped by Ctrl-C.
    """
    from leukon.cli.console import print_json, print_table, say, stages
    from leukon.report import write_analysis
    from leukon.smear import CountOptions
    from leukon.smear import analyze as run

    with stages() as report:
        analysis = run(
            inputs,
            bundle=bundle,
            confidence=confidence,
            color=color or None,
            options=CountOptions(least_cells=cells, interval_width=width),
            journal=out / ".journal.jsonl",
            progress=lambda done, total: report("fields", done, total),
        )
    more = f" and {len(inputs) - 1} more" if len(inputs) > 1 else ""
    summary = write_analysis(out, analysis, title=inputs[0].resolve().name + more)
    if json:
        print_json(summary)
    else:
        print_table(_table(analysis))
        for flag in analysis.differential.flags:
            say(f"note: {flag.message}")
        if color:
            say(f"colours: {dict(analysis.provenance.settings)['colour']}")
        say(f"wrote {out / 'report.html'}, cells.csv, differential.csv, differential.json")
    if not analysis.differential.fields_read:
        say(f"leukon: none of the {len(analysis.fields)} images could be used; the results say why")
        raise typer.Exit(1)


def _table(analysis: Analysis) -> Table:
    from rich.markup import escape
    from rich.table import Table

    from leukon.report import NOTICE

    result = analysis.differential
    caption = (
        f"{result.cells_counted} leukocytes counted, {result.cells_unidentified} unidentified, "
        f"{result.cells_excluded} excluded; {result.fields_read} fields read, {len(result.skipped)} skipped. "
        f"{NOTICE}"
    )
    table = Table(title="Leukocyte differential", caption=caption)
    table.add_column("class")
    is_corrected = any(line.corrected_low is not None for line in result.leukocytes)
    for name in ("cells", "%", "95 % limits", *(("with the classifier's error",) if is_corrected else ())):
        table.add_column(name, justify="right")
    for line in (*result.leukocytes, *result.per_100):
        title = escape(analysis.taxonomy[line.name].title or line.name)
        if line in result.per_100:
            title += " per 100 leukocytes"
        share = "–" if line.percent is None else f"{line.percent:.1f}"
        ends = (line.low, line.high), (line.corrected_low, line.corrected_high)
        limits = ("–" if low is None or high is None else f"{low:.1f}–{high:.1f}" for low, high in ends)
        table.add_row(title, str(line.count), share, *islice(limits, 1 + is_corrected))
    return table
