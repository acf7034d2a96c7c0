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
from leukon.machine import available_processors
from leukon.smear.journal import Journal
from leukon.types import Classifier, Provenance

T = TypeVar("T")
U = TypeVar("U")
Progress = Callable[[int, int], None]
MOST_WORKERS = 8
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


def ordered(items: Iterable[T], work: Callable[[T], U]) -> Iterator[U]:
    """Apply `work` to `items` in threads and give the results in order, few of them ahead.

    Threads suffice: OpenCV and onnxruntime let go of the interpreter's lock. One thread per processor
    carries an image from its file to its predictions, so no image waits in a queue.
    """
    workers = min(available_processors(), MOST_WORKERS)
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


def classifier_of(bundle: Classifier | Path | str | None) -> Classifier:
    """Load a bundle, or pass a classifier on. Parallel images need one network thread each."""
    if bundle is None or isinstance(bundle, (str, Path)):
        return load_bundle(bundle, threads=1)
    return bundle


def purpose_of(command: str, classifier: Classifier) -> str:
    """Tell everything that results depend on but the inputs."""
    # A classifier without a hash may have changed since: its results serve this run alone.
    model = getattr(classifier, "sha256", f"unknown {datetime.now(UTC)} {next(_runs)}")
    return (
        f"leukon {command} code {_code_sha256()} bundle {model} classes {','.join(classifier.taxonomy.names)}"
    )


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
