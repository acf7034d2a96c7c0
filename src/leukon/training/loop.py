"""Training: steps, validation, checkpoints, resume."""

from __future__ import annotations

import copy
import math
import pickle
import platform
import shutil
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch
from torch import nn

import leukon
from leukon.datasets.manifest import Manifest
from leukon.errors import InputError, ManifestError
from leukon.losses import build_loss
from leukon.models import Network
from leukon.models.silhouette import Streams
from leukon.pipeline import Pipeline
from leukon.storage import json_text, replacing, write_json, write_text
from leukon.training.batch_augment import BatchAugmentation
from leukon.training.curves import write_curves
from leukon.training.loader import Batches, LabelledCells, load_cells
from leukon.training.recipe import Recipe, Svm
from leukon.training.run import NetworkClassifier, load_classifier, validation_scores
from leukon.training.svm import embed, embed_training_part, fit_svm
from leukon.training.teacher import Teacher
from leukon.types import Taxonomy

Report = Callable[[str, int, int], None]


class DivergedError(InputError):
    """The loss is no longer a number."""


@dataclass(slots=True)
class Progress:
    """What a checkpoint remembers besides the tensors."""

    epoch: int = 0
    best: float = -1.0
    best_epoch: int = 0
    history: list[dict[str, float]] = field(default_factory=list)


def train(
    recipe: Recipe, manifest: Manifest, out: Path, *, taxonomy: Taxonomy, report: Report | None = None
) -> NetworkClassifier:
    """Train by `recipe` on the manifest's ``train`` part, choosing the epoch on its ``val`` part.

    A run that was stopped goes on from its last epoch when called again with the same recipe and data.

    Parameters
    ----------
    recipe : Recipe
    manifest : Manifest
        With the parts ``train`` and ``val``.
    out : Path
        The run's folder: ``recipe.json``, ``environment.json``, ``data.json``, ``history.json``,
        ``curves.svg``, ``best.pt``, ``last.pt``; of an SVM the first four and ``best.pt``.
    taxonomy : Taxonomy
        The classes.
    report : callable, optional
        Called with what is being done, the steps done and the steps in all.

    Returns
    -------
    NetworkClassifier
        With the best weights.

    Raises
    ------
    ManifestError
        If a part is missing or holds an unknown label.
    InputError
        If `out` holds another run.
    DivergedError
        If the loss is no longer a number; the run's folder keeps the checkpoints of the epochs before.
    """
    report = report or (lambda _what, _done, _total: None)
    parts = {name: manifest.subset(split=name) for name in ("train", "val")}
    for name, part in parts.items():
        if not part.entries:
            raise ManifestError(f"the manifest has no {name!r} part: make one with leukon data split")
    recipe.batch.check(recipe.pipeline)
    _claim(out, recipe, manifest, taxonomy)

    data = {name: _load(name, part, taxonomy, recipe.pipeline, report=report) for name, part in parts.items()}
    if recipe.svm:
        _choose_svm(recipe, recipe.svm, data, out, taxonomy=taxonomy, report=report)
        return load_classifier(out)
    work = _start(recipe, data["train"], taxonomy)
    _record(out, work.network.started)
    progress = _resume(work, out / "last.pt")
    classifier = NetworkClassifier(work.average, work.batches.pipeline, taxonomy)
    while progress.epoch < recipe.epochs and progress.epoch - progress.best_epoch < recipe.patience:
        loss = _epoch(work, progress.epoch, report)
        scores = validation_scores(classifier.logits(data["val"].cells), data["val"].labels)
        if not math.isfinite(scores["val_loss"]):  # the last step spoilt the weights
            _refuse(work, scores["val_loss"], progress.epoch, len(work.batches))
        progress.epoch += 1
        progress.history.append({"epoch": progress.epoch, "loss": loss, **scores})
        if scores["balanced_accuracy"] > progress.best:
            progress.best, progress.best_epoch = scores["balanced_accuracy"], progress.epoch
            pipeline = work.batches.pipeline.to_dict()
            _save(out / "best.pt", {"network": work.average.state_dict(), "pipeline": pipeline})
        _save(out / "last.pt", {**work.state(), "progress": asdict(progress)})
        write_json(out / "history.json", progress.history)
        write_curves(out / "curves.svg", progress.history)
    return load_classifier(out)


@dataclass(frozen=True, eq=False, slots=True)
class _Work:
    """The moving parts of a run."""

    network: Network
    average: Network
    batches: Batches
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LambdaLR
    loss_of: nn.Module
    averaging: float
    change: BatchAugmentation
    teacher: Teacher | None

    def state(self) -> dict[str, Any]:
        return {name: getattr(self, name).state_dict() for name in _MOVING}


_DAMAGE = OSError, RuntimeError, KeyError, TypeError, ValueError, pickle.UnpicklingError
_MOVING = "network", "average", "optimizer", "schedule", "loss_of"


def _built(recipe: Recipe, data: LabelledCells, classes: int) -> tuple[Network, Pipeline]:
    torch.manual_seed(recipe.seed)
    pipeline = recipe.pipeline.fit(data.cells) if recipe.fit_scale else recipe.pipeline
    model = recipe.model.at(pipeline.frame.side_px)
    if not (model.weights or model.pretrained):
        model = replace(model, finetune="all")  # of a random start nothing is worth keeping
    network = model.build(classes, channels=pipeline.planes)
    if isinstance(network, Streams) != pipeline.frame.silhouette:
        raise InputError(
            f"{model.title} {'sees' if isinstance(network, Streams) else 'knows no'} silhouettes: set "
            f"silhouette={not pipeline.frame.silhouette} in the frame of the recipe's pipeline"
        )
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return network.to(device).to(memory_format=torch.channels_last), pipeline


def _choose_svm(
    recipe: Recipe,
    svm: Svm,
    data: dict[str, LabelledCells],
    out: Path,
    *,
    taxonomy: Taxonomy,
    report: Report,
) -> None:
    """Fit machines for every penalty, and keep those that are best on the validation part."""
    if (out / "best.pt").exists():
        return
    network, pipeline = _built(recipe, data["train"], len(taxonomy))
    _record(out, network.started)
    kept = out / "features"
    features, labels = embed_training_part(
        network,
        pipeline,
        data["train"],
        kept / "train",
        augmentation=recipe.augmentation,
        passes=recipe.epochs,
        seed=recipe.seed,
        advance=_counting("features of train", recipe.epochs * len(data["train"].cells), report),
    )
    advance = _counting("features of val", len(data["val"].cells), report)
    seen = torch.from_numpy(embed(network, pipeline, data["val"].cells, kept / "val", advance=advance))
    progress, best = Progress(), network.head
    for penalty in svm.penalties:
        report("machines", progress.epoch, len(svm.penalties))
        head = fit_svm(features, labels, len(taxonomy), kernel=svm.kernel, penalty=penalty)
        scores = validation_scores(head(seen).numpy(), data["val"].labels)
        progress.epoch += 1
        row = {"epoch": progress.epoch, "penalty": penalty, "support_vectors": len(head.vectors), **scores}
        progress.history.append(row)
        if scores["balanced_accuracy"] > progress.best:
            progress.best, best = scores["balanced_accuracy"], head
    report("machines", progress.epoch, len(svm.penalties))
    write_json(out / "history.json", progress.history)
    network.head = best
    _save(out / "best.pt", {"network": network.state_dict(), "pipeline": pipeline.to_dict()})
    shutil.rmtree(kept)


def _start(recipe: Recipe, data: LabelledCells, taxonomy: Taxonomy) -> _Work:
    classes = len(taxonomy)
    network, pipeline = _built(recipe, data, classes)
    batches = Batches(data, pipeline, recipe.augmentation, recipe.batch_size, recipe.seed)
    optimizer, schedule = _optimizer(recipe, network, len(batches) * recipe.epochs)
    counts = np.bincount(data.labels, minlength=classes).tolist()
    loss_of = build_loss(recipe.loss, recipe.loss_options, class_counts=counts, features=network.features)
    loss_of = loss_of.to(network.device)
    average = copy.deepcopy(network).eval()
    plan = recipe.distillation
    teacher = Teacher(plan, pipeline, taxonomy, network.device) if plan.run else None
    return _Work(
        network, average, batches, optimizer, schedule, loss_of, recipe.averaging, recipe.batch, teacher
    )


def _resume(work: _Work, last: Path) -> Progress:
    if not last.exists():
        return Progress()
    try:
        state = torch.load(last, map_location="cpu", weights_only=True)
        for name in _MOVING:
            getattr(work, name).load_state_dict(state[name])
        return Progress(**state["progress"])
    except _DAMAGE as error:
        raise InputError(
            f"checkpoint {last} is damaged ({error}): delete it to start the run anew"
        ) from error


def _claim(out: Path, recipe: Recipe, manifest: Manifest, taxonomy: Taxonomy) -> None:
    """Write the run's records, or check that they are those of the run to go on with."""
    records = {
        "recipe.json": recipe.to_dict(),
        "data.json": {"manifest": manifest.digest(), "taxonomy": [asdict(c) for c in taxonomy.classes]},
    }
    for name, value in records.items():
        path = out / name
        if path.exists() and path.read_text() != json_text(value):
            raise InputError(f"{out} holds a run with another {path.stem}: choose another --out or delete it")
        write_text(path, json_text(value))


def _record(out: Path, started: str) -> None:
    """Write down where the run takes place, and what its network started from."""
    environment = {
        "leukon": leukon.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "processor": platform.machine(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "started_from": started,
    }
    write_json(out / "environment.json", environment)


def _load(
    name: str, part: Manifest, taxonomy: Taxonomy, pipeline: Pipeline, *, report: Report
) -> LabelledCells:
    advance = _counting(f"reading {name}", len(part.entries), report)
    return load_cells(part, taxonomy, pipeline, advance=advance)


def _counting(what: str, total: int, report: Report) -> Callable[[int], None]:
    """Return what turns steps into a report of how many are done."""
    done = 0

    def advance(steps: int) -> None:
        nonlocal done
        done += steps
        report(what, done, total)

    return advance


def _optimizer(
    recipe: Recipe, network: nn.Module, steps: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LambdaLR]:
    settings = recipe.optimizer
    trained = [p for p in network.parameters() if p.requires_grad]
    matrices = [p for p in trained if p.ndim > 1]
    vectors = [p for p in trained if p.ndim <= 1]  # norms and biases do not decay
    groups = [
        {"params": matrices, "weight_decay": settings.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    optimizer: torch.optim.Optimizer
    if settings.momentum is None:
        optimizer = torch.optim.AdamW(groups, lr=settings.rate, fused=True)
    else:
        optimizer = torch.optim.SGD(groups, lr=settings.rate, momentum=settings.momentum, fused=True)
    warmup = max(1, round(settings.warmup * steps))

    def rate(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        return 0.5 + 0.5 * math.cos(math.pi * min(1.0, (step - warmup) / max(1, steps - warmup)))

    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, rate)


def _epoch(work: _Work, number: int, report: Report) -> float:
    """Run one epoch; return the mean loss."""
    device = work.network.device
    mixed = device.type == "cuda" or _gains_from_bfloat16(work.network)
    work.network.train()
    total = 0.0
    for step, (batch, labels) in enumerate(work.batches.epoch(number), 1):
        drawn = torch.Generator().manual_seed(zlib.crc32(f"{work.batches.seed} {number} {step}".encode()))
        inputs = work.change(torch.from_numpy(batch).to(device), work.batches.pipeline, drawn)
        inputs, targets = work.change.mix(inputs, torch.from_numpy(labels).to(device), drawn)
        with torch.autocast(device.type, torch.bfloat16, enabled=mixed):
            features = work.network.embed(inputs.contiguous(memory_format=torch.channels_last))
            opinions = work.network.opinions(features)
        features = features.float()
        loss: Any = sum(
            share * work.loss_of(logits.float(), own, features)
            for logits in opinions
            for own, share in targets
        )
        if work.teacher is not None:
            loss = work.teacher.taught(loss, opinions, inputs)
        if not torch.isfinite(loss):
            _refuse(work, loss.item(), number, step)
        work.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        work.optimizer.step()
        work.schedule.step()
        done = number * len(work.batches) + step
        follow(work.average, work.network, min(work.averaging, done / (done + 10)))
        total += loss.item()
        report(f"epoch {number + 1}", step, len(work.batches))
    return total / len(work.batches)


def _gains_from_bfloat16(network: nn.Module) -> bool:
    """Tell whether this processor trains `network` faster in half precision, which costs digits.

    It must compute in it; and depthwise convolutions run backwards a third slower than in float32.
    """
    convolutions = [part for part in network.modules() if isinstance(part, nn.Conv2d)]
    depthwise = any(conv.groups == conv.in_channels > 1 for conv in convolutions)
    return torch.ops.mkldnn._is_mkldnn_bf16_supported() and not depthwise


def _refuse(work: _Work, loss: float, epoch: int, step: int) -> NoReturn:
    """Stop, naming the files of the batch at which the loss was no number; `step` counts from 1."""
    data, size = work.batches.data, work.batches.batch_size
    rows = work.batches.order(epoch)[(step - 1) * size : step * size]
    raise DivergedError(
        f"the loss is {loss} in epoch {epoch + 1}, step {step}: lower the recipe's rate or check the batch's "
        f"files; the checkpoints of earlier epochs are kept. Files: "
        + ", ".join(data.cells[i].name for i in rows)
    )


@torch.no_grad()
def follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Move the weights of `average` towards those of `network`, by 1 − `decay` of the way."""
    for own, new in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        if own.is_floating_point():
            own.lerp_(new, 1 - decay)
        else:
            own.copy_(new)


def _save(path: Path, state: dict[str, Any]) -> None:
    with replacing(path) as part:
        torch.save(state, part)
