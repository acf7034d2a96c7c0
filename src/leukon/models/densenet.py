"""DenseNet-121 (Huang et al. 2017), torchvision's, and KimiaNet (Riasatian et al. 2021)."""

from __future__ import annotations

from torch import Tensor, nn
from torchvision import models

from leukon.models.network import Network, Published, take_channels
from leukon.models.torchvision_backbone import hub_weights

NAMES = (("classifier.", "head."), ("", "body."))
# As saved: features first in a sequence, then a head of 30 classes; DataParallel's prefix is stripped before.
KIMIANET_NAMES = (("model.0.", "body.features."), ("fc_4.", "head."), *NAMES)


def densenet121(classes: int, *, channels: int) -> Network:
    """Build DenseNet-121."""
    return _build(_Dense(rectified=True), classes, channels, Published(NAMES, hub=hub_weights("densenet121")))


def kimianet(classes: int, *, channels: int) -> Network:
    """Build KimiaNet: DenseNet-121 without the last ReLU; 6,969,231 parameters for 15 classes.

    Its weights are for non-commercial use and must not be passed on: give the authors' file
    (``KimiaNetPyTorchWeights.pth``) as `weights`. Its head of 30 tumour classes is left out.
    """
    return _build(_Dense(rectified=False), classes, channels, Published(KIMIANET_NAMES))


class _Dense(nn.Module):
    """Features of DenseNet-121, with or without the last ReLU, and mean pooling."""

    def __init__(self, *, rectified: bool) -> None:
        super().__init__()
        self.features = models.densenet121().features
        self.rectified = rectified

    def forward(self, batch: Tensor) -> Tensor:
        maps: Tensor = self.features(batch)
        return (maps.relu() if self.rectified else maps).mean(dim=(2, 3))


def _build(body: _Dense, classes: int, channels: int, published: Published) -> Network:
    features = body.features.norm5.num_features
    take_channels(body, channels)
    layers = {f"block_{i}": body.features.get_submodule(f"denseblock{i}") for i in range(1, 5)}
    layers["conv5"] = body.features.norm5
    return Network(body, nn.Linear(features, classes), features=features, layers=layers, published=published)
