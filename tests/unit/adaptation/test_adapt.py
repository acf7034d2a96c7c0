"""Few labels: what the second head learns, what the first keeps, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest

from leukon.adaptation.adapt import Adapted, adapt
from leukon.adaptation.features import Observer
from leukon.adaptation.graph import FEATURES, Recolor, _resampling, with_views
from leukon.adaptation.head import fit_heads
from leukon.bundle import Bundle, load_bundle, write_bundle
from leukon.bundle.runtime import open_network
from leukon.errors import BundleError, InputError, UnknownNameError
from leukon.evaluation import Example

Cells = Callable[..., list[Example]]


def right(bundle: Bundle, examples: list[Example]) -> float:
    predictions = bundle.predict([e.cell for e in examples])
    return float(np.mean([p.label == e.label for p, e in zip(predictions, examples, strict=True)]))


@pytest.fixture(scope="module")
def adapted(bundle: Bundle, cells_of: Cells) -> Adapted:
    return adapt(bundle, cells_of(8, 2000, is_new=True), name="both")


def test_the_new_system_is_learned_and_the_old_one_kept(
    bundle: Bundle, adapted: Adapted, cells_of: Cells, tmp_path: Path
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


def test_the_figures_are_those_of_held_out_cells(bundle: Bundle, adapted: Adapted, cells_of: Cells) -> None:
    found = adapted.figures
    assert found.cells == {"large": 8, "lobed": 8, "small": 8}
    assert found.before == pytest.approx(right(bundle, cells_of(8, 2000, is_new=True)))
    assert found.after >= 0.9 and found.loss_after < found.loss_before and found.recognised == 1


def test_views_of_a_strange_system_have_the_logits_that_hold_there(
    bundle: Bundle, cells_of: Cells, tmp_path: Path
) -> None:
    network = onnx.load_from_string(bundle.contents.onnx)
    again = onnx.NodeProto()
    again.CopyFrom(next(node for node in network.graph.node if "logits" in node.output))
    again.name, again.output[0] = "again", "again"
    network.graph.node.extend([again, onnx.helper.make_node("Neg", ["again"], ["abroad"])])
    network.graph.output.append(onnx.helper.make_tensor_value_info("abroad", 1, ["n", 3]))
    write_bundle(tmp_path / "two.leukon", replace(bundle.contents, onnx=network.SerializeToString()))
    cells = [e.cell for e in cells_of(2, 2000, is_new=True)]
    usual = Observer(bundle).see(cells).logits
    for abroad, sign in (False, 1), (True, -1):
        found = Observer(load_bundle(tmp_path / "two.leukon"), abroad=abroad).see(cells).logits
        np.testing.assert_allclose(found[:, 0], usual[:, 0], atol=1e-5)
        np.testing.assert_allclose(found[:, 1:], sign * usual[:, 1:], atol=1e-5)


def test_labels_at_random_gain_nothing(bundle: Bundle, cells_of: Cells) -> None:
    cells = cells_of(8, 2000, is_new=True)
    shuffled = np.random.default_rng(0).permutation([e.label for e in cells])
    wrong = [replace(e, label=str(label)) for e, label in zip(cells, shuffled, strict=True)]
    assert adapt(bundle, wrong, name="wrong").figures.after <= 0.6


def test_the_cell_as_it_is_comes_first_and_its_views_after(bundle: Bundle, cells_of: Cells) -> None:
    cells = [e.cell for e in cells_of(3, 5000, is_new=True)]
    seen = Observer(bundle).see(cells)
    logits = np.log(bundle.probabilities(bundle.prepare(cells)))
    np.testing.assert_allclose(np.diff(seen.logits[:, 0]), np.diff(logits), atol=1e-3)
    assert seen.features.shape[:2] == (9, 9) and np.ptp(seen.features, axis=1).max() > 0
    alone = Observer(bundle, views=0).see(cells)
    np.testing.assert_allclose(alone.features, seen.features[:, :1], atol=1e-5)


def test_views_are_the_turned_and_zoomed_batch(bundle: Bundle) -> None:
    batch = np.random.default_rng(0).normal(size=(2, 3, 32, 32)).astype(np.float32)

    def features(content: bytes, values: np.ndarray) -> np.ndarray:
        return np.asarray(open_network(content, bundle.path).run([FEATURES], {"batch": values})[0])

    alone = partial(features, with_views(bundle.contents.onnx, views=0))
    found = features(with_views(bundle.contents.onnx), batch).reshape(9, 2, -1)
    turned = np.ascontiguousarray(batch[..., ::-1].swapaxes(-1, -2))
    np.testing.assert_allclose(found[0], alone(batch), atol=1e-5)
    np.testing.assert_allclose(found[1 + 2], alone(np.ascontiguousarray(batch[..., ::-1, :])), atol=1e-5)
    np.testing.assert_allclose(found[1 + 5], alone(turned), atol=1e-5)
    ramp = _resampling(101, 0.94, mirrored=False) @ np.arange(101)
    np.testing.assert_allclose(np.diff(ramp), 0.94, atol=1e-4)
    assert ramp[50] == pytest.approx(50)


def test_the_maps_of_both_streams_are_features() -> None:
    shipped = load_bundle()
    network = open_network(with_views(shipped.contents.onnx, views=0), Path("small"))
    frame = shipped.contents.pipeline.frame
    batch = np.random.default_rng(0).random((1, 4, frame.side_px, frame.side_px), np.float32)
    plain = network.run([FEATURES], {"batch": batch})[0][0]
    # Beside what the heads read: mean and deviation of the channels of the last map of each resolution.
    for planes, channels in (([0, 1, 2], 2291), ([3], 305)):
        changed = batch.copy()
        changed[:, planes] *= 0.5
        moved = network.run([FEATURES], {"batch": changed})[0][0] != plain
        assert moved.any() and not moved.all()
        assert moved[1376:].sum() > 0.6 * 2 * channels


def test_views_alone_are_recoloured(bundle: Bundle) -> None:
    batch = np.random.default_rng(0).uniform(-1, 1, (2, 3, 32, 32)).astype(np.float32)
    swap = np.eye(3, dtype=np.float32)[[1, 0, 2]]
    change = Recolor(swap, np.full(3, 0.5, np.float32), np.full(3, -0.2, np.float32), np.ones(3, np.float32))
    expected = np.clip(batch[:, [1, 0, 2]] + 0.5, -0.2, 1)
    network = open_network(with_views(bundle.contents.onnx, recolor=change), bundle.path)
    plain = open_network(with_views(bundle.contents.onnx), bundle.path)
    found = network.run([FEATURES], {"batch": batch})[0].reshape(9, 2, -1)
    np.testing.assert_allclose(found[0], plain.run([FEATURES], {"batch": batch})[0][:2], atol=1e-5)
    np.testing.assert_allclose(
        found[1:], plain.run([FEATURES], {"batch": expected})[0].reshape(9, 2, -1)[1:], atol=1e-4
    )


def test_what_cannot_be_adapted(bundle: Bundle, adapted: Adapted, cells_of: Cells, tmp_path: Path) -> None:
    cells = cells_of(4, 2000, is_new=True)
    with pytest.raises(InputError, match=r"needs two classes with 3 labelled cells each, not 4 large"):
        adapt(bundle, cells[:4], name="one")
    with pytest.raises(InputError, match=r"not none"):
        adapt(bundle, [], name="none")
    with pytest.raises(UnknownNameError, match="unknown class 'blast'"):
        adapt(bundle, [*cells, replace(cells[0], label="blast")], name="unknown")
    write_bundle(tmp_path / "both.leukon", adapted.contents)
    with pytest.raises(BundleError, match="was adapted before"):
        adapt(load_bundle(tmp_path / "both.leukon"), cells, name="twice")


def test_a_strong_penalty_leaves_the_first_head_alone() -> None:
    rng = np.random.default_rng(0)
    features, truth = rng.normal(size=(60, 300)), np.arange(60) % 3
    logits = 6.0 * np.eye(3)[truth] + rng.normal(size=(60, 3))
    strong, weak = fit_heads(features, logits, truth, np.ones(60), (1e6, 1e-3))
    assert np.abs(strong.weight).max() < 1e-4 and strong.prior > 0.5
    assert np.abs(weak.weight).max() > 1e-3
