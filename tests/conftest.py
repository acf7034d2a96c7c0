"""Fixtures that every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real images that lies beside the repository."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip(f"real images are not at hand: {folder} is missing")
    return folder
