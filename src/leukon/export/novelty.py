"""What a network was trained on, measured on its features, so that a bundle knows what is unlike it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from leukon.bundle import Novelty
from leukon.bundle.calibration import fit_usual
from leukon.bundle.runtime import novelty_of
from leukon.datasets.manifest import Manifest
from leukon.export.onnx import FEATURES, run_network
from leukon.pipeline import Pipeline
from leukon.training.augment import Augmentation
from leukon.training.loader import LabelledCells

DIMENSIONS = 16
CELLS_PER_CLASS = 250
LIMIT = 0.99
"""Share of the validation cells whose novelty stays below 1."""

HARSHER = 1.0, 2.0, 3.0
"""Imaging systems are imitated by changes that are so many times as strong as those of training."""

CELLS_PER_SYSTEM = 400
RIDGE = 1e-3

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Familiar:
    """A network that gives embeddings too, what is usual of them, and the novelty of the validation cells."""

    network: bytes
    novelty: Novelty
    validation: npt.NDArray[np.float32]


def some_of_training(manifest: Manifest) -> Manifest:
    """Draw `CELLS_PER_CLASS` cells of each class from the manifest's ``train`` part."""
    train = manifest.subset(split="train")
    labels = np.array([entry.label for entry in train.entries])
    rng = np.random.default_rng(0)
    picks = [rng.permutation(np.flatnonzero(labels == name))[:CELLS_PER_CLASS] for name in np.unique(labels)]
    return replace(train, entries=tuple(train.entries[i] for i in np.sort(np.concatenate(picks))))


def learn_novelty(
    network: bytes,
    pipeline: Pipeline,
    known: LabelledCells,
    validation: LabelledCells,
    augmentation: Augmentation,
    temperature: float,
) -> Familiar:
    """Learn where training cells lie among the features of a network, and how sure it may be elsewhere.

    Novelty is the Mahalanobis distance from the nearest class (Lee et al., A Simple Unified Framework for
    Detecting Out-of-Distribution Samples, 2018) among the principal components of what the last layer reads.
    How far probabilities hold is learnt from imitated imaging systems, whose labels are known (after Deng and
    Zheng, Are Labels Always Necessary for Classifier Accuracy Evaluation?, 2021).

    Parameters
    ----------
    network : bytes
        An ONNX file with the output `FEATURES`, which ``embedding`` takes the place of.
    pipeline : Pipeline
        Of the bundle.
    known, validation : LabelledCells
        Cells that the network was trained on, and others like them.
    augmentation : Augmentation
        What the network was trained to stand.
    temperature : float
        Of the bundle.
    """
    model = onnx.load_from_string(network)
    seen, held_out = (run_network(network, pipeline, [FEATURES], d.cells)[0] for d in (known, validation))
    projection, mean = _whitening(seen.astype(np.float64), known.labels)
    centres = _centres((seen - mean) @ projection, known.labels)
    limit = np.quantile(novelty_of((held_out - mean) @ projection, centres), LIMIT, method="higher")
    projection, centres = projection / np.sqrt(limit), centres / np.sqrt(limit)
    _add_embedding(model, projection, -mean @ projection)
    extended = bytes(model.SerializeToString())
    rng = np.random.default_rng(0)
    picks = rng.permutation(len(validation.cells))[:CELLS_PER_SYSTEM]
    systems = []
    for strength in HARSHER:
        harsher = augmentation.scaled(strength)
        cells = [harsher(validation.cells[i], np.random.default_rng((i, int(strength)))) for i in picks]
        logits, embedding = run_network(extended, pipeline, ["logits", "embedding"], cells)
        systems.append((logits, validation.labels[picks], float(np.median(novelty_of(embedding, centres)))))
    novelty = Novelty(tuple(map(tuple, centres.tolist())), fit_usual(systems, temperature))
    found = novelty_of((held_out - mean) @ projection, centres)
    return Familiar(extended, novelty, found)


def _whitening(features: Floats, labels: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Return a projection (F, D) after which the classes' common covariance is the identity, and the mean."""
    mean = features.mean(axis=0)
    _, axes = np.linalg.eigh(np.cov((features - mean).T))
    axes = axes[:, -DIMENSIONS:]
    placed = (features - mean) @ axes
    _, place = np.unique(labels, return_inverse=True)
    covariance = np.cov((placed - _centres(placed, labels)[place]).T)
    covariance += RIDGE * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    return axes @ np.linalg.cholesky(np.linalg.inv(covariance)), mean


def _centres(placed: Floats, labels: npt.NDArray[np.int64]) -> Floats:
    return np.stack([placed[labels == k].mean(axis=0) for k in np.unique(labels)])


def _add_embedding(model: onnx.ModelProto, weight: Floats, bias: Floats) -> None:
    """Put the output ``embedding`` in the place of the features; the last node stays the last."""
    graph = model.graph
    for name, value in (("embedding_weight", weight), ("embedding_bias", bias)):
        graph.initializer.append(numpy_helper.from_array(value.astype(np.float32), name))
    inputs = [FEATURES, "embedding_weight", "embedding_bias"]
    graph.node.insert(len(graph.node) - 1, helper.make_node("Gemm", inputs, ["embedding"]))
    del graph.output[-1]
    graph.output.append(
        helper.make_tensor_value_info("embedding", onnx.TensorProto.FLOAT, ["n", weight.shape[1]])
    )
    onnx.checker.check_model(model)
