"""What every network must keep."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import cache

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from leukon.adaptation.graph import _last_maps
from leukon.errors import InputError, UnknownNameError
from leukon.export.onnx import quantized, to_onnx
from leukon.models import MODELS, ModelSpec, Network

torch.set_num_threads(1)
SIDE = {"inception_v3": 75, "inception_v3_lstm": 75}
SPECS = {name: ModelSpec(name, "test_resnet" if name == "timm" else "") for name in MODELS}


def side(name: str) -> int:
    return SIDE.get(name, 32)


def build(name: str, *, channels: int = 3, device: str = "cpu", **changes: str) -> Network:
    torch.manual_seed(0)
    with torch.device(device):
        return replace(SPECS[name], **changes).at(side(name)).build(5, channels=channels)


@cache
def on_meta(name: str) -> Network:
    """Build without numbers: shapes and names are all that counts."""
    return build(name, device="meta")


def images(name: str, channels: int = 3, count: int = 2) -> torch.Tensor:
    return torch.zeros(count, channels, side(name), side(name), device="meta")


@pytest.mark.parametrize("name", MODELS)
def test_logits_come_from_features(name: str) -> None:
    network = on_meta(name).eval()
    features = network.embed(images(name))
    assert features.shape == (2, network.features)
    assert network.classify(features).shape == network(images(name)).shape == (2, 5)


@pytest.mark.parametrize("name", MODELS)
def test_every_parameter_learns(name: str) -> None:
    network = on_meta(name).train()
    network(images(name)).sum().backward()
    assert [n for n, p in network.named_parameters() if p.grad is None] == []


@pytest.mark.parametrize("name", MODELS)
def test_layers_by_name_are_on_the_way_to_the_logits(name: str) -> None:
    network = copy.deepcopy(on_meta(name)).eval()
    seen = []
    for layer_name, module in network.layers().items():
        module.register_forward_hook(lambda _m, _i, output, at=layer_name: seen.append((at, output.ndim)))
    network(images(name))
    assert {at for at, _ in seen} == set(network.layers())
    assert seen or name in ("linear", "silhouette")  # which have none
    assert {ndim for _, ndim in seen} <= {3, 4}


@pytest.mark.parametrize("name", MODELS)
def test_four_planes_groups_for_batches_and_the_head_alone(name: str) -> None:
    plain, norm = on_meta(name), "group"
    if not any(isinstance(m, nn.BatchNorm2d) for m in plain.modules()):
        norm = "batch"
        with pytest.raises(InputError, match="has no BatchNorm"):
            build(name, device="meta", norm="group")
    network = build(name, channels=4, device="meta", norm=norm, finetune="head").train()
    assert network(images(name, 4)).shape == (2, 5)
    assert not any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in network.modules())
    assert all(m.num_groups <= 32 for m in network.modules() if isinstance(m, nn.GroupNorm))
    assert {n for n, _ in network.named_parameters()} == {n for n, _ in plain.named_parameters()}
    learning = {n.split(".")[0] for n, p in network.named_parameters() if p.requires_grad}
    assert learning == {"head"}
    assert network.head.training
    assert not any(m.training for m in network.body.modules())


@pytest.mark.parametrize("name", [name for name in MODELS if name not in ("linear", "silhouette")])
def test_freezing_up_to_a_layer_leaves_what_comes_after(name: str) -> None:
    names = list(on_meta(name).layers())
    first, last = (build(name, device="meta", finetune=f"after_{names[i]}").train() for i in (0, -1))
    frozen_first, frozen_last = (
        {n for n, p in network.named_parameters() if not p.requires_grad} for network in (first, last)
    )
    assert frozen_first < frozen_last or len(names) == 1
    assert not any(n.startswith("head.") for n in frozen_last)
    own = {f"body.{n}" for n, _ in on_meta(name).body.named_parameters()}
    assert next(iter(on_meta(name).state_dict())) in frozen_first
    for network, frozen in ((first, frozen_first), (last, frozen_last)):
        assert frozen <= own
        for module_name, module in network.named_modules():
            held = {f"{module_name}.{n}" for n, _ in module.named_parameters(recurse=False)}
            if isinstance(module, nn.modules.batchnorm._BatchNorm) and held:
                assert module.training == (not held & frozen)


# One of each kind of structure: exporting all would take minutes.
@pytest.mark.parametrize(
    "name", ["mobilenet_v2", "timm", "resnet18", "crossvit", "t2t_vit", "deepvit", "convnet", "xception_lstm"]
)
def test_onnx_says_the_same(name: str) -> None:
    network = build(name).eval()
    batch = torch.randn(3, 3, side(name), side(name))
    with torch.inference_mode():
        expected = network(batch).numpy()
    session = onnxruntime.InferenceSession(to_onnx(network, channels=3, side_px=side(name)))
    found = session.run(["logits"], {"batch": batch.numpy()})[0]
    np.testing.assert_allclose(found, expected, atol=2e-4)


def test_eight_bits_say_nearly_the_same() -> None:
    network = build("mobilenet_v2").eval()
    whole = to_onnx(network, channels=3, side_px=64)
    batch = np.random.default_rng(0).normal(size=(3, 3, 64, 64)).astype(np.float32)
    small = quantized(whole, [batch])
    assert len(small) < 0.4 * len(whole)
    said, expected = (onnxruntime.InferenceSession(n).run(None, {"batch": batch})[0] for n in (small, whole))
    assert 0 < np.abs(said - expected).max() < 0.1 * np.abs(expected).max()
    shapes = [list(_last_maps(onnx.load_from_string(n)).values()) for n in (small, whole)]
    assert shapes[0] == shapes[1]


def test_names_of_the_field() -> None:
    for name in ("resnet50", "resnext50", "resnext_cc"):
        assert {"conv1", "conv2_1", "conv5_1", "conv5_2", "conv5_3"} <= set(on_meta(name).layers())
    assert list(on_meta("vgg16").layers())[-1] == "conv5_3"
    assert list(on_meta("vit_b16").layers())[-1] == "block_12"


def test_unknown_names() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown model 'resnet5': .* did you mean 'resnet50'"):
        ModelSpec("resnet5").build(3)
    with pytest.raises(UnknownNameError, match="unknown timm network 'resnt18'"):
        ModelSpec("timm", "resnt18").build(3)
    with pytest.raises(UnknownNameError, match=r"option of resnext_cc 'fussion': .* did you mean 'fusion'"):
        ModelSpec("resnext_cc", options={"fussion": "none"}).build(3)
    with pytest.raises(UnknownNameError, match=r"option of resnet50 'depth': choose one of \(none\)"):
        ModelSpec("resnet50", options={"depth": 101}).build(3)
    with pytest.raises(UnknownNameError, match="unknown finetune 'last': choose one of after_LAYER, "):
        ModelSpec("resnet50", finetune="last").build(3)
    with pytest.raises(InputError, match="no hub holds weights of matek: give --weights FILE"):
        ModelSpec("matek", pretrained=True).build(3)
