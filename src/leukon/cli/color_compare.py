"""``leukon color compare``: colour maps beside each other on the same cells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leukon.cli.color_inputs import IMAGES_HELP, MOST_IMAGES

if TYPE_CHECKING:
    from leukon.evaluation.color import MapScore
    from leukon.types import Image


def compare(
    maps: Annotated[list[Path], typer.Argument(help="Colour maps, as leukon color fit writes them.")],
    source: Annotated[Path, typer.Option(help="Folder of images of one cell each, to be mapped.")],
    target: Annotated[Path, typer.Option(help="Folder of images of the target system.")],
    out: Annotated[Path, typer.Option(help="Folder for the table and the picture sheet.")],
    bundle: Annotated[str, typer.Option(help="A bundle file, or a shipped one: small, accurate.")] = "small",
    images: Annotated[int, typer.Option(min=1, help=IMAGES_HELP)] = MOST_IMAGES,
    rows: Annotated[int, typer.Option(min=1, max=20, help="Cells in the picture sheet.")] = 6,
    *,
    pairs: Annotated[
        bool, typer.Option("--pairs", help="Images of one name are aligned pictures of the same cells.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON on stdout.")] = False,
) -> None:
    """Compare colour maps on the same cells: colours, structure, time, and what a classifier says.

    With --pairs the main score is how many cells the bundle names alike in the mapped and in the target
    image, with PSNR and SSIM beside it; without, the looks of the two sets are compared. Writes
    comparison.json and sheet.png: a row per cell and a column per map, as they are and normalised.
    """
    from leukon.bundle import load_bundle
    from leukon.cli.color_inputs import readable, spread
    from leukon.cli.console import print_json, progress, say
    from leukon.errors import InputError
    from leukon.evaluation.color import Sample, compare_maps, map_sheet
    from leukon.imaging.color.fitting import read_map
    from leukon.imaging.files import list_images, read_image, write_image
    from leukon.segmentation.look import measure_look
    from leukon.segmentation.pairs import mismatch
    from leukon.storage import write_json
    from leukon.types import Skipped

    fits = {path.stem: read_map(path) for path in maps}
    if len(fits) < len(maps):
        raise InputError("two maps have the same name: rename one, the table names them by their files")
    skipped: list[Skipped] = []
    files = spread(source, images)
    partners = {p.relative_to(target).with_suffix("").as_posix(): p for p in list_images([target])}
    samples: list[Sample] = []
    with progress("source", len(files)) as advance:
        for path in files:
            name = path.relative_to(source).with_suffix("").as_posix()
            advance(1)
            try:
                if pairs and name not in partners:
                    raise InputError(f"no image of its name in {target}")
                image = read_image(path)
                partner = read_image(partners[name]) if pairs else None
            except InputError as error:
                skipped.append(Skipped(str(path), str(error)))
                continue
            reason = "" if partner is None else mismatch(image, partner)
            if reason:
                skipped.append(Skipped(str(path), reason))
            else:
                samples.append(Sample(name, image, partner))
    others: list[Image] = []
    if not pairs:
        chosen = spread(target, images)
        with progress("target", len(chosen)) as advance:
            others = list(readable(chosen, advance, skipped))
    look = measure_look([s.target for s in samples if s.target is not None] or others, target.name)
    colors = {name: fit.map for name, fit in fits.items()}
    scores = compare_maps(colors, samples, load_bundle(bundle), look, others)
    step = max(1, len(samples) // rows)
    write_image(out / "sheet.png", map_sheet(colors, samples[::step][:rows], others))
    summary = {
        "source": str(source),
        "target": str(target),
        "images": len(samples),
        "maps": [_scores_dict(score) for score in scores],
        "skipped": [{"name": one.name, "reason": one.reason} for one in skipped],
    }
    write_json(out / "comparison.json", summary)
    if json:
        print_json(summary)
        return
    for one in skipped:
        say(f"left out {one.name}: {one.reason}")
    _print_scores(scores)
    say(f"wrote {out / 'comparison.json'}, sheet.png")


def _scores_dict(score: MapScore) -> dict[str, Any]:
    from dataclasses import asdict

    shares = {"agreement": score.agreement.to_dict(), "relabelled": score.relabelled.to_dict()}
    return {**asdict(score), **shares, "structure_is_safe": score.is_safe}


def _print_scores(scores: Sequence[MapScore]) -> None:
    from rich.table import Table

    from leukon.cli.console import percent, print_table
    from leukon.imaging.color.look import PARTS

    def shown(value: float | None, digits: int) -> str:
        return "–" if value is None else f"{value:.{digits}f}"

    colors = Table(title="Colours: ΔE2000 from the target, and likeness to it", title_justify="left")
    answers = Table(title="Answers and structure", title_justify="left")
    for table, columns in (
        (colors, (*PARTS, "PSNR", "SSIM", "features")),
        (answers, ("agree, %", "renamed, %", "nucleus IoU", "N:C change, %", "safe", "ms")),
    ):
        table.add_column("map", no_wrap=True)
        for column in columns:
            table.add_column(column, justify="right")
    for one in scores:
        parts = (shown(one.delta_e.get(part), 1) for part in PARTS)
        likeness = shown(one.psnr, 1), shown(one.ssim, 3), shown(one.feature_distance, 2)
        colors.add_row(one.name, *parts, *likeness)
        answers.add_row(
            one.name,
            percent(one.agreement.to_dict(), lines=True),
            percent(one.relabelled.to_dict(), lines=True),
            shown(one.nucleus_iou, 3),
            shown(100 * one.ratio_change, 1),
            "yes" if one.is_safe else "no",
            shown(one.ms, 1),
        )
    print_table(colors)
    print_table(answers)
