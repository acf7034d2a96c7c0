"""What every network must keep."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors.torch import save_file

from leukon.errors import InputError, UnknownNameError
from leukon.export.onnx import to_onnx
from leukon.losses import LOSSES
from leukon.models import MODELS, ModelSpec

SPECS = {"mobilenet_v2": ModelSpec("mobilenet_v2"), "timm": ModelSpec("timm", "test_resnet")}


def test_every_registered_family_is_tried() -> None:
    assert set(SPECS) == set(MODELS)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_shape_gradients_and_onnx(spec: ModelSpec) -> None:
    torch.manual_seed(0)
    network = spec.build(5)
    logits = network(torch.randn(4, 3, 64, 64))
    assert logits.shape == (4, 5)
    logits.square().sum().backward()
    missing = [n for n, p in network.named_parameters() if p.grad is None]
    assert missing == []
    batch = torch.randn(3, 3, 64, 64)
    session = onnxruntime.InferenceSession(to_onnx(network, channels=3, side_px=64))
    with torch.inference_mode():
        expected = network.eval()(batch).numpy()
    found = session.run(["logits"], {"batch": batch.numpy()})[0]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_weights_start_the_backbone_and_strangers_are_refused(tmp_path: Path) -> None:
    source = ModelSpec("mobilenet_v2").build(8)
    tensors = {n: t for n, t in source.state_dict().items() if n.startswith("features") and t.ndim}
    save_file(tensors, tmp_path / "w.safetensors")
    started = ModelSpec("mobilenet_v2", weights=str(tmp_path / "w.safetensors")).build(3)
    for name, tensor in tensors.items():
        assert torch.equal(started.state_dict()[name], tensor)
    with pytest.raises(InputError, match="are for another network"):
        ModelSpec("timm", "test_resnet", str(tmp_path / "w.safetensors")).build(3)
    (tmp_path / "bad.safetensors").write_bytes(b"text")
    with pytest.raises(InputError, match="cannot read weights"):
        ModelSpec("mobilenet_v2", weights=str(tmp_path / "bad.safetensors")).build(3)
    with pytest.raises(UnknownNameError, match="unknown timm network 'resnt18'"):
        ModelSpec("timm", "resnt18").build(3)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_least_where_the_answer_is_right(name: str) -> None:
    loss = LOSSES[name]()
    labels = torch.tensor([0, 1, 2])
    right = 8 * torch.eye(3)
    assert loss(right, labels) < loss(torch.zeros(3, 3), labels) < loss(right[[1, 2, 0]], labels)


def test_smoothing_matches_its_definition() -> None:
    logits, labels = (
        torch.randn(6, 4, generator=torch.Generator().manual_seed(1)),
        torch.tensor([0, 1, 2, 3, 0, 1]),
    )
    target = torch.nn.functional.one_hot(labels, 4) * 0.9 + 0.1 / 4
    expected = -(target * logits.log_softmax(1)).sum(1).mean()
    assert torch.isclose(LOSSES["cross_entropy"](smoothing=0.1)(logits, labels), expected)


def test_mobilenet_equals_the_zoo(shared_data: Path) -> None:
    weights = shared_data.parent / "weights" / "mobilenet_v2_backbone.safetensors"
    network = ModelSpec("mobilenet_v2", weights=str(weights)).build(8).eval()
    image = torch.linspace(-2, 2, 3 * 224 * 224).reshape(1, 3, 224, 224)
    with torch.inference_mode():
        features = network.features(image).mean(dim=(2, 3))[0, :5]
    known = torch.tensor([0.74952, 0.36881, 0.09431, 0.18218, 0.05457])
    assert torch.allclose(features, known, atol=1e-2)
