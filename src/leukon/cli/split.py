"""``leukon data split``: divide a manifest into train, val and test."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leukon.cli.console import print_table

if TYPE_CHECKING:
    from leukon.datasets.splits import By


class KeptWhole(StrEnum):
    """What a split must not part."""

    GROUP = "group"
    SUBJECT = "subject"
    NONE = "none"

    def kept(self) -> By | None:
        """Return the name that `leukon.datasets.splits` has for it."""
        names: dict[KeptWhole, By] = {KeptWhole.GROUP: "group", KeptWhole.SUBJECT: "subject"}
        return names.get(self)


class Protocols(StrEnum):
    """Named ways to divide a data set."""

    HOLDOUT = "holdout"
    GROUPED = "grouped"
    OFFICIAL = "official"
    RANDOM_7_1_2 = "random_7_1_2"


def split(
    manifest: Annotated[str, typer.Argument(help="Manifest, folder of class folders, or NAME:DIR.")],
    out: Annotated[Path, typer.Option(help="Manifest to write, .csv or .parquet.")],
    seed: Annotated[int, typer.Option(help="Another seed gives another split.")] = 0,
    by: Annotated[KeptWhole, typer.Option(help="What is never parted.")] = KeptWhole.GROUP,
    protocol: Annotated[
        Protocols, typer.Option(help="grouped: by subject; official: the data set's own parts.")
    ] = Protocols.HOLDOUT,
) -> None:
    """Divide into train (70 %), val (10 %) and test (20 %), stratified by label and grouped.

    random_7_1_2 draws single images, as papers do: near duplicates may then stand on both sides.
    """
    from rich.table import Table

    from leukon.datasets.manifest import SPLITS, read_manifest, write_manifest
    from leukon.datasets.splits import protocol_split

    done = protocol_split(read_manifest(manifest), protocol.value, seed=seed, by=by.kept())
    write_manifest(out, done)
    table = Table("label", *SPLITS, title=f"Written to {out}", title_justify="left")
    for label in done.labels:
        table.add_row(label, *(str(done.subset(split=name).counts().get(label, 0)) for name in SPLITS))
    print_table(table)
