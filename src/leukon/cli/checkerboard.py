"""``leukon image checkerboard``: the two checkerboard pictures of images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def checkerboard(
    inputs: Annotated[list[Path], typer.Argument(help="Images, and folders of them.")],
    out: Annotated[Path, typer.Option(help="Folder to write to; made where it is missing.")],
    mode: Annotated[
        str,
        typer.Option(
            help="complementary (half the pixels each), or literal as the paper's loops (a quarter)."
        ),
    ] = "complementary",
) -> None:
    """Write the two checkerboard pictures of each image, as NAME.a.png and NAME.b.png.

    Each keeps a part of the pixels and is black elsewhere; the two complementary ones add up to the image.
    Exit code 1 when no image could be read.
    """
    from leukon.cli.console import progress, say
    from leukon.cli.targets import targets_of
    from leukon.errors import InputError
    from leukon.imaging.checkerboard import MODES
    from leukon.imaging.checkerboard import checkerboard as pictures
    from leukon.imaging.files import IMAGE_SUFFIXES, read_image, write_image
    from leukon.registry import look_up

    chosen = look_up("checkerboard mode", mode, {name: name for name in MODES})
    targets = targets_of(inputs, out, ".png", IMAGE_SUFFIXES)
    written = 0
    with progress("Images", len(targets)) as advance:
        for target, image in targets.items():
            try:
                first, second = pictures(read_image(image), chosen)
            except InputError as error:
                say(f"skipped: {error}")
            else:
                write_image(target.with_suffix(".a.png"), first)
                write_image(target.with_suffix(".b.png"), second)
                written += 1
            advance(1)
    say(f"wrote the checkerboard pictures of {written} of {len(targets)} images to {out}")
    if not written:
        raise typer.Exit(1)
