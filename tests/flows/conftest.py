"""What the flows share: the command line in this process, drawn smears, and a bundle of known answers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

import leukon.cli
from leukon.bundle import Calibration, Contents, Sample, load_bundle, write_bundle
from leukon.imaging.color.identity import Identity
from leukon.pipeline import Frame, Pipeline, Scale
from leukon.types import PERIPHERAL_BLOOD, Box, Cell

Picture = npt.NDArray[np.uint8]
CELL_COLOURS = {"neutrophil": (104, 52, 146), "lymphocyte": (60, 50, 150), "eosinophil": (150, 50, 120)}


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run ``leukon`` with arguments, in this process."""

    def run(*arguments: str | Path) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["leukon", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            leukon.cli.main()
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 0
        return Outcome(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def drawn_smear() -> Callable[..., Picture]:
    """Draw red cells on a grid and a leukocyte of some class at each centre."""

    def draw(*cells: tuple[str, int, int], width: int = 320, height: int = 240) -> Picture:
        image = np.full((height, width, 3), (232, 228, 226), np.uint8)
        for x in range(20, width, 55):
            for y in range(20, height, 55):
                if all(np.hypot(x - a, y - b) > 48 for _, a, b in cells):
                    cv2.circle(image, (x, y), 18, (222, 160, 150), -1, cv2.LINE_AA)
        for label, x, y in cells:
            cv2.circle(image, (x, y), 27, (196, 180, 214), -1, cv2.LINE_AA)
            cv2.circle(image, (x, y), 19, CELL_COLOURS[label], -1, cv2.LINE_AA)
        return image

    return draw


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a bundle that names a cell by its mean colour, more or less surely."""
    torch = pytest.importorskip("torch")
    from leukon.export.onnx import to_onnx

    network = torch.nn.Sequential(
        torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(3, len(PERIPHERAL_BLOOD))
    )
    with torch.no_grad():
        weights = np.random.default_rng(5).normal(0, 30, (len(PERIPHERAL_BLOOD), 3))
        network[2].weight.copy_(torch.from_numpy(weights))
        network[2].bias.zero_()
    pipeline = Pipeline(Identity(), Frame(side_px=16), scale=Scale((0.6, 0.5, 0.7), (1.0, 1.0, 1.0)))
    cells = (Cell(np.full((20, 20, 3), (150, 90, 180), np.uint8), Box(4, 4, 16, 16)),)
    with torch.inference_mode():
        shares = network(torch.from_numpy(pipeline.batch(cells))).softmax(dim=1).numpy()
    path = tmp_path_factory.mktemp("bundle") / "tiny.leukon"
    onnx = to_onnx(network, channels=3, side_px=16)
    write_bundle(
        path,
        Contents(
            name="tiny",
            version="1",
            taxonomy=PERIPHERAL_BLOOD,
            pipeline=pipeline,
            calibration=Calibration(1.0, 0.4),
            provenance={},
            onnx=onnx,
            sample=Sample(cells, shares),
            card={},
            card_text="# tiny\n",
        ),
    )
    load_bundle(path)
    return path
