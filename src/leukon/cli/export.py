"""``leukon export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def export(
    run: Annotated[Path, typer.Argument(help="Folder of a finished training run.")],
    out: Annotated[Path, typer.Option(help="Bundle file to write, such as small.leukon.")],
    data: Annotated[
        str, typer.Option(help="The manifest that the run was trained on: its val part calibrates.")
    ],
    name: Annotated[str, typer.Option(help="Name of the bundle; by default that of the file.")] = "",
    card: Annotated[Path | None, typer.Option(help="JSON with measured scores for the model card.")] = None,
    *,
    half: Annotated[
        bool,
        typer.Option(
            "--half", help="Store the weights in 16 bit: half the size, answers the same but for rounding."
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON on stdout.")] = False,
) -> None:
    """Turn a training run into a bundle: one file that runs without torch."""
    from leukon.cli.console import print_json, say
    from leukon.datasets.manifest import read_manifest
    from leukon.errors import MissingExtraError

    try:
        from leukon.export.bundle import export_run
    except ImportError as error:
        raise MissingExtraError("export", "train") from error
    summary = export_run(run, out, read_manifest(data), name=name or out.stem, card=card, half=half)
    if json:
        print_json(summary)
    else:
        say(f"wrote {out}: {summary['bytes'] / 1e6:.1f} MB, sha256 {summary['sha256']}")
