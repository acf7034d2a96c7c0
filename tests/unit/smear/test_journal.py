"""The journal: what was done survives a kill, whatever state the file is in."""

from __future__ import annotations

import errno
import io
from pathlib import Path

import pytest

import leukon.smear.journal
from leukon.errors import InputError
from leukon.smear.journal import Journal


def filled(path: Path, purpose: str = "p") -> Journal:
    journal = Journal(path, purpose)
    for key in "abc":
        journal.append(key, {"n": key * 3})
    return journal


def test_values_come_back_in_a_later_run(tmp_path: Path) -> None:
    filled(tmp_path / "j")
    again = Journal(tmp_path / "j", "p")
    assert [again.read(again.place(key) or 0)["n"] for key in "abc"] == ["aaa", "bbb", "ccc"]
    assert again.place("d") is None
    assert again.place(None) is None


@pytest.mark.parametrize("cut", range(1, 30, 4))
def test_a_half_written_line_is_dropped_and_the_rest_kept(tmp_path: Path, cut: int) -> None:
    filled(tmp_path / "j")
    content = (tmp_path / "j").read_bytes()
    (tmp_path / "j").write_bytes(content[:-cut])
    again = Journal(tmp_path / "j", "p")
    assert again.place("b") is not None
    assert again.place("c") is None
    again.append("c", {"n": "new"})
    last = Journal(tmp_path / "j", "p")
    assert last.read(last.place("c") or 0) == {"n": "new"}


def test_blocks_that_a_power_cut_left_empty_are_dropped(tmp_path: Path) -> None:
    filled(tmp_path / "j")
    with (tmp_path / "j").open("ab") as stream:
        stream.write(b"\0" * 100 + b"\n")
    again = Journal(tmp_path / "j", "p")
    assert again.place("c") is not None
    assert b"\0" not in (tmp_path / "j").read_bytes()


@pytest.mark.parametrize("content", [b"", b"\n", b"nonsense\n", b"[1]\n", b'{"key":null,"value":"other"}\n'])
def test_what_is_not_of_this_run_starts_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "j").write_bytes(content)
    journal = filled(tmp_path / "j")
    assert journal.read(journal.place("a") or 0) == {"n": "aaa"}
    assert Journal(tmp_path / "j", "p").place("a") is not None
    assert Journal(tmp_path / "j", "another purpose").place("a") is None


def test_the_latest_value_counts_and_one_without_a_key_is_for_this_run_alone(tmp_path: Path) -> None:
    journal = filled(tmp_path / "j")
    place = journal.append(None, "once")
    journal.append("a", "newer")
    assert journal.read(place) == "once"
    again = Journal(tmp_path / "j", "p")
    assert again.read(again.place("a") or 0) == "newer"


def test_a_temporary_journal_leaves_nothing() -> None:
    journal = Journal(None, "p")
    assert journal.read(journal.append("a", [1.5, "ü\udcff"])) == [1.5, "ü\udcff"]


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="it is a file; name a folder"):
        Journal(tmp_path / "file" / "j", "p")
    with pytest.raises(InputError, match="cannot write"):
        Journal(Path("/proc/no/j"), "p")


def test_a_full_disk_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, *_: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(leukon.smear.journal, "_opened", lambda path: Full())
    with pytest.raises(InputError, match="the disk is full"):
        Journal(tmp_path / "j", "p")
