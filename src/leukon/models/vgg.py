"""VGG-16 and VGG-19 (Simonyan & Zisserman 2014), torchvision's."""

from __future__ import annotations

from torch import nn
from torchvision import models

from leukon.models.network import GridPool, Network, Published, take_channels
from leukon.models.torchvision_backbone import hub_weights


def vgg16(classes: int, *, channels: int, batch_norm: bool = False) -> Network:
    """Build VGG-16; `batch_norm` puts BatchNorm after every convolution, as torchvision's ``vgg16_bn``."""
    return _build("vgg16_bn" if batch_norm else "vgg16", classes, channels)


def vgg19(classes: int, *, channels: int, batch_norm: bool = False) -> Network:
    """Build VGG-19: 139,586,628 parameters for four classes; `batch_norm` as in VGG-16."""
    return _build("vgg19_bn" if batch_norm else "vgg19", classes, channels)


def _build(name: str, classes: int, channels: int) -> Network:
    body = models.get_model(name)
    features = body.classifier[-1].in_features
    body.classifier[-1] = nn.Identity()
    body.avgpool = GridPool(7)
    take_channels(body, channels)
    layers: dict[str, nn.Module] = {}
    stage, conv = 1, 0
    for module in body.features:
        if isinstance(module, nn.ReLU):
            conv += 1
            layers[f"conv{stage}_{conv}"] = module
        elif isinstance(module, nn.MaxPool2d):
            stage, conv = stage + 1, 0
    published = Published((("classifier.6.", "head."), ("", "body.")), hub=hub_weights(name))
    return Network(body, nn.Linear(features, classes), features=features, layers=layers, published=published)
