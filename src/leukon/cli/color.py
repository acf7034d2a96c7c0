"""``leukon color fit`` and ``leukon color apply``: colour maps between imaging systems."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leukon.cli.color_inputs import IMAGES_HELP, MOST_IMAGES

if TYPE_CHECKING:
    from leukon.types import Image

LOOKED_AT = 24


def fit(
    method: Annotated[
        str,
        typer.Argument(
            help="Map, such as density or hedlund_morell; from pairs, a fast table; or a network: ccgan, "
            "pcnet, cyclegan."
        ),
    ],
    source: Annotated[Path, typer.Option(help="Folder of images of the system to map from.")],
    target: Annotated[
        str, typer.Option(help="Folder of images of the system to map to, or a known look: pbc.")
    ],
    out: Annotated[Path, typer.Option(help="Map to write: a JSON file, of a network an ONNX file.")],
    images: Annotated[int, typer.Option(min=1, help=IMAGES_HELP)] = MOST_IMAGES,
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
    from leukon.cli.color_inputs import judged, measured, read_paired, read_pictures, spread
    from leukon.cli.color_network import NetworkOptions, fit_network
    from leukon.cli.console import print_json, progress, say
    from leukon.errors import InputError
    from leukon.imaging.color.distil import fit_table
    from leukon.imaging.color.fitting import METHODS, fit_map, write_map
    from leukon.imaging.color.looks import LOOKS
    from leukon.imaging.color.network import NETWORKS
    from leukon.imaging.color.table import Table
    from leukon.registry import look_up

    look_up("method", method, dict.fromkeys((*METHODS, Table.name, *NETWORKS)))
    options = NetworkOptions(size, perceptual, steps)
    if method not in NETWORKS:
        options.refuse(method)
    if method == Table.name and not pairs:
        raise InputError(f"a {method} is fitted to --pairs; without them fit another method and distil it")
    if (pairs or method in NETWORKS) and target in LOOKS and not Path(target).is_dir():
        what = "--pairs" if pairs else method
        raise InputError(f"{what} needs a folder of images of the target; {target} is a look, not images")
    if method in NETWORKS:
        own, others, skipped = read_pictures(source, Path(target), images, pairs=pairs)
        fitted = fit_network(method, own, others, out, options, pairs=pairs)
    elif method == Table.name:
        own, others, skipped = read_pictures(source, Path(target), images, pairs=True)
        table = fit_table(list(zip(own[0], others[0], strict=True)), own[1].white)
        fitted = judged(table, own, others)
        write_map(out, fitted)
    elif pairs:
        looks, pairing, skipped = read_paired(source, Path(target), images)
        fitted = fit_map(method, looks[0], looks[1], pairing)
        write_map(out, fitted)
    else:
        skipped = []
        files = spread(source, images)
        with progress(str(source), len(files)) as advance:
            looks = [measured(files, source.name, advance, skipped)]
        if target in LOOKS and not Path(target).is_dir():
            looks.append(LOOKS[target])
        else:
            files = spread(Path(target), images)
            with progress(target, len(files)) as advance:
                looks.append(measured(files, Path(target).name, advance, skipped))
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
