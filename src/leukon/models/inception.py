"""Inception-v3 (Szegedy et al. 2016), torchvision's, without the auxiliary head."""

from __future__ import annotations

import torch
from torch import nn
from torchvision import models

from leukon.models.network import Network, Published, Tensors, take_channels
from leukon.models.torchvision_backbone import hub_weights

# torchvision's weights expect inputs scaled to -1…1; others are scaled by ImageNet's mean and deviation.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def inception_v3(classes: int, *, channels: int) -> Network:
    """Build Inception-v3, for images of 75 px or more.

    Hub weights are fitted to inputs on ImageNet's scale; a file is taken as it is.
    """
    body = models.inception_v3(aux_logits=False, transform_input=False, init_weights=True)
    features = body.fc.in_features
    body.fc = nn.Identity()
    take_channels(body, channels)
    layers = {name.lower(): module for name, module in body.named_children() if name.startswith("Mixed")}
    published = Published(ignored=("AuxLogits.",), hub=lambda: scaled_inputs(hub_weights("inception_v3")()))
    return Network(body, nn.Linear(features, classes), features=features, layers=layers, published=published)


def scaled_inputs(tensors: Tensors) -> Tensors:
    """Fold the change from ImageNet's scale to -1…1 into the first kernel and its norm.

    Exact, since that convolution has no padding.
    """
    first, mean = "Conv2d_1a_3x3.conv.weight", "Conv2d_1a_3x3.bn.running_mean"
    kernel = tensors[first]
    factor, shift = torch.tensor(DEVIATION) / 0.5, (torch.tensor(MEAN) - 0.5) / 0.5
    return tensors | {
        first: kernel * factor[:, None, None],
        mean: tensors[mean] - kernel.sum(dim=(2, 3)) @ shift,
    }
