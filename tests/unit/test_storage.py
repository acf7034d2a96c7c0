"""Files appear whole or not at all."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from leukon.errors import InputError
from leukon.storage import replacing, write_json, write_text


def test_a_failed_write_leaves_the_old_file_and_no_scraps(tmp_path: Path) -> None:
    path = tmp_path / "result.txt"
    write_text(path, "old")
    with pytest.raises(RuntimeError), replacing(path) as part:
        part.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["result.txt"]


def test_a_full_disk_is_told_in_one_line(tmp_path: Path) -> None:
    expected = pytest.raises(InputError, match=r"cannot write .*out\.csv: the disk is full; free")
    with expected as caught, replacing(tmp_path / "out.csv"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert "\n" not in str(caught.value)


def test_a_file_where_a_folder_must_be(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(InputError, match="choose a place that you may write to"):
        write_text(tmp_path / "taken" / "x.txt", "x")


def test_json_is_utf8_and_refuses_nan(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"µm": 1.5})
    assert json.loads((tmp_path / "a.json").read_text("utf-8")) == {"µm": 1.5}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "b.json", float("nan"))
    assert not (tmp_path / "b.json").exists()
