"""``leukon bundle``."""

from __future__ import annotations

from typing import Annotated

import typer


def show(
    bundle: Annotated[
        str, typer.Argument(help="A bundle file, or a shipped one: small, accurate.")
    ] = "small",
    *,
    json: Annotated[bool, typer.Option("--json", help="Print the card as JSON on stdout.")] = False,
) -> None:
    """Show a bundle's model card: what it was trained on, what it scores, where it fails."""
    from leukon.bundle import load_bundle
    from leukon.cli.console import print_json

    loaded = load_bundle(bundle)
    if json:
        print_json({"name": loaded.name, "sha256": loaded.sha256, **loaded.card})
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(loaded.contents.card_text))
