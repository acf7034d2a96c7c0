"""The public names, pinned."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest

import leukon


def test_the_exported_names() -> None:
    assert sorted(leukon.__all__) == [
        "Analysis",
        "Box",
        "Bundle",
        "Cell",
        "Classification",
        "Differential",
        "Field",
        "LeukonError",
        "Prediction",
        "Taxonomy",
        "__version__",
        "analyze",
        "classify",
        "load_bundle",
    ]
    for name in leukon.__all__:
        assert getattr(leukon, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'analyse'"):
        leukon.analyse  # noqa: B018


def test_the_version_is_that_of_the_distribution() -> None:
    assert version("leukon") == leukon.__version__


def test_help_waits_for_nothing_heavy() -> None:
    heavy = "cv2", "numpy", "onnxruntime", "rich.markdown", "torch"
    code = f"import sys; import leukon.cli.app; print([m for m in {heavy} if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"
