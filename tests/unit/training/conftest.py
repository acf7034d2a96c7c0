"""The command line in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import leukon.cli


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run ``leukon`` with arguments; return its exit code and what it printed on both streams."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["leukon", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            leukon.cli.main()
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 0
        return code, *capsys.readouterr()

    return run
