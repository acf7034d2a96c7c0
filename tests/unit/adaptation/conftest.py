"""A bundle of a small network, and drawn cells of two imaging systems."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from leukon.bundle import Bundle, Calibration, Contents, Sample, load_bundle, write_bundle
from leukon.evaluation import Example
from leukon.imaging.color.identity import Identity
from leukon.pipeline import Frame, Pipeline, Scale
from leukon.types import Box, Cell, CellClass, Taxonomy

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from leukon.adaptation.head import fit_heads  # noqa: E402

TAXONOMY = Taxonomy((CellClass("large"), CellClass("lobed"), CellClass("small")))


def drawn(label: str, seed: int, *, is_new: bool = False) -> Example:
    """Draw a nucleus of one of three shapes; the new system is yellow, blurred, and stains otherwise."""
    rng = np.random.default_rng(seed)
    ground, colour = ((190, 200, 120), (90, 110, 40)) if is_new else ((235, 230, 232), (90, 40, 150))
    image = np.full((64, 64, 3), ground, np.uint8)
    x, y = (int(v) for v in rng.integers(29, 36, 2))
    if label == "lobed":
        for angle in rng.uniform(0, 6.28) + np.array([0, 2.1, 4.2]):
            cv2.circle(image, (x + round(9 * np.cos(angle)), y + round(9 * np.sin(angle))), 6, colour, -1)
    else:
        cv2.circle(image, (x, y), 17 if label == "large" else 9, colour, -1)
    image = cv2.GaussianBlur(image, (0, 0), 1.8 if is_new else 0.8).astype(np.float64)
    image = np.clip(image + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8)
    return Example(Cell(image, Box(12, 12, 52, 52), f"{seed}.png"), label)


def drawn_cells(count: int, start: int, *, is_new: bool) -> list[Example]:
    return [
        drawn(name, start + 100 * k + i, is_new=is_new)
        for k, name in enumerate(TAXONOMY.names)
        for i in range(count)
    ]


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A random network whose head was fitted to the home system."""
    from leukon.export.onnx import to_onnx

    torch.manual_seed(0)
    body = torch.nn.Sequential(
        *(torch.nn.Conv2d(3, 16, 3, 2, 1), torch.nn.ReLU()),
        *(torch.nn.Conv2d(16, 32, 3, 2, 1), torch.nn.ReLU()),
        *(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()),
    )
    head = torch.nn.Linear(32, 3)
    pipeline = Pipeline(Identity(), Frame(side_px=32), scale=Scale((0.6,) * 3, (0.3,) * 3))
    home = drawn_cells(20, 1000, is_new=False)
    with torch.no_grad():
        features = body(torch.from_numpy(pipeline.batch([e.cell for e in home]))).numpy().astype(np.float64)
        truth = np.array([TAXONOMY.index(e.label) for e in home])
        (fitted,) = fit_heads(features, np.zeros((60, 3)), truth, np.ones(60), (0.001,))
        head.weight.copy_(torch.from_numpy(fitted.weight))
        head.bias.copy_(torch.from_numpy(fitted.bias))
        sample = tuple(home[i].cell for i in (0, 1, 20, 21, 40, 41))
        network = torch.nn.Sequential(body, head)
        shares = (network(torch.from_numpy(pipeline.batch(sample))) / 1.3).softmax(dim=1).numpy()
    path = tmp_path_factory.mktemp("bundle") / "home.leukon"
    contents = Contents(
        name="home",
        version="1",
        taxonomy=TAXONOMY,
        pipeline=pipeline,
        calibration=Calibration(1.3, 0.5),
        provenance={},
        onnx=to_onnx(network, channels=3, side_px=32),
        sample=Sample(sample, shares),
        card={},
        card_text="# home\n",
    )
    write_bundle(path, contents)
    return load_bundle(path)


@pytest.fixture(scope="session")
def cells_of() -> Callable[..., list[Example]]:
    return drawn_cells
