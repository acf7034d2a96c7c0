"""``leukon cost``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from leukon.models import ModelSpec

MODEL_HELP = "Networks: NAME, NAME:VARIANT (timm:resnet18) or NAME:OPTION=VALUE,… (resnext_cc:fusion=none)."


def cost(
    models: Annotated[list[str], typer.Argument(help=MODEL_HELP, metavar="MODEL...")],
    size: Annotated[int, typer.Option(min=1, help="Side of the images in px.")] = 224,
    classes: Annotated[int, typer.Option(min=1, help="Outputs of the classifier.")] = 15,
    channels: Annotated[int, typer.Option(min=1, help="Planes of the images.")] = 3,
    repeats: Annotated[int, typer.Option(min=1, help="Timed passes, one image each.")] = 10,
    scores: Annotated[
        Path | None, typer.Option(help="Accuracies: JSON {model: accuracy}, or CSV of model, accuracy.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw accuracy against cost to this .svg or .png; needs --scores.")
    ] = None,
    *,
    time: Annotated[
        bool, typer.Option(help="Measure time and memory, on the GPU as well where one is.")
    ] = True,
    json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
) -> None:
    """Count a network's parameters, operations and activations; measure time and memory."""
    from leukon.cli.console import print_json, progress, say
    from leukon.errors import InputError, MissingExtraError
    from leukon.evaluation.tradeoff import read_accuracies

    try:
        from leukon.models import parse_spec
    except ImportError as error:
        raise MissingExtraError("leukon cost", "train") from error
    if plot and (scores is None or plot.suffix not in (".svg", ".png")):
        raise InputError(f"--plot {plot} needs --scores FILE and a name that ends in .svg or .png")
    accuracies = read_accuracies(scores) if scores else {}
    if plot and not accuracies.keys() & set(models):
        raise InputError(f"{scores} has no accuracy of {', '.join(models)}: name the models there as here")
    specs = [parse_spec(text).at(size) for text in models]
    rows: list[dict[str, Any]] = []
    with progress("Measuring" if time else "Counting", len(specs)) as advance:
        for name, spec in zip(models, specs, strict=True):
            rows += _rows(name, spec, (classes, channels, size), repeats=repeats if time else 0)
            advance(1)
    if plot:
        _draw(plot, accuracies, rows)
        say(f"Wrote {plot}")
    if json:
        print_json(rows)
    else:
        _print(rows, size)


def _rows(name: str, spec: ModelSpec, shape: tuple[int, int, int], *, repeats: int) -> list[dict[str, Any]]:
    """Return one row per device; without `repeats`, one of counts alone, of no device."""
    from dataclasses import asdict, replace

    import torch

    from leukon.errors import InputError
    from leukon.models.cost import count, measure

    classes, channels, size = shape
    spec = replace(spec, weights="", pretrained=False)
    torch.manual_seed(0)
    with torch.device("cpu" if repeats else "meta"):
        network = spec.build(classes, channels=channels)
    try:
        counts = asdict(count(network, channels=channels, side_px=size))
    except RuntimeError as error:
        raise InputError(f"{name} cannot read images of {size} px: give a larger --size") from error
    row = {"model": name, **counts, "time_ms": None, "memory_mb": None, "device": None}
    if not repeats:
        return [row]
    rows = []
    for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
        batch = torch.randn(1, channels, size, size, device=device)
        taken = asdict(measure(network.to(device), batch, repeats=repeats))
        rows.append(row | taken | {"device": torch.cuda.get_device_name() if device == "cuda" else device})
    return rows


def _draw(path: Path, accuracies: dict[str, float], rows: list[dict[str, Any]]) -> None:
    import io

    from leukon.evaluation.plots import svg
    from leukon.evaluation.tradeoff import tradeoff_figure
    from leukon.storage import write_bytes

    flops, params = ({row["model"]: row[key] for row in rows} for key in ("flops", "params"))
    figure = tradeoff_figure(accuracies, flops, params)
    if path.suffix == ".svg":
        write_bytes(path, svg(figure))
        return
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=150)
    write_bytes(path, stream.getvalue())


def _print(rows: list[dict[str, Any]], size: int) -> None:
    from rich.table import Table

    from leukon.cli.console import print_table

    table = Table(title=f"One image of {size} px", title_justify="left")
    table.add_column("Model", no_wrap=True)
    for title in ("Params, M", "GFLOPs", "Activ., M", "Conv2d", "ms", "MiB"):
        table.add_column(title, justify="right")
    table.add_column("Device")
    for row in rows:
        measured = ["–" if row[key] is None else f"{row[key]:.1f}" for key in ("time_ms", "memory_mb")]
        table.add_row(
            row["model"],
            f"{row['params'] / 1e6:.3f}",
            f"{row['flops'] / 1e9:.3f}",
            f"{row['activations'] / 1e6:.3f}",
            str(row["conv2d"]),
            *measured,
            row["device"] or "–",
        )
    print_table(table)
