"""``leukon adapt``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from leukon.adaptation.adapt import Figures
    from leukon.adaptation.unlabelled import Changes
    from leukon.bundle import Bundle, Contents
    from leukon.types import Skipped


def adapt(
    bundle: Annotated[str, typer.Argument(help="A bundle file, or a shipped one: small, accurate.")],
    out: Annotated[Path, typer.Option(help="Bundle file to write, such as mine.leukon.")],
    data: Annotated[
        str, typer.Option(help="Labelled cells of the new system: a manifest, class folders, or NAME:FOLDER.")
    ] = "",
    images: Annotated[
        Path | None, typer.Option(help="Images of the new system without labels: fields or single cells.")
    ] = None,
    classes: Annotated[str, typer.Option(help="Classes to learn, by commas; others are left out.")] = "",
    name: Annotated[str, typer.Option(help="Name of the new bundle; by default that of the file.")] = "",
    *,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON on stdout.")] = False,
) -> None:
    """Fit a bundle to another imaging system with images of it: 5 to 20 labelled cells of each class, or any.

    With --data a second head is fitted beside the first; cells of the part test are left alone, to evaluate
    with. With --images the colours of the system are mapped to those that the bundle knows; labels gain more.
    Either way a cell of the new system is looked at from several sides, and a gate decides by its look what
    answers, so that most cells of the systems known before are answered as before.

    Exit codes: 0 done; 1 the labels or images do not help, nothing is written; 2 wrong input; 130 stopped by
    Ctrl-C.
    """
    from dataclasses import asdict

    from leukon.bundle import load_bundle, write_bundle
    from leukon.cli.console import print_json, say
    from leukon.cli.labelled import names_in
    from leukon.errors import MissingExtraError

    if bool(data) == bool(images):
        raise typer.BadParameter("give labelled cells with --data, or images without labels with --images")
    if images and classes:
        raise typer.BadParameter("--classes chooses labels, and goes with --data")
    loaded = load_bundle(bundle)
    found: Figures | Changes
    try:
        if images:
            contents, found, skipped = _unlabelled(loaded, images, name or out.stem)
        else:
            contents, found, skipped = _labelled(loaded, data, names_in(classes), name or out.stem)
    except ImportError as error:
        raise MissingExtraError("adapting", "adapt") from error
    if helps := found.helps:
        write_bundle(out, contents)
        load_bundle(out)  # it must run, and answer its sample as before
    if json:
        print_json({"written": str(out) if helps else None, **asdict(found)})
    else:
        _print(found)
        for one in skipped:
            say(f"skipped {one.name}: {one.reason}")
        what = "images" if images else "labels"
        say(f"wrote {out}" if helps else f"these {what} do not help: nothing is written")
    if not helps:
        raise typer.Exit(1)


def _labelled(
    bundle: Bundle, data: str, wanted: tuple[str, ...], name: str
) -> tuple[Contents, Figures, list[Skipped]]:
    from leukon.adaptation.adapt import adapt as run
    from leukon.cli.console import progress
    from leukon.cli.labelled import known_entries
    from leukon.datasets.manifest import read_manifest
    from leukon.evaluation import Example
    from leukon.training.examples import read_examples

    known = bundle.restricted(wanted) if wanted else bundle
    manifest = read_manifest(data)
    entries = [entry for entry in manifest.entries if entry.split != "test"]
    kept, _ = known_entries(entries, known, data=data, restricted=bool(wanted))
    read = list(read_examples(kept, manifest.root))
    examples = [item for item in read if isinstance(item, Example)]
    with progress("Looking at cells", len(examples)) as advance:
        adapted = run(bundle, examples, name=name, advance=advance)
    return adapted.contents, adapted.figures, [item for item in read if not isinstance(item, Example)]


def _unlabelled(bundle: Bundle, folder: Path, name: str) -> tuple[Contents, Changes, list[Skipped]]:
    from leukon.adaptation.unlabelled import MOST_IMAGES, adapt_unlabelled
    from leukon.cli.console import progress
    from leukon.errors import InputError
    from leukon.smear.sources import sources_of
    from leukon.types import Skipped

    sources = sources_of(folder)
    count = min(MOST_IMAGES, len(sources))
    images, skipped = [], []
    for source in (sources[i * len(sources) // count] for i in range(count)):
        try:
            images.append(source.read())
        except InputError as error:
            skipped.append(Skipped(source.name, source.fault(error)))
    with progress("Looking for cells", len(images)) as advance:
        adapted = adapt_unlabelled(bundle, images, name=name, advance=advance)
    return adapted.contents, adapted.changes, skipped


def _print(found: Figures | Changes) -> None:
    from rich.table import Table

    from leukon.adaptation.adapt import Figures
    from leukon.cli.console import print_table

    title = "Adapting, cross-validated on the labelled cells" if isinstance(found, Figures) else "Adapting"
    table = Table(title=title, title_justify="left")
    for heading in ("", "before", "after"):
        table.add_column(heading, justify="right" if heading else "left")
    if isinstance(found, Figures):
        table.add_row("balanced accuracy", f"{found.before:.3f}", f"{found.after:.3f}")
        table.add_row("negative log-likelihood", f"{found.loss_before:.3f}", f"{found.loss_after:.3f}")
        told = ", ".join(f"{n} {name}" for name, n in found.cells.items() if n)
        table.caption = f"Labelled cells: {told}."
    else:
        table.add_row(
            "colours off by ΔE2000, mean of parts", f"{found.color_before:.1f}", f"{found.color_after:.1f}"
        )
        table.add_row(
            "views of a cell named alike", f"{found.agreement_before:.3f}", f"{found.agreement_after:.3f}"
        )
        table.add_row("mean confidence", f"{found.confidence_before:.3f}", f"{found.confidence_after:.3f}")
        table.add_row("cells with another name", "", f"{found.renamed:.3f}")
        table.caption = f"{found.cells} cells of {found.images} images, without labels."
    table.add_row("recognised as the new system", "", f"{found.recognised:.3f}")
    print_table(table)
