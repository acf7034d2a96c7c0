"""``leukon evaluate``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from leukon.datasets.manifest import Entry, Manifest
    from leukon.evaluation import Example
    from leukon.types import Classifier, Skipped

ALL = "all"


def evaluate(
    model: Annotated[
        str, typer.Argument(help="A bundle, its shipped name, or the folder of a training run.")
    ],
    data: Annotated[str, typer.Option(help="A manifest, a folder of class folders, or NAME:FOLDER.")],
    out: Annotated[Path, typer.Option(help="Folder for scores, predictions, figures and the page.")],
    split: Annotated[str, typer.Option(help=f"The split to score; '{ALL}' for every cell.")] = "test",
    classes: Annotated[str, typer.Option(help="Classes to tell apart, by commas; others are left out.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Print the scores as JSON.")] = False,
) -> None:
    """Score a model on labelled cells, with 95 % intervals, figures and a page."""
    from leukon import __version__
    from leukon.cli.console import print_json, progress
    from leukon.datasets.manifest import read_manifest
    from leukon.evaluation import Provenance, write_evaluation
    from leukon.evaluation import evaluate as run
    from leukon.training.examples import read_examples

    wanted = tuple(name.strip() for name in classes.split(",") if name.strip())
    classifier, name, sha256 = _load_model(model, wanted)
    manifest = read_manifest(data)
    entries = [entry for entry in manifest.entries if split == ALL or entry.split == split]
    kept, left_out = _known(entries, classifier, data=data, restricted=bool(wanted))
    if not kept:
        _refuse_empty(manifest, data, split)
    with progress("Evaluating", len(kept)) as advance:
        result = run(classifier, _stepping(read_examples(kept, manifest.root), advance))
    provenance = Provenance(
        model=name,
        model_sha256=sha256,
        data=data,
        split="" if split == ALL else split,
        data_sha256=replace(manifest, entries=tuple(kept)).digest(),
        classes=classifier.taxonomy.names if wanted else (),
        left_out=left_out,
        version=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    summary = write_evaluation(result, provenance, out)
    if json:
        print_json(summary)
    else:
        _print(summary, out)


def _load_model(model: str, wanted: tuple[str, ...]) -> tuple[Classifier, str, str]:
    """Return the classifier, its name, and the hash of its file."""
    if (Path(model) / "recipe.json").is_file():
        from leukon.evaluation import Restricted
        from leukon.training.run import load_classifier

        run: Classifier = load_classifier(Path(model))
        kept = Restricted(run, run.taxonomy.restricted(wanted)) if wanted else run
        return kept, Path(model).resolve().name, ""
    from leukon.bundle import load_bundle

    bundle = load_bundle(model)
    name = f"{bundle.name} {bundle.version}"
    return (bundle.restricted(wanted) if wanted else bundle), name, bundle.sha256


def _known(
    entries: Sequence[Entry], classifier: Classifier, *, data: str, restricted: bool
) -> tuple[list[Entry], dict[str, int]]:
    """Part the entries whose label the classifier knows from the rest, which only `restricted` allows."""
    from leukon.errors import ManifestError

    names = classifier.taxonomy.names
    left_out = Counter(entry.label for entry in entries if entry.label not in names)
    if left_out and not restricted:
        raise ManifestError(
            f"{data} has labels that the model does not know: "
            f"{', '.join(repr(label) for label in sorted(left_out))}; the model tells apart "
            f"{', '.join(names)}: name with --classes those to score, the others are left out"
        )
    return [entry for entry in entries if entry.label in names], dict(sorted(left_out.items()))


def _refuse_empty(manifest: Manifest, data: str, split: str) -> None:
    from leukon.errors import ManifestError

    splits = Counter(entry.split or "(none)" for entry in manifest.entries)
    known = ", ".join(f"{name} ({count})" for name, count in sorted(splits.items()))
    raise ManifestError(
        f"{data} has nothing to score in split {split!r}; its splits are: {known or 'none'}; "
        f"choose one with --split, or all with --split {ALL}"
    )


def _stepping(examples: Iterator[Example | Skipped], advance: Any) -> Iterator[Example | Skipped]:
    for example in examples:
        yield example
        advance(1)


def _print(summary: dict[str, Any], out: Path) -> None:
    from rich.table import Table

    from leukon.cli.console import print_table, say

    def percent(estimate: dict[str, float | None]) -> str:
        value, low, high = (estimate[key] for key in ("value", "low", "high"))
        if value is None:
            return "–"
        return f"{100 * value:.1f}" + (
            "" if low is None or high is None else f" ({100 * low:.1f}–{100 * high:.1f})"
        )

    headline = f"Balanced accuracy {percent(summary['balanced_accuracy'])} %"
    table = Table(title=f"{headline}, {summary['cells']} cells", title_justify="left")
    table.add_column("Class", no_wrap=True)
    for title in ("Cells", "Precision", "Recall", "F1", "AUROC"):
        table.add_column(title, justify="right")
    rates = ("precision", "recall", "f1", "auroc")
    for row in summary["classes"]:
        table.add_row(row["name"], str(row["support"]), *(percent(row[rate]) for rate in rates))
    table.add_section()
    table.add_row("mean", str(summary["cells"]), *(percent(summary["macro"][rate]) for rate in rates))
    print_table(table)
    if summary["skipped"]:
        say(f"{len(summary['skipped'])} images could not be used; they are listed in scores.json")
    say(f"Wrote {out / 'evaluation.html'}")
