"""The generated pages are up to date."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_the_cli_page_is_what_make_docs_writes(monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.delitem(sys.modules, "docs", raising=False)
    from docs.generate import CLI_PAGE, cli_page

    assert CLI_PAGE.read_text() == cli_page(), "run make docs"
