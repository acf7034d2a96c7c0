"""The commands, put together."""

from __future__ import annotations

from typing import Annotated

import typer

from leukon import __version__
from leukon.cli.adapt import adapt
from leukon.cli.analyze import analyze
from leukon.cli.audit import audit
from leukon.cli.bundle import show as show_bundle
from leukon.cli.checkerboard import checkerboard
from leukon.cli.classify import classify
from leukon.cli.color import apply as apply_color
from leukon.cli.color import fit as fit_color
from leukon.cli.color_compare import compare as compare_colors
from leukon.cli.color_distil import distil as distil_color
from leukon.cli.color_pair import pair as pair_color
from leukon.cli.compare import compare
from leukon.cli.cost import cost
from leukon.cli.crossval import crossval
from leukon.cli.evaluate import evaluate
from leukon.cli.expand import expand
from leukon.cli.explain import explain
from leukon.cli.export import export
from leukon.cli.fetch import fetch
from leukon.cli.image import convert, show
from leukon.cli.learn_raw import learn_raw
from leukon.cli.segment import segment
from leukon.cli.split import split
from leukon.cli.synth import synth
from leukon.cli.train import train
from leukon.cli.tune import tune

app = typer.Typer(
    name="leukon",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich's help imports a Markdown parser and doubles the time to the first line
    help="White-blood-cell image analysis that survives a change of microscope. For research use only.",
)
data = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Manifests, splits, audits, expansions, downloads and smears.",
)
bundle = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Shipped models.")
color = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Colour maps between imaging systems.")
image = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Images in other spaces and guises.")

app.command()(analyze)
app.command()(classify)
app.command()(segment)
app.command()(evaluate)
app.command()(adapt)
app.command()(compare)
app.command()(explain)
app.command()(train)
app.command()(crossval)
app.command()(tune)
app.command()(cost)
app.command()(export)
color.command("fit")(fit_color)
color.command("apply")(apply_color)
color.command("pair")(pair_color)
color.command("compare")(compare_colors)
color.command("distil")(distil_color)
image.command()(convert)
image.command()(show)
image.command()(learn_raw)
image.command()(checkerboard)
data.command()(audit)
data.command()(split)
data.command()(expand)
data.command()(fetch)
data.command()(synth)
bundle.command("show")(show_bundle)
app.add_typer(color, name="color")
app.add_typer(image, name="image")
app.add_typer(data, name="data")
app.add_typer(bundle, name="bundle")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"leukon {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass
