"""ResNeXt (Xie et al. 2017), torchvision's, and the ResNeXt of Matek et al. (2019)."""

from __future__ import annotations

from collections.abc import Callable

from torchvision import models
from torchvision.models.resnet import Bottleneck

from leukon.errors import UnknownNameError
from leukon.models import timm_backbone
from leukon.models.network import Network, Tensors
from leukon.models.resnet import from_torchvision
from leukon.models.torchvision_backbone import hub_weights

DEPTHS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}


def resnext50(classes: int, *, channels: int) -> Network:
    """Build ResNeXt-50 32×4d: 22,984,002 parameters for two classes."""
    return from_torchvision(backbone(50), classes, channels=channels, hub=backbone_weights(50))


def resnext101(classes: int, *, channels: int, variant: str = "32x4d") -> Network:
    """Build ResNeXt-101: ``32x4d``, the deeper form of ResNeXt-50 32×4d, or ``32x8d``."""
    if variant == "32x8d":
        hub = hub_weights("resnext101_32x8d")
        return from_torchvision(models.resnext101_32x8d(), classes, channels=channels, hub=hub)
    if variant != "32x4d":
        raise UnknownNameError("variant of resnext101", variant, ("32x4d", "32x8d"))
    return from_torchvision(backbone(101), classes, channels=channels, hub=backbone_weights(101))


def matek(classes: int, *, channels: int) -> Network:
    """Build CNN_Matek_19: a ResNeXt on images of 400×400 px, trained from scratch (Matek et al. 2019).

    The work names the architecture and a cardinality of 32; that it is ResNeXt-50 32×4d is a reconstruction.
    """
    return from_torchvision(backbone(50), classes, channels=channels, hub=None)


def backbone(depth: int) -> models.ResNet:
    """Return torchvision's ResNeXt 32×4d of `depth` 50 or 101."""
    return models.ResNet(Bottleneck, list(DEPTHS[depth]), groups=32, width_per_group=4)


def backbone_weights(depth: int) -> Callable[[], Tensors]:
    """Return what fetches weights of `backbone`: torchvision's of depth 50, timm's of depth 101."""
    if depth == 50:
        return hub_weights("resnext50_32x4d")
    return timm_backbone.hub_weights("resnext101_32x4d")
