"""``leukon data expand``: fixed variants of every training image, written to disk."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukon.cli.console import print_json, print_table, progress, say


def expand(
    manifest: Annotated[str, typer.Argument(help="Manifest, folder of split folders, or NAME:DIR.")],
    out: Annotated[Path, typer.Option(help="Folder to write images and manifest.csv to.")],
    plan: Annotated[
        str, typer.Option(help="Which variants: paper (20 of each image), or flips (4).")
    ] = "paper",
    mode: Annotated[
        str, typer.Option(help="Checkerboard pictures: complementary, or literal as the paper's loops.")
    ] = "complementary",
    seed: Annotated[int, typer.Option(help="Of the noise.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON on stdout.")] = False,
) -> None:
    """Write variants of every training image, and a manifest that names source and operation of each.

    Only the part train is expanded; val and test are named in the new manifest as they are. The variants of
    an image share its group, so that no later split parts them. A run that was stopped goes on where it was.
    """
    from collections import Counter

    from rich.table import Table

    from leukon.datasets.expand import PLANS
    from leukon.datasets.expand import expand as run
    from leukon.datasets.manifest import read_manifest
    from leukon.imaging.checkerboard import MODES
    from leukon.registry import look_up

    operations = look_up("plan", plan, PLANS)
    chosen = look_up("checkerboard mode", mode, {name: name for name in MODES})
    cells = read_manifest(manifest)
    before = cells.subset(split="train").counts()
    with progress("Images", sum(before.values()) * len(operations)) as advance:
        done = run(cells, plan, out, seed=seed, mode=chosen, advance=advance)
    after = Counter(entry.label for entry in done.manifest.entries if entry.split == "train")
    if json:
        print_json(
            {
                "plan": plan,
                "operations": operations,
                "labels": {label: {"before": n, "after": after[label]} for label, n in before.items()},
                "written": done.written,
                "kept": done.kept,
                "skipped": [{"path": one.name, "reason": one.reason} for one in done.skipped],
            }
        )
        return
    table = Table("label", "before", "after", title=f"Written to {out}", title_justify="left")
    for label, count in before.items():
        table.add_row(label, str(count), str(after[label]))
    table.add_row("all", str(sum(before.values())), str(sum(after.values())))
    print_table(table)
    for one in done.skipped:
        say(f"skipped: {one.reason}")
    say(f"{done.written} images written, {done.kept} kept from before")
