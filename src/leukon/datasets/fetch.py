"""Downloading data sets: resumed where it was cut, checked against a checksum, unpacked safely."""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import ssl
import stat
import tarfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from leukon.datasets.catalogue import Remote
from leukon.errors import InputError
from leukon.storage import writing_error

ATTEMPTS = 5
PAUSE_S = 1.0
TIMEOUT_S = 30.0
_CHUNK = 1 << 18
_NETWORK = (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError, ssl.SSLError)
_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")

Report = Callable[[str, int, int], None]


def fetch(remote: Remote, folder: Path, *, report: Report | None = None) -> Path:
    """Download `remote` and put it, unpacked if it is an archive, into `folder`.

    Parameters
    ----------
    remote : Remote
    folder : Path
        Appears when everything is there; one that exists is kept as it is. Beside it a download that was
        stopped leaves ``NAME.part``, and goes on from there.
    report : callable, optional
        Called with what is being done, bytes done and bytes in all (0: not known).

    Returns
    -------
    Path
        `folder`.

    Raises
    ------
    InputError
        If the address cannot be reached, the file is cut short or has another checksum, the archive is
        damaged or holds a name that leads out of it, or the disk is full.
    """
    report = report or (lambda _what, _done, _total: None)
    if folder.exists():
        return folder
    file = folder.with_name(remote.name)
    unpacking = folder.with_name(f".{folder.name}.tmp")
    try:
        if not file.exists():
            download(remote, file, report=report)
        shutil.rmtree(unpacking, ignore_errors=True)
        unpacking.mkdir(parents=True)
        if remote.name.lower().endswith(_ARCHIVES):
            report("unpacking", 0, 1)
            unpack(file, unpacking)
            report("unpacking", 1, 1)
            unpacking.rename(folder)
            file.unlink()
        else:
            file.rename(unpacking / remote.name)
            unpacking.rename(folder)
    except OSError as error:
        raise writing_error(folder, error) from error
    finally:
        shutil.rmtree(unpacking, ignore_errors=True)
    return folder


def download(remote: Remote, file: Path, *, report: Report) -> None:
    """Download `remote` to `file`, which appears whole and checked; see `fetch`."""
    if urlsplit(remote.url).scheme not in ("http", "https"):
        raise InputError(f"cannot fetch {remote.url}: give an address that starts with https:// or http://")
    part = file.with_name(f"{file.name}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    reason, failures = "", 0
    while failures < ATTEMPTS:
        before = _size(part)
        try:
            if _receive(remote, part, report):
                break
            reason = "the connection was cut"
        except urllib.error.HTTPError as error:
            error.close()
            if error.code < 500 and error.code not in (408, 429):
                raise InputError(
                    f"cannot fetch {remote.url}: the server answers {error.code} {error.reason}; look on the "
                    "data set's page for its new address and give it with --url"
                ) from error
            reason = f"the server answers {error.code} {error.reason}"
        except _NETWORK as error:
            reason = str(getattr(error, "reason", "") or error or type(error).__name__)
        # What brings bytes is no failure: a large file may take many connections.
        failures = 1 if _size(part) > before else failures + 1
        if failures < ATTEMPTS:
            time.sleep(PAUSE_S * failures)
    else:
        kept = f", the {_size(part):,} bytes that came are kept in {part}" if _size(part) else ""
        raise InputError(
            f"cannot fetch {remote.url}: {reason}; check the network and run the command again{kept}"
        )
    _check(remote, part)
    part.replace(file)
    _tag(part).unlink(missing_ok=True)


def _receive(remote: Remote, part: Path, report: Report) -> bool:
    """Append what one connection brings; tell whether the file is whole."""
    have, tag = _size(part), _tag(part)
    request = urllib.request.Request(
        remote.url, headers={"User-Agent": "leukon", "Accept-Encoding": "identity"}
    )
    if have:
        request.add_header("Range", f"bytes={have}-")
        if tag.is_file():  # starts anew where the file has changed meanwhile
            request.add_header("If-Range", tag.read_text())
    try:
        answer: Any = urllib.request.urlopen(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise
        error.close()
        if error.headers.get("Content-Range", "").rpartition("/")[2] == str(have):
            return True
        part.unlink()
        return False
    with answer:
        start = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
        if answer.status != 206 or start != str(have):
            have = 0  # the server sends the whole file
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length else 0
        if etag := answer.headers.get("ETag", ""):
            tag.write_text(etag)
        with part.open("r+b" if have else "wb") as stream:
            stream.seek(have)
            while chunk := answer.read(_CHUNK):
                stream.write(chunk)
                have += len(chunk)
                report("downloading", have, total)
            stream.flush()
            os.fsync(stream.fileno())
    return not total or have >= total


def _check(remote: Remote, part: Path) -> None:
    """Compare the checksum; a file with another one is removed, since going on from it is no use."""
    if not remote.checksum:
        return
    kind, _, wanted = remote.checksum.partition(":")
    if kind not in ("md5", "sha256") or not wanted:
        raise InputError(f"unknown checksum {remote.checksum!r}: give md5:… or sha256:…")
    with part.open("rb") as stream:
        digest = hashlib.file_digest(stream, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()
    if digest != wanted.lower():
        part.unlink()
        _tag(part).unlink(missing_ok=True)
        raise InputError(
            f"{remote.url} has the {kind} {digest}, not {wanted}: it was damaged on the way or replaced; "
            "run the command again, and if that does not help look on the data set's page"
        )


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _tag(part: Path) -> Path:
    return part.with_name(f"{part.name}.etag")


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip or tar archive into `folder`: plain files and folders alone, none outside it.

    Raises
    ------
    InputError
        If the archive is damaged, holds a link or a name that leads out of `folder`, or is larger than the
        space that is left.
    """
    try:
        if archive.suffix.lower() == ".zip":
            with zipfile.ZipFile(archive) as opened:
                for item in opened.infolist():
                    _refuse(archive, item.filename, link=stat.S_ISLNK(item.external_attr >> 16))
                _refuse_too_large(archive, folder, sum(item.file_size for item in opened.infolist()))
                opened.extractall(folder)
        else:
            with tarfile.open(archive) as tape:
                members = tape.getmembers()
                for member in members:
                    _refuse(archive, member.name, link=not (member.isfile() or member.isdir()))
                _refuse_too_large(archive, folder, sum(member.size for member in members))
                tape.extractall(folder, filter="data")
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, RuntimeError, NotImplementedError) as error:
        raise InputError(
            f"{archive} is no archive that can be unpacked ({error}); delete it and fetch again"
        ) from error


def _refuse(archive: Path, name: str, *, link: bool) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if link or path.is_absolute() or ".." in path.parts:
        raise InputError(
            f"{archive} holds {name!r}, a link or a name that leads out of it: it is not unpacked; delete it"
        )


def _refuse_too_large(archive: Path, folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if size > free:
        raise InputError(
            f"{archive} unpacks to {size:,} bytes, but {folder.parent} has {free:,} left; free some space"
        )
