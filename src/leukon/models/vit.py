"""Vision transformers B/16, B/32, L/16, L/32 (Dosovitskiy et al. 2021), torchvision's."""

from __future__ import annotations

from torch import Tensor, nn
from torchvision import models

from leukon.models.network import Network, Published, take_channels
from leukon.models.torchvision_backbone import hub_weights
from leukon.models.transformer import fitting_side, resized


def vit_b16(classes: int, *, channels: int, image_size: int = 224) -> Network:
    """Build ViT-B/16: 85.81 million parameters for 15 classes at 224 px."""
    return _build("vit_b_16", 16, classes, channels, image_size)


def vit_b32(classes: int, *, channels: int, image_size: int = 224) -> Network:
    """Build ViT-B/32: 87.47 million parameters for 15 classes at 224 px."""
    return _build("vit_b_32", 32, classes, channels, image_size)


def vit_l16(classes: int, *, channels: int, image_size: int = 224) -> Network:
    """Build ViT-L/16: 303.32 million parameters for 15 classes at 224 px."""
    return _build("vit_l_16", 16, classes, channels, image_size)


def vit_l32(classes: int, *, channels: int, image_size: int = 224) -> Network:
    """Build ViT-L/32: 305.53 million parameters for 15 classes at 224 px."""
    return _build("vit_l_32", 32, classes, channels, image_size)


class _Resizing(nn.Module):
    """A transformer that brings its images to the side that it was built for."""

    def __init__(self, transformer: models.VisionTransformer) -> None:
        super().__init__()
        self.transformer = transformer

    def forward(self, batch: Tensor) -> Tensor:
        features: Tensor = self.transformer(resized(batch, self.transformer.image_size))
        return features


def _build(name: str, patch: int, classes: int, channels: int, image_size: int) -> Network:
    transformer = models.get_model(name, image_size=fitting_side(image_size, patch))
    features = transformer.hidden_dim
    transformer.heads = nn.Identity()
    take_channels(transformer, channels)
    blocks = {f"block_{i}": block for i, block in enumerate(transformer.encoder.layers, 1)}
    published = Published((("heads.head.", "head."), ("", "body.transformer.")), hub=hub_weights(name))
    return Network(
        _Resizing(transformer),
        nn.Linear(features, classes),
        features=features,
        layers=blocks,
        published=published,
    )
