"""The model card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leukon.bundle import Calibration
from leukon.types import Taxonomy


def card_text(
    name: str,
    taxonomy: Taxonomy,
    calibration: Calibration,
    provenance: Mapping[str, Any],
    scores: Mapping[str, Any],
) -> str:
    """Write the card in Markdown.

    Parameters
    ----------
    name : str
        The bundle's name.
    taxonomy : Taxonomy
    calibration : Calibration
    provenance : mapping
        As in the bundle.
    scores : mapping
        ``systems``: a list of measured systems, each with ``name``, ``kind``, ``cells``,
        ``balanced_accuracy`` with ``low`` and ``high``, ``calibration_error``, ``coverage``,
        ``unidentified``, and ``recall`` per class; ``limits``, ``attribution``: lists of sentences.
    """
    lines = [
        f"# Bundle `{name}`",
        "",
        "For Research Use Only. Not for use in diagnostic procedures.",
        "",
        f"Classes: {', '.join(taxonomy.names)}. Cells whose confidence is below "
        f"{calibration.threshold:.2f} stay *unidentified* (temperature {calibration.temperature:.3f}).",
        "",
    ]
    systems = scores.get("systems", [])
    if systems:
        lines += ["## Measured", "", "| data | imaging system | cells | balanced accuracy (95 % interval) |"]
        lines += ["| --- | --- | ---: | --- |"]
        for s in systems:
            value = f"{s['balanced_accuracy']:.3f} ({s['low']:.3f}–{s['high']:.3f})"
            lines.append(f"| {s['name']} | {s['kind']} | {s['cells']} | {value} |")
        share = f"{100 * calibration.coverage:g} %"
        lines += ["", f"| data | unidentified | calibration error | {share} sets hold the truth |"]
        lines += ["| --- | ---: | ---: | ---: |"]
        for s in systems:
            sure = f"{s['calibration_error']:.3f} | {s['coverage']:.3f}"
            lines.append(f"| {s['name']} | {100 * s['unidentified'] / s['cells']:.0f} % | {sure} |")
        lines += ["", "Recall per class:", "", "| class | " + " | ".join(s["name"] for s in systems) + " |"]
        lines += ["| --- |" + " ---: |" * len(systems)]
        for label in taxonomy.names:
            cells = (s["recall"].get(label) for s in systems)
            row = " | ".join("–" if value is None else f"{value:.3f}" for value in cells)
            lines.append(f"| {label} | {row} |")
        lines.append("")
    for title, key in (("Limits", "limits"), ("Attribution", "attribution")):
        if scores.get(key):
            lines += [f"## {title}", "", *(f"- {sentence}" for sentence in scores[key]), ""]
    lines += ["## Provenance", ""]
    for run in provenance["runs"]:
        recipe, torch = run["recipe"], run["environment"]["torch"]
        lines.append(f"- Recipe `{recipe['name']}`, seed {recipe['seed']}, torch {torch}.")
    lines += [f"- Leukon {provenance['leukon']}; manifest `{provenance['manifest']}`.", ""]
    return "\n".join(lines)
