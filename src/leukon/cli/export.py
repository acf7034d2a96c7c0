"""``leukon export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def export(
    runs: Annotated[
        list[Path], typer.Argument(help="Folder of a finished training run; several decide together.")
    ],
    out: Annotated[Path, typer.Option(help="Bundle file to write, such as small.leukon.")],
    data: Annotated[
        str, typer.Option(help="The manifest that the run was trained on: its val part calibrates.")
    ],
    name: Annotated[str, typer.Option(help="Name of the bundle; by default that of the file.")] = "",
    card: Annotated[Path | None, typer.Option(help="JSON with measured scores for the model card.")] = None,
    *,
    int8: Annotated[
        bool,
        typer.Option(
            "--int8",
            help="Let large convolutions compute in 8 bit: smaller, faster, nearly the same answers.",
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON on stdout.")] = False,
) -> None:
    """Turn a training run into a bundle: one file that runs without torch.

    Several runs of the same classes and pipeline, whatever their networks and sizes of the picture, become a
    committee: the bundle gives the geometric mean of their probabilities.
    """
    from leukon.cli.console import print_json, say
    from leukon.datasets.manifest import read_manifest
    from leukon.errors import MissingExtraError

    try:
        from leukon.export.bundle import export_runs
    except ImportError as error:
        raise MissingExtraError("export", "train") from error
    summary = export_runs(runs, out, read_manifest(data), name=name or out.stem, card=card, int8=int8)
    if json:
        print_json(summary)
    else:
        say(f"wrote {out}: {summary['bytes'] / 1e6:.1f} MB, sha256 {summary['sha256']}")
