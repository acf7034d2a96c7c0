"""Inception-v3 (Szegedy et al. 2016), torchvision's, without the auxiliary head."""

from __future__ import annotations

from torch import nn
from torchvision import models

from leukon.models.network import Network, Published, take_channels
from leukon.models.torchvision_backbone import hub_weights, scaled_inputs

FIRST, MEAN = "Conv2d_1a_3x3.conv.weight", "Conv2d_1a_3x3.bn.running_mean"


def inception_v3(classes: int, *, channels: int) -> Network:
    """Build Inception-v3, for images of 75 px or more.

    Hub weights are fitted to inputs on ImageNet's scale; a file is taken as it is.
    """
    body = models.inception_v3(aux_logits=False, transform_input=False, init_weights=True)
    features = body.fc.in_features
    body.fc = nn.Identity()
    take_channels(body, channels)
    layers = {name.lower(): module for name, module in body.named_children() if name.startswith("Mixed")}
    fetch = hub_weights("inception_v3")
    published = Published(ignored=("AuxLogits.",), hub=lambda: scaled_inputs(fetch(), FIRST, MEAN))
    return Network(body, nn.Linear(features, classes), features=features, layers=layers, published=published)
