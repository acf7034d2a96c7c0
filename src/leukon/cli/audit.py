"""``leukon data audit``: class balance, unreadable images, copies, and splits that leak."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leukon.cli.console import print_json, print_table, say, stages

if TYPE_CHECKING:
    from rich.table import Table

    from leukon.datasets.audit import Audit, Copy

_SHOWN = 20


def audit(
    manifest: Annotated[str, typer.Argument(help="Manifest, folder of class folders, or NAME:DIR.")],
    out: Annotated[Path | None, typer.Option(help="Folder to write audit.json to.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON only.")] = False,
) -> None:
    """Look for unreadable images, copies and leaks; exit code 1 when the split leaks.

    Copies are found across the parts of the split and across labels: the same bytes, the same picture
    re-saved, resized or brightened, and the same scene turned by any angle, mirrored or shifted.
    """
    from leukon.datasets.audit import audit as run
    from leukon.datasets.manifest import read_manifest
    from leukon.storage import write_json

    cells = read_manifest(manifest)
    with stages() as report:
        found = run(cells, report=report)
    if out is not None:
        write_json(out / "audit.json", found.to_dict())
    if json:
        print_json(found.to_dict())
    else:
        for table in _tables(found):
            print_table(table)
        say(_verdict(found))
    if found.leaks:
        raise typer.Exit(1)


def _tables(found: Audit) -> list[Table]:
    splits = list(found.counts)
    labels = sorted({label for counts in found.counts.values() for label in counts})
    rows = [(label, *(str(found.counts[split][label]) for split in splits)) for label in labels]
    rows.append(("all", *(str(sum(found.counts[split].values())) for split in splits)))
    tables = [_table("Cells", ("label", *(split or "no split" for split in splits)), rows)]
    if found.unreadable:
        rows = [(one.path, one.reason) for one in found.unreadable]
        tables.append(_table("Unreadable images", ("image", "reason"), rows))
    if found.copies:
        ordered = sorted(found.copies, key=lambda copy: not copy.leaks)
        rows = [
            (_kind(c), c.first, c.second, " / ".join(s or "–" for s in c.splits), " / ".join(c.labels))
            for c in ordered
        ]
        tables.append(_table("Copies", ("kind", "image", "copy", "splits", "labels"), rows))
    if found.straddlers:
        rows = [(one.kind, one.name, ", ".join(one.splits)) for one in found.straddlers]
        tables.append(_table("In several parts of the split", ("kind", "name", "splits"), rows))
    return tables


def _kind(copy: Copy) -> str:
    if copy.kind != "moved":
        return copy.kind
    return f"{'mirrored, ' if copy.mirrored else ''}turned by {copy.angle_deg:.0f}°"


def _table(title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> Table:
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows[:_SHOWN]:
        table.add_row(*map(escape, row))
    if len(rows) > _SHOWN:
        table.caption = f"and {len(rows) - _SHOWN} more (all with --json or --out)"
    return table


def _verdict(found: Audit) -> str:
    leaking = sum(copy.leaks for copy in found.copies)
    mislabelled = sum(copy.labels[0] != copy.labels[1] for copy in found.copies)
    findings = (
        f"{found.cells} cells in {found.images} images; {len(found.unreadable)} unreadable; "
        f"{leaking} copies across the split, {mislabelled} across labels, {found.harmless_copies} elsewhere; "
        f"{len(found.straddlers)} images, groups or subjects in several parts"
    )
    return f"{findings}. The split {'LEAKS' if found.leaks else 'does not leak'}."
