"""Inputs become named sources."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from leukon.errors import InputError
from leukon.imaging.files import write_image
from leukon.smear.sources import sources_of
from leukon.types import Field

IMAGE = np.full((8, 9, 3), 200, np.uint8)


def test_files_are_named_below_their_common_folder(tmp_path: Path) -> None:
    for name in ("one/a.png", "two/a.png", "two/b c.png"):
        write_image(tmp_path / name, IMAGE)
    names = [s.name for s in sources_of([tmp_path / "two", tmp_path / "one", tmp_path / "two" / "a.png"])]
    assert names == ["two/a.png", "two/b c.png", "one/a.png"]
    assert [s.name for s in sources_of(str(tmp_path / "one"))] == ["a.png"]


def test_the_same_file_by_two_routes_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_image(tmp_path / "a.png", IMAGE)
    monkeypatch.chdir(tmp_path)
    assert len(sources_of(["a.png", tmp_path / "a.png"])) == 1


def test_images_in_memory_are_named_by_field_or_number() -> None:
    sources = sources_of([IMAGE, Field(IMAGE, "left")])
    assert [s.name for s in sources] == ["image 1", "left"]
    assert sources[0].key() is None
    assert sources[1].read() is IMAGE


@pytest.mark.parametrize(
    "wrong", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8), 7]
)
def test_other_arrays_are_refused(wrong: object) -> None:
    with pytest.raises(InputError, match="give RGB images"):
        sources_of([wrong])  # type: ignore[list-item]


def test_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="nothing to analyse"):
        sources_of([])


def test_a_key_changes_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    write_image(path, IMAGE)
    source = sources_of(path)[0]
    before = source.key()
    assert before == source.key()
    os.utime(path, ns=(1, 1))
    assert source.key() != before
    path.unlink()
    assert source.key() is None


def test_names_that_are_not_utf8_are_spelt_out(tmp_path: Path) -> None:
    path = os.path.join(os.fsencode(tmp_path), b"\xff.png")  # noqa: PTH118
    write_image(tmp_path / "a.png", IMAGE)
    try:
        os.rename(os.fsencode(tmp_path / "a.png"), path)  # noqa: PTH104
    except OSError:
        pytest.skip("this file system takes UTF-8 names alone")
    source = sources_of(tmp_path)[0]
    assert source.name == r"\xff.png"
    assert source.read().shape == IMAGE.shape
