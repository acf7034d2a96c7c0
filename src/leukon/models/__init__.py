"""Networks. Adding one is one file and one line in `MODELS`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from torch import nn

from leukon.models import mobilenet_v2, timm_backbone
from leukon.registry import look_up


class Builder(Protocol):
    """Builds a network that maps (N, C, H, W) to logits (N, classes)."""

    def __call__(self, classes: int, variant: str, weights: Path | None, *, pretrained: bool) -> nn.Module:
        """Build it."""
        ...


MODELS: dict[str, Builder] = {
    "mobilenet_v2": mobilenet_v2.build,
    "timm": timm_backbone.build,
}


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Which network, and what it starts from.

    Attributes
    ----------
    name : str
        A key of `MODELS`.
    variant : str
        For families that hold several, such as timm's ``"resnet18"``.
    weights : str
        A safetensors file to start from; empty for none.
    pretrained : bool
        Fetch the family's own weights from its hub where `weights` is empty.
    """

    name: str = "mobilenet_v2"
    variant: str = ""
    weights: str = ""
    pretrained: bool = False

    def build(self, classes: int) -> nn.Module:
        """Build the network with `classes` outputs."""
        weights = Path(self.weights) if self.weights else None
        return look_up("model", self.name, MODELS)(classes, self.variant, weights, pretrained=self.pretrained)
