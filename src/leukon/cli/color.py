"""``leukon color``: colour maps between imaging systems."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from leukon.cli.console import Advance
    from leukon.evaluation.color import MapScore
    from leukon.imaging.color.fitting import Pairs
    from leukon.imaging.color.look import Look
    from leukon.types import Image, Skipped

MOST_IMAGES = 300
LOOKED_AT = 24
_IMAGES_HELP = "Images to measure at most, spread evenly over the folder."


def fit(
    method: Annotated[
        str,
        typer.Argument(help="Map, such as density or hedlund_morell; or a network: ccgan, pcnet, cyclegan."),
    ],
    source: Annotated[Path, typer.Option(help="Folder of images of the system to map from.")],
    target: Annotated[
        str, typer.Option(help="Folder of images of the system to map to, or a known look: pbc.")
    ],
    out: Annotated[Path, typer.Option(help="Map to write: a JSON file, of a network an ONNX file.")],
    images: Annotated[int, typer.Option(min=1, help=_IMAGES_HELP)] = MOST_IMAGES,
    size: Annotated[
        str | None, typer.Option(help="Of a network: small (the default) or published.", show_default=False)
    ] = None,
    perceptual: Annotated[
        str | None,
        typer.Option(
            help="What looks for pcnet: torchvision's weights of VGG-16 or SqueezeNet 1.1, or a bundle "
            "(by default the shipped one).",
            show_default=False,
        ),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Iterations of a network's training.", show_default=False)
    ] = None,
    *,
    pairs: Annotated[
        bool, typer.Option("--pairs", help="Images of one name are aligned pictures of the same cells.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the fit as JSON on stdout.")] = False,
) -> None:
    """Fit a colour map from one imaging system to another, without labels.

    Without --pairs each system's look is measured: its white, and the colours of background, red cells,
    cytoplasm and nuclei. With --pairs, images that do not match in size or content are listed and left out.

    Networks learn from the images themselves, ccgan and pcnet from pairs. The training lies beside OUT, with
    sample sheets; one that was stopped goes on when the command is given again.
    """
    from leukon.cli.color_network import NetworkOptions, fit_network
    from leukon.cli.console import print_json, progress, say
    from leukon.errors import InputError
    from leukon.imaging.color.fitting import METHODS, fit_map, write_map
    from leukon.imaging.color.looks import LOOKS
    from leukon.imaging.color.network import NETWORKS
    from leukon.registry import look_up

    look_up("method", method, dict.fromkeys((*METHODS, *NETWORKS)))
    options = NetworkOptions(size, perceptual, steps)
    if method not in NETWORKS:
        options.refuse(method)
    if (pairs or method in NETWORKS) and target in LOOKS and not Path(target).is_dir():
        what = "--pairs" if pairs else method
        raise InputError(f"{what} needs a folder of images of the target; {target} is a look, not images")
    if method in NETWORKS:
        own, others, skipped = _pictures(source, Path(target), images, pairs=pairs)
        fitted = fit_network(method, own, others, out, options, pairs=pairs)
    elif pairs:
        looks, pairing, skipped = _paired(source, Path(target), images)
        fitted = fit_map(method, looks[0], looks[1], pairing)
        write_map(out, fitted)
    else:
        skipped = []
        files = _spread(source, images)
        with progress(str(source), len(files)) as advance:
            looks = [_look(files, source.name, advance, skipped)]
        if target in LOOKS and not Path(target).is_dir():
            looks.append(LOOKS[target])
        else:
            files = _spread(Path(target), images)
            with progress(target, len(files)) as advance:
                looks.append(_look(files, Path(target).name, advance, skipped))
        fitted = fit_map(method, looks[0], looks[1])
        write_map(out, fitted)
    if json:
        print_json(
            {**fitted.to_dict(), "skipped": [{"name": one.name, "reason": one.reason} for one in skipped]}
        )
        return
    for one in skipped:
        say(f"left out {one.name}: {one.reason}")
    quality = fitted.quality
    what = "pairs" if pairs else "images"
    say(
        f"fitted {method} from {fitted.source.name} to {fitted.target.name} on {quality.images} {what}: "
        f"their parts differ by ΔE {quality.delta_e_after:.1f}, before by {quality.delta_e_before:.1f}"
    )
    say(f"wrote {out}")


def apply(
    map: Annotated[Path, typer.Argument(help="A colour map, as leukon color fit writes it.")],  # noqa: A002
    inputs: Annotated[list[Path], typer.Argument(help="Images, and folders of them.")],
    out: Annotated[Path, typer.Option(help="Folder for the mapped images; made where it is missing.")],
    *,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON on stdout.")] = False,
) -> None:
    """Map images to the look of another imaging system.

    Every image becomes a PNG file of its name in OUT, as deep as it was. One that the map cannot be fitted to
    (too dark, over-exposed) is written unchanged, and listed. Images that look like another system than the
    map was fitted on are mapped with a warning. Exit code 1 when no image could be read.
    """
    from leukon.cli.console import print_json, progress, say
    from leukon.cli.targets import targets_of
    from leukon.errors import InputError
    from leukon.imaging.color.fitting import read_map
    from leukon.imaging.files import IMAGE_SUFFIXES, read_image, write_image
    from leukon.segmentation.look import unlike

    fitted = read_map(map)
    targets = targets_of(inputs, out, ".png", IMAGE_SUFFIXES)
    skipped: list[dict[str, str]] = []
    unchanged: list[dict[str, str]] = []
    written: list[str] = []
    seen: list[Image] = []
    step = -(-len(targets) // LOOKED_AT)
    with progress("images", len(targets)) as advance:
        for number, (target, path) in enumerate(targets.items()):
            try:
                image = read_image(path)
            except InputError as error:
                skipped.append({"path": str(path), "reason": str(error)})
                advance(1)
                continue
            if number % step == 0:
                seen.append(image)
            pixels = fitted.map.for_image(image)
            if not pixels.fit_quality.fits:
                unchanged.append({"path": str(path), "reason": pixels.fit_quality.reason})
            write_image(target, pixels(image))
            written.append(str(target))
            advance(1)
    warning = unlike(seen, fitted.source)
    summary = {
        "map": str(map),
        "method": fitted.map.name,
        "source": fitted.source.name,
        "target": fitted.target.name,
        "warning": warning,
        "written": written,
        "unchanged": unchanged,
        "skipped": skipped,
    }
    if json:
        print_json(summary)
    else:
        for one in skipped:
            say(f"skipped: {one['reason']}")
        for one in unchanged:
            say(f"unchanged: {one['path']}: {one['reason']}")
        if warning:
            say(f"warning: {warning}")
        say(f"wrote {len(written)} of {len(targets)} images to {out}")
    if not written:
        raise typer.Exit(1)


def _spread(folder: Path, most: int) -> list[Path]:
    """List images of `folder`, at most so many, spread evenly."""
    from leukon.imaging.files import list_images

    files = list_images([folder])
    step = len(files) / min(most, len(files))
    return [files[int(i * step)] for i in range(min(most, len(files)))]


def _look(files: Sequence[Path], name: str, advance: Advance, skipped: list[Skipped]) -> Look:
    from leukon.segmentation.look import measure_look

    return measure_look(_readable(files, advance, skipped), name)


def _readable(files: Sequence[Path], advance: Advance, skipped: list[Skipped]) -> Iterator[Image]:
    from leukon.errors import InputError
    from leukon.imaging.files import read_image
    from leukon.types import Skipped

    for path in files:
        try:
            yield read_image(path)
        except InputError as error:
            skipped.append(Skipped(str(path), str(error)))
        advance(1)


def _matched(source: Path, target: Path, most: int) -> tuple[dict[str, tuple[Path, Path]], list[Skipped]]:
    """Match the files with one name below both folders, at most so many, spread evenly."""
    from leukon.errors import InputError
    from leukon.imaging.files import list_images
    from leukon.types import Skipped

    names = [
        {path.relative_to(folder).with_suffix("").as_posix(): path for path in list_images([folder])}
        for folder in (source, target)
    ]
    shared = [name for name in names[0] if name in names[1]]
    skipped = [
        Skipped(str(path), f"no image of its name in {other}")
        for own, there, other in ((names[0], names[1], target), (names[1], names[0], source))
        for name, path in own.items()
        if name not in there
    ]
    if not shared:
        raise InputError(f"{source} and {target} share no image by name: pairs must have the same names")
    step = len(shared) / min(most, len(shared))
    chosen = [shared[int(i * step)] for i in range(min(most, len(shared)))]
    return {name: (names[0][name], names[1][name]) for name in chosen}, skipped


def _read_pairs(
    chosen: dict[str, tuple[Path, Path]], skipped: list[Skipped]
) -> Iterator[tuple[str, Image, Image]]:
    from leukon.cli.console import progress
    from leukon.errors import InputError
    from leukon.imaging.files import read_image
    from leukon.types import Skipped

    with progress("pairs", len(chosen)) as advance:
        for name, (a, b) in chosen.items():
            try:
                yield name, read_image(a), read_image(b)
            except InputError as error:
                skipped.append(Skipped(name, str(error)))
            advance(1)


def _paired(source: Path, target: Path, most: int) -> tuple[list[Look], Pairs, list[Skipped]]:
    """Measure both looks and the pairs of files with one name below both folders."""
    from leukon.cli.console import progress
    from leukon.segmentation.pairs import pair_colors

    chosen, skipped = _matched(source, target, most)
    looks = []
    for folder, files in zip((source, target), zip(*chosen.values(), strict=True), strict=True):
        with progress(str(folder), len(files)) as advance:
            looks.append(_look(files, folder.name, advance, []))
    pairs, left_out = pair_colors(_read_pairs(chosen, skipped), looks[0], looks[1])
    return looks, pairs, [*skipped, *left_out]


def _pictures(
    source: Path, target: Path, most: int, *, pairs: bool
) -> tuple[tuple[list[Image], Look], tuple[list[Image], Look], list[Skipped]]:
    """Read the images of both systems and measure their looks; those that are no pairs are left out."""
    from leukon.cli.console import progress
    from leukon.segmentation.look import measure_look
    from leukon.segmentation.pairs import mismatch
    from leukon.types import Skipped

    skipped: list[Skipped] = []
    pictures: tuple[list[Image], list[Image]] = [], []
    if pairs:
        chosen, skipped = _matched(source, target, most)
        for name, *pair in _read_pairs(chosen, skipped):
            reason = mismatch(*pair)
            if reason:
                skipped.append(Skipped(name, reason))
                continue
            for own, image in zip(pictures, pair, strict=True):
                own.append(image)
    else:
        for own, folder in zip(pictures, (source, target), strict=True):
            files = _spread(folder, most)
            with progress(str(folder), len(files)) as advance:
                own.extend(_readable(files, advance, skipped))
    a, b = (
        (own, measure_look(own, folder.name)) for own, folder in zip(pictures, (source, target), strict=True)
    )
    return a, b, skipped


def compare(
    maps: Annotated[list[Path], typer.Argument(help="Colour maps, as leukon color fit writes them.")],
    source: Annotated[Path, typer.Option(help="Folder of images of one cell each, to be mapped.")],
    target: Annotated[Path, typer.Option(help="Folder of images of the target system.")],
    out: Annotated[Path, typer.Option(help="Folder for the table and the picture sheet.")],
    bundle: Annotated[str, typer.Option(help="A bundle file, or the name of a shipped one.")] = "small",
    images: Annotated[int, typer.Option(min=1, help=_IMAGES_HELP)] = MOST_IMAGES,
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
    files = _spread(source, images)
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
        chosen = _spread(target, images)
        with progress("target", len(chosen)) as advance:
            others = list(_readable(chosen, advance, skipped))
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
            images.append(list(_readable(listed, advance, skipped)))
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
