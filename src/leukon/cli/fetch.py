"""``leukon data fetch``: download a published data set, or say how to obtain it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer


def fetch(
    name: Annotated[str, typer.Argument(help="Data set, as in NAME:DIR; an unknown name lists them all.")],
    out: Annotated[Path, typer.Option(help="Folder that gets a folder NAME.")],
    url: Annotated[str, typer.Option(help="Fetch this file instead, as from a mirror.")] = "",
    sha256: Annotated[str, typer.Option(help="Of the file at --url.")] = "",
    *,
    json: Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")] = False,
) -> None:
    """Download a data set that has a public address, or print how to obtain it (exit code 1).

    A download that was cut goes on when the command is given again. Mind the licence that is printed.
    """
    from leukon.cli.console import print_json, say, stages
    from leukon.datasets.catalogue import DATA_SETS, Remote
    from leukon.datasets.fetch import fetch as run
    from leukon.errors import InputError
    from leukon.registry import look_up

    found = look_up("data set", name, DATA_SETS)
    remote = found.remote
    if url:
        file = Path(url.partition("?")[0]).name
        if not file:
            raise InputError(f"{url} names no file: give the address of an archive or an .npz")
        remote = Remote(url, file, f"sha256:{sha256}" if sha256 else "")
    elif sha256:
        raise InputError("--sha256 belongs to a file: give its --url too")
    said = {key: value for key, value in asdict(found).items() if key not in ("remote", "how")}
    if remote is None:
        if json:
            print_json({"name": name, "folder": None, **said, "how": found.how})
        else:
            typer.echo(f"{found.title} has no address that a program may fetch: {found.how}.")
            typer.echo(f"Page: {found.home}\nLicence: {found.licence}\nCite: {found.citation}")
            typer.echo(f"Then read it as {name}:FOLDER.")
        raise typer.Exit(1)
    with stages() as report:
        folder = run(remote, out / name, report=report)
    if json:
        print_json({"name": name, "folder": str(folder), **said})
        return
    typer.echo(f"{found.title} is in {folder}: read it as {name}:{folder}")
    typer.echo(f"Licence: {found.licence}\nCite: {found.citation}")
    if not remote.checksum:
        say("its publisher states no checksum: check the data with leukon data audit")
