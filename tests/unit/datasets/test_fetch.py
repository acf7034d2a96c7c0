"""Downloads, from a server on this machine that resumes, cuts connections and lies."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

import leukon.cli
from leukon.datasets import fetch as fetching
from leukon.datasets.catalogue import DATA_SETS, Remote
from leukon.datasets.fetch import fetch
from leukon.datasets.sources import SOURCES
from leukon.errors import InputError


class Server(ThreadingHTTPServer):
    """Serves `files`; each connection brings `cut_after` bytes at most."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.cut_after = 10**9
        self.ranges = True
        self.codes: list[int] = []
        self.asked: list[str] = []

    def address(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range", "")
        self.server.asked.append(asked)
        data = self.server.files.get(self.path.strip("/"))
        if self.server.codes or data is None:
            self.send_error(self.server.codes.pop(0) if self.server.codes else 404)
            return
        tag = f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.server.ranges else 0
        if self.headers.get("If-Range", tag) != tag:
            start = 0
        if start >= len(data):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(data)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - start))
        self.send_header("ETag", tag)
        self.end_headers()
        self.wfile.write(data[start : start + self.server.cut_after])

    def log_message(self, *_rest: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(fetching, "PAUSE_S", 0.0)
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def zipped(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()


NOISE = np.random.default_rng(0).bytes(50_000)
CELLS = zipped({"top/a.png": NOISE, "top/b/c.txt": b"c"})
SHA256 = "sha256:" + hashlib.sha256(CELLS).hexdigest()


def remote(server: Server, name: str = "cells.zip", checksum: str = SHA256) -> Remote:
    return Remote(server.address(name), name, checksum)


def tree(folder: Path) -> list[str]:
    return sorted(f.relative_to(folder).as_posix() for f in folder.rglob("*") if f.is_file())


def test_it_is_fetched_checked_and_unpacked_once(server: Server, tmp_path: Path) -> None:
    server.files["cells.zip"] = CELLS
    folder = fetch(remote(server), tmp_path / "cells")
    assert (folder / "top/a.png").read_bytes() == NOISE
    assert tree(tmp_path) == ["cells/top/a.png", "cells/top/b/c.txt"]
    fetch(remote(server), tmp_path / "cells")
    assert len(server.asked) == 1


def test_cut_connections_are_taken_up_where_they_broke(server: Server, tmp_path: Path) -> None:
    server.files["cells.zip"], server.cut_after = CELLS, 9_000
    server.codes = [503]
    fetch(remote(server), tmp_path / "cells")
    assert server.asked == ["", "", *(f"bytes={n}-" for n in range(9_000, len(CELLS), 9_000))]
    assert len(server.asked) > fetching.ATTEMPTS


def test_a_later_command_goes_on(server: Server, tmp_path: Path) -> None:
    (tmp_path / "cells.zip.part").write_bytes(CELLS[:20_000])
    server.files["cells.zip"] = CELLS
    fetch(remote(server), tmp_path / "cells")
    assert server.asked == ["bytes=20000-"]
    (tmp_path / "again.zip.part").write_bytes(CELLS)  # whole but for the renaming
    server.files["again.zip"] = CELLS
    fetch(remote(server, "again.zip"), tmp_path / "again")
    assert tree(tmp_path / "again") == tree(tmp_path / "cells")


def test_a_file_that_changed_meanwhile_is_fetched_anew(server: Server, tmp_path: Path) -> None:
    (tmp_path / "cells.zip.part").write_bytes(b"old" * 1000)
    (tmp_path / "cells.zip.part.etag").write_text('"old"')
    server.files["cells.zip"] = CELLS
    fetch(remote(server), tmp_path / "cells")
    assert tree(tmp_path) == ["cells/top/a.png", "cells/top/b/c.txt"]


def test_a_server_without_ranges(server: Server, tmp_path: Path) -> None:
    (tmp_path / "cells.zip.part").write_bytes(b"x" * 20_000)
    server.files["cells.zip"], server.ranges = CELLS, False
    fetch(remote(server), tmp_path / "cells")
    server.cut_after = 9_000
    with pytest.raises(InputError, match=r"the connection was cut; .* 9,000 bytes that came are kept"):
        fetch(remote(server), tmp_path / "other")


def test_another_checksum(server: Server, tmp_path: Path) -> None:
    server.files["cells.zip"] = CELLS
    with pytest.raises(InputError, match=r"has the md5 \w{32}, not 00ff: .* run the command again"):
        fetch(remote(server, checksum="md5:00ff"), tmp_path / "cells")
    assert tree(tmp_path) == []


def test_what_cannot_be_reached(server: Server, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"answers 404 Not Found; .* --url"):
        fetch(remote(server), tmp_path / "cells")
    with pytest.raises(InputError, match="starts with https"):
        fetch(Remote("file:///etc/passwd", "passwd"), tmp_path / "cells")
    nobody = Remote("http://127.0.0.1:9/cells.zip", "cells.zip")
    with pytest.raises(InputError, match=r"check the network and run the command again$") as caught:
        fetch(nobody, tmp_path / "cells")
    assert "\n" not in str(caught.value)


def taped(*members: tarfile.TarInfo) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(b"x" * member.size))
    return stream.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.linkname, found.size = kind, link, 1 if kind == tarfile.REGTYPE else 0
    return found


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("out.zip", zipped({"../evil.txt": b"x"})),
        ("slash.zip", zipped({"/tmp/evil.txt": b"x"})),
        ("back.zip", zipped({"..\\evil.txt": b"x"})),
        ("out.tar.gz", taped(member("a/../../evil.txt"))),
        ("link.tar.gz", taped(member("l", tarfile.SYMTYPE, "/"), member("l/evil.txt"))),
        ("pipe.tar.gz", taped(member("p", tarfile.FIFOTYPE))),
    ],
)
def test_archives_that_lead_out_are_not_unpacked(
    server: Server, tmp_path: Path, name: str, data: bytes
) -> None:
    server.files[name] = data
    with pytest.raises(InputError, match="leads out of it: it is not unpacked"):
        fetch(remote(server, name, ""), tmp_path / "in" / "cells")
    assert tree(tmp_path) == [f"in/{name}"]


def test_other_archives(server: Server, tmp_path: Path) -> None:
    server.files["cells.tgz"] = taped(member("a/b.txt"))
    assert tree(fetch(remote(server, "cells.tgz", ""), tmp_path / "tape")) == ["a/b.txt"]
    server.files["arrays.npz"] = CELLS
    assert tree(fetch(remote(server, "arrays.npz"), tmp_path / "plain")) == ["arrays.npz"]
    server.files["broken.zip"] = CELLS[:-30]
    with pytest.raises(InputError, match=r"broken\.zip is no archive .* delete it and fetch again"):
        fetch(remote(server, "broken.zip", ""), tmp_path / "broken")


def test_the_catalogue_names_what_can_be_read() -> None:
    assert set(DATA_SETS) == set(SOURCES)
    for found in DATA_SETS.values():
        assert found.remote is None or found.remote.url.startswith("https://")
        assert bool(found.how) != (found.remote is not None)
        assert found.licence and found.citation and found.home


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    monkeypatch.setattr(sys, "argv", ["leukon", "data", "fetch", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        leukon.cli.main()
    return int(caught.value.code or 0)


def test_the_command(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server.files["cells.zip"] = CELLS
    mirror = ("--url", server.address("cells.zip"), "--sha256", SHA256.removeprefix("sha256:"))
    assert run(monkeypatch, "pbc", "--out", tmp_path, *mirror, "--json") == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["folder"] == str(tmp_path / "pbc") and not printed.err
    assert (tmp_path / "pbc/top/a.png").is_file()
    assert run(monkeypatch, "aml_lmu", "--out", tmp_path) == 1
    assert "https://doi.org/10.7937/tcia.2019.36f5o9ld" in capsys.readouterr().out
    assert run(monkeypatch, "nosuch", "--out", tmp_path) == 2
    assert "unknown data set 'nosuch': choose one of all_idb1" in capsys.readouterr().err
    assert run(monkeypatch, "pbc", "--out", tmp_path, "--sha256", "00") == 2
    assert capsys.readouterr().err.count("\n") == 1
