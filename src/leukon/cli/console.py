"""What every command shares: progress, tables, JSON, and one line for an error."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from leukon.storage import json_text

if TYPE_CHECKING:
    from rich.table import Table

Advance = Callable[[int], None]
Report = Callable[[str, int, int], None]


@contextlib.contextmanager
def stages() -> Iterator[Report]:
    """Show one progress bar per stage on a terminal; stay silent in a pipe.

    Yields
    ------
    callable
        Call it with the stage's name, the steps done and the steps in all.
    """
    if not sys.stderr.isatty():
        yield lambda _stage, _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, TaskID] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done)

        yield report


@contextlib.contextmanager
def progress(label: str, total: int) -> Iterator[Advance]:
    """Show one progress bar as `stages` does.

    Yields
    ------
    callable
        Call it with the number of steps done since the last call.
    """
    with stages() as report:
        done = 0

        def advance(steps: int) -> None:
            nonlocal done
            done += steps
            report(label, done, total)

        yield advance


def print_json(value: Any) -> None:
    """Print `value` as JSON on stdout: with ``--json`` the only thing there."""
    sys.stdout.write(json_text(value))


def print_table(table: Table) -> None:
    """Print a rich table on stdout."""
    from rich.console import Console

    Console().print(table)


def percent(estimate: Mapping[str, float | None], *, lines: bool = False) -> str:
    """Write a score with its limits in per cent, on one line or two."""
    value, low, high = (estimate[key] for key in ("value", "low", "high"))
    if value is None:
        return "–"
    limits = "" if low is None or high is None else f"{100 * low:.1f}–{100 * high:.1f}"
    return f"{100 * value:.1f}" + (f"\n{limits}" if lines else f" ({limits})" if limits else "")


def say(message: str) -> None:
    """Print one plain line for the user on stderr."""
    sys.stderr.write(message + "\n")
