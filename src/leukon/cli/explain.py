"""``leukon explain``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leukon.cli.labelled import names_in

if TYPE_CHECKING:
    from leukon.bundle import Bundle
    from leukon.explain.attribution import Attribution
    from leukon.training.run import NetworkClassifier
    from leukon.types import Cell

OCCLUSION = "occlusion"


def explain(
    model: Annotated[
        str, typer.Argument(help="A bundle, its shipped name, or the folder of a training run.")
    ],
    images: Annotated[
        list[Path],
        typer.Argument(help="Images of one cell each, and folders of them: JPEG, PNG, BMP or TIFF."),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the overlays and explanations.json.")],
    layers: Annotated[
        str,
        typer.Option(
            help=f"Layers of a run, such as conv5_1,conv5_3, and '{OCCLUSION}'; by default the run's last "
            f"layer; a bundle has '{OCCLUSION}' alone."
        ),
    ] = "",
    label: Annotated[str, typer.Option(help="Class to explain; by default the most probable.")] = "",
    *,
    json: Annotated[bool, typer.Option("--json", help="Print the numbers as JSON on stdout.")] = False,
) -> None:
    """Show where a model looks: overlays, and the share of attribution inside the cell.

    Runs are explained by Grad-CAM, transformers too; bundles by occlusion, without torch. The share inside
    is to be read against the share of the frame that the cell fills: chance would give that.
    """
    from leukon.cli.console import print_json, progress, say
    from leukon.explain.attribution import framed_mask
    from leukon.explain.overlay import overlay_figure
    from leukon.imaging.files import list_images
    from leukon.storage import write_bytes, write_json

    classifier, wanted = _load(model, names_in(layers))
    frame = _frame(classifier)
    rows: list[dict[str, Any]] = []
    skipped: list[dict[str, str]] = []
    files = list_images(images)
    with progress("Explaining", len(files)) as advance:
        for number, file in enumerate(files):
            cell = _cell(file)
            if isinstance(cell, str):
                skipped.append({"name": str(file), "reason": cell})
                advance(1)
                continue
            found = classifier.predict([cell])[0]
            named = label or found.label
            maps = _maps(classifier, cell, wanted, named)
            mask = framed_mask(cell, frame)
            title = f"{named} {100 * float(found.probabilities[classifier.taxonomy.index(named)]):.0f} %"
            picture = f"{number:04d}-{file.stem}.png"
            write_bytes(out / picture, _png(overlay_figure(cell, frame, maps, mask, title)))
            rows.append(
                {
                    "image": str(file),
                    "overlay": picture,
                    "label": found.label,
                    "confidence": round(found.confidence, 5),
                    "explained": named,
                    "cell_share": float(mask.mean()),
                    "inside": {one.name: one.share_inside(mask) for one in maps},
                }
            )
            advance(1)
    summary = {"model": model, "images": rows, "mean": _means(rows), "skipped": skipped}
    write_json(out / "explanations.json", summary)
    if json:
        print_json(summary)
    else:
        _print(summary)
        say(f"Wrote {len(rows)} overlays to {out}")
    for one in skipped:
        say(f"skipped {one['name']}: {one['reason']}")
    if not rows:
        raise typer.Exit(1)


def _load(model: str, layers: tuple[str, ...]) -> tuple[Bundle | NetworkClassifier, tuple[str, ...]]:
    from leukon.bundle import load_bundle
    from leukon.errors import InputError, MissingExtraError

    if (Path(model) / "recipe.json").is_file():
        try:
            from leukon.training.run import load_classifier
        except ImportError as error:
            raise MissingExtraError("explaining a run", "train") from error
        return load_classifier(Path(model)), layers
    unfit = [name for name in layers if name != OCCLUSION]
    if unfit:
        raise InputError(
            f"{model} is a bundle, which has no layer {unfit[0]!r} at hand: explain its training run, "
            f"or leave --layers out for {OCCLUSION}"
        )
    return load_bundle(model), (OCCLUSION,)


def _frame(classifier: Bundle | NetworkClassifier) -> Any:
    from leukon.bundle import Bundle

    pipeline = classifier.contents.pipeline if isinstance(classifier, Bundle) else classifier.pipeline
    return pipeline.frame


def _maps(
    classifier: Bundle | NetworkClassifier, cell: Cell, wanted: tuple[str, ...], label: str
) -> list[Attribution]:
    from leukon.bundle import Bundle
    from leukon.explain.occlusion import occlusion

    layers = [name for name in wanted if name != OCCLUSION]
    maps: list[Attribution] = []
    if not isinstance(classifier, Bundle) and (layers or not wanted):
        from leukon.explain.gradcam import gradcam

        maps += gradcam(classifier, cell, layers=layers, label=label)
    if OCCLUSION in wanted:
        maps.append(occlusion(classifier, cell, frame=_frame(classifier), label=label))
    return maps


def _cell(file: Path) -> Cell | str:
    """Read the one cell of an image, or say why there is none."""
    from leukon.errors import InputError
    from leukon.imaging.files import read_image
    from leukon.segmentation.cell import NO_CELL, cell_of

    try:
        image = read_image(file)
    except InputError as error:
        return str(error)
    return cell_of(image, name=str(file)) or NO_CELL


def _png(picture: Any) -> bytes:
    import cv2

    return bytes(cv2.imencode(".png", picture[..., ::-1])[1])


def _means(rows: list[dict[str, Any]]) -> dict[str, float | None]:
    names = list(rows[0]["inside"]) if rows else []
    found = {name: [r["inside"][name] for r in rows if r["inside"][name] is not None] for name in names}
    means: dict[str, float | None] = {
        name: sum(values) / len(values) if values else None for name, values in found.items()
    }
    return means | {"cell_share": sum(r["cell_share"] for r in rows) / len(rows)} if rows else {}


def _print(summary: dict[str, Any]) -> None:
    from rich.table import Table

    from leukon.cli.console import print_table

    if not summary["images"]:
        return
    table = Table("Map", title=f"{len(summary['images'])} images", title_justify="left")
    table.add_column("Inside the cell, %", justify="right")
    for name, value in summary["mean"].items():
        shown = "(the cell's share of the frame)" if name == "cell_share" else name
        table.add_row(shown, "–" if value is None else f"{100 * value:.1f}")
    print_table(table)
