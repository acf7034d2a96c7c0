"""The journal of a run: what is done is on the disk, so a killed run goes on where it stopped."""

from __future__ import annotations

import contextlib
import json
import tempfile
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from leukon.errors import InputError
from leukon.storage import writing_error


class Journal:
    """JSON lines, appended as results come in and read back by their place in the file.

    Results are read from here whenever they are needed, so that memory does not grow with their number.

    Parameters
    ----------
    path : path-like or None
        The file; None for a temporary one.
    purpose : str
        Everything that the results depend on but the inputs. A journal with another purpose starts anew.

    Raises
    ------
    InputError
        If the file cannot be written.
    """

    def __init__(self, path: Path | str | None, purpose: str) -> None:
        self._path = Path(path) if path is not None else Path("a temporary file")
        self._places: dict[str, int] = {}
        self._lock = threading.Lock()
        with self._writing():
            self._file: IO[bytes] = _opened(path)
            weakref.finalize(self, self._file.close)
            self._end = self._load(purpose)
            self._file.truncate(self._end)
        if self._end == 0:
            self.append(None, purpose)

    def place(self, key: str | None) -> int | None:
        """Where the latest value of `key` lies; None where there is none."""
        return None if key is None else self._places.get(key)

    def append(self, key: str | None, value: Any) -> int:
        """Write a value and return its place. One without a key is not found again by a later run."""
        line = (
            json.dumps({"key": key, "value": value}, separators=(",", ":"), allow_nan=False).encode() + b"\n"
        )
        place = self._end
        with self._lock, self._writing():
            self._file.seek(place)
            self._file.write(line)
            self._file.flush()
        self._end += len(line)
        if key is not None:
            self._places[key] = place
        return place

    def read(self, place: int) -> Any:
        """Return the value at `place`."""
        with self._lock:
            self._file.seek(place)
            line = self._file.readline()
        return json.loads(line)["value"]

    def _load(self, purpose: str) -> int:
        """Index the lines that are whole and return where they end; 0 where nothing can be used."""
        place = 0
        for line in self._file:
            record = _parsed(line)
            if record is None:  # half written when the run was killed
                break
            if place == 0 and record != (None, purpose):
                return 0
            if record[0] is not None:
                self._places[record[0]] = place
            place += len(line)
        return place

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise writing_error(self._path, error) from error


def _opened(path: Path | str | None) -> IO[bytes]:
    if path is None:
        return tempfile.TemporaryFile(prefix="leukon-")
    path = Path(path)
    if path.parent.exists() and not path.parent.is_dir():
        raise InputError(f"cannot write into {path.parent}: it is a file; name a folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("r+b" if path.exists() else "x+b")


def _parsed(line: bytes) -> tuple[str | None, Any] | None:
    try:
        record = json.loads(line if line.endswith(b"\n") else b"")
        return record["key"], record["value"]
    except (ValueError, KeyError, TypeError):
        return None
