"""Working through many images: threads, a journal, and results read back from it."""

from __future__ import annotations

import contextlib
import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

import cv2

import leukon
from leukon.bundle import Bundle, load_bundle
from leukon.errors import InputError
from leukon.machine import available_processors
from leukon.smear.journal import Journal
from leukon.types import Classifier, Prediction, Provenance

T = TypeVar("T")
U = TypeVar("U")
Progress = Callable[[int, int], None]
MOST_WORKERS = 8
IDLE_S = 15
_SHAPES_RESULTS = "imaging", "segmentation", "smear", "bundle", "types", "pipeline.py"
_runs = count()


class Results(Sequence[T], Generic[T]):
    """Results in the order of the inputs, each read from the journal when it is asked for."""

    def __init__(self, journal: Journal, places: Sequence[int], decode: Callable[[int, Any], T]) -> None:
        self._journal = journal
        self._places = places
        self._decode = decode

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        position = range(len(self))[index]
        return self._decode(position, self._journal.read(self._places[position]))


def ordered(items: Iterable[T], work: Callable[[T], U], *, processes: bool = False) -> Iterator[U]:
    """Apply `work` to `items` in parallel and give the results in order, few of them ahead.

    One worker per processor carries an image from its file to its predictions, so no image waits in a
    queue. Threads suffice for whole fields, where OpenCV and onnxruntime work long without the interpreter's
    lock; images of single cells, whose steps are short, need `processes`, and a `work` that can be pickled.
    They take a second to start and stay for the next call.
    """
    workers = min(available_processors(), MOST_WORKERS)
    if processes and workers > 1:
        yield from _in_processes(items, work, workers)
        return
    pending: deque[Future[U]] = deque()
    with _one_opencv_thread(), ThreadPoolExecutor(workers) as pool:
        try:
            for item in items:
                pending.append(pool.submit(work, item))
                if len(pending) > workers + 1:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _in_processes(items: Iterable[T], work: Callable[[T], U], workers: int) -> Iterator[U]:
    from joblib import Parallel, delayed, parallel_config
    from joblib.externals.loky.process_executor import BrokenProcessPool

    try:
        # Idle workers go, also where this process was killed and could not end them.
        with parallel_config("loky", idle_worker_timeout=IDLE_S):
            pool = Parallel(workers, return_as="generator", batch_size=1)
        yield from pool(delayed(_alone)(work, item) for item in items)
    except BrokenProcessPool as error:
        raise InputError(
            "a worker process was killed, perhaps for memory; free some and run again: results are kept"
        ) from error


def _alone(work: Callable[[T], U], item: T) -> U:
    cv2.setNumThreads(1)
    return work(item)


def classifier_of(bundle: Classifier | Path | str | None, confidence: float | None) -> Classifier:
    """Load a bundle, or pass a classifier on. Parallel images need one network thread each."""
    if bundle is None or isinstance(bundle, (str, Path)):
        bundle = load_bundle(bundle, threads=1)
    if confidence is None:
        return bundle
    if not isinstance(bundle, Bundle):
        raise InputError("only a bundle can name cells from another confidence on")
    return bundle.with_threshold(confidence)


def purpose_of(command: str, classifier: Classifier) -> str:
    """Tell everything that results depend on but the inputs."""
    # A classifier without a hash may have changed since: its results serve this run alone.
    model = getattr(classifier, "sha256", f"unknown {datetime.now(UTC)} {next(_runs)}")
    if isinstance(classifier, Bundle):
        model += f" threshold {classifier.calibration.threshold!r}"
    return (
        f"leukon {command} code {_code_sha256()} bundle {model} classes {','.join(classifier.taxonomy.names)}"
    )


def purpose_without_model(command: str, settings: str) -> str:
    """Tell everything that results of a command without a classifier depend on but the inputs."""
    return f"leukon {command} code {_code_sha256()} {settings}"


def provenance_of(classifier: Classifier, settings: dict[str, str], inputs: int) -> Provenance:
    """Describe a run that ends now."""
    return Provenance(
        bundle=str(getattr(classifier, "name", "")),
        bundle_version=str(getattr(classifier, "version", "")),
        bundle_sha256=str(getattr(classifier, "sha256", "")),
        leukon=leukon.__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        settings=tuple(settings.items()),
        inputs=inputs,
    )


def card_of(classifier: Classifier) -> dict[str, Any]:
    """Return the card of a bundle; empty for other classifiers."""
    return classifier.card if isinstance(classifier, Bundle) else {}


def confusion_of(classifier: Classifier) -> tuple[tuple[int, ...], ...]:
    """Return what the validation cells of a bundle were called; empty for other classifiers."""
    return classifier.confusion if isinstance(classifier, Bundle) else ()


def promises_of(classifier: Classifier) -> dict[str, str]:
    """Say, as settings, when a bundle names a cell and what its prediction sets promise."""
    if not isinstance(classifier, Bundle):
        return {}
    calibration = classifier.calibration
    promises = {"named from a confidence of": f"{calibration.threshold:.2f}"}
    if calibration.floors:
        promises["prediction sets"] = (
            f"hold the true class of {100 * calibration.coverage:g} % of the cells, on cells like those of "
            "validation"
        )
    return promises


def excess_of(classifier: Classifier, predictions: Iterable[Prediction]) -> float:
    """Return how much too sure a bundle is of cells that it named; 1 for other classifiers."""
    return classifier.excess(predictions) if isinstance(classifier, Bundle) else 1.0


def tempered(classifier: Classifier, prediction: Prediction, excess: float) -> Prediction:
    """Return what a bundle says once it knows how much too sure it is."""
    return classifier.tempered(prediction, excess) if isinstance(classifier, Bundle) else prediction


def unknown_system(excess: float) -> str:
    """Say that the images are of an imaging system or stain that the bundle does not know; else empty."""
    if excess == 1:
        return ""
    return (
        "The cells of these images look unlike those that the classifier was trained on, as from another "
        f"imaging system or stain (novelty {excess:.1f} times what is usual). It is less sure of its names "
        "here, and more of them will be wrong: check them by eye, or label some and run leukon adapt."
    )


@cache
def _code_sha256() -> str:
    """Hash the code that shapes results, so that a journal never mixes two editions of it."""
    home = Path(leukon.__file__).parent
    digest = hashlib.sha256()
    for part in _SHAPES_RESULTS:
        for path in sorted((home / part).rglob("*.py")) or [home / part]:
            digest.update(path.read_bytes())
    return digest.hexdigest()


@contextlib.contextmanager
def _one_opencv_thread() -> Iterator[None]:
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
