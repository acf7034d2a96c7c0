"""Few labels: what the second head learns, what the first keeps, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from leukon.adaptation.adapt import Adapted, adapt
from leukon.adaptation.features import Observer
from leukon.adaptation.head import fit_heads
from leukon.bundle import Bundle, Calibration, Contents, Sample, load_bundle, write_bundle
from leukon.errors import BundleError, InputError, UnknownNameError
from leukon.evaluation import Example
from leukon.imaging.color.identity import Identity
from leukon.pipeline import Frame, Pipeline, Scale
from leukon.types import Box, Cell, CellClass, Taxonomy

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

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


def cells_of(count: int, start: int, *, is_new: bool) -> list[Example]:
    return [
        drawn(name, start + 100 * k + i, is_new=is_new)
        for k, name in enumerate(TAXONOMY.names)
        for i in range(count)
    ]


@pytest.fixture(scope="module")
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
    home = cells_of(20, 1000, is_new=False)
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


def right(bundle: Bundle, examples: list[Example]) -> float:
    predictions = bundle.predict([e.cell for e in examples])
    return float(np.mean([p.label == e.label for p, e in zip(predictions, examples, strict=True)]))


@pytest.fixture(scope="module")
def adapted(bundle: Bundle) -> Adapted:
    return adapt(bundle, cells_of(8, 2000, is_new=True), name="both")


def test_the_new_system_is_learned_and_the_old_one_kept(
    bundle: Bundle, adapted: Adapted, tmp_path: Path
) -> None:
    write_bundle(tmp_path / "both.leukon", adapted.contents)
    both = load_bundle(tmp_path / "both.leukon")
    new, home = cells_of(20, 3000, is_new=True), cells_of(20, 4000, is_new=False)
    assert right(bundle, home) >= 0.95 and right(bundle, new) <= 0.7  # else there is nothing to learn
    assert right(both, new) >= 0.95
    before, after = (one.probabilities(one.prepare([e.cell for e in home])) for one in (bundle, both))
    np.testing.assert_allclose(before, after, atol=1e-5)
    assert both.name == "both" and "## Adapted" in both.contents.card_text
    assert both.card["adapted"]["from"] == "home" and json.dumps(both.card)


def test_the_figures_are_those_of_held_out_cells(bundle: Bundle, adapted: Adapted) -> None:
    found = adapted.figures
    assert found.cells == {"large": 8, "lobed": 8, "small": 8}
    assert found.before == pytest.approx(right(bundle, cells_of(8, 2000, is_new=True)))
    assert found.after >= 0.9 and found.loss_after < found.loss_before and found.recognised == 1


def test_labels_at_random_gain_nothing(bundle: Bundle) -> None:
    cells = cells_of(8, 2000, is_new=True)
    shuffled = np.random.default_rng(0).permutation([e.label for e in cells])
    wrong = [replace(e, label=str(label)) for e, label in zip(cells, shuffled, strict=True)]
    assert adapt(bundle, wrong, name="wrong").figures.after <= 0.6


def test_one_view_is_the_cell_as_the_bundle_sees_it(bundle: Bundle) -> None:
    cells = [e.cell for e in cells_of(3, 5000, is_new=True)]
    seen = Observer(bundle).see(cells)
    logits = np.log(bundle.probabilities(bundle.prepare(cells)))
    np.testing.assert_allclose(np.diff(seen.logits[:, 0]), np.diff(logits), atol=1e-3)
    assert seen.features.shape[:2] == (9, 8) and np.ptp(seen.features, axis=1).max() > 0
    np.testing.assert_allclose(
        Observer(bundle).see(cells, views=1).features[:, 0], seen.features[:, 0], atol=1e-5
    )


def test_what_cannot_be_adapted(bundle: Bundle, adapted: Adapted, tmp_path: Path) -> None:
    cells = cells_of(4, 2000, is_new=True)
    with pytest.raises(InputError, match=r"needs two classes with 3 labelled cells each, not 4 large"):
        adapt(bundle, cells[:4], name="one")
    with pytest.raises(InputError, match=r"not none"):
        adapt(bundle, [], name="none")
    with pytest.raises(UnknownNameError, match="unknown class 'blast'"):
        adapt(bundle, [*cells, replace(cells[0], label="blast")], name="unknown")
    write_bundle(tmp_path / "both.leukon", adapted.contents)
    with pytest.raises(BundleError, match="does not end in one linear layer"):
        adapt(load_bundle(tmp_path / "both.leukon"), cells, name="twice")


def test_a_strong_penalty_leaves_the_first_head_alone() -> None:
    rng = np.random.default_rng(0)
    features, truth = rng.normal(size=(60, 300)), np.arange(60) % 3
    logits = 6.0 * np.eye(3)[truth] + rng.normal(size=(60, 3))
    strong, weak = fit_heads(features, logits, truth, np.ones(60), (1e6, 1e-3))
    assert np.abs(strong.weight).max() < 1e-4 and strong.prior > 0.5
    assert np.abs(weak.weight).max() > 1e-3
