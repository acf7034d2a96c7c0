"""ResNet (He et al. 2016), torchvision's."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn
from torchvision import models

from leukon.models.network import Network, Published, Tensors, take_channels
from leukon.models.torchvision_backbone import hub_weights, stages


def resnet50(classes: int, *, channels: int) -> Network:
    """Build ResNet-50: 23,538,767 parameters for 15 classes."""
    return from_torchvision(models.resnet50(), classes, channels=channels, hub=hub_weights("resnet50"))


def resnet18(classes: int, *, channels: int) -> Network:
    """Build ResNet-18."""
    return from_torchvision(models.resnet18(), classes, channels=channels, hub=hub_weights("resnet18"))


def from_torchvision(
    body: models.ResNet, classes: int, *, channels: int, hub: Callable[[], Tensors] | None
) -> Network:
    """Turn a ResNet of torchvision into a network; `hub` fetches its weights, where there are any."""
    features = body.fc.in_features
    body.fc = nn.Identity()
    take_channels(body, channels)
    return Network(
        body,
        nn.Linear(features, classes),
        features=features,
        layers=stages(body),
        published=Published(hub=hub),
    )
