"""``leukon segment``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def segment(
    inputs: Annotated[
        list[Path], typer.Argument(help="Images, and folders of them: JPEG, PNG, BMP or TIFF.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the results; made where it is missing.")],
    method: Annotated[
        str, typer.Option(help="adaptive, or by colours alone: ekmeans, kmeans, fcm or otsu.")
    ] = "adaptive",
    cells: Annotated[
        str,
        typer.Option(
            help="central: the one that an image was cut out for; every: all of a field; auto: the central "
            "one where it fills the middle of the image, else every one."
        ),
    ] = "auto",
    um_per_pixel: Annotated[
        float | None, typer.Option(min=0.001, max=100, help="Size of a pixel, for measures in µm too.")
    ] = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON on stdout.")] = False,
) -> None:
    """Segment leukocytes into nucleus and cytoplasm, and measure them.

    Writes for each image NAME.mask.png (0 background, 128 cytoplasm, 255 nucleus) and NAME.overlay.jpg, and
    cells.csv with one row per leukocyte: areas, nucleus-to-cytoplasm ratio, lobes, shape, colours,
    granularity. An image without a leukocyte gets an empty mask. A run that was stopped goes on when the
    same command is given again. Images that cannot be used are listed and never stop the run.

    Exit codes: 0 done; 1 no image could be used; 2 wrong usage or a place that cannot be written; 130 stopped
    by Ctrl-C.
    """
    from leukon.cli.console import print_json, say, stages
    from leukon.report import write_segmentation
    from leukon.smear.segment import segment_files

    with stages() as report:
        images = segment_files(
            inputs,
            out,
            method=method,
            cells=cells,
            journal=out / ".journal.jsonl",
            progress=lambda done, total: report("images", done, total),
        )
    summary = write_segmentation(out, images, method=method, um_per_px=um_per_pixel)
    if json:
        print_json(summary)
    else:
        for image in images:
            if image.fault:
                say(f"{image.name}: {image.fault}")
        say(
            f"segmented {summary['leukocytes']} leukocytes in {summary['images']} images; "
            f"wrote {out / 'cells.csv'}, masks and overlays"
        )
    if len(summary["skipped"]) == len(images):
        say(f"leukon: none of the {len(images)} images could be used; {out / 'segmentation.json'} says why")
        raise typer.Exit(1)
