"""Xception (Chollet 2017), timm's ``legacy_xception``."""

from __future__ import annotations

from torch import nn

from leukon.models.network import Network, Published
from leukon.models.timm_backbone import hub_weights
from leukon.models.torchvision_backbone import scaled_inputs


def xception(classes: int, *, channels: int) -> Network:
    """Build Xception: 22,855,952 parameters for a thousand classes.

    Hub weights are fitted to inputs on ImageNet's scale; a file is taken as it is.
    """
    import timm

    body = timm.create_model("legacy_xception", num_classes=0, in_chans=channels)
    layers = {f"block_{i}": body.get_submodule(f"block{i}") for i in range(1, 13)}
    layers |= {"conv3": body.act3, "conv4": body.act4}
    fetch = hub_weights("legacy_xception")
    published = Published(hub=lambda: scaled_inputs(fetch(), "conv1.weight", "bn1.running_mean"))
    return Network(
        body,
        nn.Linear(body.num_features, classes),
        features=body.num_features,
        layers=layers,
        published=published,
    )
