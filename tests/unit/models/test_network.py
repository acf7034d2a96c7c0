"""Parts of networks against their definitions."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

from leukon.errors import InputError, UnknownNameError
from leukon.models import ModelSpec
from leukon.models.cnn_lstm import CnnLstm
from leukon.models.committee import Committee
from leukon.models.network import GridPool, swap_norms
from leukon.models.resnext_cc import Eca, Fusion
from leukon.models.silhouette import SHARE
from leukon.models.transformer import Attention

torch.set_num_threads(1)


def test_a_frozen_body_does_not_move() -> None:
    torch.manual_seed(0)
    network = ModelSpec("resnet18", finetune="head").build(3)
    before = copy.deepcopy(network.state_dict())
    optimizer = torch.optim.SGD((p for p in network.parameters() if p.requires_grad), lr=0.1)
    network.train()
    network(torch.randn(4, 3, 32, 32)).square().sum().backward()
    optimizer.step()
    moved = {n for n, t in network.state_dict().items() if not torch.equal(t, before[n])}
    assert moved == {"head.weight", "head.bias"}  # of BatchNorm neither means nor variances nor counts


def test_frozen_blocks_do_not_move() -> None:
    torch.manual_seed(0)
    network = ModelSpec("resnet18", finetune="after_conv4_1").build(3)
    before = copy.deepcopy(network.state_dict())
    optimizer = torch.optim.SGD((p for p in network.parameters() if p.requires_grad), lr=0.1)
    network.eval().train()
    network(torch.randn(4, 3, 32, 32)).square().sum().backward()
    optimizer.step()
    moved = {n for n, t in network.state_dict().items() if not torch.equal(t, before[n])}
    later = ("head.", "body.layer3.1.", "body.layer4.")
    assert moved == {n for n in before if n.startswith(later)}


@pytest.mark.parametrize(("height", "width"), [(3, 3), (7, 7), (9, 16), (14, 5)])
def test_pooling_to_a_grid_in_onnx_is_torchs(
    height: int, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    maps, pool = torch.randn(2, 3, height, width), GridPool(7)
    expected = nn.functional.adaptive_avg_pool2d(maps, 7)
    assert torch.equal(pool(maps), expected)
    monkeypatch.setattr(torch.onnx, "is_in_onnx_export", lambda: True)
    torch.testing.assert_close(pool(maps), expected)


def test_a_hybrid_reads_rows_beside_the_cnn() -> None:
    torch.manual_seed(0)
    network = ModelSpec("resnet50_lstm", options={"image_size": 32}).build(4).eval()
    body, batch = network.body, torch.randn(2, 3, 32, 32)
    assert isinstance(body, CnnLstm)
    with torch.inference_mode():
        _, (state, _) = body.lstm(torch.stack([batch[:, :, row].flatten(1) for row in range(32)], dim=1))
        joined = torch.cat([body.cnns["resnet50"](batch), state[0]], dim=1)
        torch.testing.assert_close(network.embed(batch), body.merge(joined))
        network(torch.randn(2, 3, 64, 48))  # rows of other images are brought to its size


def test_a_copy_names_its_own_layers() -> None:
    network = ModelSpec("resnet18").build(3)
    twin = copy.deepcopy(network)
    assert twin.layers()["conv5_2"] is twin.body.layer4[1]


def test_groups_keep_the_affine_part_and_divide_the_channels() -> None:
    module = nn.Sequential(nn.Conv2d(3, 48, 1), nn.BatchNorm2d(48), nn.BatchNorm2d(7))
    nn.init.uniform_(module[1].weight)
    weight = module[1].weight.clone()
    assert swap_norms(module) == 2
    assert (module[1].num_groups, module[2].num_groups) == (24, 7)
    assert torch.equal(module[1].weight, weight)


def test_timms_norms_keep_their_activation() -> None:
    network = ModelSpec("timm", "test_efficientnet", norm="group").build(3)
    plain = ModelSpec("timm", "test_efficientnet").build(3)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in network.modules())
    activations = [type(m).__name__ for m in plain.modules() if "SiLU" in type(m).__name__]
    assert activations == [type(m).__name__ for m in network.modules() if "SiLU" in type(m).__name__] != []


def test_eca_by_hand() -> None:
    torch.manual_seed(0)
    eca, maps = Eca(64), torch.randn(2, 64, 5, 5)
    kernel = eca.conv.weight.flatten()
    assert len(kernel) == 3
    means = nn.functional.pad(maps.mean(dim=(2, 3)), (1, 1))
    weight = sum(kernel[k] * means[:, k : k + 64] for k in range(3)).sigmoid()
    torch.testing.assert_close(eca(maps), maps * weight[:, :, None, None])


def test_fusion_is_a_product() -> None:
    fusion = Fusion(2)
    early, late = torch.randn(1, 2048, 2, 2), torch.randn(1, 2048, 2, 2)
    torch.testing.assert_close(fusion(early, late), fusion.early(early) * fusion.late(late))
    assert [type(m) for m in fusion.early] == [nn.Conv2d, nn.Conv2d]


@pytest.mark.parametrize(("fusion", "block"), [("5_1+5_3", 0), ("5_2+5_3", 1)])
def test_fusion_reads_the_layers_that_it_names(fusion: str, block: int) -> None:
    network = ModelSpec("resnext_cc", options={"fusion": fusion, "convs": 1}).build(2).eval()
    kept = {}
    network.body.layer4[block].register_forward_hook(lambda _m, _i, y: kept.update(block=y))
    network.body.fusion.register_forward_hook(lambda _m, inputs, _y: kept.update(fused=inputs[0]))
    with torch.inference_mode():
        network(torch.randn(1, 3, 32, 32))
    assert torch.equal(kept["block"], kept["fused"])


@pytest.mark.parametrize("downsampling", ["pool", "stem", "stages"])
def test_every_way_of_down_sampling_ends_at_a_32nd(downsampling: str) -> None:
    with torch.device("meta"):
        network = ModelSpec("resnext_cc", options={"downsampling": downsampling}).build(2)
    sizes = []
    network.layers()["conv5_3"].register_forward_hook(lambda _m, _i, y: sizes.append(y.shape[-1]))
    network(torch.zeros(1, 3, 96, 96, device="meta"))
    assert sizes == [3]


def test_parts_that_do_not_exist() -> None:
    for options, message in (
        ({"depth": 34}, "no depth 34"),
        ({"convs": 3}, "3 convs"),
        ({"eca": "blocks", "downsampling": "stages"}, "has no stride-2 blocks"),
    ):
        with pytest.raises(InputError, match=message):
            ModelSpec("resnext_cc", options=options).build(2)
    with pytest.raises(InputError, match="convnet cannot have kernel=4"):
        ModelSpec("convnet", options={"kernel": 4}).build(2)
    with pytest.raises(UnknownNameError, match="unknown fusion of resnext_cc '5_1'"):
        ModelSpec("resnext_cc", options={"fusion": "5_1"}).build(2)
    with pytest.raises(UnknownNameError, match="unknown variant of resnext101 '64x4d'"):
        ModelSpec("resnext101", "64x4d").build(2)


def test_attention_is_torchs() -> None:
    torch.manual_seed(0)
    ours, theirs = Attention(12, 12, 3), nn.MultiheadAttention(12, 3, batch_first=True)
    theirs.load_state_dict(
        {
            "in_proj_weight": ours.qkv.weight,
            "in_proj_bias": ours.qkv.bias,
            "out_proj.weight": ours.out.weight,
            "out_proj.bias": ours.out.bias,
        }
    )
    tokens = torch.randn(2, 5, 12)
    torch.testing.assert_close(ours(tokens), theirs(tokens, tokens, tokens)[0])


def test_re_attention_with_one_head_each_is_attention() -> None:
    torch.manual_seed(0)
    plain, mixed = Attention(12, 12, 3), Attention(12, 12, 3, is_remixed=True)
    mixed.load_state_dict(plain.state_dict(), strict=False)
    with torch.no_grad():
        mixed.mixing.copy_(torch.eye(3))
    tokens = torch.randn(2, 5, 12)
    torch.testing.assert_close(mixed.eval()(tokens), plain(tokens), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    "name", ["vit_b16", "vit_b32", "vit_l32", "crossvit", "t2t_vit", "deepvit", "simple_vit"]
)
@pytest.mark.parametrize("side", [48, 112, 200, 240])
def test_transformers_work_at_any_size(name: str, side: int) -> None:
    with torch.device("meta"):
        network = ModelSpec(name).at(side).build(3)
        assert network(torch.zeros(1, 3, side, side)).shape == (1, 3)
        assert network(torch.zeros(1, 3, 2 * side, side)).shape == (1, 3)  # brought to its size


def test_two_streams_are_taught_apart_and_heard_together() -> None:
    torch.manual_seed(0)
    network = ModelSpec("mobilenet_v2_silhouette", options={"silhouettes": 2}).build(5, channels=4).eval()
    batch = torch.rand(2, 4, 64, 64)
    features = network.embed(batch)
    assert features.shape == (2, network.features)
    picture, *shapes = network.opinions(features)
    silhouette = torch.stack([one.log_softmax(1) for one in shapes]).mean(0)
    joined = picture.softmax(1) ** (1 - SHARE) * silhouette.softmax(1) ** SHARE
    torch.testing.assert_close(network(batch).softmax(1), joined / joined.sum(1, keepdim=True))
    equal = (picture.softmax(1) * silhouette.softmax(1)).sqrt()
    torch.testing.assert_close(network.abroad(features).softmax(1), equal / equal.sum(1, keepdim=True))
    batch.requires_grad = True
    for opinion, seen in zip(network.opinions(network.embed(batch)), ([0, 1, 2], [3], [3]), strict=True):
        (gradient,) = torch.autograd.grad(opinion.square().sum(), batch, retain_graph=True)
        assert [int(plane) for plane in gradient.abs().sum(dim=(0, 2, 3)).nonzero()] == seen


def test_a_committee_gives_the_mean_of_what_its_members_say_of_their_own_size() -> None:
    torch.manual_seed(0)
    one = ModelSpec("mobilenet_v2_silhouette").build(5, channels=4).eval()
    other = ModelSpec("mobilenet_v2").build(5, channels=4).eval()
    nn.init.normal_(other.head.weight)
    committee, batch = Committee([(one, 64), (other, 32)]).eval(), torch.rand(2, 4, 64, 64)
    features = committee.embed(batch)
    own = one.embed(batch)
    small = other(nn.functional.interpolate(batch, (32, 32), mode="bilinear")).log_softmax(1)
    assert features.shape == (2, committee.features)
    torch.testing.assert_close(committee(batch), (one.classify(own).log_softmax(1) + small) / 2)
    # One that says nothing else abroad says there what it says at home.
    torch.testing.assert_close(committee.abroad(features), (one.abroad(own).log_softmax(1) + small) / 2)
    assert Committee([(other, 32)]).abroad(other.embed(batch)) is None


def test_silhouettes_alone_see_no_picture() -> None:
    torch.manual_seed(0)
    several = {"silhouettes": 3}
    network = ModelSpec("silhouette", options=several).build(5, channels=4).eval()
    batch = torch.rand(2, 4, 64, 64)
    other = torch.cat([torch.rand(2, 3, 64, 64), batch[:, 3:]], dim=1)
    torch.testing.assert_close(network(other), network(batch))
    assert len(network.opinions(network.embed(batch))) == 3
    beside = ModelSpec("mobilenet_v2_silhouette", options=several).build(5, channels=4).eval()
    own = {n: t for n, t in beside.state_dict().items() if ".silhouette." in n}
    assert own.keys() == network.state_dict().keys()
    network.load_state_dict(own)
    torch.testing.assert_close(
        network(batch),
        torch.stack([one.log_softmax(1) for one in beside.opinions(beside.embed(batch))[1:]]).mean(0),
    )


def test_two_streams_start_from_one(tmp_path: Path) -> None:
    one = ModelSpec("mobilenet_v2").build(5)
    torch.save(one.state_dict(), tmp_path / "one.pt")
    two = ModelSpec("mobilenet_v2_silhouette", weights=str(tmp_path / "one.pt")).build(5, channels=4)
    assert two.started == "one.pt: classifier taken over"
    batch = torch.rand(2, 4, 64, 64)
    picture = two.eval().opinions(two.embed(batch))[0]
    torch.testing.assert_close(picture, one.eval()(batch[:, :3]))
    torch.save(two.state_dict(), tmp_path / "two.pt")
    again = ModelSpec("mobilenet_v2_silhouette", weights=str(tmp_path / "two.pt")).build(5, channels=4)
    torch.testing.assert_close(again.eval()(batch), two(batch))
