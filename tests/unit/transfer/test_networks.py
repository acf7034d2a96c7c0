"""The networks and losses of the colour normalization work."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from onnxruntime import InferenceSession
from safetensors.torch import save_file
from torchvision.models import squeezenet1_1, vgg

from leukon.bundle import load_bundle
from leukon.errors import InputError
from leukon.transfer.discriminator import DiscriminatorSpec
from leukon.transfer.generator import GeneratorSpec
from leukon.transfer.objectives import Weights, critic_loss, distance, generator_loss, gram
from leukon.transfer.perceptual import classifier_features, perceptual_network
from leukon.transfer.recipe import PUBLISHED, RECIPES

TINY = GeneratorSpec((4, 6))


def parameters(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_the_published_sizes() -> None:
    assert parameters(GeneratorSpec().build()) == 20_571_971
    assert parameters(DiscriminatorSpec().build()) == 11_038_081


def test_the_published_recipes() -> None:
    ccgan, pcnet, cyclegan = (PUBLISHED[name] for name in ("ccgan", "pcnet", "cyclegan"))
    assert ccgan.weights == Weights(adversarial=1, cycle=10, identity=10, paired=10, feature=0)
    assert pcnet.weights == Weights(adversarial=0, cycle=10, identity=10, paired=10, feature=10)
    assert cyclegan.weights == Weights(adversarial=1, cycle=10, identity=10, paired=0, feature=0)
    assert (ccgan.batch_size, pcnet.batch_size) == (4, 2)
    assert (ccgan.is_paired, pcnet.is_paired, cyclegan.is_paired) == (True, True, False)
    assert {(r.steps, r.rate, r.side_px) for r in PUBLISHED.values()} == {(50_000, 2e-4, 256)}
    assert all(r.generator == GeneratorSpec() for r in PUBLISHED.values())
    assert all(not r.side_px % r.generator.stride for sizes in RECIPES.values() for r in sizes.values())


def test_a_generator_keeps_size_and_range() -> None:
    pictures = torch.rand(2, 3, 16, 24) * 2 - 1
    made = TINY.build()(pictures)
    assert made.shape == pictures.shape
    assert made.abs().max() <= 1
    torch.testing.assert_close(GeneratorSpec((4, 6), adds=True).build()(pictures), pictures)


def test_replicated_edges_are_no_edges_to_a_generator() -> None:
    plain = torch.full((1, 3, 32, 32), 0.5)
    for padding, is_even in (("zeros", False), ("replicate", True)):
        torch.manual_seed(0)
        made = GeneratorSpec((4, 6), padding=padding).build().eval()(plain)
        assert bool((made - made[..., :1, :1]).abs().max() < 1e-6) is is_even


def test_nothing_beyond_its_reach_matters_to_a_generator() -> None:
    network = TINY.build().eval()
    before = torch.rand(1, 3, 96, 96)
    after = before.clone()
    after[..., 48, 48] += 1
    with torch.no_grad():
        changed = (network(before) - network(after)).abs().amax(dim=(0, 1)).nonzero() - 48
    assert 0 < changed.abs().max() <= TINY.reach


def test_the_discriminator_looks_at_patches_of_70_px() -> None:
    network = DiscriminatorSpec((4, 6, 6, 8)).build().eval()
    assert network.patches(torch.zeros(1, 3, 256, 256)).shape == (1, 1, 30, 30)
    pictures = torch.rand(1, 3, 256, 256, requires_grad=True)
    network.patches(pictures)[0, 0, 15, 15].backward()
    rows = pictures.grad.abs().sum(dim=(0, 1, 3)).nonzero()
    assert rows.max() - rows.min() + 1 == 70
    judged = network(pictures)
    assert judged.shape == (1,)
    assert 0 < judged.item() < 1


def test_losses_are_those_of_the_paper() -> None:
    torch.manual_seed(0)
    a, b = torch.rand(2, 2, 3, 4, 4)
    there, back = (lambda x: x * 0.5), (lambda x: x + 0.25)
    critic, eye = (lambda x: x.mean(dim=(1, 2, 3)).abs()), (lambda x: x)
    made, other = a * 0.5, b + 0.25
    cycle = (made + 0.25 - a).abs().mean() + (other * 0.5 - b).abs().mean()
    identity, paired = (b * 0.5 - b).abs().mean(), (made - b).abs().mean()
    adversarial = -made.mean(dim=(1, 2, 3)).log().mean()
    grams = [torch.einsum("nchw,ndhw->ncd", x, x) / 48 for x in (made, b)]
    feature = (grams[0] - grams[1]).square().sum() / 2
    for weights, wanted in (
        (Weights(cycle=2, identity=3), 2 * cycle + 3 * identity),
        (Weights(1, 0, 0, 5, 7), adversarial + 5 * paired + 7 * feature),
    ):
        loss = generator_loss(
            weights,
            (there, back, critic if weights.adversarial else None, eye if weights.feature else None),
            a,
            b,
        )
        torch.testing.assert_close(loss, wanted)
    wanted = -(torch.tensor(0.8).log() + torch.tensor(0.7).log()) / 2
    judge = lambda x: x.mean(dim=(1, 2, 3))  # noqa: E731
    torch.testing.assert_close(
        critic_loss(judge, torch.full((1, 3, 2, 2), 0.8), torch.full((1, 3, 2, 2), 0.3)), wanted
    )
    certain = critic_loss(judge, torch.zeros(1, 3, 2, 2), torch.ones(1, 3, 2, 2))
    assert torch.isfinite(certain)
    assert distance(a, a) == 0
    assert gram(a).shape == (2, 3, 3)


def test_a_cell_classifier_looks_as_it_does_in_its_bundle() -> None:
    bundle = load_bundle("small")
    eye = classifier_features(bundle)
    side = bundle.contents.pipeline.frame.side_px
    pictures = torch.rand(1, 3, side, side, requires_grad=True)
    features = eye(pictures * 2 - 1)
    scale = bundle.contents.pipeline.scale
    mean, std = (np.array(one, np.float32).reshape(1, 3, 1, 1) for one in (scale.mean, scale.std))
    batch = np.zeros((1, bundle.contents.pipeline.planes, side, side), np.float32)
    batch[:, :3] = (pictures.detach().numpy() - mean) / std
    model = onnx.load_from_string(bundle.contents.onnx)
    model.graph.output.append(onnx.helper.make_empty_tensor_value_info("features"))
    (wanted,) = InferenceSession(model.SerializeToString()).run(["features"], {"batch": batch})
    seen = features.mean(dim=(2, 3)).detach().numpy()
    np.testing.assert_allclose(seen, wanted[:, : seen.shape[1]], atol=1e-3)
    features.sum().backward()
    assert pictures.grad.abs().max() > 0
    assert not any(p.requires_grad for p in eye.parameters())


def test_pretrained_networks_are_told_by_their_weights(tmp_path) -> None:
    squeezenet = squeezenet1_1().eval()
    save_file(squeezenet.state_dict(), tmp_path / "a.safetensors")
    pictures = torch.rand(1, 3, 64, 64)
    mean, std = (torch.tensor(v).reshape(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    with torch.no_grad():
        wanted = squeezenet.features((pictures - mean) / std)
        torch.testing.assert_close(
            perceptual_network(str(tmp_path / "a.safetensors"))(pictures * 2 - 1),
            wanted,
            atol=1e-4,
            rtol=1e-4,
        )
    layers = vgg.make_layers(vgg.cfgs["D"])
    torch.save({f"features.{k}": v for k, v in layers.state_dict().items()}, tmp_path / "b.pth")
    with torch.no_grad():
        assert perceptual_network(str(tmp_path / "b.pth"))(pictures).shape == (1, 512, 2, 2)
    torch.save({"features.0.weight": torch.zeros(1)}, tmp_path / "c.pth")
    with pytest.raises(InputError, match="neither VGG-16 nor SqueezeNet"):
        perceptual_network(str(tmp_path / "c.pth"))
