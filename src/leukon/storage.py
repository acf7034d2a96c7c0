"""Writing files so that a killed process or a full disk never leaves half of one."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from leukon.errors import InputError


@contextlib.contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Give a temporary path beside `path`, renamed to `path` when the block ends well.

    Parameters
    ----------
    path : path-like
        The file to write; its folder is made where it is missing.

    Yields
    ------
    Path
        The temporary file to write. It is removed where the block raises.

    Raises
    ------
    InputError
        Where the disk is full or the place cannot be written.
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(path)
    except OSError as error:
        raise writing_error(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def writing_error(path: Path, error: OSError) -> InputError:
    """Say in one line why `path` could not be written and what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return InputError(f"cannot write {path}: the disk is full; free some space and run the command again")
    return InputError(f"cannot write {path}: {error.strerror or error}; choose a place that you may write to")


def write_text(path: Path | str, text: str) -> None:
    """Write UTF-8 `text` to `path` at once or not at all."""
    with replacing(path) as part, open_synced(part) as stream:
        stream.write(text.encode())


def write_bytes(path: Path | str, data: bytes) -> None:
    """Write `data` to `path` at once or not at all."""
    with replacing(path) as part, open_synced(part) as stream:
        stream.write(data)


def json_text(value: Any) -> str:
    """Return `value` as indented JSON; NaN is refused, since JSON has none."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: Path | str, value: Any) -> None:
    """Write `value` as `json_text`, at once or not at all."""
    write_text(path, json_text(value))


@contextlib.contextmanager
def open_synced(path: Path) -> Iterator[IO[bytes]]:
    """Open `path` for writing; its bytes are on the disk when the block ends."""
    with path.open("wb") as stream:
        yield stream
        stream.flush()
        os.fsync(stream.fileno())
