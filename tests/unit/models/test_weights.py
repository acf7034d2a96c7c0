"""Starting from weights made elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision import models

import leukon.models.torchvision_backbone
from leukon.errors import InputError
from leukon.models import ModelSpec, Network, inception, timm_backbone
from leukon.models.torchvision_backbone import scaled_inputs

torch.set_num_threads(1)


def save(tensors: dict[str, Tensor], path: Path) -> str:
    if path.suffix == ".safetensors":
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    else:
        torch.save(tensors, path)
    return str(path)


def drawn(module: nn.Module) -> dict[str, Tensor]:
    """Return a state like `module`'s with numbers of its own, running statistics included."""
    generator = torch.Generator().manual_seed(3)
    state = module.state_dict()
    return {
        n: torch.rand(t.shape, generator=generator) + 0.1 if t.is_floating_point() else t
        for n, t in state.items()
    }


@pytest.fixture(scope="module")
def resnet18() -> dict[str, Tensor]:
    """Hold weights under torchvision's names."""
    return drawn(models.resnet18(num_classes=7))


@pytest.fixture(scope="module")
def published_kimianet() -> dict[str, Tensor]:
    """Hold tensors under the names of the authors' file: DataParallel, features in a sequence, 30 classes."""
    features = drawn(models.densenet121().features)
    named = {f"module.model.0.{name}": tensor for name, tensor in features.items()}
    return named | {"module.fc_4.weight": torch.ones(30, 1024), "module.fc_4.bias": torch.ones(30)}


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_kimianet_takes_the_authors_file(
    published_kimianet: dict[str, Tensor], tmp_path: Path, ending: str
) -> None:
    path = save(published_kimianet, tmp_path / f"KimiaNet{ending}")
    network = ModelSpec("kimianet", weights=path).build(15)
    own = network.state_dict()
    for name, tensor in published_kimianet.items():
        if "fc_4" not in name:
            assert torch.equal(own[name.replace("module.model.0.", "body.features.")], tensor)
    assert network.head.weight.shape == (15, 1024)
    assert network.started == f"KimiaNet{ending}: classifier new"
    # The head of 30 classes comes along where it fits.
    assert ModelSpec("kimianet", weights=path).build(30).head.weight.eq(1).all()


def test_kimianet_has_no_relu_before_pooling() -> None:
    torch.manual_seed(0)
    network = ModelSpec("kimianet").build(2).eval()
    batch = torch.randn(1, 3, 32, 32)
    with torch.inference_mode():
        maps = network.body.features(batch)
        assert torch.equal(network.embed(batch), maps.mean(dim=(2, 3)))
        assert (network.embed(batch) < 0).any()
        dense = ModelSpec("densenet121").build(2).eval()
        assert (dense.embed(batch) >= 0).all()


def test_densenet_files_of_2017(tmp_path: Path) -> None:
    tensors = drawn(models.densenet121(num_classes=2))
    old = {n.replace("norm1.", "norm.1.").replace("conv2.", "conv.2."): t for n, t in tensors.items()}
    assert old.keys() != tensors.keys()
    network = ModelSpec("densenet121", weights=save(old, tmp_path / "old.pth")).build(2)
    assert torch.equal(network.head.weight, tensors["classifier.weight"])


@pytest.mark.parametrize("wrapped", ["", "state_dict", "network"])
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.module."])
def test_wrappings_come_off(resnet18: dict[str, Tensor], tmp_path: Path, prefix: str, wrapped: str) -> None:
    tensors = {prefix + name: tensor for name, tensor in resnet18.items()}
    torch.save({wrapped: tensors, "epoch": 3} if wrapped else tensors, tmp_path / "w.pth")
    network = ModelSpec("resnet18", weights=str(tmp_path / "w.pth")).build(7)
    reference = models.resnet18(num_classes=7)
    reference.load_state_dict(resnet18)
    batch = torch.randn(2, 3, 32, 32)
    assert torch.equal(network.eval()(batch), reference.eval()(batch))
    assert network.started == "w.pth: classifier taken over"


def test_a_run_starts_another(tmp_path: Path) -> None:
    own = ModelSpec("mobilenet_v2").build(8)
    torch.save({"network": own.state_dict(), "pipeline": {}}, tmp_path / "best.pt")
    network = ModelSpec("mobilenet_v2", weights=str(tmp_path / "best.pt")).build(8)
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), own.parameters(), strict=True))


def test_a_file_that_does_not_fit_says_which_keys(resnet18: dict[str, Tensor], tmp_path: Path) -> None:
    other = save(resnet18, tmp_path / "resnet18.pth")
    with pytest.raises(InputError) as caught:
        ModelSpec("resnet50", weights=other).build(7)
    text = str(caught.value)
    assert f"weights {other} are for another network" in text
    assert "missing (body.layer1.0.conv3.weight, body.layer1.0.bn3.weight, " in text
    assert "of another shape (layer1.0.conv1.weight (64, 64, 3, 3) for (64, 64, 1, 1), " in text
    assert "\n" not in text
    extra = save(resnet18 | {"neck.weight": torch.ones(3)}, tmp_path / "extra.pth")
    with pytest.raises(InputError, match=r"network: 1 unexpected \(neck.weight\): choose"):
        ModelSpec("resnet18", weights=extra).build(7)
    short = {n: t for n, t in resnet18.items() if n != "conv1.weight"}
    with pytest.raises(InputError, match=r"network: 1 missing \(body.conv1.weight\): choose"):
        ModelSpec("resnet18", weights=save(short, tmp_path / "short.pth")).build(7)


def test_files_that_hold_no_weights(tmp_path: Path) -> None:
    for name, content in (("a.safetensors", b"text"), ("a.pth", b"text"), ("b.pth", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=f"cannot read weights .*{name}: .*; give a"):
            ModelSpec("resnet18", weights=str(tmp_path / name)).build(3)
    with pytest.raises(InputError, match="cannot read weights"):
        ModelSpec("resnet18", weights=str(tmp_path / "absent.pth")).build(3)
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(InputError, match="holds no tensors by name"):
        ModelSpec("resnet18", weights=str(tmp_path / "list.pth")).build(3)


def test_a_mosaic_of_grey_looks_as_grey_does(resnet18: dict[str, Tensor], tmp_path: Path) -> None:
    path = save(resnet18, tmp_path / "w.pth")
    three = ModelSpec("resnet18", weights=path).build(7).eval()
    network = ModelSpec("resnet18", weights=path).build(7, channels=4).eval()
    assert network.started == (
        "w.pth: first layer adapted from 3 to 4 planes (green kernel halved over both greens); "
        "classifier taken over"
    )
    image = torch.rand(1, 3, 32, 32)
    red, green, blue = image.unbind(dim=1)
    mosaic = torch.stack([red, green, green, blue], dim=1)
    torch.testing.assert_close(network(mosaic), three(image), rtol=1e-3, atol=1e-3)
    grey = torch.rand(1, 1, 32, 32)
    two = ModelSpec("resnet18", weights=path).build(7, channels=2).eval()
    torch.testing.assert_close(
        two(grey.expand(-1, 2, -1, -1)), three(grey.expand(-1, 3, -1, -1)), rtol=1e-3, atol=1e-3
    )


def test_positions_follow_the_image(tmp_path: Path) -> None:
    torch.manual_seed(0)
    spec = ModelSpec("deepvit", options={"image_size": 48})
    source = spec.build(3)
    path = save(source.state_dict(), tmp_path / "w.pth")
    grown = ModelSpec("deepvit", weights=path, options={"image_size": 96}).build(3)
    assert "positions resized" in grown.started
    small, large = source.body.pos_embedding, grown.body.pos_embedding
    assert large.shape == (1, 37, 396)
    assert torch.equal(large[:, 0], small[:, 0])  # the class token's
    corners = large[0, 1:].reshape(6, 6, -1)[::5, ::5]
    torch.testing.assert_close(corners, small[0, 1:].reshape(3, 3, -1)[::2, ::2])


def test_groups_start_from_a_file_with_batches(resnet18: dict[str, Tensor], tmp_path: Path) -> None:
    path = save(resnet18, tmp_path / "w.pth")
    network = ModelSpec("resnet18", weights=path, norm="group").build(7)
    norm = network.body.bn1
    assert isinstance(norm, nn.GroupNorm)
    assert torch.equal(norm.weight, resnet18["bn1.weight"])
    grouped = save(network.state_dict(), tmp_path / "g.pth")
    again = ModelSpec("resnet18", weights=grouped, norm="group").build(7)
    assert torch.equal(again.body.layer4[1].bn2.bias, norm_of(network).bias)


def norm_of(network: Network) -> nn.GroupNorm:
    found = network.get_submodule("body.layer4.1.bn2")
    assert isinstance(found, nn.GroupNorm)
    return found


def test_resnext_cc_starts_from_plain_weights(tmp_path: Path) -> None:
    plain = ModelSpec("resnext50").build(2)
    path = save(plain.state_dict(), tmp_path / "w.pth")
    network = ModelSpec("resnext_cc", weights=path).build(2)
    assert torch.equal(network.body.layer4[2].conv3.weight, plain.body.layer4[2].conv3.weight)


def test_plain_resnext_cc_is_resnext(tmp_path: Path) -> None:
    plain = ModelSpec("resnext50").build(2).eval()
    options = {"downsampling": "pool", "eca": "none", "fusion": "none"}
    path = save(plain.state_dict(), tmp_path / "w.pth")
    network = ModelSpec("resnext_cc", weights=path, options=options).build(2).eval()
    batch = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(network(batch), plain(batch))


def test_hub_failures_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(_name: str, **_settings: object) -> None:
        raise OSError("no route to host\nsecond line")

    monkeypatch.setattr("torchvision.models.get_model", unreachable)
    with pytest.raises(InputError) as caught:
        ModelSpec("resnet18", pretrained=True).build(3)
    assert str(caught.value) == (
        "cannot fetch weights of resnet18 (no route to host): give --weights FILE or --no-pretrained"
    )


def test_hub_weights_are_taken(monkeypatch: pytest.MonkeyPatch, resnet18: dict[str, Tensor]) -> None:
    reference = models.resnet18(num_classes=7)
    reference.load_state_dict(resnet18)
    monkeypatch.setattr("torchvision.models.get_model", lambda _name, weights: reference)
    network = ModelSpec("resnet18", pretrained=True).build(3)
    assert network.started == "hub weights of resnet18: classifier new"
    assert torch.equal(network.body.conv1.weight, resnet18["conv1.weight"])
    assert leukon.models.torchvision_backbone.hub_weights("x")().keys() == resnet18.keys()


def test_timms_resnext_bears_our_names(monkeypatch: pytest.MonkeyPatch) -> None:
    create = timm.create_model
    monkeypatch.setattr(timm, "create_model", lambda name, pretrained: create(name))
    with torch.device("meta"):
        tensors = timm_backbone.hub_weights("resnext101_32x4d")()
        own = ModelSpec("resnext101").build(1000).state_dict()
    theirs = {f"body.{n}" if not n.startswith("fc") else n.replace("fc", "head") for n in tensors}
    assert theirs == set(own)


def test_inception_on_imagenets_scale_is_inception_on_its_own() -> None:
    torch.manual_seed(0)
    reference = models.inception_v3(transform_input=True, init_weights=False).eval()
    folded = models.inception_v3(transform_input=False, init_weights=False).eval()
    folded.load_state_dict(scaled_inputs(reference.state_dict(), inception.FIRST, inception.MEAN))
    batch = torch.randn(1, 3, 75, 75)
    with torch.inference_mode():
        torch.testing.assert_close(folded(batch), reference(batch), rtol=1e-3, atol=1e-4)


@pytest.fixture
def published_cnns(monkeypatch: pytest.MonkeyPatch) -> dict[str, nn.Module]:
    """Stand in for both hubs: Xception and ResNet-50 with numbers of their own."""
    torch.manual_seed(1)
    cnns = {"legacy_xception": timm.create_model("legacy_xception"), "resnet50": models.resnet50()}
    create = timm.create_model

    def from_timm(name: str, pretrained: bool = False, **settings: object) -> nn.Module:
        return cnns[name] if pretrained else create(name, **settings)

    monkeypatch.setattr(timm, "create_model", from_timm)
    monkeypatch.setattr("torchvision.models.get_model", lambda name, weights: cnns[name])
    return cnns


def test_xception_on_imagenets_scale_is_xception_on_its_own(published_cnns: dict[str, nn.Module]) -> None:
    network = ModelSpec("xception", pretrained=True).build(1000).eval()
    assert network.started == "hub weights of xception: classifier taken over"
    image = torch.rand(1, 3, 64, 64)
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    scaled = (image - mean[:, None, None]) / deviation[:, None, None]
    with torch.inference_mode():
        theirs = published_cnns["legacy_xception"].eval()(image * 2 - 1)
        torch.testing.assert_close(network(scaled), theirs, rtol=1e-3, atol=1e-4)


def test_hybrids_start_from_the_weights_of_their_cnns(
    published_cnns: dict[str, nn.Module], tmp_path: Path
) -> None:
    spec = ModelSpec("xception_resnet50_lstm", pretrained=True, options={"image_size": 32})
    network = spec.build(4)
    assert network.started == "hub weights of xception_resnet50_lstm: classifier new"
    resnet = published_cnns["resnet50"].state_dict()
    cnn = network.body.cnns["resnet50"]
    assert all(torch.equal(t, resnet[n]) for n, t in cnn.state_dict().items())
    assert torch.equal(
        network.body.cnns["xception"].conv4.pointwise.weight,
        published_cnns["legacy_xception"].conv4.pointwise.weight,
    )
    # A hybrid of one takes that network's file as it is.
    path = save(resnet, tmp_path / "resnet50.pth")
    alone = ModelSpec("resnet50_lstm", weights=path, options={"image_size": 32}).build(4)
    assert torch.equal(alone.body.cnns["resnet50"].conv1.weight, resnet["conv1.weight"])
    own = save(alone.state_dict(), tmp_path / "own.pth")
    again = ModelSpec("resnet50_lstm", weights=own, options={"image_size": 32}).build(4)
    assert all(torch.equal(t, again.state_dict()[n]) for n, t in alone.state_dict().items())


@pytest.mark.parametrize(
    ("name", "file", "known", "atol"),
    [
        ("mobilenet_v2", "mobilenet_v2_backbone", [0.74952, 0.36881, 0.09431, 0.18218, 0.05457], 1e-2),
        (
            "resnet50_v2",
            "resnet50v2_stages1to3",
            [0.0078689, 0.0018706, 0.0033808, 0.0881305, 0.0058118],
            1e-3,
        ),
    ],
)
def test_backbones_equal_the_zoo(
    shared_data: Path, name: str, file: str, known: list[float], atol: float
) -> None:
    weights = shared_data.parent / "weights" / f"{file}.safetensors"
    network = ModelSpec(name, weights=str(weights)).build(8).eval()
    image = torch.linspace(-2, 2, 3 * 224 * 224).reshape(1, 3, 224, 224)
    with torch.inference_mode():
        features = network.embed(image)[0, :5]
    assert torch.allclose(features, torch.tensor(known), atol=atol)
