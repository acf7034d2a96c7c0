"""``leukon data synth``: generate smears."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def synth(
    system: Annotated[
        list[str], typer.Option(help="Imaging system to render through; give several for aligned pictures.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    fields: Annotated[int, typer.Option(min=1, help="Number of fields.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Another seed gives other fields.")] = 0,
    width: Annotated[int, typer.Option(min=16, max=8192, help="Width of a field in px.")] = 640,
    height: Annotated[int, typer.Option(min=16, max=8192, help="Height of a field in px.")] = 480,
) -> None:
    """Generate fields of a stained smear with masks and boxes.

    Every scene is rendered through each SYSTEM. Fields that are in OUT already are kept.
    """
    from leukon.cli.console import progress, say
    from leukon.datasets.synthetic import write_fields

    with progress("fields", fields * len(system)) as advance:
        manifest = write_fields(out, system, fields, seed, size_px=(width, height), advance=advance)
    say(f"wrote {fields} fields through {', '.join(system)}; their cells are in {manifest}")
