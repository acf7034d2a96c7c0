"""VGG-16 (Simonyan & Zisserman 2014), torchvision's."""

from __future__ import annotations

from torch import nn
from torchvision import models

from leukon.models.network import Network, Published, take_channels
from leukon.models.torchvision_backbone import hub_weights


def vgg16(classes: int, *, channels: int, batch_norm: bool = False) -> Network:
    """Build VGG-16; `batch_norm` puts BatchNorm after every convolution, as torchvision's ``vgg16_bn``."""
    body = (models.vgg16_bn if batch_norm else models.vgg16)()
    features = body.classifier[-1].in_features
    body.classifier[-1] = nn.Identity()
    take_channels(body, channels)
    layers: dict[str, nn.Module] = {}
    stage, conv = 1, 0
    for module in body.features:
        if isinstance(module, nn.ReLU):
            conv += 1
            layers[f"conv{stage}_{conv}"] = module
        elif isinstance(module, nn.MaxPool2d):
            stage, conv = stage + 1, 0
    published = Published(
        (("classifier.6.", "head."), ("", "body.")), hub=hub_weights("vgg16_bn" if batch_norm else "vgg16")
    )
    return Network(body, nn.Linear(features, classes), features=features, layers=layers, published=published)
