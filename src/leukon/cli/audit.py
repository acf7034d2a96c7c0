"""``leukon data audit``: class balance, unreadable images, copies, and splits that leak."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leukon.cli.console import print_json, print_table, progress, say, stages

if TYPE_CHECKING:
    from rich.table import Table

    from leukon.datasets.audit import Audit, Copy
    from leukon.datasets.manifest import Manifest

_SHOWN = 20
_SHEET = 64


def audit(
    manifest: Annotated[str, typer.Argument(help="Manifest, folder of class folders, or NAME:DIR.")],
    out: Annotated[Path | None, typer.Option(help="Folder to write audit.json to.")] = None,
    labels: Annotated[
        bool,
        typer.Option("--labels", help="Rank likely label errors: label_errors.csv and .png below --out."),
    ] = False,
    bundle: Annotated[str, typer.Option(help="The bundle whose features --labels uses.")] = "small",
    json: Annotated[bool, typer.Option("--json", help="Print JSON only.")] = False,
) -> None:
    """Look for unreadable images, copies and leaks; exit code 1 when the split leaks.

    Copies are found across the parts of the split and across labels: the same bytes, the same picture
    re-saved, resized or brightened, and the same scene turned by any angle, mirrored or shifted.

    With --labels every cell is ranked by how little a classifier that was fitted without it believes its
    label, the most suspect first; look at the sheet before you change a label.
    """
    if labels and out is None:
        raise typer.BadParameter("name with --out the folder for label_errors.csv and label_errors.png")
    from leukon.datasets.audit import audit as run
    from leukon.datasets.manifest import read_manifest
    from leukon.storage import write_json

    cells = read_manifest(manifest)
    with stages() as report:
        found = run(cells, report=report)
    if out is not None:
        write_json(out / "audit.json", found.to_dict())
    issues = _label_errors(cells, bundle, out) if labels and out is not None else None
    if json:
        print_json(found.to_dict() | ({} if issues is None else {"label_errors": issues}))
    else:
        for table in _tables(found):
            print_table(table)
        say(_verdict(found))
        if issues is not None and out is not None:
            say(f"{issues} labels are likely wrong; all cells by rank: {out / 'label_errors.csv'}")
    if found.leaks:
        raise typer.Exit(1)


def _label_errors(cells: Manifest, bundle: str, out: Path) -> int:
    """Write the ranking and the picture sheet; return how many labels are likely wrong."""
    from leukon.bundle import load_bundle
    from leukon.errors import MissingExtraError
    from leukon.evaluation import Example
    from leukon.imaging.files import write_image
    from leukon.storage import write_text
    from leukon.training.examples import read_examples

    try:
        from leukon.adaptation.label_errors import rank_labels, suspect_sheet
    except ImportError as error:
        raise MissingExtraError("auditing labels", "audit") from error
    read = read_examples(cells.entries, cells.root)
    examples = [item for item in read if isinstance(item, Example)]
    with progress("Looking at cells", len(examples)) as advance:
        ranked = rank_labels(load_bundle(bundle), examples, advance=advance)
    text = StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["rank", "path", "label", "suggested", "quality", "likely_wrong"])
    for rank, one in enumerate(ranked, 1):
        told = one.suggested, f"{one.quality:.4f}", "yes" if one.is_issue else "no"
        writer.writerow([rank, one.example.cell.name, one.example.label, *told])
    write_text(out / "label_errors.csv", text.getvalue())
    if doubted := [one for one in ranked if one.suggested != one.example.label]:
        write_image(out / "label_errors.png", suspect_sheet(doubted[:_SHEET]))
    return sum(one.is_issue for one in ranked)


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
