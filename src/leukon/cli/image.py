"""``leukon image``: single images in other spaces."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from leukon.imaging.spaces import Space

SPACES_SHOWN = "rgb,raw,hsv,optical_density,lab"
_MODEL_HELP = "ONNX file of the space learned_raw, as learn-raw writes it."


def convert(
    inputs: Annotated[list[Path], typer.Argument(help="Images, and folders of them; camera raw files too.")],
    space: Annotated[str, typer.Option(help="Image space, such as raw, hsv or optical_density.")],
    out: Annotated[Path, typer.Option(help="Folder to write to; made where it is missing.")],
    model: Annotated[Path | None, typer.Option(help=_MODEL_HELP)] = None,
    format: Annotated[str, typer.Option(help="npy (float32), or png or tif (16 bit).")] = "npy",  # noqa: A002
    *,
    from_raw: Annotated[
        bool, typer.Option("--from-raw", help="16-bit images hold linear camera RGB, as camera raw files do.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON on stdout.")] = False,
) -> None:
    """Convert images to a space.

    Each image becomes one file of its name in OUT, beside convert.json, which states the space with all its
    numbers, the channels and their ranges: what a 16-bit file spreads over 0…65535. Linear pictures, such as
    raw ones, are what a recipe with the space rgb takes as they are. Exit code 1 when no image could be read.
    """
    from dataclasses import asdict

    from leukon.cli.console import print_json, progress, say
    from leukon.cli.targets import targets_of
    from leukon.errors import InputError
    from leukon.imaging.convert import FORMATS, file_in_space, write_values
    from leukon.imaging.files import IMAGE_SUFFIXES, RAW_SUFFIXES
    from leukon.registry import look_up
    from leukon.storage import write_json

    chosen = _space(space, model)
    suffix = "." + look_up("format", format, dict.fromkeys(FORMATS, format))
    if suffix != ".npy" and len(chosen.channels) != 3:
        raise InputError(f"{space} has {len(chosen.channels)} channels, a picture 3; choose --format npy")
    targets = targets_of(inputs, out, suffix, IMAGE_SUFFIXES + RAW_SUFFIXES)
    written: list[str] = []
    skipped: list[dict[str, str]] = []
    with progress("images", len(targets)) as advance:
        for target, image in targets.items():
            try:
                values = file_in_space(image, chosen, raw=from_raw)
            except InputError as error:
                skipped.append({"path": str(image), "reason": str(error)})
            else:
                write_values(target, values, chosen)
                written.append(str(target))
            advance(1)
    summary = {
        "space": {"name": chosen.name, **asdict(chosen)},
        "channels": list(chosen.channels),
        "ranges": [list(pair) for pair in chosen.ranges],
        "written": written,
        "skipped": skipped,
    }
    write_json(out / "convert.json", summary)
    if json:
        print_json(summary)
    else:
        for one in skipped:
            say(f"skipped: {one['reason']}")
        say(f"wrote {len(written)} of {len(targets)} images in {space} to {out}")
    if not written:
        raise typer.Exit(1)


def show(
    image: Annotated[Path, typer.Argument(help="An image; a camera raw file too.")],
    out: Annotated[Path, typer.Option(help="PNG file to write.")],
    spaces: Annotated[str, typer.Option(help="Image spaces, as a,b,c.")] = SPACES_SHOWN,
    model: Annotated[Path | None, typer.Option(help=_MODEL_HELP)] = None,
    *,
    from_raw: Annotated[
        bool,
        typer.Option("--from-raw", help="A 16-bit image holds linear camera RGB, as raw files do."),
    ] = False,
) -> None:
    """Draw the channels of an image in each space side by side, one row a space."""
    from leukon.cli.console import say
    from leukon.errors import InputError
    from leukon.imaging.convert import channels_figure, file_in_space
    from leukon.storage import write_bytes

    if out.suffix.lower() != ".png":
        raise InputError(f"cannot write {out}: the figure is a PNG file; choose a name that ends in .png")
    chosen = [_space(name.strip(), model) for name in spaces.split(",") if name.strip()]
    if not chosen:
        raise InputError(f"--spaces names none; give some of {SPACES_SHOWN}")
    rows = [(space, file_in_space(image, space, raw=from_raw)) for space in chosen]
    write_bytes(out, channels_figure(rows, image.name))
    say(f"wrote {out}")


def _space(name: str, model: Path | None) -> Space:
    from leukon.imaging.spaces import SPACES
    from leukon.imaging.spaces.learned_raw import LearnedRaw
    from leukon.registry import look_up

    kind = look_up("image space", name, SPACES)
    return LearnedRaw.of(model) if kind is LearnedRaw else kind()
