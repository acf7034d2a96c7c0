"""What the commands that score models share: loading the model and choosing the cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leukon.datasets.manifest import Entry, Manifest
    from leukon.evaluation import Example
    from leukon.types import Classifier, Skipped

ALL = "all"


def names_in(text: str) -> tuple[str, ...]:
    """Part names that are given by commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def load_model(model: str, wanted: tuple[str, ...]) -> tuple[Classifier, str, str]:
    """Return the classifier, its name, and the hash of its file."""
    if (Path(model) / "recipe.json").is_file():
        from leukon.errors import MissingExtraError
        from leukon.evaluation import Restricted

        try:
            from leukon.training.run import load_classifier
        except ImportError as error:
            raise MissingExtraError("a training run", "train") from error

        run: Classifier = load_classifier(Path(model))
        kept = Restricted(run, run.taxonomy.restricted(wanted)) if wanted else run
        return kept, Path(model).resolve().name, ""
    from leukon.bundle import load_bundle

    bundle = load_bundle(model)
    name = f"{bundle.name} {bundle.version}"
    return (bundle.restricted(wanted) if wanted else bundle), name, bundle.sha256


def known_entries(
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


def refuse_empty(manifest: Manifest, data: str, split: str) -> None:
    """Raise because a split holds nothing to score; name those that do."""
    from leukon.errors import ManifestError

    splits = Counter(entry.split or "(none)" for entry in manifest.entries)
    known = ", ".join(f"{name} ({count})" for name, count in sorted(splits.items()))
    raise ManifestError(
        f"{data} has nothing to score in split {split!r}; its splits are: {known or 'none'}; "
        f"choose one with --split, or all with --split {ALL}"
    )


def stepping(examples: Iterator[Example | Skipped], advance: Any) -> Iterator[Example | Skipped]:
    """Pass examples on, advancing a progress bar."""
    for example in examples:
        yield example
        advance(1)
