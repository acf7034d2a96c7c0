"""A training run, seen as a classifier like any other."""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from leukon.errors import InputError
from leukon.models import ModelSpec, Network
from leukon.models.committee import Committee
from leukon.models.svm import SvmHead
from leukon.pipeline import Pipeline
from leukon.types import Cell, CellClass, Prediction, Taxonomy

BATCH_SIZE = 128


@dataclass(frozen=True, eq=False, slots=True)
class NetworkClassifier:
    """Pipeline and network; meets `leukon.types.Classifier`. It names every cell."""

    network: Network
    pipeline: Pipeline
    taxonomy: Taxonomy

    def logits(self, cells: Sequence[Cell]) -> npt.NDArray[np.float32]:
        """Return logits, shape (N, K)."""
        device = self.network.device
        self.network.eval()
        parts = [np.zeros((0, len(self.taxonomy)), np.float32)]
        with torch.inference_mode():
            for i in range(0, len(cells), BATCH_SIZE):
                batch = torch.from_numpy(self.pipeline.batch(cells[i : i + BATCH_SIZE])).to(device)
                parts.append(self.network(batch).float().cpu().numpy())
        return np.concatenate(parts)

    def predict(self, cells: Sequence[Cell]) -> list[Prediction]:
        """Classify `cells`."""
        shares = torch.from_numpy(self.logits(cells)).softmax(dim=1).numpy()
        return [Prediction(self.taxonomy.names[int(row.argmax())], row) for row in shares]


def validation_scores(logits: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]) -> dict[str, float]:
    """Return the loss, the accuracy and the balanced accuracy of logits (N, K) against labels (N,)."""
    right = logits.argmax(axis=1) == labels
    recalls = [float(right[labels == k].mean()) for k in np.unique(labels)]
    loss = torch.nn.functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(labels))
    return {
        "val_loss": float(loss),
        "accuracy": float(right.mean()),
        "balanced_accuracy": float(np.mean(recalls)),
    }


def history(run: Path) -> list[dict[str, float]]:
    """Read what a run's epochs, or an SVM's penalties, came to; each row has a ``balanced_accuracy``."""
    rows: list[dict[str, float]] = json.loads((run / "history.json").read_text())
    return rows


def load_classifier(run: Path) -> NetworkClassifier:
    """Load the best network of the run in folder `run`.

    Raises
    ------
    InputError
        If the folder holds no finished epoch.
    """
    try:
        recipe = json.loads((run / "recipe.json").read_text())
        spec = ModelSpec(**recipe["model"])
        classes = json.loads((run / "data.json").read_text())["taxonomy"]
        best = torch.load(run / "best.pt", map_location="cpu", weights_only=True)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, pickle.UnpicklingError) as error:
        raise InputError(f"{run} is not a training run with a finished epoch ({error}): train it") from error
    taxonomy = Taxonomy(tuple(CellClass(**c) for c in classes))
    pipeline = Pipeline.from_dict(best["pipeline"])
    spec = replace(spec, weights="", pretrained=False).at(pipeline.frame.side_px)
    network = spec.build(len(taxonomy), channels=pipeline.planes)
    if svm := recipe.get("svm"):
        vectors = len(best["network"]["head.vectors"])
        network.head = SvmHead(network.features, len(taxonomy), vectors, kernel=svm["kernel"])
    network.load_state_dict(best["network"])
    return NetworkClassifier(network.eval(), pipeline, taxonomy)


def together(classifiers: Sequence[NetworkClassifier]) -> NetworkClassifier:
    """Make classifiers one whose networks decide together, on the largest of their pictures.

    Raises
    ------
    InputError
        If their classes or pipelines differ by more than the side of the picture.
    """
    largest = max(classifiers, key=lambda one: one.pipeline.frame.side_px)
    if len(classifiers) == 1:
        return largest
    side_px = largest.pipeline.frame.side_px
    for one in classifiers:
        frame = replace(one.pipeline.frame, side_px=side_px)
        if (one.taxonomy, replace(one.pipeline, frame=frame)) != (largest.taxonomy, largest.pipeline):
            raise InputError(
                "the runs differ in their classes or pipelines: give runs that differ in the network and the "
                "side of its pictures alone"
            )
    network = Committee([(one.network, one.pipeline.frame.side_px) for one in classifiers])
    return replace(largest, network=network.eval())
