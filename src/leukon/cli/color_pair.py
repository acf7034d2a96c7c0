"""``leukon color pair``: the cells that two imaging systems both show, aligned."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from leukon.types import Image, Skipped


def pair(
    first: Annotated[Path, typer.Argument(help="Folder of images of one imaging system.")],
    second: Annotated[Path, typer.Argument(help="Folder of images of the other, of the same slides.")],
    out: Annotated[Path, typer.Option(help="Folder for the pairs; made where it is missing.")],
    *,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON on stdout.")] = False,
) -> None:
    """Find the cells that two systems' images both show, and align them to a fraction of a pixel.

    Images may be in any order, shifted, turned and scaled. Writes OUT/first/NNNN.png and
    OUT/second/NNNN.png, the second resampled to the first's pixels, for leukon color fit and compare --pairs;
    and pairs.json, with every pair's files, box, matrix, turn, scale and correlation, and every cell that was
    left out and why. Exit code 1 when there is no pair.
    """
    from leukon.cli.color_inputs import readable
    from leukon.cli.console import print_json, progress, say
    from leukon.imaging.files import list_images, write_image
    from leukon.segmentation.registration import aligned_crops, pair_cells
    from leukon.storage import write_json

    skipped: list[Skipped] = []
    files: list[list[Path]] = []
    images: list[list[Image]] = []
    for folder in (first, second):
        listed = list_images([folder])
        with progress(str(folder), len(listed)) as advance:
            images.append(list(readable(listed, advance, skipped)))
        unread = {one.name for one in skipped}
        files.append([path for path in listed if str(path) not in unread])
    with progress("cells", 1) as advance:
        pairs, unpaired = pair_cells(images[0], images[1])
        advance(1)
    rows: list[dict[str, Any]] = []
    for number, found in enumerate(pairs, 1):
        name = f"{number:04d}.png"
        a, b = found.first, found.second
        crops = aligned_crops(found, images[0][a.image], images[1][b.image])
        for side, crop in zip(("first", "second"), crops, strict=True):
            write_image(out / side / name, crop)
        rows.append(
            {
                "name": name,
                "first": str(files[0][a.image]),
                "second": str(files[1][b.image]),
                "box": [a.box.x0, a.box.y0, a.box.x1, a.box.y1],
                "matrix": found.matrix.tolist(),
                "rotation_degrees": found.rotation_degrees,
                "scale": found.scale,
                "correlation": found.correlation,
            }
        )
    summary = {
        "pairs": rows,
        "left_out": [
            {
                "image": str(files[0][one.image]),
                "box": [one.box.x0, one.box.y0, one.box.x1, one.box.y1],
                "reason": one.reason,
            }
            for one in unpaired
        ],
        "skipped": [{"name": one.name, "reason": one.reason} for one in skipped],
    }
    write_json(out / "pairs.json", summary)
    if json:
        print_json(summary)
    else:
        for one in skipped:
            say(f"skipped {one.name}: {one.reason}")
        say(f"aligned {len(pairs)} cells, left out {len(unpaired)}; pairs.json says why")
        say(f"wrote {out / 'first'}, {out / 'second'}, pairs.json")
    if not pairs:
        raise typer.Exit(1)
