"""From training runs to a bundle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import softmax

import leukon
from leukon.bundle import Contents, Sample, load_bundle, write_bundle
from leukon.bundle.calibration import calibrate
from leukon.bundle.runtime import BATCH_SIZE
from leukon.datasets.manifest import Manifest
from leukon.errors import InputError
from leukon.export.card import card_text
from leukon.export.novelty import learn_novelty, some_of_training
from leukon.export.onnx import after_raw, quantized, run_network, to_onnx
from leukon.imaging.spaces.learned_raw import LearnedRaw
from leukon.imaging.spaces.rgb import Rgb
from leukon.pipeline import Scale
from leukon.training.augment import Augmentation
from leukon.training.loader import LabelledCells, load_cells
from leukon.training.run import load_classifier, together

SAMPLES = 8
STEP = 3  # every third validation cell, changed as in training, tells the ranges of 8 bit


def export_runs(
    runs: Sequence[Path],
    out: Path,
    manifest: Manifest,
    *,
    name: str,
    card: Path | None = None,
    int8: bool = False,
) -> dict[str, Any]:
    """Write the best network of a run as a bundle, calibrated on the manifest's ``val`` part.

    Parameters
    ----------
    runs : sequence of Path
        A run's folder, or several whose networks decide together.
    out : Path
        The bundle file to write.
    manifest : Manifest
        What they were trained on.
    name : str
        The bundle's name.
    card : Path, optional
        JSON of measured scores, as ``{"systems": [...]}``, that goes into the model card.
    int8 : bool
        Let large convolutions compute in 8 bit, as `quantized` does.

    Returns
    -------
    dict
        ``path``, ``bytes``, ``sha256``, ``temperature``, ``threshold``.

    Raises
    ------
    InputError
        If a run or the card cannot be read, or runs do not fit together.
    ManifestError
        If the ``val`` part is missing.
    """
    classifier = together([load_classifier(run) for run in runs])
    data = load_cells(manifest.subset(split="val"), classifier.taxonomy, classifier.pipeline)
    rows = _sample_rows(data)
    scores = _read_json(card) if card else {}
    records: list[dict[str, Any]] = [
        {part: _read_json(run / f"{part}.json") for part in ("recipe", "environment", "history")}
        for run in runs
    ]
    provenance = {
        "leukon": leukon.__version__,
        "runs": records,
        "manifest": manifest.digest(),
        "licences": sorted({entry.licence for entry in manifest.entries if entry.licence}),
    }
    pipeline = classifier.pipeline
    onnx = to_onnx(
        classifier.network, channels=pipeline.planes, side_px=pipeline.frame.side_px, with_features=True
    )
    if isinstance(pipeline.space, LearnedRaw):  # a bundle names no file outside it
        onnx = after_raw(onnx, pipeline.space.content(), pipeline.scale)
        pipeline = replace(pipeline, space=Rgb(), scale=Scale((0.0,) * 3, (1.0,) * 3))
    augmentation = Augmentation(**records[0]["recipe"]["augmentation"])
    if augmentation.extent != "all":
        augmentation = Augmentation()
    if int8:
        changed = [augmentation(cell, np.random.default_rng(i)) for i, cell in enumerate(data.cells[::STEP])]
        parts = (changed[i : i + BATCH_SIZE] for i in range(0, len(changed), BATCH_SIZE))
        onnx = quantized(onnx, [pipeline.batch(part) for part in parts])
    (logits,) = run_network(onnx, pipeline, ["logits"], data.cells)
    calibration = calibrate(logits, data.labels)
    known = load_cells(some_of_training(manifest), classifier.taxonomy, classifier.pipeline)
    familiar = learn_novelty(onnx, pipeline, known, data, augmentation, calibration.temperature)
    calibration = calibrate(logits, data.labels, strange=familiar.validation > 1)
    calibration = replace(calibration, novelty=familiar.novelty)
    contents = Contents(
        name=name,
        version=leukon.__version__,
        taxonomy=classifier.taxonomy,
        pipeline=pipeline,
        calibration=calibration,
        provenance=provenance,
        onnx=familiar.network,
        sample=Sample(
            tuple(data.cells[i] for i in rows),
            softmax(logits[rows] / calibration.temperature, axis=1).astype(np.float32),
        ),
        card=scores,
        card_text=card_text(name, classifier.taxonomy, calibration, provenance, scores),
    )
    write_bundle(out, contents)
    load_bundle(out)  # what was written must run and replay
    content = out.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return {"path": str(out), "bytes": len(content), "sha256": digest, **asdict(calibration)}


def _sample_rows(data: LabelledCells) -> list[int]:
    """Choose one cell of each class, as many classes as the sample holds."""
    classes, first = np.unique(data.labels, return_index=True)
    return [int(i) for _, i in zip(classes, first, strict=True)][:SAMPLES]


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path}: {error}; check the file") from error
