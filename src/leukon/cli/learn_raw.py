"""``leukon image learn-raw``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def learn_raw(
    out: Annotated[Path, typer.Option(help="ONNX file to write, for --model of convert and show.")],
    system: Annotated[
        list[str] | None, typer.Option(help="Imaging system to learn, or several; by default random ones.")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Training steps.")] = 2000,
    scenes: Annotated[int, typer.Option(min=1, help="Generated pictures to learn from.")] = 64,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    width: Annotated[int, typer.Option(min=8, help="Feature channels, a multiple of 8; published: 96.")] = 96,
    groups: Annotated[int, typer.Option(min=1, help="Residual groups; published: 3.")] = 3,
    blocks: Annotated[int, typer.Option(min=1, help="Attention blocks in a group; published: 5.")] = 5,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON on stdout.")] = False,
) -> None:
    """Learn RGB → raw from generated smears, whose raw signal is known, by CycleISP's network."""
    from leukon.cli.console import print_json, progress, say
    from leukon.errors import InputError, MissingExtraError
    from leukon.storage import write_bytes

    try:
        from leukon.export.onnx import raw_to_onnx
        from leukon.models.rgb2raw import Rgb2RawSpec
        from leukon.training.raw_pairs import RawSchedule
        from leukon.training.raw_pairs import learn_raw as run
    except ImportError as error:
        raise MissingExtraError("learning raw", "train") from error
    if width % 8:
        raise InputError(f"a width of {width} cannot be narrowed by 8: choose a multiple of 8")
    schedule = RawSchedule(tuple(system or ()), scenes=scenes, steps=steps, seed=seed)
    with progress("steps", steps) as advance:
        network, losses = run(schedule, Rgb2RawSpec(width, groups, blocks), advance=advance)
    content = raw_to_onnx(network)
    write_bytes(out, content)
    tenth = max(1, steps // 10)
    summary = {
        "model": str(out),
        "bytes": len(content),
        "first_loss": sum(losses[:tenth]) / tenth,
        "last_loss": sum(losses[-tenth:]) / tenth,
    }
    if json:
        print_json(summary)
    else:
        say(f"wrote {out}; the loss fell from {summary['first_loss']:.3f} to {summary['last_loss']:.3f}")
