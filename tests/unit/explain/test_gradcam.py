"""Grad-CAM and occlusion against captum."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam, Occlusion
from torch import nn

from leukon.errors import InputError, UnknownNameError
from leukon.explain.gradcam import gradcam, named_layers
from leukon.explain.occlusion import Grid, occlusion
from leukon.imaging.color.identity import Identity
from leukon.models import ModelSpec
from leukon.pipeline import Frame, Pipeline, Scale
from leukon.training.run import NetworkClassifier
from leukon.types import Box, Cell, taxonomy_of

torch.set_num_threads(1)
TAXONOMY = taxonomy_of(["eosinophil", "lymphocyte", "monocyte"])
CELL = Cell(np.random.default_rng(0).integers(0, 256, (80, 80, 3), dtype=np.uint8), Box(8, 8, 72, 72))


def classifier(network: nn.Module, side_px: int = 64) -> NetworkClassifier:
    pipeline = Pipeline(Identity(), Frame(side_px, margin=1.0))
    return NetworkClassifier(network.eval(), pipeline, TAXONOMY)


@pytest.fixture(scope="module")
def resnet() -> NetworkClassifier:
    torch.manual_seed(0)
    return classifier(ModelSpec("timm", "test_resnet").build(3))


@pytest.mark.parametrize("layer", ["layer1", "layer3", "layer4"])
def test_gradcam_is_that_of_captum(resnet: NetworkClassifier, layer: str) -> None:
    batch = torch.from_numpy(resnet.pipeline.batch([CELL]))
    theirs = LayerGradCam(resnet.network, named_layers(resnet.network)[layer]).attribute(
        batch, target=1, relu_attributions=True
    )
    expected = nn.functional.interpolate(theirs, size=(64, 64), mode="bilinear", align_corners=False)
    (found,) = gradcam(resnet, CELL, layers=[layer], label="lymphocyte")
    assert found.name == layer
    np.testing.assert_allclose(found.values, expected[0, 0].detach().numpy(), atol=1e-6)
    assert found.values.max() > 0


def test_the_last_map_is_the_default_and_names_are_checked(resnet: NetworkClassifier) -> None:
    (found,) = gradcam(resnet, CELL, layers=[], label="monocyte")
    assert found.name.startswith("layer4")
    with pytest.raises(UnknownNameError, match="unknown layer 'conv5_3'"):
        gradcam(resnet, CELL, layers=["conv5_3"], label="monocyte")
    with pytest.raises(UnknownNameError, match="unknown class"):
        gradcam(resnet, CELL, layers=["layer4"], label="blast")


def test_a_network_may_name_its_layers() -> None:
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = nn.Conv2d(3, 4, 5, stride=4), nn.Linear(4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.body(x).mean(dim=(2, 3)))

        def layers(self) -> dict[str, nn.Module]:
            return {"conv5_1": self.body, "fc": self.head}

    (found,) = gradcam(classifier(Named()), CELL, layers=["conv5_1"], label="monocyte")
    assert found.values.shape == (64, 64)
    assert list(named_layers(Named())) == ["conv5_1", "fc"]
    with pytest.raises(InputError, match="'fc' holds no map"):
        gradcam(classifier(Named()), CELL, layers=["fc"], label="monocyte")


@pytest.mark.parametrize("class_tokens", [0, 1, 2])
def test_a_transformer_is_read_on_its_grid_without_its_class_tokens(class_tokens: int) -> None:
    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patch, self.block = nn.Conv2d(3, 8, 16, stride=16), nn.Identity()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            patches = self.patch(x).flatten(2).transpose(1, 2)
            extra = torch.full((len(x), class_tokens, 8), 1e3)
            return self.block(torch.cat([extra, patches], dim=1)).mean(dim=1)

    torch.manual_seed(1)
    network = Tokens()
    seen = classifier(network)
    (found,) = gradcam(seen, CELL, layers=["block"], label="lymphocyte")
    # The class is the mean of the second channel, so the map is that channel, but for its scale.
    channel = network.patch(torch.from_numpy(seen.pipeline.batch([CELL])))[:, 1:2].relu()
    expected = nn.functional.interpolate(channel, size=(64, 64), mode="bilinear")[0, 0].detach().numpy()
    np.testing.assert_allclose(found.values / found.values.max(), expected / expected.max(), atol=1e-5)


def test_a_timm_transformer_has_maps_in_every_block() -> None:
    torch.manual_seed(0)
    vit = classifier(ModelSpec("timm", "test_vit").build(3), side_px=160)
    blocks = list(named_layers(vit.network))
    assert len(blocks) > 1
    for found in gradcam(vit, CELL, layers=blocks, label="lymphocyte"):
        assert found.values.shape == (160, 160)
        assert np.ptp(found.values) > 0


def test_occlusion_is_that_of_captum(resnet: NetworkClassifier) -> None:
    cell = Cell(CELL.image[:64, :64], Box(0, 0, 64, 64))
    plain = NetworkClassifier(
        resnet.network,
        Pipeline(Identity(), Frame(64, margin=1.0), scale=Scale((0.0,) * 3, (1.0,) * 3)),
        TAXONOMY,
    )
    found = occlusion(
        plain, cell, frame=plain.pipeline.frame, label="lymphocyte", grid=Grid(steps=4, cover=0.25)
    )
    from leukon.imaging.color.background import background_level

    fill = torch.from_numpy(background_level(cell.image).astype(np.uint8) / np.float32(255))
    theirs = Occlusion(lambda x: plain.network(x).softmax(dim=1)).attribute(
        torch.from_numpy(plain.pipeline.batch([cell])),
        sliding_window_shapes=(3, 16, 16),
        strides=(3, 16, 16),
        baselines=fill.reshape(1, 3, 1, 1).expand(1, 3, 64, 64).float(),
        target=1,
    )
    np.testing.assert_allclose(found.values, theirs[0, 0].clamp(min=0).detach().numpy(), atol=1e-5)
    assert found.values.max() > 0
