"""``leukon data split``: divide a manifest into train, val and test."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from leukon.cli.console import print_table


class KeptWhole(StrEnum):
    """What a split must not part."""

    GROUP = "group"
    SUBJECT = "subject"
    NONE = "none"


def split(
    manifest: Annotated[str, typer.Argument(help="Manifest, folder of class folders, or NAME:DIR.")],
    out: Annotated[Path, typer.Option(help="Manifest to write, .csv or .parquet.")],
    seed: Annotated[int, typer.Option(help="Another seed gives another split.")] = 0,
    by: Annotated[KeptWhole, typer.Option(help="What is never parted.")] = KeptWhole.GROUP,
) -> None:
    """Divide into train (70 %), val (10 %) and test (20 %), stratified by label and grouped."""
    from rich.table import Table

    from leukon.datasets.manifest import SPLITS, read_manifest, write_manifest
    from leukon.datasets.splits import split_manifest

    whole = {KeptWhole.GROUP: "group", KeptWhole.SUBJECT: "subject", KeptWhole.NONE: None}[by]
    done = split_manifest(read_manifest(manifest), seed=seed, by=whole)  # type: ignore[arg-type]
    write_manifest(out, done)
    table = Table("label", *SPLITS, title=f"Written to {out}", title_justify="left")
    for label in done.labels:
        table.add_row(label, *(str(done.subset(split=name).counts().get(label, 0)) for name in SPLITS))
    print_table(table)
