"""Support vector machines on the features of a network that stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from sklearn.svm import SVC

from leukon.errors import InputError, ManifestError
from leukon.machine import available_processors
from leukon.models import Network
from leukon.models.svm import Kernel, SvmHead
from leukon.pipeline import Pipeline
from leukon.storage import replacing
from leukon.training.augment import Augmentation
from leukon.training.loader import LabelledCells
from leukon.types import Cell

BLOCK = 512  # cells whose features are kept in one file
BATCH_SIZE = 64


@torch.inference_mode()
def embed(
    network: Network,
    pipeline: Pipeline,
    cells: tuple[Cell, ...],
    kept: Path,
    *,
    change: Callable[[int, Cell], Cell] = lambda _i, cell: cell,
    advance: Callable[[int], None] = lambda _n: None,
) -> npt.NDArray[np.float32]:
    """Return the features of `cells`, shape (N, D), each cell changed first by ``change(i, cell)``.

    Blocks of rows are kept as files in the folder `kept`, so that a stopped run need not compute them again.
    """
    device = network.device
    network.eval()
    blocks = [np.zeros((0, network.features), np.float32)]
    for start in range(0, len(cells), BLOCK):
        path, end = kept / f"{start}.npy", min(start + BLOCK, len(cells))
        if not path.exists():
            parts = []
            for first in range(start, end, BATCH_SIZE):
                rows = range(first, min(first + BATCH_SIZE, end))
                batch = pipeline.batch([change(i, cells[i]) for i in rows])
                parts.append(network.embed(torch.from_numpy(batch).to(device)).float().cpu().numpy())
            with replacing(path) as part, part.open("wb") as stream:
                np.save(stream, np.concatenate(parts))
        blocks.append(_read(path, (end - start, network.features)))
        advance(end - start)
    return np.concatenate(blocks)


def embed_training_part(
    network: Network,
    pipeline: Pipeline,
    data: LabelledCells,
    kept: Path,
    *,
    augmentation: Augmentation,
    passes: int,
    seed: int,
    advance: Callable[[int], None],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Return features and labels of the training cells, `passes` times, each time augmented anew."""
    parts = []
    for number in range(passes):

        def change(i: int, cell: Cell, number: int = number) -> Cell:
            return augmentation(cell, np.random.default_rng((seed, number, i)))

        folder = kept / str(number)
        parts.append(embed(network, pipeline, data.cells, folder, change=change, advance=advance))
    return np.concatenate(parts), np.tile(data.labels, passes)


def fit_svm(
    features: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    classes: int,
    *,
    kernel: Kernel,
    penalty: float,
) -> SvmHead:
    """Fit one machine per class against the rest, each class weighing the same.

    Parameters
    ----------
    features : ndarray, shape (N, D)
    labels : ndarray, shape (N,)
        0…K-1; every class must occur.
    classes : int
        K, at least 2.
    kernel : {"rbf", "linear"}
    penalty : float
        C of the soft margin.

    Raises
    ------
    ManifestError
        If a class has no cells.
    """
    if len(np.unique(labels)) < classes:
        raise ManifestError("a class has no cells in the train part: an SVM needs some of each")
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    deviation[deviation < 1e-6] = 1  # a feature that never changes says nothing
    x = ((features - mean) / deviation).astype(np.float64)
    gamma = 1 / x.shape[1]

    def fit(k: int) -> SVC:
        inputs = x if kernel == "rbf" else x * gamma**0.5
        return SVC(C=penalty, kernel=kernel, gamma=gamma, class_weight="balanced").fit(inputs, labels == k)

    with ThreadPoolExecutor(available_processors()) as pool:
        machines = list(pool.map(fit, range(classes)))
    support = np.unique(np.concatenate([machine.support_ for machine in machines]))
    weights = np.zeros((len(support), classes))
    for k, machine in enumerate(machines):
        weights[np.searchsorted(support, machine.support_), k] = machine.dual_coef_[0]
    head = SvmHead(x.shape[1], classes, len(support), kernel=kernel)
    for name, values in (
        ("mean", mean),
        ("deviation", deviation),
        ("vectors", x[support]),
        ("weights", weights),
        ("bias", np.array([machine.intercept_[0] for machine in machines])),
    ):
        head.get_buffer(name).copy_(torch.from_numpy(values))
    return head


def _read(path: Path, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    try:
        block: npt.NDArray[np.float32] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"features {path} are damaged ({error}): delete the file") from error
    if block.shape != shape:
        raise InputError(f"features {path} are of another run: delete the file")
    return block
