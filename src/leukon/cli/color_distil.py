"""``leukon color distil``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def distil(
    map: Annotated[Path, typer.Argument(help="Map to learn from, as leukon color fit writes it.")],  # noqa: A002
    source: Annotated[Path, typer.Option(help="Folder of images of the system that it maps from.")],
    out: Annotated[Path, typer.Option(help="Fast map to write, a JSON file.")],
    images: Annotated[int, typer.Option(min=1, help="Images at most, spread evenly over the folder.")] = 100,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON on stdout.")] = False,
) -> None:
    """Make a fast map, a table that adapts to each image's stain, of any map, and tell what it loses.

    Every fourth image is kept apart to measure by how much the fast map's colours differ from the teacher's.
    """
    from dataclasses import replace

    from leukon.cli.color_inputs import readable, spread
    from leukon.cli.console import print_json, progress, say
    from leukon.evaluation.color import fidelity
    from leukon.imaging.color.distil import distil as run
    from leukon.imaging.color.fitting import read_map, write_map
    from leukon.types import Skipped

    teacher = read_map(map)
    files = spread(source, images)
    skipped: list[Skipped] = []
    with progress("images", len(files)) as advance:
        pictures = list(readable(files, advance, skipped))
    table = run(teacher.map, [image for i, image in enumerate(pictures) if i % 4])
    loss = fidelity(table, teacher.map, pictures[::4])
    write_map(out, replace(teacher, map=table))
    if json:
        left_out = [{"name": one.name, "reason": one.reason} for one in skipped]
        print_json({"map": str(out), "images": len(pictures), **loss, "skipped": left_out})
        return
    for one in skipped:
        say(f"left out {one.name}: {one.reason}")
    say(
        f"ΔE {loss['delta_e']:.2f} from {map}; {loss['ms']:.1f} ms an image, which is "
        f"{loss['speed_up']:.0f} times as fast"
    )
    say(f"wrote {out}")
