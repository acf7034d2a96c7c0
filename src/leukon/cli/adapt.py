"""``leukon adapt``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from leukon.adaptation.adapt import Figures


def adapt(
    bundle: Annotated[str, typer.Argument(help="A bundle file, or the name of a shipped one.")],
    data: Annotated[
        str, typer.Option(help="Labelled cells of the new system: a manifest, class folders, or NAME:FOLDER.")
    ],
    out: Annotated[Path, typer.Option(help="Bundle file to write, such as mine.leukon.")],
    classes: Annotated[str, typer.Option(help="Classes to learn, by commas; others are left out.")] = "",
    name: Annotated[str, typer.Option(help="Name of the new bundle; by default that of the file.")] = "",
    *,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON on stdout.")] = False,
) -> None:
    """Fit a bundle to another imaging system with a few labelled cells of it: 5 to 20 of each class.

    A second head is fitted beside the first, and a gate decides by the look of a cell which one answers, so
    that systems known before are answered as before. Cells of the part test are left alone, to evaluate with.

    Exit codes: 0 done; 1 the labels do not help, nothing is written; 2 wrong input; 130 stopped by Ctrl-C.
    """
    from dataclasses import asdict

    from leukon.bundle import load_bundle, write_bundle
    from leukon.cli.console import print_json, progress, say
    from leukon.cli.labelled import known_entries, names_in
    from leukon.datasets.manifest import read_manifest
    from leukon.errors import MissingExtraError
    from leukon.evaluation import Example
    from leukon.training.examples import read_examples

    try:
        from leukon.adaptation.adapt import adapt as run
    except ImportError as error:
        raise MissingExtraError("adapting", "adapt") from error

    loaded = load_bundle(bundle)
    wanted = names_in(classes)
    known = loaded.restricted(wanted) if wanted else loaded
    manifest = read_manifest(data)
    entries = [entry for entry in manifest.entries if entry.split != "test"]
    kept, _ = known_entries(entries, known, data=data, restricted=bool(wanted))
    read = list(read_examples(kept, manifest.root))
    examples = [item for item in read if isinstance(item, Example)]
    with progress("Looking at cells", len(examples)) as advance:
        adapted = run(loaded, examples, name=name or out.stem, advance=advance)
    figures = adapted.figures
    helps = figures.after > figures.before or (
        figures.after == figures.before and figures.loss_after < figures.loss_before
    )
    if helps:
        write_bundle(out, adapted.contents)
        load_bundle(out)  # it must run, and answer its sample as before
    if json:
        print_json({"written": str(out) if helps else None, **asdict(figures)})
    else:
        _print(figures)
        for item in read:
            if not isinstance(item, Example):
                say(f"skipped {item.name}: {item.reason}")
        say(f"wrote {out}" if helps else "these labels do not help: nothing is written")
    if not helps:
        raise typer.Exit(1)


def _print(figures: Figures) -> None:
    from rich.table import Table

    from leukon.cli.console import print_table

    table = Table(title="Adapting, cross-validated on the labelled cells", title_justify="left")
    for title in ("", "before", "after"):
        table.add_column(title, justify="right" if title else "left")
    table.add_row("balanced accuracy", f"{figures.before:.3f}", f"{figures.after:.3f}")
    table.add_row("negative log-likelihood", f"{figures.loss_before:.3f}", f"{figures.loss_after:.3f}")
    table.add_row("recognised as the new system", "", f"{figures.recognised:.3f}")
    told = ", ".join(f"{n} {name}" for name, n in figures.cells.items() if n)
    table.caption = f"Labelled cells: {told}."
    print_table(table)
