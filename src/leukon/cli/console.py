"""What every command shares: progress, tables, JSON, and one line for an error."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

Advance = Callable[[int], None]


@contextlib.contextmanager
def progress(label: str, total: int | None) -> Iterator[Advance]:
    """Show a progress bar on a terminal; stay silent in a pipe.

    Parameters
    ----------
    label : str
        What is being done.
    total : int or None
        Number of steps; None where it is unknown.

    Yields
    ------
    callable
        Call it with the number of steps done since the last call.
    """
    if not sys.stderr.isatty():
        yield lambda _steps: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda steps: bar.advance(task, steps)


def print_json(value: Any) -> None:
    """Print `value` as JSON on stdout: with ``--json`` the only thing there."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def print_table(table: Table) -> None:
    """Print a rich table on stdout."""
    from rich.console import Console

    Console().print(table)


def say(message: str) -> None:
    """Print one plain line for the user on stderr."""
    sys.stderr.write(message + "\n")
