"""Parameters and costs, to the unit, as the papers print them or as their figures add up."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from leukon.models import Network, parse_spec
from leukon.models.cost import count, measure

torch.set_num_threads(1)


def build(text: str, classes: int) -> Network:
    with torch.device("meta"):
        return parse_spec(text).build(classes)


def params(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    ("text", "classes", "expected"),
    [
        ("resnet50", 15, 23_538_767),
        ("kimianet", 15, 6_969_231),
        ("densenet121", 15, 6_969_231),
        ("vit_b16", 15, 85_810_191),
        ("vit_b32", 15, 87_466_767),
        ("vit_l16", 15, 303_317_007),
        ("vit_l32", 15, 305_525_775),
        ("resnext50", 2, 22_984_002),
        ("resnext_cc:downsampling=pool,eca=none,fusion=none", 2, 22_984_002),
        ("resnext_cc:eca=none,fusion=none", 2, 23_020_994),
        ("resnext_cc:convs=1", 2, 31_413_701),
        ("resnext_cc", 2, 39_806_405),
        ("resnext_cc:fusion=5_2+5_3", 2, 39_806_405),
        ("resnext_cc:downsampling=stages,convs=1", 2, 43_803_604),
        ("resnext_cc:downsampling=stages", 2, 52_196_308),
        # torchvision's and timm's own figures, with their thousand classes
        ("vgg16", 1000, 138_357_544),
        ("vgg19", 1000, 143_667_240),
        ("vgg19", 4, 139_586_628),
        ("xception", 1000, 22_855_952),
        ("resnet18", 1000, 11_689_512),
        ("resnext101", 1000, 44_177_704),
        ("resnext101:32x8d", 1000, 88_791_336),
        ("crossvit", 1000, 26_856_272),
        ("inception_v3", 1000, 27_161_264 - 3_326_696),  # less the auxiliary head
    ],
)
def test_parameters(text: str, classes: int, expected: int) -> None:
    assert params(build(text, classes)) == expected


def test_features_of_kimianet_and_what_the_paper_counted() -> None:
    network = build("kimianet", 15)
    assert params(network.body) == 6_953_856
    # The printed 7.00 million hold its head of 30 classes, which is not used, beside the new one.
    assert params(network) + params(build("kimianet", 30).head) == 6_999_981


def test_transformers_as_published() -> None:
    # T2T-ViT_t-14 21.5 M; simple ViT is ViT-S/16, 22.05 M, less its class token and learned positions.
    assert round(params(build("t2t_vit", 1000)) / 1e6, 1) == 21.5
    assert params(build("simple_vit", 1000)) + 384 * (1 + 197) == 22_050_664


@pytest.mark.parametrize(
    ("name", "cnns"),
    [
        ("xception_lstm", ["xception"]),
        ("inception_v3_lstm", ["inception_v3"]),
        ("resnet50_lstm", ["resnet50"]),
        ("xception_resnet50_lstm", ["xception", "resnet50"]),
    ],
)
def test_hybrids_add_an_lstm_and_a_dense_layer(name: str, cnns: list[str]) -> None:
    units, width, classes, steps = 128, 256, 4, 3 * 224
    lstm = 4 * units * (steps + units + 2)
    merge = (2048 * len(cnns) + units + 1) * width
    alone = sum(params(build(cnn, classes).body) for cnn in cnns)
    assert params(build(name, classes)) == alone + lstm + merge + (width + 1) * classes


def test_the_convnet_by_hand() -> None:
    f, k, hidden = 8, 3, 16
    convs = k * k * (3 * f + f * 2 * f + 2 * f * 4 * f) + 2 * (f + 2 * f + 4 * f)
    network = build("convnet:filters=8,kernel=3,hidden=16", 4)
    assert params(network) == convs + (4 * f * 16 + 1) * hidden + (hidden + 1) * 4


def test_eca_after_the_first_blocks() -> None:
    # kernels 5, 5 and 7 after the blocks that halve the maps
    assert params(build("resnext_cc:eca=blocks", 2)) == 39_806_405 + 17


@pytest.mark.parametrize(
    ("text", "giga", "mega", "conv2d"),
    [
        ("resnet50", 4.119, 11.114, 53),
        ("densenet121", 2.880, 6.899, 120),
        ("kimianet", 2.880, 6.899, 120),
        ("vit_b16", 17.563, 0.151, 1),
        ("t2t_vit", 6.088, 0, 0),
    ],
)
def test_costs_of_one_image(text: str, giga: float, mega: float, conv2d: int) -> None:
    counts = count(build(text, 15), channels=3, side_px=224)
    assert (round(counts.flops / 1e9, 3), round(counts.activations / 1e6, 3), counts.conv2d) == (
        giga,
        mega,
        conv2d,
    )


def test_a_transformer_by_hand() -> None:
    counts = count(parse_spec("simple_vit").at(32).build(15), channels=3, side_px=32)
    tokens, width, depth = 4, 384, 12
    patches = tokens * width * 3 * 16 * 16
    block = tokens * width * (3 * width + width + 2 * 4 * width) + 2 * tokens * tokens * width
    assert counts.flops == patches + depth * block + width * 15
    assert (counts.activations, counts.conv2d) == (tokens * width, 1)


def test_products_agree_with_torch() -> None:
    network = build("vgg16", 15)  # no norm: convolutions, linear layers and ReLU alone
    counter = FlopCounterMode(display=False)
    with counter:
        network(torch.zeros(1, 3, 64, 64, device="meta"))
    expected = counter.get_total_flops() // 2 + _relu_outputs(network, 64)
    assert count(build("vgg16", 15), channels=3, side_px=64).flops == expected


def _relu_outputs(network: nn.Module, side_px: int) -> int:
    sizes: list[int] = []
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(lambda _m, _i, output: sizes.append(output.numel()))
    network(torch.zeros(1, 3, side_px, side_px, device="meta"))
    return sum(sizes)


def test_time_and_memory_grow_with_the_batch() -> None:
    network = parse_spec("timm:test_resnet").build(5)
    one, eight = (measure(network, torch.randn(n, 3, 64, 64), repeats=2) for n in (1, 8))
    weights = 4 * params(network) / 2**20
    assert one.time_ms > 0
    assert weights < one.memory_mb < eight.memory_mb
    # What grows with the batch does so in proportion; the first maps, in and out of a norm, are the largest.
    assert eight.memory_mb - weights == pytest.approx(8 * (one.memory_mb - weights), rel=0.05)
