"""Running a bundle, without torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from leukon.bundle.layout import SUFFIX, Calibration, Contents, read_bundle
from leukon.errors import BundleError, InputError
from leukon.machine import available_processors
from leukon.types import Cell, Prediction, Status, Taxonomy

SHIPPED = Path(__file__).parent / "shipped"
BATCH_SIZE = 32
REPLAY_TOLERANCE = 0.02
LEAST_CELLS = 10
"""Fewer cells tell too little of an imaging system."""

UNLIKE = "unlike the cells that the classifier was trained on"


@dataclass(frozen=True, eq=False, slots=True)
class Reading:
    """What a network says of N cells.

    Attributes
    ----------
    probabilities : ndarray, shape (N, K)
        Calibrated.
    novelty : ndarray, shape (N,), or None
        Where the bundle knows it.
    abroad : ndarray, shape (N, K), or None
        Probabilities if these are cells of a strange imaging system; None for the same.
    """

    probabilities: npt.NDArray[np.float32]
    novelty: npt.NDArray[np.float32] | None = None
    abroad: npt.NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Bundle:
    """A shipped model, ready to classify cells; made by `load_bundle`.

    Safe to use from several threads. A pickle of it names the file, which must still be there.

    Attributes
    ----------
    path : Path
        The file.
    taxonomy : Taxonomy
        The classes, in the order of the probabilities.
    sha256 : str
        Hash of the bundle's file.
    """

    path: Path
    contents: Contents
    taxonomy: Taxonomy
    sha256: str
    _session: Any
    _kept: tuple[int, ...]

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopened, (self.path.absolute(), self.sha256, self.taxonomy.names, self.calibration.threshold)

    @property
    def name(self) -> str:
        """Name of the bundle."""
        return self.contents.name

    @property
    def version(self) -> str:
        """Version of the bundle."""
        return self.contents.version

    @property
    def card(self) -> dict[str, Any]:
        """Measured scores and limits."""
        return self.contents.card

    @property
    def calibration(self) -> Calibration:
        """Temperature and threshold."""
        return self.contents.calibration

    @property
    def confusion(self) -> tuple[tuple[int, ...], ...]:
        """Validation cells by true class and by name, the unidentified last; empty where not measured."""
        # Among fewer classes the same cells would be called otherwise.
        is_whole = len(self._kept) == len(self.contents.taxonomy)
        return self.contents.calibration.confusion if is_whole else ()

    def prepare(self, cells: Sequence[Cell]) -> npt.NDArray[np.float32]:
        """Run the pipeline: shape (N, C, H, W). Apart, so that threads can prepare while others classify."""
        return self.contents.pipeline.batch(cells)

    def probabilities(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return calibrated probabilities, shape (N, K), of what `prepare` returned."""
        return self.read(batch).probabilities

    def read(self, batch: npt.NDArray[np.float32]) -> Reading:
        """Run the network on what `prepare` returned."""
        known = self.calibration.novelty
        wanted = ["logits"]
        if known is not None:
            made = {output.name for output in self._session.get_outputs()}
            wanted += ["embedding", *({"abroad"} & made)]
        if not len(batch):
            return Reading(np.zeros((0, len(self.taxonomy)), np.float32))
        parts = [
            self._session.run(wanted, {"batch": batch[i : i + BATCH_SIZE]})
            for i in range(0, len(batch), BATCH_SIZE)
        ]
        made_of = (np.concatenate(part).astype(np.float32, copy=False) for part in zip(*parts, strict=True))
        found = dict(zip(wanted, made_of, strict=True))
        return Reading(
            self._shares(found["logits"]),
            novelty_of(found["embedding"], known.centres) if known else None,
            self._shares(found["abroad"]) if "abroad" in found else None,
        )

    def _shares(self, logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        logits = logits[:, list(self._kept)] / self.calibration.temperature
        # Leaving classes out of the softmax is the same as renormalising the rest.
        exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares: npt.NDArray[np.float32] = exponents / exponents.sum(axis=1, keepdims=True)
        return shares

    def name_cells(self, reading: Reading) -> list[Prediction]:
        """Turn what was read into predictions with a status."""
        threshold, names = self.calibration.threshold, self.taxonomy.names
        floors = [self.calibration.floors[k] for k in self._kept] if self.calibration.floors else None
        predictions = []
        nothing = [None] * len(reading.probabilities)
        strange = nothing if reading.novelty is None else reading.novelty.tolist()
        abroad = nothing if reading.abroad is None else reading.abroad
        for row, new, other in zip(reading.probabilities, strange, abroad, strict=True):
            order = row.argsort()[::-1].tolist()
            best = order[0]
            candidates = (
                () if floors is None else tuple(names[k] for k in order if k == best or row[k] >= floors[k])
            )
            reason = ""
            if new is not None and new > 1:
                reason = f"{UNLIKE}: novelty {new:.1f} is above 1"
            elif row[best] < threshold:
                reason = f"confidence {row[best]:.2f} is below {threshold:.2f}"
            status: Status = "unidentified" if reason else "ok"
            predictions.append(Prediction(names[best], row, status, reason, candidates, new, other))
        return predictions

    def excess(self, predictions: Iterable[Prediction]) -> float:
        """How much too sure the bundle is of the cells of one imaging system, 1 where it is not.

        It is the median novelty as a multiple of what is usual; 1 for fewer than `LEAST_CELLS` cells.
        """
        known = self.calibration.novelty
        novelty = [one.novelty for one in predictions if one.novelty is not None]
        if known is None or len(novelty) < LEAST_CELLS:
            return 1.0
        return max(1.0, float(np.median(novelty)) / known.usual)

    def tempered(self, prediction: Prediction, excess: float) -> Prediction:
        """Name a cell of a strange system anew: by what holds abroad, the logits divided by `excess`."""
        if excess == 1:
            return prediction
        held = prediction.probabilities if prediction.abroad is None else prediction.abroad
        shares = held ** (1 / excess)
        novelty = None if prediction.novelty is None else np.array([prediction.novelty], np.float32)
        return self.name_cells(Reading((shares / shares.sum())[None].astype(np.float32), novelty))[0]

    def at_system(self, predictions: Sequence[Prediction]) -> list[Prediction]:
        """Return predictions of cells of one imaging system as sure as their novelty allows."""
        excess = self.excess(predictions)
        return [self.tempered(one, excess) for one in predictions]

    def predict(self, cells: Sequence[Cell]) -> list[Prediction]:
        """Classify `cells`: status ``"ok"``, or ``"unidentified"`` below the bundle's threshold."""
        predictions: list[Prediction] = []
        for i in range(0, len(cells), BATCH_SIZE):
            batch = self.prepare(cells[i : i + BATCH_SIZE])
            predictions += self.name_cells(self.read(batch))
        return predictions

    def restricted(self, classes: Sequence[str]) -> Bundle:
        """Keep `classes` alone and renormalise.

        Raises
        ------
        UnknownNameError
            If the bundle does not know a class.
        InputError
            If fewer than two are left.
        """
        taxonomy = self.taxonomy.restricted(tuple(classes))
        if len(taxonomy) < 2:
            raise InputError(f"classes {','.join(classes)!r} leave nothing to tell apart: name at least two")
        kept = tuple(self.contents.taxonomy.index(name) for name in taxonomy.names)
        return replace(self, taxonomy=taxonomy, _kept=kept)

    def with_threshold(self, confidence: float) -> Bundle:
        """Leave cells unidentified below this confidence, 0…1, instead of below the bundle's own.

        Less names more cells, more of them wrongly. The bundle's errors were counted with its own threshold:
        with another a differential has no limits corrected for them.

        Raises
        ------
        InputError
            If it is not in 0…1.
        """
        if not 0 <= confidence <= 1:
            raise InputError(f"a confidence of {confidence:g} is not between 0 and 1")
        if confidence == self.calibration.threshold:
            return self
        calibration = replace(self.calibration, threshold=confidence, confusion=())
        return replace(self, contents=replace(self.contents, calibration=calibration))


def novelty_of(embedding: npt.NDArray[np.floating], centres: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Return squared distances, shape (N,), of embeddings (N, D) from the nearest of the centres (M, D)."""
    apart = embedding[:, None] - np.asarray(centres, np.float32)
    return np.asarray((apart**2).sum(axis=2).min(axis=1), np.float32)


def load_bundle(source: Path | str | None = None, *, threads: int | None = None) -> Bundle:
    """Load a bundle and replay its sample.

    Parameters
    ----------
    source : path-like or str, optional
        A bundle file, or the name of a shipped bundle; by default the shipped ``small``.
    threads : int, optional
        Threads for the network; by default one per available processor.

    Raises
    ------
    BundleError
        If the bundle is missing, damaged, or does not give the predictions that it was made with.

    Examples
    --------
    >>> load_bundle().taxonomy.names
    ('basophil', 'eosinophil', 'erythroblast', 'ig', 'lymphocyte', 'monocyte', 'neutrophil', 'platelet')
    """
    path = _resolve(source)
    contents, sha256 = read_bundle(path)
    session = open_network(contents.onnx, path, threads=threads)
    bundle = Bundle(path, contents, contents.taxonomy, sha256, session, tuple(range(len(contents.taxonomy))))
    sample = contents.sample
    try:
        replayed = bundle.probabilities(bundle.prepare(sample.cells))
    except Exception as error:  # onnxruntime raises bare classes of its own
        raise BundleError(f"{path} does not run: {error}; export it again") from error
    if replayed.shape != sample.probabilities.shape:
        raise BundleError(f"{path} does not fit its sample: export it again")
    drift = float(np.abs(replayed - sample.probabilities).max(initial=0))
    if not drift <= REPLAY_TOLERANCE:
        raise BundleError(
            f"{path} does not replay its sample (off by {drift:.3f}): export it again with this Leukon"
        )
    return bundle


@lru_cache(maxsize=4)
def _reopened(path: Path, sha256: str, classes: tuple[str, ...], threshold: float) -> Bundle:
    bundle = load_bundle(path, threads=1)
    if bundle.sha256 != sha256:
        raise BundleError(f"{path} has changed since it was loaded: load it again")
    return bundle.restricted(classes).with_threshold(threshold)


def _resolve(source: Path | str | None) -> Path:
    if source is None:
        return SHIPPED / f"small{SUFFIX}"
    path = Path(source)
    shipped = SHIPPED / f"{source}{SUFFIX}"
    if not path.exists() and path.name == str(source) and shipped.exists():
        return shipped
    return path


def open_network(network: bytes, path: Path, *, threads: int | None = None) -> Any:
    """Open an ONNX `network` from the bundle `path`; by default with a thread per available processor.

    Raises
    ------
    BundleError
        If it cannot run.
    """
    runtime = _runtime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads or available_processors()
    options.log_severity_level = 3
    # Waiting threads would burn the processor that decoding needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return runtime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises bare classes of its own
        raise BundleError(f"{path} holds no network that can run: {error}; export it again") from error


@cache
def _runtime() -> Any:
    import onnxruntime

    return onnxruntime
